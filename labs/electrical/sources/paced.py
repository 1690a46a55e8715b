"""A source in real time: each block comes when its last sample would have been taken.

The blocks are made and handed over by a thread of their own, on an absolute schedule, so that
lateness doesn't add up. Until a block is due the thread sleeps, as a real converter makes a program
wait; the next block has been made before. A live source can't wait for whoever reads it: what the
buffer has no room for is lost, counted, and a gap in the blocks' index.
"""

import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from labs.electrical.blocks import BLOCK_LENGTH, Block, Channel, Source
from labs.electrical.sources.live import LiveFault, RateChange
from labs.electrical.sources.synthetic import check_length
from labs.errors import LabError
from labs.tables import Table, TableView
from labs.units import format_count, format_seconds

BLOCK_S = 0.01  # half a cycle of 50 Hz
BUFFER_BLOCKS = 64
KEPT = 100_000  # blocks whose lateness is remembered


@dataclass(frozen=True, repr=False)
class Pace(TableView):
    """How a paced source kept its schedule.

    Attributes:
        blocks: handed over; `lost_samples` of others found no room in the buffer.
        late_s: of each of the latest blocks, how long after its time it was handed over.
    """

    blocks: int
    lost_samples: int
    late_s: tuple[float, ...]

    @property
    def max_s(self) -> float | None:
        return max(self.late_s, default=None)

    def percentile_s(self, part: float) -> float | None:
        """The lateness that this part of the blocks, 0 to 1, doesn't exceed."""
        return float(np.quantile(self.late_s, part)) if self.late_s else None

    def table(self) -> Table:
        row = (
            format_count(self.blocks),
            format_count(self.lost_samples),
            format_seconds(self.percentile_s(0.5)),
            format_seconds(self.percentile_s(0.99)),
            format_seconds(self.max_s),
        )
        columns = ("blocks", "samples lost", "late p50", "late p99", "late max")
        return Table("Pace of the source", columns, (row,), "Against an absolute schedule.")


class Paced:
    """A source at the pace of its sample rate.

    Args:
        source: what is paced.
        block_length: samples of a block; by default those of 10 ms of the source's time.
        speed: 2.0 is twice as fast as its sample rate; or say `rate_hz`, in samples a second.
        buffer_blocks: blocks that can wait to be read.
        faults: of a live source: Stop, Flood, Bursts, Jitter, RateChange.
    """

    def __init__(
        self,
        source: Source,
        block_length: int | None = None,
        speed: float = 1.0,
        *,
        rate_hz: float | None = None,
        block_s: float = BLOCK_S,
        buffer_blocks: int = BUFFER_BLOCKS,
        faults: tuple[LiveFault, ...] = (),
    ) -> None:
        speed = speed if rate_hz is None else rate_hz / source.fs_hz
        if not (0 < speed < float("inf") and block_s > 0 and buffer_blocks >= 1):
            raise LabError(
                f"pace '{source.name}'",
                expected="a speed and a block's duration above 0, room for one block at least",
                got=f"speed={speed!r}, block_s={block_s!r}, buffer_blocks={buffer_blocks!r}",
                next_step="1.0 and 10 ms are usual",
            )
        block_length = block_length or max(1, round(block_s * source.fs_hz))
        check_length(source.name, block_length)
        self.source, self.speed, self.block_length = source, speed, block_length
        self.faults, self._room = tuple(faults), buffer_blocks
        self.name, self.fs_hz = source.name, source.fs_hz
        self.channels: tuple[Channel, ...] = source.channels
        self.start: datetime | None = source.start
        self._late_s: deque[float] = deque(maxlen=KEPT)
        self._blocks = self._lost = 0
        self._closed = threading.Event()

    @property
    def length(self) -> int | None:
        return getattr(self.source, "length", None)

    @property
    def dtype(self) -> np.dtype:
        return self.source.dtype

    @property
    def pace(self) -> Pace:
        """How it kept its schedule until now; may be asked at any time."""
        return Pace(self._blocks, self._lost, tuple(self._late_s))

    @property
    def notes(self) -> tuple[str, ...]:
        lost = f"{self._lost:,} samples lost: {self._room} blocks were waiting to be read"
        return (*self.source.notes, *([lost] if self._lost else []))

    def blocks(self, length: int = BLOCK_LENGTH) -> Iterator[Block]:
        """Blocks of `block_length` or shorter, each at its time; time begins now."""
        check_length(self.name, length)
        self._closed.clear()
        self._blocks = self._lost = 0
        self._late_s.clear()
        return self._read(min(length, self.block_length))

    def close(self) -> None:
        self._closed.set()
        self.source.close()

    def due_s(self, t_s: float) -> float:
        """Real time, from the beginning, at which samples until `t_s` come."""
        for fault in self.faults:
            t_s = fault.due_s(t_s)
        return t_s / self.speed

    def _read(self, length: int) -> Iterator[Block]:
        line = _Line(self._room)
        maker = threading.Thread(
            target=self._make, args=(length, line), name="paced source", daemon=True
        )
        maker.start()
        try:
            while (block := line.take(self._closed)) is not None:
                yield block
        finally:
            line.gone = True
            maker.join(1.0)

    def _make(self, length: int, line: "_Line") -> None:
        """The thread's work: hand over each block when it is due."""
        began, error = time.perf_counter(), None
        try:
            for end_s, block in self._clocked(length):
                due = began + self.due_s(end_s)
                if not self._wait_until(due, line):
                    return
                self._late_s.append(time.perf_counter() - due)
                if line.put(block):
                    self._blocks += 1
                else:
                    self._lost += block.length
                    line.last = _emptied(block)
        except BaseException as raised:
            error = raised
        finally:
            line.end(error)

    def _wait_until(self, due: float, line: "_Line") -> bool:
        """False if there is nobody to wait for any more."""
        while not (self._closed.is_set() or line.gone):
            left = due - time.perf_counter()
            if left <= 0:
                return True
            self._closed.wait(min(left, 1.0))
        return False

    def _clocked(self, length: int) -> Iterator[tuple[float, Block]]:
        """When the last sample was taken by a clock without faults, and the block with what the
        clock is said to be."""
        change = next(
            (f for f in self.faults if isinstance(f, RateChange) and f.is_announced), None
        )
        for block in self.source.blocks(length):
            parts = (block,)
            if change is not None:
                parts = _divided(block, round((change.at_s - block.t0_s) * block.fs_hz))
            for part in parts:
                end_s = part.t0_s + part.length / part.fs_hz
                if change is not None and part.t0_s >= change.at_s - 0.5 / part.fs_hz:
                    fs, since = part.fs_hz * change.factor, part.t0_s - change.at_s
                    part = replace(part, fs_hz=fs, t0_s=change.at_s + since / change.factor)
                yield end_s, part


class _Line:
    """Blocks that wait between two threads."""

    def __init__(self, room: int) -> None:
        self._room, self._waiting = room, deque()
        self._changed = threading.Condition()
        self._ended, self._error = False, None
        self.gone = False  # who takes
        self.last: Block | None = None  # an empty block behind samples that were lost

    def put(self, block: Block) -> bool:
        with self._changed:
            if len(self._waiting) >= self._room:
                return False
            self._waiting.append(block)
            self.last = None
            self._changed.notify()
            return True

    def end(self, error: BaseException | None) -> None:
        with self._changed:
            self._ended, self._error = True, error
            self._changed.notify()

    def take(self, closed: threading.Event) -> Block | None:
        """The next block; None after the last one, or when it is closed."""
        with self._changed:
            while not self._waiting:
                if self._ended or closed.is_set():
                    if self._error is not None:
                        raise self._error
                    last, self.last = self.last, None
                    return None if closed.is_set() else last
                self._changed.wait(0.5)
            return None if closed.is_set() else self._waiting.popleft()


def _emptied(block: Block) -> Block:
    """An empty block at its end."""
    at = {"index": block.index + block.length, "t0_s": block.t0_s + block.length / block.fs_hz}
    return replace(block, samples=block.samples[:, :0], valid=None, **at)


def _divided(block: Block, cut: int) -> tuple[Block, ...]:
    """The block in two, if its sample `cut` is inside."""
    if not 0 < cut < block.length:
        return (block,)
    masks = (None, None) if block.valid is None else (block.valid[:, :cut], block.valid[:, cut:])
    later = {"index": block.index + cut, "t0_s": block.t0_s + cut / block.fs_hz}
    first, second = block.samples[:, :cut], block.samples[:, cut:]
    return (
        replace(block, samples=first, valid=masks[0]),
        replace(block, samples=second, valid=masks[1], **later),
    )

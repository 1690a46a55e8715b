"""A source in real time: each block comes when its last sample would have been taken.

The schedule is absolute, so lateness doesn't add up. Waiting is what a real converter makes a
program do; nothing is computed meanwhile.
"""

import time
from collections.abc import Iterator
from datetime import datetime

from labs.electrical.blocks import BLOCK_LENGTH, Block, Channel, Source
from labs.errors import LabError

_SLICE_S = 0.05  # how long `close` may take to be noticed


class Paced:
    """A source at the pace of its sample rate, or at `speed` times it.

    Args:
        source: what is paced.
        speed: 2.0 plays twice as fast.
        block_s: duration of a block, in the source's time.
        stops_at_s: it stops giving samples there, without an end, as a cable that is pulled.
        flood: (from_s, until_s, speed): in between it plays so much faster.
    """

    def __init__(
        self,
        source: Source,
        *,
        speed: float = 1.0,
        block_s: float = 0.01,
        stops_at_s: float | None = None,
        flood: tuple[float, float, float] | None = None,
    ) -> None:
        if not (speed > 0 and block_s > 0):
            raise LabError(
                "pace a source",
                expected="a speed and a block's duration above 0",
                got=f"speed={speed!r}, block_s={block_s!r}",
                next_step="1.0 and 10 ms are usual",
            )
        self.source, self.speed, self.block_s = source, speed, block_s
        self.stops_at_s, self.flood = stops_at_s, flood
        self.name = source.name
        self.channels: tuple[Channel, ...] = source.channels
        self.fs_hz = source.fs_hz
        self.start: datetime | None = source.start
        self.latest_s = 0.0  # how late the latest block was
        self._closed = False

    @property
    def length(self) -> int | None:
        return getattr(self.source, "length", None)

    @property
    def notes(self) -> tuple[str, ...]:
        return self.source.notes

    def blocks(self, length: int = BLOCK_LENGTH) -> Iterator[Block]:
        """Blocks of `block_s` or shorter, each at its time."""
        length = max(1, min(length, round(self.block_s * self.fs_hz)))
        began = time.perf_counter()
        for block in self.source.blocks(length):
            end_s = block.t0_s + block.length / block.fs_hz
            if self.stops_at_s is not None and end_s > self.stops_at_s:
                self._wait_until(None)
                return
            due = began + self._due_s(end_s)
            if not self._wait_until(due):
                return
            self.latest_s = max(self.latest_s, time.perf_counter() - due)
            yield block

    def close(self) -> None:
        self._closed = True
        self.source.close()

    def _due_s(self, t_s: float) -> float:
        """Real time at which the source has come to `t_s`."""
        if self.flood is None:
            return t_s / self.speed
        begin, end, faster = self.flood
        inside = max(0.0, min(t_s, end) - begin)
        return (t_s - inside) / self.speed + inside / faster

    def _wait_until(self, due: float | None) -> bool:
        """False if it was closed meanwhile; None waits for that."""
        while not self._closed:
            left = _SLICE_S if due is None else due - time.perf_counter()
            if left <= 0:
                return True
            time.sleep(min(left, _SLICE_S))
        return False

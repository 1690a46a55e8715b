"""The way of samples from the thread that reads the source to the one that processes.

Two counters say it all: samples before `written` are in the ring (or known to be missing), those
before `processed` have been read by every meter. A sample may be written where another one was as
soon as no window can need that one any more.
"""

import threading
import time
from collections import deque

import numpy as np

from labs.electrical.stream.ring import Ring
from labs.electrical.stream.statistics import GapRecord
from labs.electrical.stream.validity import DROPPED, GAP, PAUSED, REASONS, Inspector, InvalidRanges

MOST_GAPS = 1000  # records that are kept; all are counted
WAIT_S = 0.05  # between looks at whether to stop
STOP_S = 1.0  # what a source gets to give its next block when the run stops


class Flow:
    """Shared by the two threads of a run.

    Args:
        keep: samples before `processed` that windows may still need.
    """

    def __init__(
        self,
        ring: Ring,
        invalid: InvalidRanges,
        inspector: Inspector,
        keep: int,
        fs_hz: float,
        drops: bool,
    ) -> None:
        self.ring, self.invalid, self._inspector = ring, invalid, inspector
        self.keep, self.fs_hz, self.drops = keep, fs_hz, drops
        self.block = ring.layout.slot
        self.changed = threading.Condition()
        self.written = self.processed = 0
        self.ended = self.stopping = self.paused = False
        self.error: BaseException | None = None
        self._dropping = False
        self.samples = self.dropped = self.missing = self.gap_count = 0
        self.high_water = 0
        self.gaps: deque[GapRecord] = deque(maxlen=MOST_GAPS)
        self.heard_s = time.perf_counter()  # when the source last gave something
        # when the last sample of a block came, by the block's number; more blocks than can wait
        self._arrived = np.zeros(4 * ring.layout.slots)

    # ---- the thread that reads ----

    def put(self, index: int, samples: np.ndarray, valid: np.ndarray | None) -> bool:
        """Samples [channel, n <= a block] of the ring's channels; False when the run stops.

        With drops, what finds no room is counted and left out; else this waits for room.
        """
        count = samples.shape[1]
        if not self._wait_for_room(index + count):
            if self.stopping:
                return False
            self.lose(index, count, PAUSED if self.paused else DROPPED)
            return True
        self._inspector.look(index, samples, valid)
        self.ring.write(index, samples)
        self.samples += count
        waiting = min(index + count - self.processed, self.ring.layout.capacity)
        if waiting > self.high_water:
            self.high_water = waiting
        self._publish(index + count)
        return True

    def lose(self, index: int, count: int, reason: int) -> None:
        """Samples [index, index + count) that nobody will see."""
        if count <= 0:
            return
        self.invalid.add(index, index + count, reason)
        if reason == GAP:
            self.missing += count
        elif reason in (DROPPED, PAUSED):
            self.dropped += count
        last = self.gaps[-1] if self.gaps else None
        if last and last.index + last.count == index and last.reason == REASONS[reason]:
            self.gaps[-1] = GapRecord(last.index, last.count + count, last.t_s, last.reason)
        else:
            self.gap_count += 1
            self.gaps.append(GapRecord(index, count, index / self.fs_hz, REASONS[reason]))
        self._publish(index + count)

    def end(self, error: BaseException | None = None) -> None:
        """The source has no more."""
        with self.changed:
            self.ended, self.error = True, self.error or error
            self.changed.notify_all()

    def wait_while_paused(self) -> bool:
        """Returns when reading may go on; False when the run stops."""
        with self.changed:
            while self.paused and not self.stopping:
                self.changed.wait(WAIT_S)
            self.heard_s = time.perf_counter()
            return not self.stopping

    def _wait_for_room(self, end: int) -> bool:
        most = self.ring.layout.capacity - self.keep
        if self.drops:
            if self.paused or self.stopping:
                return False
            # what has begun to drop goes on until half the ring is free: one long gap and then
            # whole windows are worth more than many short gaps with no window between them
            room = most // 2 if self._dropping else most
            self._dropping = end - self.processed > room
            return not self._dropping
        if end - self.processed > most:
            with self.changed:
                while end - self.processed > most and not self.stopping:
                    self.changed.wait(WAIT_S)
                self.heard_s = time.perf_counter()  # it was waiting, not silent
        return not self.stopping

    def _publish(self, end: int) -> None:
        now, block = time.perf_counter(), self.block
        first, last = self.written // block, end // block
        if last > first:
            places = len(self._arrived)
            if last - first >= places:
                self._arrived[:] = now
            else:
                for number in range(first, last):
                    self._arrived[number % places] = now
        self.heard_s = now
        if last > first:
            with self.changed:
                self.written = end
                self.changed.notify_all()
        else:
            self.written = end

    # ---- the thread that processes ----

    def wait_for_block(self, timeout_s: float | None, all_of_them: bool) -> tuple[int, str]:
        """Waits for the next whole block.

        Args:
            all_of_them: whether to take every whole block that is there, not just the next one.

        Returns:
            Where to process up to, and "" or why there is no whole block: "ended", "silent" when
            nothing came for `timeout_s`.
        """
        goal = (self.processed // self.block + 1) * self.block
        if self.written >= goal:
            return (self.written // self.block * self.block if all_of_them else goal), ""
        with self.changed:
            while self.written < goal:
                if self.ended:
                    return self.written, "ended"
                quiet = time.perf_counter() - self.heard_s
                if self.stopping and quiet > STOP_S:
                    return self.written, "ended"
                if timeout_s is not None and not self.paused and quiet > timeout_s:
                    return self.written, "silent"
                self.changed.wait(WAIT_S)
        return goal, ""

    def done(self, end: int) -> float:
        """Samples before `end` are processed; when the last of them came."""
        number, rest = divmod(end, self.block)
        arrived = self.heard_s if rest else float(self._arrived[(number - 1) % len(self._arrived)])
        with self.changed:
            self.processed = end
            self.changed.notify_all()
        return arrived

    def ask(self, **flags: bool) -> None:
        """Set paused or stopping, and wake who waits."""
        with self.changed:
            for name, value in flags.items():
                setattr(self, name, value)
            self.heard_s = time.perf_counter()
            self.changed.notify_all()

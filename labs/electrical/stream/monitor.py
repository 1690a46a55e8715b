"""Watches a running stream in fixed memory: latencies, deadlines, load, and a bare timer beside.

A latency says something about the pipeline only beside what this machine does to any thread that
waits: the control is a thread that asks to be woken every millisecond and notes how late it was.
"""

import threading
import time
from collections import deque

from labs.electrical.stream.histogram import LatencyHistogram
from labs.electrical.stream.statistics import Lateness

PERIOD_S = 1e-3
RECENT = 32  # blocks of the recent load


class PerformanceMonitor:
    """Told of every block by the thread that processes; asked by any other.

    Args:
        deadline_s: from a block's arrival to its last reading; None: there is none.
        control: whether the bare timer runs between `start` and `stop`.
    """

    def __init__(self, deadline_s: float | None = None, control: bool = True) -> None:
        self.deadline_s = deadline_s
        self.latencies, self.processing = LatencyHistogram(), LatencyHistogram()
        self.blocks = self.misses = 0
        self.busy_s = self.stream_s = 0.0
        self._recent: deque[tuple[float, float]] = deque(maxlen=RECENT)
        self._timer = BareTimer() if control else None

    def start(self) -> None:
        if self._timer:
            self._timer.start()

    def stop(self) -> None:
        if self._timer:
            self._timer.stop()

    def block(self, latency_s: float, busy_s: float, stream_s: float, blocks: int = 1) -> None:
        """A block is done, or several that were there together: it took `busy_s` of processing and
        stands for `stream_s` of signal."""
        self.blocks += blocks
        self.latencies.add(latency_s)
        self.processing.add(busy_s)
        self.busy_s += busy_s
        self.stream_s += stream_s
        self._recent.append((busy_s, stream_s))
        if self.deadline_s is not None and latency_s > self.deadline_s:
            self.misses += 1

    @property
    def load(self) -> float | None:
        """Processing time as a part of the time that the processed samples stand for."""
        return self.busy_s / self.stream_s if self.stream_s else None

    @property
    def recent_load(self) -> float | None:
        recent = tuple(self._recent)
        stream_s = sum(s for _, s in recent)
        return sum(b for b, _ in recent) / stream_s if stream_s else None

    @property
    def lateness(self) -> Lateness | None:
        return self._timer.lateness if self._timer else None


class BareTimer:
    """Wakes every millisecond, does nothing, and counts how late it was."""

    def __init__(self, period_s: float = PERIOD_S) -> None:
        self.period_s = period_s
        self._late = LatencyHistogram()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="bare timer", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread:
            self._thread.join()

    @property
    def lateness(self) -> Lateness:
        late = self._late
        p50, p99 = late.percentile_s(0.5), late.percentile_s(0.99)
        return Lateness(late.count, p50, p99, late.max_s if late.count else None)

    def _run(self) -> None:
        due = time.perf_counter() + self.period_s
        while not self._stop.is_set():
            time.sleep(max(0.0, due - time.perf_counter()))
            now = time.perf_counter()
            self._late.add(now - due)
            due += self.period_s
            if due < now:  # missed several: those that fell out aren't counted as late twice
                due = now + self.period_s

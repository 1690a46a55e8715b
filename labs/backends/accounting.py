"""What a backend's memory and launches add up to: plain numbers, the same for every backend.

A backend's allocator holds one `MemoryLedger` and answers `usage()`; its device holds one
`LaunchLedger` and answers `counters()`. Nothing here knows tinygrad.
"""

import threading
from dataclasses import dataclass


@dataclass(frozen=True)
class MemoryUsage:
    """A backend's memory at one moment.

    Args:
        used_bytes: held by live buffers.
        peak_bytes: the largest `used_bytes` since the last reset.
        pooled_bytes: freed, and kept for the next buffer of the same size.
        limit_bytes: the most that can be held, or None when only the machine limits it.
        allocations: blocks taken from the machine.
        reuses: buffers served from the pool.
        frees: buffers given back.
    """

    used_bytes: int
    peak_bytes: int
    pooled_bytes: int
    limit_bytes: int | None
    allocations: int
    reuses: int
    frees: int


class MemoryLedger:
    """Counts for one allocator; safe for several threads."""

    def __init__(self, limit_bytes: int | None = None) -> None:
        # reentrant: the garbage collector may free a buffer in the middle of one of these methods
        self._lock = threading.RLock()
        self._limit_bytes = limit_bytes
        self._used = self._peak = self._pooled = 0
        self._allocations = self._reuses = self._frees = 0

    def took(self, size_bytes: int, *, from_pool: bool) -> None:
        """A buffer got memory: from the pool, or new."""
        with self._lock:
            self._used += size_bytes
            self._peak = max(self._peak, self._used)
            if from_pool:
                self._pooled -= size_bytes
                self._reuses += 1
            else:
                self._allocations += 1

    def gave(self, size_bytes: int, *, to_pool: bool) -> None:
        """A buffer gave its memory back: to the pool, or to the machine."""
        with self._lock:
            self._used -= size_bytes
            self._frees += 1
            if to_pool:
                self._pooled += size_bytes

    def drained(self, size_bytes: int) -> None:
        """The pool gave a block back to the machine."""
        with self._lock:
            self._pooled -= size_bytes

    def reset_peak(self) -> None:
        """From here on, the peak is of what follows."""
        with self._lock:
            self._peak = self._used

    def usage(self) -> MemoryUsage:
        with self._lock:
            return MemoryUsage(
                self._used,
                self._peak,
                self._pooled,
                self._limit_bytes,
                self._allocations,
                self._reuses,
                self._frees,
            )


@dataclass(frozen=True)
class LaunchCounters:
    """What a backend has launched since it was opened.

    Args:
        launches: kernels run, one by one or in a graph.
        graphs: batches run as one call.
        timed_launches, timed_s: launches that were waited for and timed, and their seconds.
    """

    launches: int
    graphs: int
    timed_launches: int
    timed_s: float


class LaunchLedger:
    """Counts for one device. Plain additions under the interpreter's lock: nearly free."""

    __slots__ = ("launches", "graphs", "timed_launches", "timed_s")

    def __init__(self) -> None:
        self.launches = self.graphs = self.timed_launches = 0
        self.timed_s = 0.0

    def counters(self) -> LaunchCounters:
        return LaunchCounters(self.launches, self.graphs, self.timed_launches, self.timed_s)

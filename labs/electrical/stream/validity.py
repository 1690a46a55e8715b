"""Which samples of a stream can't be trusted, and why: what makes a window invalid.

Kept as ranges, by channel and reason. Two ranges so close that no window fits between them count as
one, which changes no window's answer and bounds how many there can be.
"""

import threading

import numpy as np

ALL = -1  # a range of every channel
GAP, DROPPED, PAUSED, MASKED, NAN, CLIPPED, RATE, STOPPED = range(8)
REASONS = (
    "samples are missing",
    "samples were dropped: the ring was full",
    "samples were left out: the stream was paused",
    "the source marked samples as invalid",
    "NaN or infinite samples",
    "clipped samples",
    "another sample rate",
    "the source stopped",
)


class InvalidRanges:
    """Added to by the thread that reads the source, asked by the one that processes.

    Args:
        shortest: samples of the shortest window that will be asked for.
    """

    def __init__(self, shortest: int) -> None:
        self.shortest = max(1, shortest)
        self._lock = threading.Lock()
        self._ranges: dict[tuple[int, int], list[list[int]]] = {}  # (reason, channel) -> [from, to)
        self.any = False

    def add(self, start: int, end: int, reason: int, channel: int = ALL) -> None:
        """Samples [start, end) of a channel; for one channel and reason in order of time."""
        if end <= start:
            return
        with self._lock:
            ranges = self._ranges.setdefault((reason, channel), [])
            if ranges and start - ranges[-1][1] < self.shortest:
                ranges[-1][1] = max(end, ranges[-1][1])
            else:
                ranges.append([start, end])
            self.any = True

    def reason(self, index: int, count: int, channels: tuple[int, ...]) -> str:
        """Why a window of these channels is invalid; "" when it isn't."""
        if not self._ranges:
            return ""
        end, found = index + count, set()
        with self._lock:
            for (reason, channel), ranges in self._ranges.items():
                if channel != ALL and channel not in channels:
                    continue
                if any(a < end and index < b for a, b in ranges):
                    found.add(reason)
        return "; ".join(REASONS[r] for r in sorted(found))

    def mask(self, index: int, count: int, channels: int) -> np.ndarray | None:
        """[channel, count], False where invalid; None when all are valid."""
        if not self._ranges:
            return None
        valid = None
        with self._lock:
            for (_, channel), ranges in self._ranges.items():
                for a, b in ranges:
                    if a < index + count and index < b:
                        valid = np.ones((channels, count), bool) if valid is None else valid
                        rows = slice(None) if channel == ALL else channel
                        valid[rows, max(0, a - index) : b - index] = False
        return valid

    def forget(self, before: int) -> None:
        """No window will begin before this any more."""
        if not self._ranges:
            return
        with self._lock:
            for key in list(self._ranges):
                kept = [r for r in self._ranges[key] if r[1] > before]
                if kept:
                    self._ranges[key] = kept
                else:
                    del self._ranges[key]
            self.any = bool(self._ranges)


class Inspector:
    """Finds the samples of a block that can't be trusted.

    Args:
        limits: for each channel the values at which it clips, as the source gives samples (lowest,
            highest), or None.
    """

    def __init__(
        self, ranges: InvalidRanges, limits: tuple[tuple[float, float] | None, ...]
    ) -> None:
        self.ranges, self.limits = ranges, limits

    def look(self, index: int, samples: np.ndarray, valid: np.ndarray | None) -> None:
        """Samples [channel, n] as they arrive, with the source's own mask, if it has one."""
        if valid is not None and not valid.all():
            for channel, row in enumerate(valid):
                self._add(index, ~row, MASKED, channel)
        is_float = samples.dtype.kind == "f"
        for channel, limits in enumerate(self.limits):
            if not is_float and limits is None:
                continue
            row = samples[channel]
            low, high = row.min(), row.max()  # both are NaN as soon as one sample is
            if is_float and not (np.isfinite(low) and np.isfinite(high)):
                self._add(index, ~np.isfinite(row), NAN, channel)
            if limits is not None and not (limits[0] < low and high < limits[1]):
                clipped = (row <= limits[0]) | (row >= limits[1])
                self._add(index, clipped & np.isfinite(row), CLIPPED, channel)

    def _add(self, index: int, bad: np.ndarray, reason: int, channel: int) -> None:
        edges = np.flatnonzero(np.diff(bad.astype(np.int8), prepend=0, append=0))
        for a, b in edges.reshape(-1, 2).tolist():
            self.ranges.add(index + a, index + b, reason, channel)

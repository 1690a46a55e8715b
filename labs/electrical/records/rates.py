"""Sample rates: those of a header in exact arithmetic, and those that time stamps tell."""

from bisect import bisect_right
from collections.abc import Sequence
from fractions import Fraction

import numpy as np


class Rates:
    """Sample rates of a record, one after the other.

    Args:
        parts: (rate in Hz, how many samples when it ends), with rising ends; the last rate goes on.
    """

    def __init__(self, parts: Sequence[tuple[float, int]]) -> None:
        self.fs_hz = tuple(fs for fs, _ in parts)
        self._exact = tuple(Fraction(fs) for fs in self.fs_hz)
        self._ends = tuple(end for _, end in parts)
        self._last_s = [Fraction(0)]  # of the last sample before each rate; none before the first
        before = 1
        for fs, end in zip(self._exact, self._ends, strict=True):
            self._last_s.append(self._last_s[-1] + (end - before) / fs)
            before = end

    def part(self, ordinal: int) -> int:
        """Which rate the sample with this number (from 0) was taken at."""
        return min(bisect_right(self._ends, ordinal), len(self._ends) - 1)

    def parts(self, ordinals: np.ndarray) -> np.ndarray:
        """The same of many."""
        return np.minimum(np.searchsorted(self._ends, ordinals, "right"), len(self._ends) - 1)

    def end(self, ordinal: int) -> int | None:
        """Number of the first sample after it at another rate; None if there is none."""
        part = self.part(ordinal)
        return self._ends[part] if part + 1 < len(self._ends) else None

    def time_s(self, ordinal: int) -> Fraction:
        """Of a sample since the first; a sample comes one interval of its rate after the last."""
        part = self.part(ordinal)
        before = self._ends[part - 1] - 1 if part else 0
        return self._last_s[part] + (ordinal - before) / self._exact[part]


def simplest(low: float, high: float) -> float:
    """The number with the fewest digits between two positive ones: the rate that was meant."""
    if not 0 < low < high < float("inf"):
        return (low + high) / 2
    middle = (low + high) / 2
    for digits in range(1, 17):
        value = float(f"{middle:.{digits - 1}e}")
        if low <= value <= high:
            return value
    return middle


def rate_of(stamps: np.ndarray, unit_s: float) -> float | None:
    """The rate that time stamps tell, in Hz; None if their steps are of all sorts.

    Each stamp is within one unit of its time: of the rates that this allows, the simplest.

    Args:
        stamps: float64, in units, rising; NaN where missing.
    """
    steps = np.diff(stamps)
    steps = steps[np.isfinite(steps)]
    if not len(steps) or (step := float(np.median(steps))) <= 0:
        return None
    # the median of stamps rounded to few units is off by up to one: take the mean of those near
    near = steps[np.abs(steps - step) <= 0.25 * step + 1]
    if len(near) < 0.9 * len(steps):
        return None
    elapsed, count = _longest_run(stamps, step)
    if not count:
        return None
    low, high = (elapsed - 1) * unit_s, (elapsed + 1) * unit_s
    return simplest(count / high, count / low) if low > 0 else count / (elapsed * unit_s)


def _longest_run(stamps: np.ndarray, step: float) -> tuple[float, int]:
    """Elapsed stamps and number of steps of the longest run without a jump."""
    steps = np.diff(stamps)
    with np.errstate(invalid="ignore"):
        regular = np.abs(steps - step) <= 0.25 * step + 1
    ends = np.flatnonzero(~np.concatenate(([False], regular, [False])))
    lengths = np.diff(ends) - 1
    best = int(np.argmax(lengths))
    first, count = int(ends[best]), int(lengths[best])
    return float(stamps[first + count] - stamps[first]), count

"""Intervals and quantiles of timings: the statistics are scipy's, this file says which and where.

Inside a round the samples follow each other, and an interval of their median is only used to decide
when to stop. Across rounds the round medians are treated as independent: the spread between rounds
is the honest noise. Samples are never pooled over rounds for an interval.

Rounds have heavy tails: a busy neighbour of the processor makes some of them half as fast, also on
an idle machine. So from 6 rounds on their median is reported, with its distribution-free interval,
which a few such rounds don't move. With 20 pairs of rounds it was half as wide as Student's
interval of the mean logarithm, and found a planted 5% as often as that did with 60 (measured on a
virtual machine with 2 cores).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy  # scipy.stats itself loads at its first use, and takes half a second

from labs.errors import MeasurementError

LEVEL = 0.95
# The smallest n whose distribution-free two-sided 95% interval has a finite upper bound: below it
# the largest sample is not far enough out. Derived from 1 - p**n >= 0.975.
MIN_N_FOR_QUANTILE = {0.5: 6, 0.95: 72, 0.99: 368}
_TUKEY_MILD, _TUKEY_SEVERE = 1.5, 3.0


@dataclass(frozen=True)
class Interval:
    """Where a quantity lies with the given confidence level, in the quantity's own unit."""

    low: float
    high: float
    level: float = LEVEL

    @property
    def width(self) -> float:
        return self.high - self.low

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


@dataclass(frozen=True)
class Outliers:
    """How many samples lie beyond Tukey's fences. They are counted and drawn, never dropped."""

    mild: int
    severe: int

    @property
    def count(self) -> int:
        return self.mild + self.severe


def quantile_interval(
    samples: Sequence[float], p: float = 0.5, level: float = LEVEL
) -> Interval | None:
    """Distribution-free interval of the p-quantile; None when n is too small for a finite one."""
    values = np.asarray(samples, dtype=float)
    if values.size < 2:
        return None
    if values.min() == values.max():  # a virtual clock: every sample the same
        return Interval(float(values[0]), float(values[0]), level)
    found = scipy.stats.quantile_test(values, q=float(np.quantile(values, p)), p=p)
    low, high = found.confidence_interval(level)
    return Interval(float(low), float(high), level) if math.isfinite(low + high) else None


def percentile_s(samples: Sequence[float], p: float) -> tuple[float, Interval]:
    """The p-quantile of call times with its interval, in the samples' unit.

    Raises:
        MeasurementError: with fewer samples than a finite 95% bound needs (p95: 72, p99: 368).
    """
    needed = MIN_N_FOR_QUANTILE.get(p, math.ceil(math.log(0.025) / math.log(max(p, 1 - p))))
    interval = quantile_interval(samples, p) if len(samples) >= needed else None
    if interval is None:
        raise MeasurementError(
            f"the {100 * p:g}th percentile of a timing",
            expected=f"at least {needed} samples: fewer give no finite upper bound",
            got=f"{len(samples)} samples",
            next_step="measure longer (round_time_s=, rounds=) or report a lower percentile",
        )
    return float(np.quantile(np.asarray(samples, dtype=float), p)), interval


def geometric_mean(values: Sequence[float]) -> float:
    """The mean on the logarithmic scale, where ratios are symmetric."""
    return float(np.exp(np.mean(np.log(np.asarray(values, dtype=float)))))


def summarize_rounds(values: Sequence[float]) -> tuple[float, Interval | None]:
    """The centre of round medians, or of their ratios, with its 95% interval.

    From 6 values on: their median and its distribution-free interval. Fewer give no such interval;
    they are summarized by their geometric mean with Student's, and one value has none.
    """
    if len(values) < MIN_N_FOR_QUANTILE[0.5]:
        return geometric_mean(values), interval_of_geometric_mean(values)
    return float(np.exp(np.median(np.log(values)))), quantile_interval(values)


def interval_of_geometric_mean(values: Sequence[float], level: float = LEVEL) -> Interval | None:
    """Student's t interval of the mean logarithm, taken back; None for fewer than two values."""
    logs = np.log(np.asarray(values, dtype=float))
    if logs.size < 2:
        return None
    if np.ptp(logs) < 1e-12:  # a model's time has no spread, and a t statistic would be 0/0
        return Interval(float(np.exp(logs.mean())), float(np.exp(logs.mean())), level)
    low, high = scipy.stats.ttest_1samp(logs, 0).confidence_interval(level)
    return Interval(float(np.exp(low)), float(np.exp(high)), level)


def welch_ratio_interval(
    numerator: Sequence[float], denominator: Sequence[float], level: float = LEVEL
) -> Interval | None:
    """Welch's interval of the ratio of two geometric means whose rounds are not paired."""
    a, b = (np.log(np.asarray(v, dtype=float)) for v in (numerator, denominator))
    if min(a.size, b.size) < 2:
        return None
    if np.ptp(a) < 1e-12 and np.ptp(b) < 1e-12:
        ratio = float(np.exp(a.mean() - b.mean()))
        return Interval(ratio, ratio, level)
    low, high = scipy.stats.ttest_ind(a, b, equal_var=False).confidence_interval(level)
    return Interval(float(np.exp(low)), float(np.exp(high)), level)


def interquartile_range(samples: Sequence[float]) -> float:
    """Third quartile minus first quartile, in the samples' unit."""
    return float(scipy.stats.iqr(np.asarray(samples, dtype=float)))


def tukey_outliers(samples: Sequence[float]) -> Outliers:
    """Counts beyond 1.5 (mild) and 3 (severe) interquartile ranges outside the quartiles."""
    values = np.asarray(samples, dtype=float)
    if values.size < 4:
        return Outliers(0, 0)
    first, third = np.quantile(values, [0.25, 0.75])
    distance = np.maximum(first - values, values - third)
    severe = int((distance > _TUKEY_SEVERE * (third - first)).sum())
    return Outliers(int((distance > _TUKEY_MILD * (third - first)).sum()) - severe, severe)

"""Masks: polylines of lower and upper limits over time, as limits for every sample of a trace."""

import itertools
import math
from collections.abc import Sequence

import numpy as np

from labs.errors import LabError

ROUNDING = 1e-9  # of a sample: an edge that is meant to lie on a sample does


def trace_length(points: Sequence[Sequence[float]], fs_hz: float) -> int:
    """Samples from time 0 to the mask's last point, both included."""
    return math.floor(points[-1][0] * fs_hz + ROUNDING) + 1


def check_points(points: object) -> list[tuple[float, float, float]]:
    """[time s, lower, upper] of each point; None is no limit.

    Raises:
        LabError: it isn't a mask: fewer than two points, times that go back, limits that cross, a
            number that is none, a limit that only one end of a segment has.
    """
    if not isinstance(points, Sequence | np.ndarray) or len(points) < 2:
        raise _refused("at least two points [time_s, lower, upper]", repr(points))
    rows = [_point(p, i) for i, p in enumerate(points)]
    if rows[0][0] < 0:
        raise _refused("times from 0 on", f"{rows[0][0]:g} s in point 1")
    for i, (a, b) in enumerate(itertools.pairwise(rows), 2):
        if b[0] < a[0]:
            raise _refused("times that don't go back", f"{b[0]:g} s after {a[0]:g} s in point {i}")
        if b[0] > a[0] and any(math.isinf(u) != math.isinf(v) for u, v in zip(a, b, strict=True)):
            raise _refused(
                "a limit at both ends of a segment, or at neither",
                f"one end only, from {a[0]:g} s to {b[0]:g} s: the mask has a gap there",
            )
    if rows[-1][0] <= rows[0][0]:
        raise _refused("a mask that lasts", f"all points at {rows[0][0]:g} s")
    if all(math.isinf(lower) and math.isinf(upper) for _, lower, upper in rows):
        raise _refused("at least one limit", "none")
    return rows


def limits(
    points: Sequence[tuple[float, float, float]], fs_hz: float
) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper limit of every sample of a trace, float64 [trace_length].

    Linear between points. Where two points have the same time (a step), the stricter limits hold
    at that instant. Before the first point there are none.
    """
    times = np.arange(trace_length(points, fs_hz)) / fs_hz
    lower, upper = np.full(len(times), -np.inf), np.full(len(times), np.inf)
    slack = ROUNDING / fs_hz
    for (t0, low0, high0), (t1, low1, high1) in itertools.pairwise(points):
        here = (times >= t0 - slack) & (times <= t1 + slack)
        part = (times[here] - t0) / (t1 - t0) if t1 > t0 else np.zeros(here.sum())
        part = np.clip(part, 0, 1)
        if math.isfinite(low0) and math.isfinite(low1):
            lower[here] = np.maximum(lower[here], low0 * (1 - part) + low1 * part)
        if math.isfinite(high0) and math.isfinite(high1):
            upper[here] = np.minimum(upper[here], high0 * (1 - part) + high1 * part)
    return lower, upper


def _point(point: object, number: int) -> tuple[float, float, float]:
    where = f"point {number + 1}"
    if not isinstance(point, Sequence | np.ndarray) or len(point) != 3:
        raise _refused("points of three numbers [time_s, lower, upper]", f"{point!r} as {where}")
    missing = (math.nan, -math.inf, math.inf)
    values = []
    for value, none in zip(point, missing, strict=True):
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise _refused("numbers, or null for no limit", f"{value!r} in {where}")
        values.append(none if value is None else float(value))
    time, lower, upper = values
    if not math.isfinite(time) or math.isnan(lower) or math.isnan(upper):
        raise _refused("a time, and limits that are numbers", f"{point!r} as {where}")
    if lower > upper or lower == math.inf or upper == -math.inf:
        raise _refused("a lower limit below the upper one", f"{lower:g} and {upper:g} in {where}")
    return time, lower, upper


def _refused(expected: str, got: str) -> LabError:
    return LabError("use a mask", expected=expected, got=got, next_step="correct 'points'")

"""The chart of comparisons: a forest plot of speedups, with what isn't resolved greyed and said."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

from labs.bench.compare import FASTER, PRACTICAL_THRESHOLD, SLOWER
from labs.bench.names import case_label
from labs.charts.axes import quantity_axis, reach
from labs.charts.chart import Chart
from labs.charts.facts import comparison_finding, distinct
from labs.charts.style import (
    INK,
    UNRESOLVED,
    device_style,
    draw_interval,
    new_figure,
    row_axis,
    side_text,
    styled,
)
from labs.errors import ResultError
from labs.units import format_interval, format_percent, format_ratio


@styled
def comparison_chart(comparisons: Iterable[Any]) -> Chart:
    """Speedup (baseline time / candidate time) with its 95% interval, one row per case.

    Args:
        comparisons: Comparisons as `labs.bench.compare` and its kin return them.
    """
    rows = list(comparisons)
    if not rows:
        raise ResultError(
            "draw a comparison",
            expected="at least one case that both results hold",
            got="none",
            next_step="compare results of the same suite and settings",
        )
    pairs = distinct((c.baseline, c.candidate) for c in rows)
    title = _finding(rows, pairs)
    figure = new_figure(
        0.8 + 0.32 * len(rows),
        title=title,
        subtitle=_conditions(rows, pairs),
        notes="Grey: not resolved (the interval includes 1, or the change is within the shaded "
        f"{format_percent(PRACTICAL_THRESHOLD)}). Right of 1 the candidate is faster.",
    )
    axes = figure.add_subplot()
    axes.set_xscale("log")
    axes.axvspan(1 / (1 + PRACTICAL_THRESHOLD), 1 + PRACTICAL_THRESHOLD, color="#ececec", zorder=0)
    axes.axvline(1, color=INK, linewidth=1)
    for y, c in enumerate(rows):
        _row(axes, y, c)
    low, high = reach([0.9, 1.1, *(c.speedup for c in rows)], [e for c in rows for e in _ends(c)])
    span = math.log(high / low)
    axes.set_xlim(low * math.exp(-0.05 * span), high * math.exp(0.05 * span))
    quantity_axis(axes.xaxis, "Speedup, baseline time / candidate time", "x", (low, high), log=True)
    names = [case_label(c.name) for c in rows]
    if len(pairs) > 1:
        names = [f"{n}, {c.candidate}" for n, c in zip(names, rows, strict=True)]
    row_axis(axes, names)
    said = "; ".join(f"{case_label(c.name)} {_reading(c)}" for c in rows)
    return Chart(figure, f"Speedups with 95% intervals: {said}. {title}.")


def _row(axes: Any, y: int, c: Any) -> None:
    resolved = c.word in (FASTER, SLOWER)
    style = device_style(c.candidate.split(" on ")[0])
    colour = style.colour if resolved else UNRESOLVED
    axes.plot(
        [c.speedup],
        [y],
        linestyle="",
        marker=style.marker,
        color=colour,
        markerfacecolor=colour if resolved else "#f4f4f4",
        markeredgecolor=INK if resolved else UNRESOLVED,
        markeredgewidth=0.7 if resolved else 1.4,
    )
    ink = INK if resolved else UNRESOLVED
    if c.interval is not None:
        draw_interval(axes, c.interval.low, c.interval.high, y, colour=ink)
    side_text(axes, y, _reading(c), color=ink, fontweight="bold" if resolved else "normal")


def _reading(c: Any) -> str:
    low, high = _ends(c) if c.interval is not None else (None, None)
    return f"{c.word}, {format_ratio(c.speedup)} {format_interval(low, high, format_ratio)}"


def _ends(c: Any) -> tuple[float, ...]:
    return () if c.interval is None else (c.interval.low, c.interval.high)


def _finding(rows: Sequence[Any], pairs: Sequence[tuple[str, str]]) -> str:
    if len(pairs) == 1 and len(rows) <= 6:
        base, candidate = pairs[0]
        if base == candidate:  # two runs on one device
            base, candidate = "the first result", "the second"
        return comparison_finding(rows, candidate, base)
    counts = {w: sum(c.word == w for c in rows) for w in (FASTER, SLOWER)}
    rest = len(rows) - sum(counts.values())
    return (
        f"Of {len(rows)} cases: {counts[FASTER]} faster, {counts[SLOWER]} slower, "
        f"{rest} not resolved"
    )


def _conditions(rows: Sequence[Any], pairs: Sequence[tuple[str, str]]) -> str:
    against = ", ".join(f"{candidate} against {base}" for base, candidate in pairs)
    rounds = sorted({c.rounds for c in rows})
    rounds_text = str(rounds[0]) if len(rounds) == 1 else f"{rounds[0]} to {rounds[-1]}"
    how = distinct("interleaved" if c.interleaved else "not interleaved" for c in rows)
    name_parts = [c.name.split("/") for c in rows]
    dtypes = distinct(p[2] for p in name_parts if len(p) > 2)
    policy = distinct(f"{p[3]} cache" for p in name_parts if len(p) > 3)
    clocks = distinct(f"{p[4]} time" for p in name_parts if len(p) > 4)
    parts = [against, ", ".join(dtypes), f"{rounds_text} rounds, {' or '.join(how)}"]
    return " · ".join(p for p in [*parts, *clocks, *policy] if p)

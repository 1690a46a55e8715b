"""The chart of recommendations that were applied: what each was really worth."""

import math
from collections.abc import Iterable
from typing import Any

from labs.bench.compare import FASTER, PRACTICAL_THRESHOLD, SLOWER
from labs.charts.axes import quantity_axis, reach
from labs.charts.chart import Chart
from labs.charts.facts import join_words
from labs.charts.style import (
    INK,
    UNRESOLVED,
    draw_interval,
    marker_look,
    new_figure,
    row_axis,
    side_text,
    styled,
)
from labs.errors import ResultError
from labs.units import format_percent, format_ratio


@styled
def advice_chart(applied: Iterable[Any]) -> Chart:
    """The measured gain of each recommendation with its 95% interval, greyed where not resolved.

    What was expected is printed beside the row, and not drawn: it was derived, not measured.

    Args:
        applied: Verified, as `Recommendations.apply_all()` and `Recommendation.apply()` give.
    """
    items = list(applied)
    rows = [v for v in items if v.comparison is not None]
    if not rows:
        raise ResultError(
            "draw applied recommendations",
            expected="at least one that could be measured",
            got="; ".join(v.statement() for v in items) or "none",
            next_step="apply one: recommend(workload, device)[0].apply()",
        )
    failed = [v.recommendation.rule for v in items if v.comparison is None]
    notes = (
        "Gain: time before / time after, interleaved rounds; right of 1 it is faster. Grey: not "
        f"resolved (the interval includes 1, or the change is below "
        f"{format_percent(PRACTICAL_THRESHOLD)})."
    )
    if failed:
        notes += f" Could not be applied: {', '.join(failed)}."
    device = rows[0].comparison.baseline
    rounds = sorted({v.comparison.rounds for v in rows})
    shown_rounds = str(rounds[0]) if len(rounds) == 1 else f"{rounds[0]} to {rounds[-1]}"
    title = _finding(rows)
    subtitle = f"on {device} · {shown_rounds} rounds, interleaved, warm caches, wall clock"
    figure = new_figure(0.8 + 0.42 * len(rows), title=title, subtitle=subtitle, notes=notes)
    axes = figure.add_subplot()
    axes.set_xscale("log")
    axes.axvspan(1 / (1 + PRACTICAL_THRESHOLD), 1 + PRACTICAL_THRESHOLD, color="#ececec", zorder=0)
    axes.axvline(1, color=INK, linewidth=1)
    for y, v in enumerate(rows):
        _row(axes, y, v)
    low, high = reach([0.8, 1.25, *(v.gain for v in rows)], [e for v in rows for e in _ends(v)])
    span = math.log(high / low)
    axes.set_xlim(low * math.exp(-0.05 * span), high * math.exp(0.05 * span))
    quantity_axis(axes.xaxis, "Measured gain, time before / time after", "x", (low, high), log=True)
    row_axis(axes, [v.recommendation.rule for v in rows])
    said = "; ".join(f"{v.recommendation.rule} {v.word}, {format_ratio(v.gain)}" for v in rows)
    return Chart(figure, f"Measured gains of recommendations on {device}: {said}. {title}.")


def _row(axes: Any, y: int, v: Any) -> None:
    resolved = v.word in (FASTER, SLOWER)
    look = marker_look("CPU" if v.word == FASTER else "CUDA")
    if not resolved:
        look |= {"color": UNRESOLVED, "markerfacecolor": "#f4f4f4", "markeredgecolor": UNRESOLVED}
        look |= {"marker": "o", "markeredgewidth": 1.4}
    axes.plot([v.gain], [y], linestyle="", **look)
    ink = INK if resolved else UNRESOLVED
    if v.comparison.interval is not None:
        draw_interval(axes, *_ends(v), y, colour=ink)
    expected = v.recommendation.expected_gain
    limit = "at most " if v.recommendation.expected_is_limit else ""
    hoped = f"expected {limit}{format_ratio(expected)}" if expected else "no gain was derived"
    weight = "bold" if resolved else "normal"
    side_text(axes, y, f"{v.word}, {format_ratio(v.gain)}\n{hoped}", color=ink, fontweight=weight)


def _ends(v: Any) -> tuple[float, ...]:
    interval = v.comparison.interval
    return () if interval is None else (interval.low, interval.high)


def _finding(rows: list[Any]) -> str:
    helped = [v for v in rows if v.word == FASTER]
    if not helped:
        return f"None of {len(rows)} recommendations helped here"
    best = max(helped, key=lambda v: v.gain)
    slower = [v.recommendation.rule for v in rows if v.word == SLOWER]
    text = (
        f"{len(helped)} of {len(rows)} recommendations helped, {best.recommendation.rule} most "
        f"({format_ratio(best.gain)})"
    )
    return f"{text}; {join_words(slower)} made it slower" if slower else text

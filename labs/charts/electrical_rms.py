"""A series of RMS values, one each half cycle, with thresholds and the events they make."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from labs.charts.axes import quantity_axis
from labs.charts.chart import Chart
from labs.charts.electrical_style import (
    BLUE,
    LINES,
    STATUS,
    Span,
    as_series,
    counted,
    draw_gaps,
    draw_spans,
    envelope,
    legend_above,
    needs,
)
from labs.charts.style import INK, MUTED, new_figure, styled
from labs.units import format_quantity, format_seconds

_ASKED = "draw a series of RMS values"
_DASHES = ((0, (5, 2)), (0, (1, 1.5)), (0, (5, 1, 1, 1)), (0, (8, 2)))


@styled
def rms_chart(
    t_s: Any,
    series: Mapping[str, Any],
    *,
    unit: str = "V",
    thresholds: Mapping[str, float] | None = None,
    spans: Sequence[Span] = (),
    valid: Any = None,
    title: str = "",
    subtitle: str = "",
) -> Chart:
    """Urms(1/2) over time: thresholds as lines, dips and swells shaded, gaps hatched.

    Args:
        t_s: [n] seconds, where each value's window ends (say otherwise in `subtitle`).
        series: channel -> [n] values in `unit`; NaN where there is none.
        thresholds: words -> value in `unit`, such as {"dip 90%": 207.0}.
        spans: the events; words such as "dip" name them.
        valid: [n] of bool; None: where no value is NaN.
    """
    needs(_ASKED, series, "channel", "give {name: values}")
    taken = {k: as_series(_ASKED, t_s, v) for k, v in series.items()}
    t = next(iter(taken.values()))[0].astype(float)
    good = np.ones(t.size, bool) if valid is None else np.asarray(valid, bool).copy()
    for _, y in taken.values():
        good &= ~np.isnan(y.astype(float))
    title = title or _finding(taken, good, spans, unit)
    step = float(np.median(np.diff(t))) if t.size > 1 else None
    conditions = f"{', '.join(taken)} · {counted(t.size, 'value')}"
    conditions += f" · one every {format_seconds(step)}" if step else ""
    figure = new_figure(2.6, title=title, subtitle=subtitle or conditions)
    axes = figure.add_subplot()
    draw_gaps(axes, t, good)
    draw_spans(axes, spans)
    for (name, (_, y)), (colour, line) in zip(taken.items(), LINES * len(taken), strict=False):
        shown = np.where(good, y.astype(float), np.nan)
        colour = BLUE if len(taken) == 1 else colour
        marker = {"marker": ".", "markersize": 4} if t.size <= 300 else {}
        axes.plot(*envelope(t, shown), color=colour, linestyle=line, lw=1.3, label=name, **marker)
    lines = list((thresholds or {}).items())
    for (words, value), dashes in zip(lines, _DASHES * (len(lines) + 1), strict=False):
        axes.axhline(value, color=STATUS["FAIL"].colour, linestyle=dashes, linewidth=1.2)
        axes.annotate(words, (1, value), (6, 0), xycoords=axes.get_yaxis_transform(),
                      textcoords="offset points", va="center", fontsize=8.5, color=MUTED,
                      annotation_clip=False)  # fmt: skip
    if t.size > 1:
        axes.set_xlim(t[0], t[-1])
    axes.margins(y=0.08)
    axes.autoscale(axis="y")
    quantity_axis(axes.xaxis, "Time since the start of the record", "s", [abs(t[-1])])
    quantity_axis(axes.yaxis, "RMS of one cycle", unit, [1.0])
    axes.tick_params(colors=INK)
    legend_above(axes)
    limits = "; ".join(f"{w}: {format_quantity(v, unit, 4)}" for w, v in lines)
    alt = f"RMS values over time. {title}."
    return Chart(figure, alt + (f" Thresholds: {limits}." if limits else ""))


def _finding(taken: Mapping[str, Any], good: np.ndarray, spans: Sequence[Span], unit: str) -> str:
    values = [y[good].astype(float) for _, y in taken.values()]
    if not good.any():
        return "No value is valid"
    low, high = min(v.min() for v in values), max(v.max() for v in values)
    low_text, high_text = (format_quantity(float(v), unit, 4) for v in (low, high))
    if not spans:
        return f"No event: between {low_text} and {high_text} all the time"
    counts = " and ".join(
        counted(sum(s.words == w for s in spans), w) for w in dict.fromkeys(s.words for s in spans)
    )
    longest = max(spans, key=lambda s: s.end_s - s.start_s)
    return (
        f"{counts}, the longest {format_seconds(longest.end_s - longest.start_s)}; "
        f"values from {low_text} to {high_text}"
    )

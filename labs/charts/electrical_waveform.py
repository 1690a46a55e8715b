"""A waveform with its limits, its events and its gaps."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from labs.charts.axes import quantity_axis
from labs.charts.chart import Chart
from labs.charts.electrical_style import (
    LIMIT,
    LINES,
    Span,
    as_series,
    counted,
    draw_gaps,
    draw_spans,
    envelope,
    legend_above,
    needs,
    runs,
)
from labs.charts.style import new_figure, styled
from labs.units import format_quantity, format_seconds

_ASKED = "draw a waveform"


@styled
def waveform_chart(
    t_s: Any,
    traces: Mapping[str, Any],
    *,
    unit: str = "V",
    quantity: str = "",
    valid: Any = None,
    lower: Any = None,
    upper: Any = None,
    limit_words: str = "limit",
    spans: Sequence[Span] = (),
    title: str = "",
    subtitle: str = "",
    notes: str = "",
) -> Chart:
    """Samples over time; what isn't valid is a hatched gap and has no line.

    Args:
        t_s: [n] seconds since the start of the record.
        traces: channel -> [n] values in `unit`.
        quantity: words of the axis; from the unit when empty.
        valid: [n] of bool; None: all are. NaN is invalid, too.
        lower, upper: limits of the instantaneous value, drawn as lines: a number, or [n] with NaN
            where there is none.
        limit_words: what the lines are.
        spans: events to shade.
        title: the finding; counts of events and gaps when empty.
    """
    needs(_ASKED, traces, "channel", "give {name: samples}")
    series = {name: as_series(_ASKED, t_s, y) for name, y in traces.items()}
    t = next(iter(series.values()))[0].astype(float)
    good = np.ones(t.size, bool) if valid is None else np.asarray(valid, bool).copy()
    for _, y in series.values():
        good &= ~np.isnan(y.astype(float))
    extra = ""
    if t.size > 3000:
        extra = f"{t.size:,} samples; the line goes through the least and greatest of each piece."
    title = title or _finding(series, spans, len(runs(~good)), t)
    figure = new_figure(
        2.6,
        title=title,
        subtitle=subtitle or _conditions(t, series, unit),
        notes=" ".join(p for p in (notes, extra) if p),
    )
    axes = figure.add_subplot()
    draw_gaps(axes, t, good)
    draw_spans(axes, spans)
    for (name, (_, y)), (colour, line) in zip(series.items(), LINES * len(series), strict=False):
        shown = np.where(good, y.astype(float), np.nan)
        axes.plot(*envelope(t, shown), color=colour, linestyle=line, linewidth=1.2, label=name)
    for number, value in enumerate(v for v in (lower, upper) if v is not None):
        label = limit_words if number == 0 else None
        if np.ndim(value):
            axes.plot(*envelope(t, as_series(_ASKED, t_s, value)[1]), label=label, **LIMIT)
        else:
            axes.axhline(value, label=label, **LIMIT)
    if t.size > 1:
        axes.set_xlim(t[0], t[-1])
    axes.margins(y=0.08)
    axes.autoscale(axis="y")
    quantity_axis(axes.xaxis, "Time since the start of the record", "s", [abs(t[-1])])
    words = quantity or {"V": "Voltage", "A": "Current"}.get(unit, "Value")
    quantity_axis(axes.yaxis, words, unit, [1.0])
    legend_above(axes)
    return Chart(figure, f"Waveform. {title}. {_alt(series, good, unit, t)}")


def _conditions(t: np.ndarray, series: Mapping[str, Any], unit: str) -> str:
    rate = (t.size - 1) / (t[-1] - t[0]) if t.size > 1 and t[-1] > t[0] else None
    parts = [", ".join(series), f"in {unit}" if unit else "", counted(t.size, "sample")]
    parts.append(format_quantity(rate, "samples/s", 4) if rate else "")
    return " · ".join(p for p in parts if p)


def _finding(series: Mapping[str, Any], spans: Sequence[Span], gaps: int, t: np.ndarray) -> str:
    names = ", ".join(series)
    parts = [counted(sum(s.words == w for s in spans), w) for w in dict.fromkeys(
        s.words for s in spans)]  # fmt: skip
    parts += [counted(gaps, "gap")] if gaps else []
    span = format_seconds(float(t[-1] - t[0]) * t.size / max(1, t.size - 1))
    return f"{names}: {' and '.join(parts) or 'no event and no gap'} in {span}"


def _alt(series: Mapping[str, Any], good: np.ndarray, unit: str, t: np.ndarray) -> str:
    said = []
    for name, (_, y) in series.items():
        inside = y[good].astype(float)
        if inside.size:
            low, high = (format_quantity(float(v), unit, 4) for v in (inside.min(), inside.max()))
            said.append(f"{name} from {low} to {high}")
        else:
            said.append(f"{name} has no valid sample")
    span = f"{format_seconds(float(t[0])) if t[0] else '0 s'} to {format_seconds(float(t[-1]))}"
    return f"{'; '.join(said)}, over {span}."

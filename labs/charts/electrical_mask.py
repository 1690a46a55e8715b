"""A trace against a mask: where it leaves it, and by how much."""

from typing import Any

import numpy as np

from labs.charts.axes import quantity_axis
from labs.charts.chart import Chart
from labs.charts.electrical_style import BLUE, LIMIT, RED, as_series, counted, legend_above
from labs.charts.style import new_figure, styled
from labs.units import format_quantity, format_seconds


@styled
def mask_chart(
    t_s: Any,
    values: Any,
    *,
    lower: Any = None,
    upper: Any = None,
    unit: str = "V",
    channel: str = "trace",
    title: str = "",
    subtitle: str = "",
) -> Chart:
    """The forbidden regions shaded, and a mark on every sample inside one.

    Args:
        t_s: [n] seconds since the trace begins.
        values: [n] in `unit`; NaN counts as a violation.
        lower, upper: [n] limits at each time, NaN or infinite where there is none; None: none.
    """
    t, y = (a.astype(float) for a in as_series("draw a mask test", t_s, values))
    low = np.full(t.size, -np.inf) if lower is None else _limit(t_s, lower, -np.inf)
    high = np.full(t.size, np.inf) if upper is None else _limit(t_s, upper, np.inf)
    margin = np.minimum(high - y, y - low)
    bad = ~(margin >= 0)  # NaN is a violation, too
    title = title or _finding(t, margin, bad, unit, channel)
    figure = new_figure(2.7, title=title, subtitle=subtitle or f"{channel} · {t.size:,} samples")
    axes = figure.add_subplot()
    finite = np.concatenate([a[np.isfinite(a)] for a in (y, low, high)])
    bottom, top = (finite.min(), finite.max()) if finite.size else (-1.0, 1.0)
    room = 0.12 * ((top - bottom) or 1.0)
    bottom, top = bottom - room, top + room
    forbidden = {"facecolor": RED, "alpha": 0.13, "linewidth": 0}
    labels = iter(("outside the mask", None))
    for edge, end in ((low, bottom), (high, top)):
        if np.isfinite(edge).any():
            shown = np.where(np.isfinite(edge), edge, np.nan)
            axes.fill_between(t, shown, end, label=next(labels), **forbidden)
            axes.plot(t, shown, **LIMIT)
    axes.plot(t, y, color=BLUE, linewidth=1.3, label=channel)
    if bad.any():
        at = np.where(np.isnan(y), bottom + room / 2, y)
        axes.plot(t[bad], at[bad], "x", color=RED, markersize=6, markeredgewidth=1.6,
                  label=f"violations ({int(bad.sum()):,})")  # fmt: skip
        first = int(np.argmax(bad))
        axes.annotate("first", (t[first], at[first]), (14, -20), textcoords="offset points",
                      fontsize=9, va="top",
                      arrowprops={"arrowstyle": "-", "color": RED})  # fmt: skip
    axes.set_xlim(t[0], t[-1] if t.size > 1 else t[0] + 1)
    axes.set_ylim(bottom, top)
    quantity_axis(axes.xaxis, "Time since the trace begins", "s", [abs(t[-1])])
    quantity_axis(axes.yaxis, {"V": "Voltage", "A": "Current"}.get(unit, "Value"), unit, [1.0])
    legend_above(axes)
    return Chart(figure, f"Mask test of {channel}. {title}.")


def _limit(t_s: Any, limit: Any, none: float) -> np.ndarray:
    edge = as_series("draw a mask test", t_s, limit)[1].astype(float)
    return np.where(np.isnan(edge), none, edge)


def _finding(t: np.ndarray, margin: np.ndarray, bad: np.ndarray, unit: str, channel: str) -> str:
    if bad.any():
        first = int(np.argmax(bad))
        worst = format_quantity(float(-np.nanmin(margin)), unit) if (margin < 0).any() else "NaN"
        return (
            f"{channel} leaves the mask: {counted(int(bad.sum()), 'sample')}, the first at "
            f"{format_seconds(t[first])} (sample {first:,}), by up to {worst}"
        )
    least = float(margin.min())
    room = format_quantity(least, unit) if np.isfinite(least) else "no limit anywhere"
    return f"{channel} stays in the mask; the smallest margin is {room}"

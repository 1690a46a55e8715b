"""Harmonics h2 to h50 as parts of the fundamental, with their limits."""

from typing import Any

import numpy as np
from matplotlib.patches import Patch
from matplotlib.ticker import LogLocator, NullLocator

from labs.charts.axes import quantity_axis
from labs.charts.chart import Chart
from labs.charts.electrical_style import BLUE, RED, STATUS, as_series, counted, legend_above
from labs.charts.style import new_figure, styled
from labs.errors import ResultError
from labs.units import format_quantity

_FLOOR = 1e-4  # of a logarithmic axis, in percent: float32's own noise is near there


@styled
def harmonics_chart(
    orders: Any,
    percent: Any,
    *,
    limits: Any = None,
    channel: str = "",
    thd_percent: float | None = None,
    log: bool = False,
    title: str = "",
    subtitle: str = "",
) -> Chart:
    """A bar for each harmonic; those over their limit are hatched.

    Args:
        orders: [n] whole numbers from 2.
        percent: [n] of the fundamental.
        limits: [n] in percent, NaN where there is none; None: no limits.
        thd_percent: total harmonic distortion, for the words.
        log: a logarithmic axis, from 0.0001%; bars then have no zero, and their tops are points.
    """
    asked = "draw harmonics"
    h, y = as_series(asked, orders, percent)
    y = y.astype(float)
    if np.isnan(y).any() or (y < 0).any():
        raise ResultError(
            asked,
            expected="a percentage of at least 0 for each order",
            got=f"{int(np.isnan(y).sum())} NaN, {int((y < 0).sum())} negative",
            next_step="draw a window that is valid",
        )
    top = as_series(asked, orders, limits)[1].astype(float) if limits is not None else None
    over = np.zeros(y.size, bool) if top is None else y > top  # NaN compares false: no limit
    title = title or _finding(h, y, top, over)
    parts = [channel, counted(h.size, "harmonic"), "percent of the fundamental"]
    parts += [f"THD {format_quantity(thd_percent, '%')}"] if thd_percent is not None else []
    figure = new_figure(2.7, title=title, subtitle=subtitle or " · ".join(p for p in parts if p))
    axes = figure.add_subplot()
    shown = np.maximum(y, _FLOOR) if log else y
    if log:
        axes.set_yscale("log")
        axes.vlines(h, _FLOOR, shown, color="#bbbbbb", linewidth=1.2)
        axes.plot(h[~over], shown[~over], "o", color=BLUE, markersize=5, label="harmonic")
        if over.any():
            axes.plot(h[over], shown[over], "X", color=RED, markersize=7, label="over its limit")
        axes.set_ylim(_FLOOR, max(shown.max(), np.nanmax(top) if top is not None else 0) * 3)
    else:
        bars = axes.bar(h, shown, width=0.7, color=BLUE)
        for bar, bad in zip(bars, over, strict=True):
            if bad:
                bar.set(facecolor="white", edgecolor=RED, hatch="/////")
    if top is not None and not np.isnan(top).all():
        axes.hlines(top, h - 0.45, h + 0.45, color=STATUS["FAIL"].colour, linewidth=2,
                    label="limit")  # fmt: skip
    handles, labels = axes.get_legend_handles_labels()
    if not log and over.any():
        handles.append(Patch(facecolor="white", edgecolor=RED, hatch="/////"))
        labels.append("over its limit")
    legend_above(axes)
    if handles:
        axes.legend(handles, labels, loc="lower left", bbox_to_anchor=(0, 1.0), ncols=3,
                    fontsize=8.5, borderaxespad=0.2)  # fmt: skip
    axes.set_xlim(h.min() - 1, h.max() + 1)
    axes.set_xticks([int(v) for v in h if v % 5 == 0 or v in (2, 3, 7)])
    axes.grid(axis="x", visible=False)
    axes.set_xlabel("Order of the harmonic")
    words = "Part of h1"
    if log:
        axes.set_ylabel(f"{words} (%, log scale)")
        axes.yaxis.set_major_locator(LogLocator(numticks=12))
        axes.yaxis.set_major_formatter(lambda v, _: f"{v:g}")
        axes.yaxis.set_minor_locator(NullLocator())
    else:
        quantity_axis(axes.yaxis, words, "%", [max(y.max(), 1e-3)])
    largest = np.argsort(-y)[:3]
    said = ", ".join(f"h{h[i]} {format_quantity(y[i], '%')}" for i in largest)
    return Chart(figure, f"Harmonics of {channel or 'a channel'}. {title}. The largest: {said}.")


def _finding(h: np.ndarray, y: np.ndarray, top: np.ndarray | None, over: np.ndarray) -> str:
    if over.any():
        names = ", ".join(f"h{n}" for n in h[over][:5])
        more = f" and {over.sum() - 5} more" if over.sum() > 5 else ""
        return f"{counted(int(over.sum()), 'harmonic')} over the limit: {names}{more}"
    if not y.any():
        return "No harmonic at all"
    first = int(np.argmax(y))
    text = f"The largest harmonic is h{h[first]} with {format_quantity(y[first], '%')}"
    return text + ("; all are within their limits" if top is not None else "")

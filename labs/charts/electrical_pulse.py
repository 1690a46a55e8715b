"""A pulse or step with its state levels and the crossings that its transition is timed by."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from labs.charts.axes import quantity_axis
from labs.charts.chart import Chart
from labs.charts.electrical_style import BLACK, BLUE, GREEN, ORANGE, RED, as_series, legend_above
from labs.charts.style import MUTED, new_figure, styled
from labs.units import format_percent, format_quantity, format_seconds


@styled
def pulse_chart(
    t_s: Any,
    values: Any,
    *,
    low: float,
    high: float,
    crossings: Mapping[float, float],
    settled_s: float | None = None,
    settle_band: float = 0.02,
    overshoot: float | None = None,
    unit: str = "V",
    channel: str = "trace",
    title: str = "",
    subtitle: str = "",
) -> Chart:
    """The trace, its two levels, its crossings, and the band that it settles into.

    Args:
        t_s: [n] seconds.
        values: [n] in `unit`.
        low, high: state levels in `unit`.
        crossings: fraction of the way from low to high (0.1, 0.5, 0.9) -> time in seconds.
        settled_s: when it stays in the band around its final level; None: it never does.
        settle_band: half its width, as a part of high - low.
        overshoot: over the final level, as a part of high - low.
    """
    t, y = (a.astype(float) for a in as_series("draw a pulse", t_s, values))
    step = high - low
    times = sorted(crossings.items())
    rise = times[-1][1] - times[0][1] if len(times) > 1 else None
    title = title or _finding(times, rise, overshoot, settled_s)
    figure = new_figure(
        2.8,
        title=title,
        subtitle=subtitle
        or f"{channel} · {t.size:,} samples · levels "
        f"{format_quantity(low, unit, 4)} and {format_quantity(high, unit, 4)}",
    )
    axes = figure.add_subplot()
    rising = rise is None or rise >= 0
    final = high if rising else low
    half = settle_band * abs(step)
    axes.axhspan(final - half, final + half, color=GREEN, alpha=0.18,
                 label=f"within {format_percent(settle_band)} of the final level")  # fmt: skip
    for level, words in ((low, "low"), (high, "high")):
        axes.axhline(level, color=MUTED, linestyle=(0, (5, 2)), linewidth=1.1)
        axes.annotate(words, (1, level), (6, 0), xycoords=axes.get_yaxis_transform(),
                      textcoords="offset points", va="center", fontsize=9, color=MUTED,
                      annotation_clip=False)  # fmt: skip
    axes.plot(t, y, color=BLUE, linewidth=1.4, label=channel,
              marker="." if t.size <= 200 else None, markersize=4)  # fmt: skip
    for number, (part, when) in enumerate(times):
        level = low + part * step
        axes.plot([when], [level], "D", color=ORANGE, markeredgecolor=BLACK, markersize=7,
                  label="crossings" if number == 0 else None, zorder=4)  # fmt: skip
        axes.annotate(format_percent(part), (when, level), (10, -4), textcoords="offset points",
                      fontsize=9)  # fmt: skip
    if settled_s is not None:
        axes.axvline(settled_s, color=GREEN, linewidth=1.4, linestyle=(0, (1, 1)))
        axes.annotate("settled", (settled_s, low + 0.25 * step), (5, 0), fontsize=9,
                      textcoords="offset points")  # fmt: skip
    if overshoot is not None and overshoot > 0:
        peak = int(np.argmax(y) if rising else np.argmin(y))
        axes.annotate(f"overshoot {format_percent(overshoot)}", (t[peak], y[peak]), (14, 2),
                      textcoords="offset points", fontsize=9, color=RED, va="center")  # fmt: skip
    axes.set_xlim(t[0], t[-1] if t.size > 1 else t[0] + 1)
    axes.margins(y=0.1)
    axes.autoscale(axis="y")
    quantity_axis(axes.xaxis, "Time", "s", [abs(t[-1])])
    quantity_axis(axes.yaxis, {"V": "Voltage", "A": "Current"}.get(unit, "Value"), unit, [1.0])
    legend_above(axes)
    said = ", ".join(f"{format_percent(p)} at {format_seconds(w, 4)}" for p, w in times)
    return Chart(figure, f"Pulse {channel}. {title}. Crossings: {said or 'none'}.")


def _finding(
    times: list[tuple[float, float]],
    rise: float | None,
    overshoot: float | None,
    settled_s: float | None,
) -> str:
    if rise is None:
        return "The trace has no whole transition"
    first, last = format_percent(times[0][0]), format_percent(times[-1][0])
    begin, end = (first, last) if rise >= 0 else (last, first)
    text = f"From {begin} to {end} in {format_seconds(abs(rise))}"
    if overshoot is not None:
        text += f", overshoot {format_percent(overshoot)}"
    return text + ("" if settled_s is not None else "; it never settles")

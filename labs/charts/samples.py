"""The chart of one measurement in full: warm-up, every sample by round, and the distribution."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from labs.bench.names import case_label
from labs.charts.axes import quantity_axis
from labs.charts.chart import Chart
from labs.charts.facts import (
    capped_rounds,
    checked,
    conditions,
    distinct,
    is_capped,
)
from labs.charts.style import INK, MUTED, device_style, new_figure, styled
from labs.errors import MeasurementError
from labs.units import format_percent, format_ratio, format_seconds

_LOG_FROM = 8.0  # largest over smallest value from which a linear axis hides the small ones


@styled
def samples_chart(measurement: Any) -> Chart:
    """Every sample of one measurement, round by round, beside their cumulative distribution.

    Warm-up calls stand in a panel of their own; no sample is left out, outliers included.
    """
    (m,) = checked([measurement], "draw the samples of a measurement")
    values = np.asarray(m.samples_s, float)
    p50, p95 = float(np.median(values)), _call_p95(m)
    where = f"{case_label(m.name)} on {m.device}"
    title = f"{where}: half of the samples take at most {format_seconds(p50)}"
    if len(m.rounds) > 1:
        title += f"; the medians of the rounds {_spread_words(m.round_medians_s)}"
    warm = any(r.warmups_s for r in m.rounds)
    figure = new_figure(3.3, title=title, subtitle=conditions([m]), notes=_notes(m))
    panels = figure.subplots(1, 2 + warm, width_ratios=(1, 2.4, 1) if warm else (2.4, 1))
    strip, ecdf = panels[-2:]
    ecdf.sharey(strip)
    ecdf.tick_params(axis="y", labelleft=False)
    words = ("Modelled" if m.modelled else m.clock.capitalize()) + " time per call"
    colour = device_style(m.device).colour
    if warm:
        _draw_warmups(panels[0], m, words)
    log = values.max() / values.min() > _LOG_FROM
    if log:
        strip.set_yscale("log")
    for number, r in enumerate(m.rounds, start=1):
        _draw_round(strip, number, r, colour)
    labels = [f"{i}†" if is_capped(r) else str(i) for i, r in enumerate(m.rounds, 1)]
    every = max(1, math.ceil(len(labels) / 12))
    strip.set_xticks(range(1, len(labels) + 1, every), labels[::every])
    strip.set_xlabel("Round (samples in their order)")
    quantity_axis(strip.yaxis, words, "s", values, log=log)
    line = Line2D([], [], color=INK, linewidth=2, label="median of the round")
    strip.legend(handles=[line], loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0.1)
    _draw_ecdf(ecdf, values, colour, p50, p95)
    return Chart(figure, _alt(m, where, p50, p95))


def _draw_warmups(axes: Axes, m: Any, words: str) -> None:
    """Each round's warm-up calls as a thin line from its first call on."""
    times = [t for r in m.rounds for t in r.warmups_s]
    if max(times) / min(times) > _LOG_FROM:
        axes.set_yscale("log")
    calls = max(len(r.warmups_s) for r in m.rounds)
    if calls > 30:
        axes.set_xscale("log")
    for r in m.rounds:
        x = range(1, len(r.warmups_s) + 1)
        axes.plot(x, r.warmups_s, color=MUTED, marker="x", markersize=3, linewidth=0.7)
    quantity_axis(axes.xaxis, "Warm-up call", "", [1, calls], log=axes.get_xscale() == "log")
    if axes.get_xscale() == "linear":
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    quantity_axis(axes.yaxis, words, "s", times, log=axes.get_yscale() == "log")


def _draw_round(axes: Axes, number: int, r: Any, colour: Any) -> None:
    x = number - 0.36 + 0.72 * np.linspace(0, 1, len(r.samples_s))
    axes.plot(x, r.samples_s, linestyle="", marker=".", color=colour, markersize=4, alpha=0.7)
    axes.plot([number - 0.4, number + 0.4], [r.median_s] * 2, color=INK, linewidth=2)


def _call_p95(m: Any) -> float | None:
    """p95, where one sample is one call and there are enough of them to say so."""
    try:
        return m.percentile_s(0.95)[0]
    except MeasurementError:
        return None


def _draw_ecdf(axes: Axes, values: np.ndarray, colour: Any, p50: float, p95: float | None) -> None:
    axes.ecdf(values, orientation="horizontal", color=colour)
    axes.set_xlim(0, 1.04)
    axes.set_xlabel("Fraction of samples")
    below_right, above_left = ((5, -11), "left"), ((-4, 6), "right")
    marks = ((0.5, p50, "p50", below_right), (0.95, p95, "p95", above_left))
    for fraction, value, name, (offset, side) in marks:
        if value is None:
            continue
        axes.plot([fraction], [value], marker="o", color=INK, markersize=5)
        axes.annotate(
            f"{name} {format_seconds(value)}",
            (fraction, value),
            offset,
            textcoords="offset points",
            ha=side,
            fontsize=9,
        )


def _spread_words(medians: Sequence[float]) -> str:
    ratio = max(medians) / min(medians)
    if ratio >= 2:
        return f"differ by up to {format_ratio(ratio, 2)}"
    return f"lie within {format_percent(ratio - 1, 2)} of each other"


def _notes(m: Any) -> str:
    loops = distinct(r.loops for r in m.rounds)
    if loops == [1]:
        notes = ["One sample is one call."]
    else:
        many = f"{loops[0]:,}" if len(loops) == 1 else f"{min(loops):,} to {max(loops):,}"
        notes = [f"One sample is the mean of {many} calls, so single slow calls don't show."]
    if m.first_call_s:
        notes.append(f"The first call took {format_seconds(m.first_call_s)} (not drawn).")
    if capped_rounds(m):
        notes.append("†: the round ended at its time limit.")
    return " ".join(notes)


def _alt(m: Any, where: str, p50: float, p95: float | None) -> str:
    text = f"All {m.n} samples of {where} in {len(m.rounds)} rounds: p50 {format_seconds(p50)}"
    if p95:
        text += f", p95 {format_seconds(p95)}"
    if len(m.rounds) > 1:
        text += f"; the medians of the rounds {_spread_words(m.round_medians_s)}"
    capped = capped_rounds(m)
    return text + (f"; {capped} rounds ended at their time limit." if capped else ".")

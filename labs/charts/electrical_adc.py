"""An analogue-to-digital converter's test: its spectrum, and its linearity code by code."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from labs.charts.axes import quantity_axis
from labs.charts.chart import Chart
from labs.charts.electrical_style import BLUE, LIMIT, ORANGE, RED, as_series, envelope, legend_above
from labs.charts.style import new_figure, styled
from labs.units import format_hertz, format_quantity

_FLOOR_DB = 160.0  # below the fundamental nothing is drawn


@styled
def adc_spectrum_chart(
    frequency_hz: Any,
    level_db: Any,
    *,
    fundamental_hz: float,
    harmonics_hz: Mapping[int, float] | None = None,
    spur_hz: float | None = None,
    figures: Mapping[str, str] | None = None,
    channel: str = "ADC",
    title: str = "",
    subtitle: str = "",
) -> Chart:
    """Levels against the fundamental, with harmonics and the largest spur marked.

    Args:
        frequency_hz: [n] from 0 to half the sample rate.
        level_db: [n] in dB of the fundamental (dBc); minus infinity is drawn at the floor.
        harmonics_hz: order -> frequency, where it lies after aliasing.
        spur_hz: where the largest spurious line is.
        figures: name -> value in words, such as {"SINAD": "74.0 dB"}, for title and subtitle.
    """
    f, y = (a.astype(float) for a in as_series("draw an ADC's spectrum", frequency_hz, level_db))
    y = np.maximum(np.nan_to_num(y, nan=-_FLOOR_DB, neginf=-_FLOOR_DB), -_FLOOR_DB)
    words = ", ".join(f"{k} {v}" for k, v in (figures or {}).items())
    title = title or f"{channel}: {words or 'its spectrum'}"
    figure = new_figure(
        2.8,
        title=title,
        subtitle=subtitle
        or f"sine at {format_hertz(fundamental_hz, 5)} · {f.size:,} bins from 0 "
        f"to {format_hertz(float(f[-1]))} · levels against the fundamental",
    )
    axes = figure.add_subplot()
    axes.plot(*envelope(f, y), color=BLUE, linewidth=0.9)
    at = _level_at(f, y, fundamental_hz)
    axes.plot([fundamental_hz], [at], "o", color=BLUE, markersize=8, label="fundamental")
    for number, (order, where) in enumerate((harmonics_hz or {}).items()):
        level = _level_at(f, y, where)
        axes.plot([where], [level], "^", color=ORANGE, markeredgecolor="black", markersize=7,
                  label="harmonics" if number == 0 else None)  # fmt: skip
        axes.annotate(f"h{order}", (where, level), (0, 7), textcoords="offset points",
                      ha="center", fontsize=8.5)  # fmt: skip
    if spur_hz is not None:
        axes.plot([spur_hz], [_level_at(f, y, spur_hz)], "X", color=RED, markersize=9,
                  label="largest spur")  # fmt: skip
    low = max(-_FLOOR_DB, float(np.percentile(y, 1)) - 15)
    axes.set_ylim(low - 4, 8)
    axes.set_xlim(0, f[-1])
    scale, unit = ((1e6, "MHz"), (1e3, "kHz"), (1.0, "Hz"))[int(f[-1] < 1e6) + int(f[-1] < 1e3)]
    axes.xaxis.set_major_formatter(lambda v, _: f"{v / scale:,.6g}")
    axes.set_xlabel(f"Frequency ({unit})")
    quantity_axis(axes.yaxis, "Level", "dBc", [1.0])
    legend_above(axes)
    spur = "" if spur_hz is None else f" The largest spur is at {format_hertz(spur_hz)}."
    return Chart(figure, f"Spectrum of {channel}. {title}.{spur}")


@styled
def adc_linearity_chart(
    codes: Any,
    dnl_lsb: Any,
    inl_lsb: Any,
    *,
    limit_lsb: float | None = None,
    channel: str = "ADC",
    title: str = "",
    subtitle: str = "",
) -> Chart:
    """Differential and integral non-linearity over the codes, in LSB.

    Args:
        codes: [n] whole numbers.
        dnl_lsb, inl_lsb: [n] in LSB; NaN where no code was counted.
        limit_lsb: of both, drawn on either side of 0.
    """
    c, d, i = (a.astype(float) for a in as_series("draw linearity", codes, dnl_lsb, inl_lsb))
    lost = int((d <= -1).sum())
    worst = [_worst(v) for v in (d, i)]
    title = title or (
        f"{channel}: DNL up to {_lsb(worst[0])}, INL up to {_lsb(worst[1])}, "
        + (f"{lost:,} missing codes" if lost != 1 else "1 missing code")
    )
    figure = new_figure(
        3.1, title=title, subtitle=subtitle or f"{c.size:,} codes · histogram of a sine",
        notes="A DNL of −1 LSB is a code that never occurs.",
    )  # fmt: skip
    grid = figure.subplots(2, 1, sharex=True)
    for axes, values, name in zip(grid, (d, i), ("DNL", "INL"), strict=True):
        axes.plot(*envelope(c, values), color=BLUE, linewidth=0.9)
        if limit_lsb is not None:
            for side in (-limit_lsb, limit_lsb):
                axes.axhline(side, **LIMIT)
        bad = np.abs(values) > limit_lsb if limit_lsb is not None else np.zeros(c.size, bool)
        if bad.any():
            axes.plot(c[bad], values[bad], ".", color=RED, markersize=4, label="outside")
            axes.legend(loc="upper right", fontsize=8.5)
        reach = max(float(np.nanmax(np.abs(values))) if np.isfinite(values).any() else 0.0,
                    limit_lsb or 0.0, 0.1) * 1.15  # fmt: skip
        axes.set_ylim(-reach, reach)
        quantity_axis(axes.yaxis, name, "LSB", [1.0])
        axes.yaxis.get_major_locator().set_params(nbins=4)
    grid[-1].set_xlim(c[0], c[-1] if c.size > 1 else c[0] + 1)
    grid[-1].set_xlabel("Code")
    return Chart(figure, f"Non-linearity by code. {title}.")


def _level_at(f: np.ndarray, y: np.ndarray, where: float) -> float:
    return float(y[int(np.argmin(np.abs(f - where)))])


def _worst(values: np.ndarray) -> float | None:
    good = values[np.isfinite(values)]
    return float(good[np.argmax(np.abs(good))]) if good.size else None


def _lsb(value: float | None) -> str:
    return "unknown" if value is None else format_quantity(value, "LSB").replace("-", "−")

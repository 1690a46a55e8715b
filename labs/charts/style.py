"""How charts look: one fixed style per device, one page size, one set of type sizes.

Charts are drawn on `matplotlib.figure.Figure` without pyplot, so nothing is registered globally and
a figure is freed with its last reference. The chart functions beside this file read all of it.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

WIDTH_IN = 8.0  # 768 CSS pixels: a JupyterLab cell on a laptop; 10 pt text is then 13 pixels
CSS_DPI = 96
RENDER_SCALE = 2  # drawn at twice the CSS size, so that it is sharp on dense screens
_TITLE_PT, _SMALL_PT = 11.5, 9.0

INK = "#222222"
MUTED = "#5c5c5c"
GRID = "#dddddd"
UNRESOLVED = "#767676"

_BLACK, _ORANGE, _SKY, _GREEN, _YELLOW, _BLUE, _RED, _PURPLE = mpl.color_sequences["okabe_ito"]
# yellow is left out: on white its contrast is 1.3:1

_RC = {
    "figure.facecolor": "white",
    "axes.facecolor": "white",
    "savefig.facecolor": "white",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # ships with matplotlib: the same text on every machine
    "font.size": 10,
    "axes.labelsize": 10,
    "xtick.labelsize": 9.5,
    "ytick.labelsize": 9.5,
    "legend.fontsize": 9.5,
    "legend.frameon": False,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": MUTED,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "lines.linewidth": 1.8,
    "lines.markersize": 8,
    "text.parse_math": False,  # a kernel name may hold a dollar sign
}

styled = mpl.rc_context(_RC)
"""Decorator of every chart function: the course's settings inside, the caller's own outside."""


@dataclass(frozen=True)
class DeviceStyle:
    """How one device is drawn everywhere: colour is never the only code."""

    colour: str | tuple[float, float, float]
    marker: str | tuple[int, int, int]
    line: str | tuple[int, tuple[float, ...]]


# Devices that meet in one chart on a laptop come first and differ in luminance too.
_STYLES = {
    "CPU": DeviceStyle(_BLUE, "o", "-"),
    "CL": DeviceStyle(_ORANGE, "s", "--"),
    "WEBGPU": DeviceStyle(_GREEN, "^", "-."),
    "CUDA": DeviceStyle(_RED, "D", (0, (1, 1))),
    "METAL": DeviceStyle(_SKY, "v", (0, (5, 1, 1, 1))),
    "PYTHON": DeviceStyle(_BLACK, "X", ":"),
    "NULL": DeviceStyle(_PURPLE, "P", (0, (3, 1, 1, 1, 1, 1))),
    "NV": DeviceStyle(_BLACK, "<", (0, (5, 5))),
    "AMD": DeviceStyle(_PURPLE, ">", (0, (3, 5, 1, 5))),
    "HIP": DeviceStyle(_RED, "p", (0, (1, 3))),
    "QCOM": DeviceStyle(_SKY, "h", (0, (8, 2))),
    "DSP": DeviceStyle(_GREEN, "8", (0, (1, 5))),
    "ELECTRICAL": DeviceStyle(_RED, "*", (0, (6, 1))),
    "EDGE": DeviceStyle(_PURPLE, "d", (0, (2, 2))),
}
_SPARE_COLOURS = (_BLUE, _RED, _BLACK, _GREEN, _PURPLE, _ORANGE, _SKY)
_SPARE_MARKERS = ((4, 1, 0), (6, 1, 0), (3, 1, 0), (5, 0, 36), (8, 1, 0), (4, 1, 45), (3, 0, 90))
_SPARE_LINES = ("-", "--", "-.", ":", (0, (4, 1, 1, 1, 1, 1)))


def device_style(device: str) -> DeviceStyle:
    """The fixed style of a device; a device the course doesn't know gets one from its name.

    The choice for an unknown name is the same in every process (a checksum, not `hash`).
    """
    known = _STYLES.get(device)
    if known is not None:
        return known
    number = zlib.crc32(device.encode())
    return DeviceStyle(
        _SPARE_COLOURS[number % len(_SPARE_COLOURS)],
        _SPARE_MARKERS[number // 7 % len(_SPARE_MARKERS)],
        _SPARE_LINES[number // 49 % len(_SPARE_LINES)],
    )


def marker_look(device: str, *, modelled: bool = False) -> dict[str, object]:
    """Keyword arguments for a point of this device; hollow when its value comes from a model."""
    style = device_style(device)
    return {
        "marker": style.marker,
        "color": style.colour,
        "markerfacecolor": "white" if modelled else style.colour,
        "markeredgecolor": style.colour if modelled else INK,
        "markeredgewidth": 1.8 if modelled else 0.7,
    }


def wrapped(text: str, size_pt: float, *, bold: bool = False) -> str:
    """The text broken between words so that each line fits the page, by measured width."""
    font = FontProperties(family="DejaVu Sans", weight="bold" if bold else "normal", size=size_pt)
    room_pt = (WIDTH_IN - 0.35) * 72
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        width = text_to_path.get_text_width_height_descent(longer, font, ismath=False)[0]
        if lines and width <= room_pt:
            lines[-1] = longer
        else:
            lines.append(word)
    return "\n".join(lines)


def draw_interval(
    axes: Axes, low: float, high: float, at: float, *, colour: Any = INK, upright: bool = False
) -> None:
    """An interval as a line with end caps, over its point, so that a narrow one still shows."""
    ends, both = [low, high], [at, at]
    x, y, cap = (both, ends, "_") if upright else (ends, both, "|")
    axes.plot(x, y, color=colour, marker=cap, markersize=14, linewidth=1.3, zorder=3)


def side_text(axes: Axes, y: float, text: str, **look: Any) -> None:
    """A row's reading in the column right of the axes, where it covers no data."""
    axes.annotate(
        text,
        (1, y),
        (8, 0),
        xycoords=axes.get_yaxis_transform(),
        textcoords="offset points",
        va="center",
        annotation_clip=False,
        **{"fontsize": 9, **look},
    )


def row_axis(axes: Axes, names: Sequence[str], places: Sequence[float] | None = None) -> None:
    """Named rows from top to bottom; grid lines only for the values."""
    places = range(len(names)) if places is None else places
    axes.set_yticks(list(places), list(names))
    axes.set_ylim(max(places) + 0.6, min(places) - 0.6)
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)


def luminance(colour: str | tuple[float, float, float]) -> float:
    """Relative luminance from 0 (black) to 1 (white). Source: WCAG 2.2, "relative luminance"."""
    channels = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
        for c in mpl.colors.to_rgb(colour)
    ]
    return 0.2126 * channels[0] + 0.7152 * channels[1] + 0.0722 * channels[2]


def contrast(a: str | tuple[float, ...], b: str | tuple[float, ...]) -> float:
    """Contrast ratio of two colours, 1 to 21. Source: WCAG 2.2, "contrast ratio"."""
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def new_figure(height_in: float, *, title: str, subtitle: str, notes: str = "") -> Figure:
    """A page with the finding on top and the conditions below it; the caller adds the axes.

    Args:
        height_in: height of the axes part in inches; room for the texts is added.
        title: the finding, one sentence.
        subtitle: devices, dtype, n, rounds, clock, cache, date.
        notes: what the marks mean, printed under the axes.
    """
    title_text = wrapped(title, _TITLE_PT, bold=True)
    subtitle_text, notes_text = wrapped(subtitle, _SMALL_PT), wrapped(notes, _SMALL_PT)
    head_in = 0.12 + 0.215 * _lines(title_text) + 0.17 * _lines(subtitle_text)
    foot_in = 0.05 + 0.17 * _lines(notes_text)
    total_in = head_in + height_in + foot_in
    figure = Figure(figsize=(WIDTH_IN, total_in), layout="constrained")
    figure.get_layout_engine().set(
        rect=(0.01, foot_in / total_in, 0.98, 1 - (head_in + foot_in) / total_in)
    )
    left, top = 0.015, 1 - 0.06 / total_in
    figure.text(left, top, title_text, va="top", fontsize=_TITLE_PT, fontweight="bold")
    below = top - (0.04 + 0.215 * _lines(title_text)) / total_in
    figure.text(left, below, subtitle_text, va="top", fontsize=_SMALL_PT, color=MUTED)
    if notes_text:
        figure.text(left, 0.05 / total_in, notes_text, va="bottom", fontsize=_SMALL_PT, color=MUTED)
    return figure


def _lines(text: str) -> int:
    return text.count("\n") + 1 if text else 0

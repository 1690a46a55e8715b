"""The charts of a monitor's recording: a page of panels over time, and a light strip for live use.

The page is a figure like all others. The strip is drawn again every second while other code runs,
so it is a few lines of SVG made in a millisecond, with the same colours, and a text alternative.
"""

import math
from collections.abc import Sequence
from html import escape
from typing import Any

from matplotlib.colors import to_hex

from labs.charts.axes import quantity_axis
from labs.charts.chart import Chart
from labs.charts.facts import join_words
from labs.charts.style import GRID, INK, MUTED, device_style, new_figure, styled
from labs.errors import ResultError
from labs.units import format_bytes, format_bytes_per_s, format_flop_per_s, format_seconds

# prefixes of the names that share a panel -> words, unit of the axis
_PANELS = (
    (("kernels_per_s",), "Kernels per second", "1/s"),
    (("flop_per_s",), "Arithmetic", "FLOP/s"),
    (("bytes_per_s",), "Memory traffic", "B/s"),
    (("memory ",), "Memory of tinygrad's buffers", "B"),
    (
        ("process_cpu", "system_load", "load "),
        "Load (1: one processor, or the whole system)",
        "1",
    ),
    (("power ",), "Power", "W"),
    (("temperature ",), "Temperature", "°C"),
    (("clock ",), "Clock", "Hz"),
)
_WORDS = {"process_cpu": "this process", "system_load": "the whole system"}
_LOOKS = ("CPU", "CL", "WEBGPU", "ELECTRICAL", "METAL", "NULL", "PYTHON")
_LINES = ("-", "--", "-.", ":")
_MAX_POINTS = 400  # of a line in the strip: more than it has pixels
_STRIP_W, _STRIP_H, _LABEL_W = 360, 60, 250


@styled
def monitor_chart(recording: Any, *, title: str = "") -> Chart:
    """Everything a monitor saw, over time: a panel for each kind of quantity that had numbers.

    Args:
        recording: of `labs.engineering.Monitor`.
        title: the finding; made from the highest arithmetic when empty.
    """
    panels = _panels(recording)
    if not panels:
        raise ResultError(
            "draw a recording",
            expected="at least two samples with a number",
            got=f"{len(recording)} samples",
            next_step="let the monitor run for a second or more",
        )
    title = title or _finding(recording)
    span = format_seconds(recording.duration_s)
    missing = recording.reasons
    notes = "Counted when a kernel is launched, each byte once."
    if missing:
        more = [f"{len(missing) - 6} more"] if len(missing) > 6 else []
        notes += f" Not readable here: {join_words([*list(missing)[:6], *more])}."
    figure = new_figure(
        1.25 * len(panels) + 0.3,
        title=title,
        subtitle=f"{len(recording)} samples in {span} at {recording.rate_hz:g} Hz",
        notes=notes,
    )
    grid = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    for axes, (words, unit, names) in zip(grid, panels, strict=True):
        highest = []
        for number, name in enumerate(names):
            points = recording.series(name)
            look = _look(name, number)
            axes.plot(
                [t for t, _ in points],
                [v for _, v in points],
                color=look[0],
                linestyle=look[1],
                linewidth=1.5,
                label=_words(name),
            )
            highest.append(max(v for _, v in points))
        axes.set_ylim(0, (max(highest) or 1.0) * 1.12)  # nothing happened: 0 on a plain scale
        quantity_axis(axes.yaxis, "", unit, [max(highest)])
        unit_text = axes.get_ylabel().strip(" ()")
        axes.set_ylabel("")
        axes.set_title(
            f"{words} ({unit_text})" if unit_text and unit != "1" else words,
            loc="left",
            fontsize=9.5,
        )
        axes.yaxis.get_major_locator().set_params(nbins=3)
        if len(names) > 1:
            axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=8.5)
    grid[-1].set_xlabel("Time since the start (s)")
    return Chart(figure, _alt(recording, panels, title))


def monitor_strip(recording: Any) -> str:
    """The same as a light strip of SVG lines with their latest numbers, for a live panel."""
    rows = []
    for words, unit, names in _panels(recording):
        for number, name in enumerate(names):
            points = recording.series(name)
            label = words if len(names) == 1 else _words(name)
            rows.append(_strip_row(label, unit, points, _look(name, number)[0]))
    if not rows:
        return "<p>Waiting for the first samples.</p>"
    return "".join(rows)


def _strip_row(label: str, unit: str, points: Sequence[tuple[float, float]], colour: Any) -> str:
    values = [v for _, v in points]
    top, last = max(values), values[-1]
    step = math.ceil(len(points) / _MAX_POINTS)
    begin, end = points[0][0], points[-1][0]
    scale = (_STRIP_W - 2) / max(end - begin, 1e-9)
    line = " ".join(
        f"{1 + (t - begin) * scale:.1f},{_STRIP_H - 2 - v / (top or 1.0) * (_STRIP_H - 8):.1f}"
        for t, v in points[::step]
    )
    said = f"{label}: now {_text(last, unit)}, at most {_text(top, unit)}"
    return (
        f'<div style="display:flex;align-items:center;gap:10px;line-height:1.3">'
        f'<svg role="img" aria-label="{escape(said)}" width="{_STRIP_W}" height="{_STRIP_H}" '
        f'style="max-width:60%;background:white;border-bottom:1px solid {MUTED}" '
        f'viewBox="0 0 {_STRIP_W} {_STRIP_H}" preserveAspectRatio="none">'
        f'<line x1="0" x2="{_STRIP_W}" y1="6" y2="6" stroke="{GRID}"/>'
        f'<polyline fill="none" stroke="{to_hex(colour)}" stroke-width="1.8" points="{line}"/>'
        "</svg>"
        f'<span style="width:{_LABEL_W}px">{escape(label)}<br><b>{escape(_text(last, unit))}</b> '
        f"<small>of at most {escape(_text(top, unit))}</small></span></div>"
    )


def _panels(recording: Any) -> list[tuple[str, str, list[str]]]:
    names = [n for n in recording.names if len(recording.series(n)) > 1]
    found = []
    for prefixes, words, unit in _PANELS:
        mine = [n for n in names if n.startswith(prefixes)]
        if prefixes == ("memory ",):  # a device whose buffers hold nothing says nothing
            mine = [n for n in mine if max(v for _, v in recording.series(n)) > 0]
        if mine:
            found.append((words, unit, mine[: len(_LOOKS)]))
    return found


def _look(name: str, number: int) -> tuple[Any, Any]:
    """Colour and line: a device's own where the line is one's, else by its place."""
    if name.startswith("memory "):
        style = device_style(name.removeprefix("memory "))
        return style.colour, style.line
    if number == 0:
        return device_style("CPU").colour if not name.startswith("kernels") else INK, "-"
    return device_style(_LOOKS[number % len(_LOOKS)]).colour, _LINES[number % len(_LINES)]


def _words(name: str) -> str:
    """What a reader calls a quantity."""
    return _WORDS.get(
        name, name.replace("memory ", "buffers on ") if name[:7] == "memory " else name
    )


def _finding(recording: Any) -> str:
    for name, words in (("flop_per_s", "arithmetic"), ("kernels_per_s", "kernels per second")):
        points = recording.series(name)
        if not points:
            continue
        when, most = max(points, key=lambda p: p[1])
        if most > 0:
            text = format_flop_per_s(most) if name == "flop_per_s" else f"{most:,.0f}"
            return f"The most {words}, {text}, was seen {when:.1f} s after the start"
    return "No kernel ran while the monitor watched"


def _alt(recording: Any, panels: Sequence[tuple], title: str) -> str:
    parts = []
    for words, unit, names in panels:
        for name in names:
            values = [v for _, v in recording.series(name)]
            label = words if len(names) == 1 else _words(name)
            parts.append(f"{label} {_text(min(values), unit)} to {_text(max(values), unit)}")
    return f"Over {format_seconds(recording.duration_s)}: {'; '.join(parts)}. {title}."


def _text(value: float, unit: str) -> str:
    formatters = {"FLOP/s": format_flop_per_s, "B/s": format_bytes_per_s, "B": format_bytes}
    if unit in formatters:
        return formatters[unit](value)
    if unit == "Hz":
        return f"{value / 1e6:,.0f} MHz"
    digits = 2 if unit == "1" else 0
    return f"{value:,.{digits}f}" + ("" if unit in ("1", "1/s") else f" {unit}")

"""The chart of a kernel timeline: what ran when, a lane for each kind, and where the time went."""

from typing import Any

from matplotlib.axes import Axes

from labs.charts.axes import quantity_axis
from labs.charts.chart import Chart
from labs.charts.style import INK, MUTED, device_style, new_figure, row_axis, styled
from labs.errors import ResultError
from labs.units import format_percent, format_seconds

_LANES = (("kernels", ("kernel", "graph")), ("copies", ("copy",)), ("compiling", ("compile",)))
_GAP_LANE = "Python"
_BAR_HEIGHT = 0.7
_NARROWEST = 1 / 400  # of the page: a kernel of a few microseconds is still a line
_NAMED = 5  # kernels with their name on the chart
_CHARACTER = 0.0108  # of the axes' width: a character of 8 pt on a page of 8 inches
_HATCHES = {"kernels": "", "copies": "///", "compiling": "...", _GAP_LANE: ""}


@styled
def timeline_chart(timeline: Any, *, title: str = "") -> Chart:
    """Every kernel, copy and compilation as a bar on its lane, with Python's gaps below.

    Args:
        timeline: of `labs.debug.timeline`.
        title: the finding; made from the shares when empty.
    """
    events = sorted(timeline.events, key=lambda e: e.start_s)
    if not events:
        raise ResultError(
            "draw a timeline",
            expected="at least one event",
            got="none",
            next_step="record something that runs a kernel: labs.debug.timeline(function, device)",
        )
    parts = _parts(timeline)
    total = timeline.total_s
    title = title or _finding(timeline, parts)
    count = len(timeline.kernels)
    subtitle = (
        f"{timeline.device} · {format_seconds(total)} in all · {count} kernel"
        f"{'s' if count != 1 else ''} · wall clock, one run, each kernel waited for"
    )
    lanes = [(name, kinds) for name, kinds in _LANES if parts[name][1]]
    notes = (
        "Bars narrower than a line are drawn as a line. Python: nothing ran and nothing compiled."
    )
    figure = new_figure(0.9 + 0.5 * (len(lanes) + 1), title=title, subtitle=subtitle, notes=notes)
    axes = figure.add_subplot()
    colours = {
        "kernels": device_style(timeline.device).colour,
        "copies": "white",
        "compiling": "#cfcfcf",
        _GAP_LANE: "#b8b8b8",
    }
    for row, (name, kinds) in enumerate(lanes):
        spans = [
            (e.start_s, max(e.duration_s, total * _NARROWEST)) for e in events if e.kind in kinds
        ]
        _draw(axes, row, name, spans, colours[name])
    gaps = [gap for gap in timeline.gaps if gap[1] > 0]
    _draw(axes, len(lanes), _GAP_LANE, gaps, colours[_GAP_LANE])
    names = [*(name for name, _ in lanes), _GAP_LANE]
    row_axis(axes, [f"{name}\n{format_percent(parts[name][0] / total, 2)}" for name in names])
    if lanes and lanes[0][0] == "kernels":
        _name_kernels(axes, timeline, total)
        axes.set_ylim(len(names) - 0.4, -0.95)
    axes.set_xlim(0, total)
    quantity_axis(axes.xaxis, "Time since the start", "s", [total])
    return Chart(figure, _alt(timeline, parts, title))


def _draw(axes: Axes, row: int, name: str, spans: list, colour: Any) -> None:
    axes.broken_barh(
        spans,
        (row - _BAR_HEIGHT / 2, _BAR_HEIGHT),
        facecolors=colour,
        edgecolor=INK if name in ("copies", "compiling") else colour,
        linewidth=0.5,
        hatch=_HATCHES[name],
    )


def _name_kernels(axes: Axes, timeline: Any, total: float) -> None:
    """The longest kernels by name, as far apart as their names need."""
    placed: list[tuple[float, float]] = []
    for event in sorted(timeline.kernels, key=lambda e: -e.duration_s)[:_NAMED]:
        text = f"{event.name}\n{format_seconds(event.duration_s)}"
        middle = (event.start_s + event.duration_s / 2) / total
        width = _CHARACTER * max(len(line) for line in text.split("\n"))
        left = min(max(0.0, middle - width / 2), 1.0 - width)
        if any(left < end and start < left + width for start, end in placed):
            continue
        placed.append((left, left + width))
        axes.annotate(
            text,
            ((left + width / 2) * total, -_BAR_HEIGHT / 2),
            (0, 3),
            textcoords="offset points",
            ha="center",
            va="bottom",
            fontsize=8,
            color=MUTED,
            annotation_clip=False,
        )


def _parts(timeline: Any) -> dict[str, tuple[float, int]]:
    """Seconds and number of events of each lane."""
    kinds = {name: [e for e in timeline.events if e.kind in which] for name, which in _LANES}
    found = {name: (sum(e.duration_s for e in mine), len(mine)) for name, mine in kinds.items()}
    return found | {_GAP_LANE: (timeline.in_python_s, len(timeline.gaps))}


def _finding(timeline: Any, parts: dict[str, tuple[float, int]]) -> str:
    words = {
        "kernels": "in kernels",
        "copies": "copying",
        "compiling": "compiling",
        _GAP_LANE: "in Python",
    }
    order = sorted((n for n in parts if parts[n][0] > 0), key=lambda n: -parts[n][0])
    first = order[0]
    text = f"{format_percent(parts[first][0] / timeline.total_s, 2)} of the time is spent "
    text += f"{words[first]}"
    if len(order) > 1:
        second = order[1]
        text += f", {format_percent(parts[second][0] / timeline.total_s, 2)} {words[second]}"
    return text


def _alt(timeline: Any, parts: dict[str, tuple[float, int]], title: str) -> str:
    said = ", ".join(
        f"{name} {format_seconds(seconds)}" for name, (seconds, count) in parts.items() if count
    )
    longest = max(timeline.kernels or timeline.events, key=lambda e: e.duration_s)
    return (
        f"Timeline of {format_seconds(timeline.total_s)} on {timeline.device}: {said}. {title}. "
        f"The longest is {longest.name} with {format_seconds(longest.duration_s)}."
    )

"""A stream over time: its load, how full its ring is, what it lost, and how it recovered."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from labs.charts.axes import quantity_axis
from labs.charts.chart import Chart
from labs.charts.electrical_style import (
    BLUE,
    LIMIT,
    ORANGE,
    RED,
    Span,
    counted,
    draw_spans,
)
from labs.charts.style import new_figure, styled
from labs.errors import ResultError
from labs.units import format_count, format_percent, format_seconds


@styled
def stream_chart(
    points: Sequence[Any],
    *,
    spans: Sequence[Span] = (),
    recovered_s: float | None = None,
    reserve: float = 0.7,
    title: str = "",
    subtitle: str = "",
) -> Chart:
    """Load, ring fill, and losses so far, one panel each.

    Args:
        points: snapshots in order: `elapsed_s`, `recent_load` (or None), `ring_fill`,
            `dropped_samples` and `deadline_misses` so far. A run's `statistics`, taken now and
            then, are such.
        spans: what was done to it, such as an overload.
        recovered_s: when the ring was empty again, marked.
        reserve: the load that is planned for.
    """
    if len(points) < 2:
        raise ResultError(
            "draw a stream over time",
            expected="at least two snapshots",
            got=str(len(points)),
            next_step="take run.statistics now and then while it runs",
        )
    t = [p.elapsed_s for p in points]
    title = title or _finding(points, spans, recovered_s)
    panels = 4 if points[-1].deadline_misses else 3
    figure = new_figure(
        1.3 * panels,
        title=title,
        subtitle=subtitle or f"{len(points)} snapshots in {format_seconds(t[-1] - t[0])}",
    )
    grid = figure.subplots(panels, 1, sharex=True)
    for axes in grid:
        draw_spans(axes, spans)
        if recovered_s is not None:
            axes.axvline(recovered_s, color="black", linestyle=":", lw=1.4, label="recovered")
    loads = [(p.elapsed_s, 100 * p.recent_load) for p in points if p.recent_load is not None]
    _draw_load(grid[0], loads, reserve)
    fill = [100 * p.ring_fill for p in points]
    grid[1].fill_between(t, fill, color=BLUE, alpha=0.25, step="mid")
    grid[1].plot(t, fill, color=BLUE, linewidth=1.3, drawstyle="steps-mid")
    grid[1].set_ylim(0, 105)
    _panel(grid[1], "Ring fill (% of its room)")
    dropped = [p.dropped_samples for p in points]
    _count(grid[2], t, dropped, "Dropped samples so far")
    if panels == 4:
        _count(grid[3], t, [p.deadline_misses for p in points], "Deadline misses so far")
    grid[0].legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=8.5)
    grid[-1].set_xlim(t[0], t[-1])
    quantity_axis(grid[-1].xaxis, "Time since the start", "s", [t[-1]])
    highest = max((y / 100 for _, y in loads), default=None)
    fullest = format_percent(max(p.ring_fill for p in points))  # of the snapshots
    alt = (
        f"A stream over {format_seconds(t[-1] - t[0])}. {title}. Load at most "
        f"{format_percent(highest)}, ring at most {fullest} full, "
        f"{format_count(dropped[-1])} samples dropped."
    )
    return Chart(figure, alt)


def _draw_load(axes: Axes, loads: Sequence[tuple[float, float]], reserve: float) -> None:
    axes.plot([x for x, _ in loads], [y for _, y in loads], color=BLUE, lw=1.5, label="load")
    axes.axhline(100, label="all the time\nthere is", **LIMIT)
    words = f"planned for:\n{format_percent(reserve)}"
    axes.axhline(100 * reserve, color=ORANGE, linestyle=(0, (1, 1)), linewidth=1.4, label=words)
    axes.set_ylim(0, max([115.0, *(1.1 * y for _, y in loads)]))
    _panel(axes, "Load: processing time / time of the samples (%)")


def _count(axes: Axes, t: Sequence[float], counts: Sequence[int], words: str) -> None:
    axes.plot(t, counts, color=RED, linewidth=1.6, drawstyle="steps-post")
    axes.set_ylim(0, max(1, *counts) * 1.15)
    _panel(axes, words)


def _panel(axes: Axes, words: str) -> None:
    axes.set_title(words, loc="left", fontsize=9.5)
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.yaxis.set_major_formatter(lambda v, _: f"{v:,.0f}")


def _finding(points: Sequence[Any], spans: Sequence[Span], recovered_s: float | None) -> str:
    last = points[-1]
    most = max([getattr(last, "ring_high_water", 0.0), *(p.ring_fill for p in points)])
    missing = getattr(last, "missing_samples", 0)
    if last.dropped_samples:
        text = f"{counted(last.dropped_samples, 'sample')} dropped, all of them counted"
    else:
        text = f"No sample is dropped; the ring is at most {format_percent(most, 2)} full"
    if missing:
        text += f"; the source left out {counted(missing, 'sample')}"
    if last.deadline_misses:
        text += f"; {counted(last.deadline_misses, 'deadline')} missed"
    if recovered_s is not None and spans:
        after = max(0.0, recovered_s - spans[-1].end_s)
        text += f"; recovered {format_seconds(after, 2)} after the {spans[-1].words}"
    return text

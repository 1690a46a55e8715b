"""What PerformanceOptimizer gained: one row for each workload, over tinygrad's heuristic."""

from collections.abc import Sequence
from typing import Any

from labs.bench.statistics import Interval, geometric_mean
from labs.charts.axes import quantity_axis, reach
from labs.charts.chart import Chart
from labs.charts.facts import conditions
from labs.charts.style import (
    INK,
    MUTED,
    UNRESOLVED,
    draw_interval,
    marker_look,
    new_figure,
    row_axis,
    side_text,
    styled,
)
from labs.errors import ResultError
from labs.units import format_interval, format_ratio, format_seconds

_ROW_IN = 0.34


@styled
def optimizer_chart(
    optimized: Sequence[Any], mean: tuple[float, Interval | None] | None = None
) -> Chart:
    """The speedup of each workload with its 95% interval, and where nothing was kept.

    Args:
        optimized: as `PerformanceOptimizer.optimize` returns them, of one device.
        mean: the geometric mean and its interval; of the speedups when None, without an interval.

    Raises:
        ResultError: nothing to draw, or measured beside modelled times.
    """
    items = list(optimized)
    compared = [o for o in items if o.comparison is not None]
    if not compared or len({(o.device, o.modelled) for o in compared}) > 1:
        raise ResultError(
            "draw what the optimizer gained",
            expected="workloads of one device that were measured before and after",
            got="none" if not compared else "several devices, or modelled beside measured times",
            next_step="draw one chart for each device",
        )
    first = compared[0]
    centre, interval = mean or (geometric_mean([max(o.speedup, 1.0) for o in items]), None)
    title = _finding(items, centre)
    figure = new_figure(
        0.75 + _ROW_IN * len(items),
        title=title,
        subtitle=conditions([m for o in compared for m in (o.before, o.after)]),
        notes=_notes(items, first.modelled),
    )
    axes = figure.add_subplot()
    ends = [e for o in compared if (i := o.comparison.interval) for e in (i.low, i.high)]
    low, high = reach([1.0, *(o.comparison.speedup for o in compared)], ends)
    axes.set_xscale("log")
    room = (high / low) ** 0.06
    axes.set_xlim(low / room, high * room)
    quantity_axis(axes.xaxis, "Speedup over the heuristic", "", axes.get_xlim(), log=True)
    axes.axvline(1, color=INK, linewidth=1)
    axes.axvline(centre, color=MUTED, linewidth=1.4, linestyle="--")
    if interval is not None:
        axes.axvspan(interval.low, interval.high, color=MUTED, alpha=0.15, linewidth=0)
    for y, o in enumerate(items):
        _draw_row(axes, y, o)
    row_axis(axes, [o.workload.split(",dtype")[0] for o in items])
    return Chart(figure, _alt(items, title))


def _draw_row(axes, y: int, o: Any) -> None:
    if o.comparison is None:
        side_text(axes, y, "nothing faster found", color=UNRESOLVED)
        return
    c = o.comparison
    look = marker_look(o.device, modelled=o.modelled)
    ink = INK if o.kept else UNRESOLVED
    if not o.kept:
        look |= {"color": UNRESOLVED, "markerfacecolor": "white", "markeredgecolor": UNRESOLVED}
    axes.plot([c.speedup], [y], linestyle="", **look, zorder=4)
    text = format_ratio(c.speedup)
    if c.interval is not None:
        draw_interval(axes, c.interval.low, c.interval.high, y, colour=ink)
        text += f"  {format_interval(c.interval.low, c.interval.high, format_ratio)}"
    times = f"{format_seconds(o.before.median_s)} to {format_seconds(o.after.median_s)}"
    side_text(axes, y, f"{text}  {times if o.kept else 'not kept'}", color=ink)


def _finding(items: Sequence[Any], centre: float) -> str:
    kept = [o for o in items if o.kept]
    if not kept:
        return f"On {items[0].device}, no options were resolved to be faster than the heuristic's"
    best = max(kept, key=lambda o: o.speedup)
    name = best.workload.split(":")[0]
    return (
        f"On {best.device}, searched options are {format_ratio(centre)} as fast as the heuristic's "
        f"over {len(items)} workload{'s' if len(items) > 1 else ''}; the most at {name} "
        f"({format_ratio(best.speedup)})"
    )


def _notes(items: Sequence[Any], modelled: bool) -> str:
    notes = [
        "Each workload measured before and after in interleaved rounds; bars: 95% interval. "
        "Dashed: geometric mean, with 1 where nothing was kept."
    ]
    if any(not o.kept for o in items):
        notes.append("Grey: not resolved to be faster, so the heuristic's options stay.")
    if modelled:
        notes.append("Times are a model's.")
    return " ".join(notes)


def _alt(items: Sequence[Any], title: str) -> str:
    said = [
        f"{o.workload.split(',dtype')[0]} "
        + (format_ratio(o.comparison.speedup) if o.comparison else "nothing found")
        + ("" if o.kept else " (not kept)")
        for o in items
    ]
    return f"Speedup of searched options over tinygrad's heuristic: {'; '.join(said)}. {title}."

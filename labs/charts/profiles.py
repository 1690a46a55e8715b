"""The chart of performance profiles: a panel for each figure, a row for each device."""

from collections.abc import Iterable, Sequence
from typing import Any

from matplotlib.axes import Axes

from labs.charts.axes import quantity_axis, reach
from labs.charts.chart import Chart
from labs.charts.facts import distinct, join_words
from labs.charts.style import draw_interval, marker_look, new_figure, row_axis, side_text, styled
from labs.errors import ResultError

# figure -> words, unit of the axis, whether less is better
_PANELS = (
    ("peak_throughput", "Peak throughput", "FLOP/s", False),
    ("memory_bandwidth", "Memory bandwidth", "B/s", False),
    ("avg_latency", "Latency of one small call", "s", True),
    ("copy_to_device", "Copy to the device", "B/s", False),
    ("copy_to_host", "Copy to the host", "B/s", False),
    ("power_efficiency", "Work per energy", "FLOP/J", False),
)
_ROW_IN = 0.27


@styled
def profile_chart(profiles: Iterable[Any]) -> Chart:
    """Throughput, bandwidth, latency and copies of several devices, with their intervals.

    Args:
        profiles: PerformanceProfiles, all measured or all from a model.

    Raises:
        ResultError: for none, for models beside measurements, or profiles without any figure.
    """
    rows = list(profiles)
    if len({p.modelled for p in rows}) > 1:
        raise ResultError(
            "draw profiles",
            expected="all measured or all from a model",
            got="modelled profiles beside measured ones",
            next_step="draw them in two charts: [p for p in profiles if not p.modelled]",
        )
    panels = [(panel, [p for p in rows if getattr(p, panel[0]).value]) for panel in _PANELS]
    panels = [(panel, chosen) for panel, chosen in panels if chosen]
    if not panels:
        raise ResultError(
            "draw profiles",
            expected="at least one profile with a figure",
            got=f"{len(rows)} profiles without any",
            next_step="look at the profiles' tables for the reasons",
        )
    labels = _labels(rows)
    heights = [0.75 + _ROW_IN * len(chosen) for _, chosen in panels]
    title = _finding(panels[:3], labels)
    hosts = [h for h in distinct(p.host for p in rows) if h]
    kind = "from a model of the device" if rows[0].modelled else "measured, wall clock"
    names = join_words([labels[id(p)] for p in rows])
    figure = new_figure(
        sum(heights),
        title=title,
        subtitle=" · ".join([names, kind, *hosts]),
        notes="Bars: 95% interval over rounds. Log scales: a step to the right is a factor."
        + (" Hollow: from a model, not measured." if rows[0].modelled else ""),
    )
    grid = figure.subplots(len(panels), 1, gridspec_kw={"height_ratios": heights}, squeeze=False)
    for axes, (panel, chosen) in zip(grid[:, 0], panels, strict=True):
        _panel(axes, panel, chosen, labels)
    said = "; ".join(
        f"{words}: " + ", ".join(f"{labels[id(p)]} {getattr(p, name).text()}" for p in chosen)
        for (name, words, _, _), chosen in panels
    )
    return Chart(figure, f"Profiles of {names}. {said}. {title}.")


def _panel(axes: Axes, panel: tuple, chosen: Sequence[Any], labels: dict[int, str]) -> None:
    name, words, unit, less = panel
    figures = [getattr(p, name) for p in chosen]
    values = [f.value for f in figures]
    ends = [e for f in figures if f.interval for e in (f.interval.low, f.interval.high) if e > 0]
    axes.set_xscale("log")
    axes.autoscale(False, axis="x")  # the limits are set below; a single point has none
    for y, (profile, figure) in enumerate(zip(chosen, figures, strict=True)):
        look = marker_look(profile.device_name, modelled=profile.modelled)
        axes.plot([figure.value], [y], linestyle="", **look)
        text = figure.text()
        if figure.interval is not None and not profile.modelled:  # a model has no spread
            draw_interval(axes, max(figure.interval.low, 1e-300), figure.interval.high, y)
            text += f"  {figure.interval_text()}"
        side_text(axes, y, text)
    low, high = reach(values, ends)
    room = max(1.25, (high / low) ** 0.06)
    axes.set_xlim(low / room, high * room)
    row_axis(axes, [labels[id(p)] for p in chosen])
    better = "less is better" if less else "more is better"
    quantity_axis(axes.xaxis, f"{words}, {better}", unit, axes.get_xlim(), log=True)


def _labels(rows: Sequence[Any]) -> dict[int, str]:
    several = len({p.host for p in rows}) > 1
    return {id(p): f"{p.device_name} on {p.host}" if several else p.device_name for p in rows}


def _finding(panels: Sequence[tuple], labels: dict[int, str]) -> str:
    """Who leads which panel, named only where its interval lies beyond all others."""
    said, unresolved = [], []
    for panel, chosen in panels:
        name, words, _, less = panel
        order = sorted(chosen, key=lambda p: getattr(p, name).value, reverse=not less)
        figures = [getattr(p, name) for p in order]
        if len(order) == 1:
            said.append(f"{words.lower()} {figures[0].text()}")
        elif all(_is_apart(figures[0], other, less) for other in figures[1:]):
            said.append(f"{labels[id(order[0])]}: best {words.lower()} ({figures[0].text()})")
        else:
            unresolved.append(words.lower())
    if unresolved:
        said.append(f"which is best is not resolved for {join_words(unresolved)}")
    text = "; ".join(said)
    if len({id(p) for _, chosen in panels for p in chosen}) == 1:
        return f"{next(iter(labels.values()))}: {text}"
    return text[:1].upper() + text[1:]


def _is_apart(best: Any, other: Any, less: bool) -> bool:
    if best.interval is None or other.interval is None:
        return False
    if less:
        return best.interval.high < other.interval.low
    return best.interval.low > other.interval.high

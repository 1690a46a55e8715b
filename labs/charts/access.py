"""Charts of measured memory access: patterns beside a copy, bandwidth by size."""

from collections.abc import Sequence
from typing import Any

from labs.charts.axes import byte_size_axis, quantity_axis
from labs.charts.chart import Chart
from labs.charts.facts import checked, conditions, join_words
from labs.charts.style import (
    INK,
    MUTED,
    device_style,
    draw_interval,
    marker_look,
    new_figure,
    row_axis,
    side_text,
    styled,
)
from labs.units import (
    format_bytes,
    format_bytes_per_s,
    format_count,
    format_percent,
    format_ratio,
)


@styled
def patterns_chart(results: Any, *, title: str = "") -> Chart:
    """Bandwidth of each access pattern, with the copy of the same run as the roof.

    Args:
        results: PatternResults of `measure_patterns`.
        title: the finding; made from the results when empty.

    Raises:
        ResultError: nothing was measured, or modelled times stand beside measured ones.
    """
    items = list(results)
    rows = checked([i.measurement for i in items], "draw access patterns")
    sizes = {i.n for i in items}
    copies = {i.n: i for i in items if i.pattern == "copy"}
    title = title or _patterns_finding(items, results.device)
    moved = [i.sector_bytes_per_s for i in items if i.sector_bytes_per_s]
    notes = (
        "Disc: bytes used (tinygrad's mem of the kernels that ran) per second, bar: 95% interval. "
    )
    if moved:
        notes += "Tick: bytes of the sectors touched, derived from the code, in the same time. "
    notes += "Dashed: the copy."
    figure = new_figure(
        0.75 + 0.4 * len(items), title=title, subtitle=conditions(rows), notes=notes
    )
    axes = figure.add_subplot()
    axes.set_xscale("log")
    name = results.device.split(":")[0]
    for y, item in enumerate(items):
        copy = copies.get(item.n)
        if copy is not None:
            axes.plot([copy.bytes_per_s] * 2, [y - 0.5, y + 0.5], color=INK, ls="--", lw=1.3)
        if item.sector_bytes_per_s and item.pattern != "copy":
            axes.plot([item.sector_bytes_per_s], [y], color=MUTED, marker="|", ms=15, mew=2)
        look = marker_look(name, modelled=item.measurement.modelled)
        axes.plot([item.bytes_per_s], [y], linestyle="", **(look | {"marker": "o"}))
        if item.interval is not None:
            draw_interval(axes, item.interval.low, item.interval.high, y)
        text = format_bytes_per_s(item.bytes_per_s)
        if item.copy_fraction is not None and item.pattern != "copy":
            text += f", {format_percent(item.copy_fraction, 2)} of the copy"
        side_text(axes, y, text)
    values = [v for i in items for v in (i.bytes_per_s, i.sector_bytes_per_s) if v]
    axes.set_xlim(min(values) / 1.5, max(values) * 1.5)
    row_axis(axes, [_pattern_label(i, len(sizes) > 1) for i in items])
    quantity_axis(axes.xaxis, "Bandwidth", "B/s", axes.get_xlim(), log=True)
    said = "; ".join(
        f"{_pattern_label(i, len(sizes) > 1)} {format_bytes_per_s(i.bytes_per_s)}" for i in items
    )
    return Chart(figure, f"Bytes used per second by pattern on {results.device}: {said}. {title}.")


def _pattern_label(item: Any, with_size: bool) -> str:
    return f"{item.pattern}, n={format_count(item.n)}" if with_size else item.pattern


def _patterns_finding(items: Sequence[Any], device: str) -> str:
    others = [i for i in items if i.pattern != "copy" and i.copy_fraction is not None]
    if not others:
        best = max(items, key=lambda i: i.bytes_per_s)
        return f"{best.pattern} reaches {format_bytes_per_s(best.bytes_per_s)} on {device}"
    worst = min(others, key=lambda i: i.copy_fraction)
    text = (
        f"On {device}, '{worst.pattern}' gets {format_percent(worst.copy_fraction, 2)} of the "
        "copy's bandwidth"
    )
    near = [
        f"'{i.pattern}'"
        for i in others
        if i.copy_fraction_interval is not None and i.copy_fraction_interval.high >= 1
    ]
    if near and f"'{worst.pattern}'" not in near:
        verb = "is" if len(near) == 1 else "are"
        text += f"; {join_words(near)} {verb} not resolved from it or above"
    return text


@styled
def bandwidth_size_chart(curve: Any, *, title: str = "") -> Chart:
    """Bandwidth of a copy by its working set, with the caches that the system lists as marks.

    Args:
        curve: BandwidthBySize of `bandwidth_by_size`.
        title: the finding; made from the curve when empty.

    Raises:
        ResultError: nothing was measured.
    """
    points = list(curve.points)
    rows = checked([p.measurement for p in points], "draw bandwidth by size")
    title = title or _size_finding(curve)
    caches = [c for c in curve.caches if points[0].size_bytes <= c.bytes <= points[-1].size_bytes]
    notes = "Bars: 95% interval. Size: bytes read and written together (tinygrad's mem)."
    notes += " Dotted: sizes of the caches as listed." if caches else " No cache size is listed."
    notes += " At the small end, starting a kernel takes longer than its memory."
    figure = new_figure(3.2, title=title, subtitle=conditions(rows), notes=notes)
    axes = figure.add_subplot()
    axes.set_xscale("log", base=2)
    name = curve.device.split(":")[0]
    axes.plot(
        [p.size_bytes for p in points],
        [p.bytes_per_s for p in points],
        linestyle=device_style(name).line,
        **marker_look(name, modelled=rows[0].modelled),
    )
    for p in points:
        if p.interval is not None:
            draw_interval(axes, p.interval.low, p.interval.high, p.size_bytes, upright=True)
    highest = max([p.interval.high for p in points if p.interval], default=0)
    highest = max([highest, *(p.bytes_per_s for p in points)])
    axes.set_ylim(0, highest * 1.2)
    for cache in caches:
        axes.axvline(cache.bytes, color=MUTED, linestyle=":", linewidth=1.4)
        axes.annotate(
            f"{cache.name}\n{format_bytes(cache.bytes)}",
            (cache.bytes, highest * 1.18),
            (-4, 0),
            textcoords="offset points",
            ha="right",
            va="top",
            fontsize=8.5,
            color=MUTED,
        )
    byte_size_axis(axes.xaxis, "Bytes read and written", [p.size_bytes for p in points])
    quantity_axis(axes.yaxis, "Bandwidth", "B/s", [p.bytes_per_s for p in points])
    said = "; ".join(
        f"{format_bytes(p.size_bytes)} {format_bytes_per_s(p.bytes_per_s)}" for p in points
    )
    return Chart(figure, f"Bandwidth of a copy on {curve.device} by size: {said}. {title}.")


def _size_finding(curve: Any) -> str:
    best = max(curve.points, key=lambda p: p.bytes_per_s)
    last = curve.points[-1]
    text = (
        f"The copy on {curve.device} is fastest at {format_bytes(best.size_bytes)} "
        f"({format_bytes_per_s(best.bytes_per_s)})"
    )
    if last is not best:
        ratio = format_ratio(best.bytes_per_s / last.bytes_per_s, 2)
        beyond = curve.caches and last.size_bytes > curve.caches[-1].bytes
        where = ", past the last cache," if beyond else ""
        text += (
            f"; at {format_bytes(last.size_bytes)}{where} it moves "
            f"{format_bytes_per_s(last.bytes_per_s)}, {ratio} slower"
        )
    return text

"""Charts of memory access: lanes on sectors, patterns beside a copy, bandwidth by size."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

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
from labs.errors import ResultError
from labs.units import (
    format_bytes,
    format_bytes_per_s,
    format_count,
    format_percent,
    format_ratio,
)

_ROW_BYTES = 512  # of one row of the picture: 16 sectors, each wide enough for "24-31"
_WHOLE_ROWS = 8  # a span of more rows is drawn without what nobody touches
_MOST_ROWS = 16
_TOUCHED, _UNTOUCHED = "#fbe3b5", "white"
_LANES = mpl.colormaps["cividis"]  # from dark blue to yellow: seen alike by everybody
_CELL, _MARKS = 0.62, 0.24  # heights of a sector and of the lanes' bytes in it, of a row's 1.0


@dataclass(frozen=True)
class _Cell:
    """One sector of the picture: its number, and the lanes with bytes in it."""

    sector: int
    lanes: tuple[int, ...]


@styled
def lanes_chart(access: Any, *, target: str = "", title: str = "") -> Chart:
    """The lanes of one group on the memory they access, sector by sector.

    Args:
        access: an Access of `analyze_access` whose addresses are known.
        target: for the subtitle, such as the analysis' label.
        title: the finding; made from the access when empty.

    Raises:
        ResultError: its addresses aren't known, no lane is active, or it is in shared memory.
    """
    shown = getattr(access, "shown", None)
    if shown is None or not shown.touched:
        reason = getattr(access, "reason", "") or "no lane is active, or it is in shared memory"
        raise ResultError(
            "draw lanes on memory",
            expected="an access to global memory with known addresses",
            got=reason,
            next_step="choose another access, or pass the data that its addresses depend on",
        )
    per_row = max(1, _ROW_BYTES // shown.sector_bytes)
    rows, gaps, left_out = _rows(access, shown, per_row)
    title = title or _lanes_finding(access, shown)
    notes = (
        f"Cells: {_cell_words(shown)}; filled: touched. Marks in a cell: bytes that a lane uses, "
        "from the first lane (dark) to the last (yellow), with the lanes' numbers above."
    )
    if gaps:
        notes += " Left out (…): stretches that no lane touches; lines in a row may lie apart."
    if left_out:
        notes += f" {left_out} more touched sectors follow."
    figure = new_figure(
        0.25 + 0.52 * len(rows),
        title=title,
        subtitle=_lanes_conditions(access, target),
        notes=notes,
    )
    axes = figure.add_subplot()
    axes.set_axis_off()
    axes.set_xlim(0, per_row)
    axes.set_ylim(len(rows) - 0.35, -0.5)
    for y, row in enumerate(rows):
        for x, cell in enumerate(row):
            _draw_cell(axes, x, y, cell, access, shown)
        _row_name(axes, y, row[0].sector * shown.sector_bytes, y in gaps)
    _line_borders(axes, rows, shown)
    return Chart(figure, _lanes_alt(access, shown, target, title))


def _rows(access: Any, shown: Any, per_row: int) -> tuple[list[list[_Cell]], set[int], int]:
    """Rows of cells from the lowest address on, which follow a gap, and how many don't fit."""
    by_sector: dict[int, list[int]] = {s: [] for s in shown.touched}
    for lane, address in enumerate(access.addresses):
        if address is not None:
            first = address // shown.sector_bytes
            last = (address + access.bytes_per_lane - 1) // shown.sector_bytes
            for sector in range(first, last + 1):
                by_sector[sector].append(lane)
    first_row, last_row = shown.touched[0] // per_row, shown.touched[-1] // per_row
    if last_row - first_row < _WHOLE_ROWS:
        numbers = list(range(first_row, last_row + 1))
    else:
        numbers = sorted({s // per_row for s in shown.touched})
    if len(numbers) > _WHOLE_ROWS:  # far apart: one line after the other, without the rest
        per_line = max(1, shown.line_bytes // shown.sector_bytes)
        lines = sorted({s // per_line for s in shown.touched})
        lines_in_row = max(1, per_row // per_line)
        chunks = [lines[i : i + lines_in_row] for i in range(0, len(lines), lines_in_row)]
        rows = [
            [line * per_line + k for line in chunk for k in range(per_line)] for chunk in chunks
        ]
        gaps = set(range(len(rows)))
    else:
        rows = [[n * per_row + k for k in range(per_row)] for n in numbers]
        gaps = {i for i in range(1, len(numbers)) if numbers[i] != numbers[i - 1] + 1}
    kept = rows[:_MOST_ROWS]
    drawn = {s for row in kept for s in row}
    cells = [[_Cell(s, tuple(by_sector.get(s, ()))) for s in row] for row in kept]
    return cells, gaps, sum(s not in drawn for s in shown.touched)


def _draw_cell(axes: Axes, x: int, y: int, cell: _Cell, access: Any, shown: Any) -> None:
    touched = bool(cell.lanes)
    axes.add_patch(
        Rectangle(
            (x, y - _CELL / 2),
            1,
            _CELL,
            facecolor=_TOUCHED if touched else _UNTOUCHED,
            edgecolor="#8a8a8a" if touched else "#c8c8c8",
            linewidth=0.8,
        )
    )
    if not touched:
        return
    start = cell.sector * shown.sector_bytes
    last = max(1, len(access.addresses) - 1)
    for lane in dict.fromkeys(cell.lanes):
        begin = max(access.addresses[lane], start)
        end = min(access.addresses[lane] + access.bytes_per_lane, start + shown.sector_bytes)
        axes.add_patch(
            Rectangle(
                (x + (begin - start) / shown.sector_bytes, y + _CELL / 2 - _MARKS),
                (end - begin) / shown.sector_bytes,
                _MARKS,
                facecolor=_LANES(lane / last),
                edgecolor=INK,
                linewidth=0.5,
            )
        )
    text = _lane_words(cell.lanes)
    axes.text(x + 0.5, y - 0.12, text, ha="center", va="center", fontsize=8, color=INK)


def _lane_words(lanes: Sequence[int]) -> str:
    if len(lanes) == 1:
        return str(lanes[0])
    low, high = min(lanes), max(lanes)
    if len(lanes) == high - low + 1:
        return f"{low}–{high}"
    return f"{low}, {high}" if len(lanes) == 2 else f"{len(lanes)} lanes"


def _row_name(axes: Axes, y: int, address: int, after_gap: bool) -> None:
    text = f"byte {address:,}" + ("  …" if after_gap and y else "")
    axes.annotate(
        text,
        (0, y),
        (-8, 0),
        textcoords="offset points",
        ha="right",
        va="center",
        fontsize=8.5,
        color=MUTED,
        annotation_clip=False,
    )


def _line_borders(axes: Axes, rows: Sequence[Sequence[_Cell]], shown: Any) -> None:
    """Thick strokes where a line of the cache begins."""
    per_line = shown.line_bytes // shown.sector_bytes
    if per_line < 2:
        return
    for y, row in enumerate(rows):
        edges = [x for x, cell in enumerate(row) if cell.sector % per_line == 0] + [len(row)]
        for x in edges:
            axes.plot([x, x], [y - _CELL / 2 - 0.05, y + _CELL / 2 + 0.05], color=INK, lw=1.6)


def _cell_words(shown: Any) -> str:
    if shown.line_bytes > shown.sector_bytes:
        return f"sectors of {shown.sector_bytes} B (thick strokes: lines of {shown.line_bytes} B)"
    return f"lines of {shown.sector_bytes} B"


def _unit_words(shown: Any, count: int) -> str:
    unit = "sector" if shown.line_bytes > shown.sector_bytes else "line"
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"


def _lanes_finding(access: Any, shown: Any) -> str:
    active = shown.active_lanes
    who = f"{active} lane{'s' if active != 1 else ''}"
    verb = "touches" if active == 1 else "touch"
    text = f"The {access.kind} of {access.buffer}: {who} {verb} {_unit_words(shown, shown.sectors)}"
    if shown.is_broadcast:
        text += ", which serves all of them" * (shown.sectors == 1)
    elif shown.sectors > shown.minimum_sectors:
        text += f" where {shown.minimum_sectors} would do"
    else:
        text += ", as few as possible"
    return f"{text}: efficiency {format_percent(shown.efficiency)}"


def _lanes_conditions(access: Any, target: str) -> str:
    vector = f" x{access.elements}" if access.elements > 1 else ""
    parts = (
        target,
        f"{access.dtype}{vector}, {access.bytes_per_lane} B per lane",
        access.where,
        f"index {access.index}" if access.index else "",
        "derived from the code, nothing was run",
    )
    return " · ".join(p for p in parts if p)


def _lanes_alt(access: Any, shown: Any, target: str, title: str) -> str:
    where = f" on {target}" if target else ""
    return (
        f"Lanes of one group on memory{where}: {shown.active_lanes} of {shown.lanes} lanes active, "
        f"{access.bytes_per_lane} bytes each, {_unit_words(shown, shown.sectors)} touched between "
        f"byte {shown.touched[0] * shown.sector_bytes} and byte "
        f"{(shown.touched[-1] + 1) * shown.sector_bytes}. {title}."
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

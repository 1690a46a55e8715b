"""The lanes of a group on the memory they access, sector by sector."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from labs.charts.chart import Chart
from labs.charts.style import INK, MUTED, new_figure, styled
from labs.errors import ResultError
from labs.units import format_percent

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

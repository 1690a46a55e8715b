"""The roofline: throughput against arithmetic intensity, under roofs that were measured.

Measured roofs are solid, a vendor's dashed. A workload without arithmetic has no place on a
logarithmic axis; it is named below.
"""

import math
from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes

from labs.charts.axes import quantity_axis
from labs.charts.chart import Chart
from labs.charts.facts import conditions, distinct, join_words
from labs.charts.style import (
    INK,
    MUTED,
    device_style,
    luminance,
    marker_look,
    new_figure,
    styled,
)
from labs.errors import ResultError
from labs.units import (
    format_bytes_per_s,
    format_flop_per_s,
    format_intensity,
    format_percent,
)

_HEIGHT_IN = 4.6
_BOUNDS = {"memory": "o", "compute": "s", "launch": "^", "not resolved": "D"}
_LABEL_PT = 9.0
_STEP_PT = 11.5  # from label to label when they have to make room
_LEADER_FROM_PT = 14.0  # a label farther than this from its point is joined to it by a line


@styled
def roofline_chart(roofline: Any) -> Chart:
    """Workloads under the roofs of their device.

    Args:
        roofline: as `labs.gpu.roofline.place` returns it.

    Raises:
        ResultError: when there is nothing to draw: no memory roof, or no workload with arithmetic.
    """
    roofs, points = roofline.roofs, [p for p in roofline.placements if p.intensity]
    flat = [p for p in roofline.placements if not p.intensity]
    if roofs.memory is None or not points:
        raise ResultError(
            "draw a roofline",
            expected="a measured memory roof, and a workload with arithmetic",
            got="no memory roof" if roofs.memory is None else "no such workload",
            next_step="look at the roofs' and the roofline's tables for the reasons",
        )
    lines = _compute_lines(roofs, points)
    title = _finding(roofline)
    figure = new_figure(
        _HEIGHT_IN, title=title, subtitle=_subtitle(roofline), notes=_notes(roofline, flat)
    )
    axes = figure.add_subplot()
    axes.set_xscale("log")
    axes.set_yscale("log")
    left, right = _reach_x(roofs, points, lines)
    low, high = _reach_y(roofs, points, lines, left)
    axes.set_xlim(left, right)
    axes.set_ylim(low, high)
    colour = device_style(roofline.device.split(":")[0]).colour
    quantity_axis(axes.xaxis, "Arithmetic intensity", "FLOP/B", axes.get_xlim(), log=True)
    what = "Modelled throughput" if roofs.modelled else "Throughput"
    quantity_axis(axes.yaxis, what, "FLOP/s", axes.get_ylim(), log=True)
    figure.draw_without_rendering()  # settles the layout, so that pixels are known
    _label_compute(axes, roofs, lines, colour, figure)
    figure.draw_without_rendering()  # again: those labels took room from the axes
    _draw_roofs(axes, roofs, lines, colour)
    for p in points:
        look = marker_look(roofline.device.split(":")[0], modelled=p.modelled)
        look["marker"] = _BOUNDS.get(p.bound_by, "D")
        axes.plot([p.intensity], [p.flop_per_s], linestyle="", zorder=4, **look)
        if (ends := p.flop_per_s_interval) is not None:
            axes.plot([p.intensity] * 2, [ends.low, ends.high], color=INK, linewidth=1.2, zorder=3)
    used = distinct(p.bound_by for p in points)
    for word in _BOUNDS:
        if word in used:
            name = "bound not resolved" if word == "not resolved" else f"bound by {word}"
            axes.plot([], [], linestyle="", marker=_BOUNDS[word], color=colour, label=name)
    axes.legend(loc="lower right", borderaxespad=0.2)
    _label_points(axes, points, figure)
    return Chart(figure, _alt(roofline, points, flat, title))


def point_places(chart: Chart, roofline: Any) -> list[tuple[Any, float, float]]:
    """Where each drawn workload is in the image: (placement, from left, from top), 0 to 1."""
    chart.png  # noqa: B018 - drawing settles the layout
    axes, size = chart.figure.axes[0], chart.figure.bbox
    found = []
    for p in roofline.placements:
        if p.intensity:
            x, y = axes.transData.transform((p.intensity, p.flop_per_s))
            found.append((p, float(x / size.width), float(1 - y / size.height)))
    return found


def _compute_lines(roofs: Any, points: Sequence[Any]) -> list[Any]:
    """The arithmetic roofs that some workload is held against, highest first."""
    used = {
        id(roof): roof
        for p in points
        if (roof := roofs.compute(p.dtype, p.work.uses_matrix_units)) is not None
    }
    used = used or {id(r): r for r in roofs.roofs if r.kind != "memory" and r.value}
    return sorted(used.values(), key=lambda roof: -roof.value)


def _reach_x(roofs: Any, points: Sequence[Any], lines: Sequence[Any]) -> tuple[float, float]:
    ridges = [line.value / roofs.memory.value for line in lines]
    places = [p.intensity for p in points] + ridges
    return min(places) / 3, max(places) * 6


def _reach_y(
    roofs: Any, points: Sequence[Any], lines: Sequence[Any], left: float
) -> tuple[float, float]:
    values = [p.flop_per_s for p in points]
    tops = [line.value for line in lines] + [line.datasheet for line in lines if line.datasheet]
    bottom = min([*values, left * roofs.memory.value]) / 2
    return bottom, max([*values, *tops]) * 4


def _draw_roofs(axes: Axes, roofs: Any, lines: Sequence[Any], colour: Any) -> None:
    left, right = axes.get_xlim()
    memory, dark = roofs.memory, _dark(colour)
    top = max((line.value for line in lines), default=axes.get_ylim()[1])
    ridge = top / memory.value
    axes.plot([left, ridge], [left * memory.value, top], color=dark, linewidth=2, zorder=2)
    text = f"{memory.name} {format_bytes_per_s(memory.value)}, {_source(roofs)}"
    _along(axes, memory.value, text, dark, above=not memory.datasheet)
    for line in lines:
        start = line.value / memory.value
        axes.plot([start, right], [line.value] * 2, color=dark, linewidth=2, zorder=2)
        axes.plot([start], [line.value], marker="|", color=dark, markersize=9, zorder=2)
        if line.datasheet:
            axes.plot([left, right], [line.datasheet] * 2, color=MUTED, linestyle="--", zorder=1)
    axes.annotate(
        f"ridge {format_intensity(ridge)}", (ridge, top), (-6, 5), textcoords="offset points",
        ha="right", va="bottom", fontsize=_LABEL_PT, color=dark,
    )  # fmt: skip
    if memory.datasheet:
        peak = max([top, *(line.datasheet for line in lines if line.datasheet)])
        end = peak / memory.datasheet
        axes.plot(
            [left, end], [left * memory.datasheet, peak], color=MUTED, linestyle="--", zorder=1
        )
        rate = format_bytes_per_s(memory.datasheet)
        _along(axes, memory.datasheet, f"{rate}, datasheet", MUTED, above=True, part=0.45)


def _dark(colour: Any) -> Any:
    return colour if luminance(colour) < 0.4 else INK


def _source(roofs: Any) -> str:
    return "model" if roofs.modelled else "measured"


def _label_compute(axes: Axes, roofs: Any, lines: Sequence[Any], colour: Any, figure: Any) -> None:
    """The arithmetic roofs by name in the margin, pushed apart where they lie close together."""
    labels = []
    for line in lines:
        what = line.dtype if line.kind == "arithmetic" else f"{line.dtype} matmul"
        words = f"{what}, {_source(roofs)}\n{format_flop_per_s(line.value)}"
        labels.append((line.value, words, _dark(colour)))
        if line.datasheet:
            words = f"{what}, datasheet\n{format_flop_per_s(line.datasheet)}"
            labels.append((line.datasheet, words, MUTED))
    scale, free = 72 / figure.dpi, float("inf")
    for value, words, ink in sorted(labels, key=lambda label: -label[0]):
        height = axes.transData.transform((1, value))[1] * scale
        placed = min(height, free)
        free = placed - 2 * _STEP_PT
        axes.annotate(
            words, (1, value), (6, placed - height), xycoords=axes.get_yaxis_transform(),
            textcoords="offset points", va="center", fontsize=_LABEL_PT, color=ink,
            annotation_clip=False,
        )  # fmt: skip


def _along(
    axes: Axes, slope: float, text: str, colour: Any, *, above: bool, part: float = 0.3
) -> None:
    """A label that follows the slanted roof."""
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    start = max(left, low / slope)
    end = min(right, high / slope)
    x = start * (end / start) ** part
    ends = axes.transData.transform([(start, start * slope), (end, end * slope)])
    angle = math.degrees(math.atan2(*(ends[1] - ends[0])[::-1]))
    axes.annotate(
        text, (x, x * slope), (0, 4 if above else -4), textcoords="offset points",
        rotation=angle, rotation_mode="anchor", ha="left", va="bottom" if above else "top",
        fontsize=_LABEL_PT, color=colour,
    )  # fmt: skip


def _label_points(axes: Axes, points: Sequence[Any], figure: Any) -> None:
    """Names beside the points, pushed apart downwards, each joined to its point when it moved."""
    scale = 72 / figure.dpi
    spots = sorted(
        ((*(axes.transData.transform((p.intensity, p.flop_per_s)) * scale), p) for p in points),
        key=lambda spot: -spot[1],
    )
    edge = axes.get_window_extent().x1 * scale
    taken: list[tuple[float, float, float]] = []  # left, right, height of labels that are placed
    for x, y, p in spots:
        width = 5.3 * len(p.label)  # of a 9 point letter, roughly
        to_left = x + 8 + width > edge
        left = x - 8 - width if to_left else x + 8
        others = [(a, b, c) for a, b, c in taken if a < left + width and left < b]
        marks = [(a - 5, a + 5, b) for a, b, other in spots if other is not p]
        others += [(a, b, c) for a, b, c in marks if a < left + width and left < b]
        height = y
        while any(abs(height - c) < _STEP_PT for _, _, c in others):
            height -= 2
        taken.append((left, left + width, height))
        moved = y - height > _LEADER_FROM_PT
        beside = 8 + (8 if moved else 0)  # room for the line to the point
        line = {"arrowstyle": "-", "color": MUTED, "linewidth": 0.7, "shrinkA": 0}
        axes.annotate(
            p.label, (p.intensity, p.flop_per_s), (-beside if to_left else beside, height - y),
            textcoords="offset points", ha="right" if to_left else "left", va="center",
            fontsize=_LABEL_PT, color=INK, zorder=5,
            arrowprops=line | {"relpos": (float(to_left), 0.5)} if moved else None,
        )  # fmt: skip


def _finding(roofline: Any) -> str:
    groups: dict[str, list[str]] = {}
    for p in roofline.placements:
        groups.setdefault(p.bound_by, []).append(p.label)
    parts = []
    for word in _BOUNDS:
        if names := groups.get(word):
            listed = join_words(names) if len(names) <= 4 else f"{len(names)} workloads"
            bound = "not resolved" if word == "not resolved" else f"bound by {word}"
            parts.append(f"{listed} {'is' if len(names) == 1 else 'are'} {bound}")
    return f"On {roofline.device}, {'; '.join(parts)}"


def _subtitle(roofline: Any) -> str:
    name = roofline.roofs.device_name
    facts = conditions([p.time for p in roofline.placements])
    return f"{name} · {facts}" if name else facts


def _notes(roofline: Any, flat: Sequence[Any]) -> str:
    roofs = roofline.roofs
    notes = ["Intensity: operations / bytes of the buffers, each once, as counted in the kernels."]
    notes.append("Solid: roofs reached on this device." if not roofs.modelled else "")
    if any(r.datasheet for r in roofs.roofs):
        notes.append(f"Dashed: {roofs.sheet.source}.")
    if roofs.modelled:
        notes.append("All times come from a model: roofs and hollow points.")
    for p in flat:
        rate, part = format_bytes_per_s(p.bytes_per_s), format_percent(p.fraction, 2)
        notes.append(f"Not drawn, without arithmetic: {p.label}, {rate}, {part} of the roof.")
    for f in roofline.failures:
        notes.append(f"Failed: {f.name}.")
    return " ".join(n for n in notes if n)


def _alt(roofline: Any, points: Sequence[Any], flat: Sequence[Any], title: str) -> str:
    roofs = roofline.roofs
    ridge = roofs.ridge_point()
    told = "; ".join(
        f"{p.label} {format_flop_per_s(p.flop_per_s)} at {format_intensity(p.intensity)}, "
        f"{format_percent(p.fraction, 2)} of its roof"
        for p in points
    )
    text = f"Roofline of {roofline.device}: {roofs.memory.name} "
    text += f"{format_bytes_per_s(roofs.memory.value)}"
    text += f", ridge point {format_intensity(ridge[0])}" if ridge else ""
    text += f". {told}. {title}."
    if flat:
        text += f" Without arithmetic, not drawn: {join_words([p.label for p in flat])}."
    return text

"""The memory map of the emulated microcontroller as a picture, in the order of addresses."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from labs.charts.chart import Chart
from labs.charts.facts import join_words
from labs.charts.style import INK, MUTED, device_style, new_figure, side_text, styled
from labs.errors import ResultError
from labs.units import format_bytes, format_percent

_SEGMENTS = 9  # of one region that can be labelled; smaller neighbours are drawn as one
_SMALLEST = 16  # bytes that still have some width on the logarithmic scale
_LABEL_FROM, _ADDRESS_FROM = 0.052, 0.135  # of the width: what has room for its label, its address
_COLOURS = {"kernel": "CPU", "buffer": "EDGE", "stack": "METAL"}
# what takes room is filled, what is kept is hatched, what is free is empty
_LOOKS = {
    **{
        kind: {"facecolor": device_style(device).colour, "edgecolor": INK, "linewidth": 0.7}
        for kind, device in _COLOURS.items()
    },
    "pooled": {
        "facecolor": "white",
        "edgecolor": device_style("EDGE").colour,
        "hatch": "////",
        "linewidth": 1.0,
    },
    "several": {"facecolor": "#6d6d6d", "edgecolor": INK, "linewidth": 0.7},
    "free": {"facecolor": "white", "edgecolor": "#a0a0a0", "linewidth": 0.8},
    "not mapped": {
        "facecolor": "#ececec",
        "edgecolor": "#8a8a8a",
        "hatch": "xxx",
        "linewidth": 0.8,
    },
}
_WORDS = {"kernel": "kernel", "buffer": "buffer", "pooled": "kept for reuse", "stack": "stack used"}


@dataclass(frozen=True)
class _Segment:
    """A stretch of one region: one block, several, or what is free between them."""

    kind: str
    start: int
    size: int
    count: int = 1

    @property
    def weight(self) -> float:
        """How wide it is drawn: the logarithm of its size."""
        return math.log2(max(self.size, _SMALLEST) / _SMALLEST) + 1


@styled
def edge_memory_chart(memory_map: Any, *, title: str = "") -> Chart:
    """Regions from the lowest address to the highest, with what lies in each, and the free rest.

    Each region has the full width, and a block's share of it grows with the logarithm of its size,
    so that 1 KiB of code and 32 MiB of data memory are both seen. The last bar shows the data
    memory to scale.

    Args:
        memory_map: `Device["EDGE"].memory_map()`.
        title: the finding; made from the map when empty.
    """
    regions = sorted(memory_map.regions, key=lambda r: r.start)
    if not regions:
        raise ResultError("draw a memory map", expected="at least one region", got="none")
    rows = [(r, _segments(r, memory_map.blocks)) for r in regions]
    title = title or _finding(memory_map)
    figure = new_figure(
        0.55 + 0.72 * len(rows) + 0.62,
        title=title,
        subtitle="EDGE, emulated · addresses grow from left to right and from top to bottom · the "
        "width of a block is the logarithm of its size, but in the last bar",
        notes="Of many blocks, small neighbours are drawn as one with their number."
        if any(s.count > 1 for _, segments in rows for s in segments)
        else "",
    )
    axes = figure.add_subplot()
    axes.set_xlim(0, 1)
    axes.set_axis_off()
    y = 0.0
    for region, segments in rows:
        _draw_row(axes, y, segments)
        _name(axes, y, f"{region.name}\n{_hex(region.start)}")
        side_text(axes, y, _side(region), fontsize=9, linespacing=1.25)
        y += 1
    ram = next((r for r in regions if r.name == "ram"), regions[-1])
    _draw_to_scale(axes, y, ram, [b for b in memory_map.blocks if b.region == ram.name])
    axes.set_ylim(y + 0.75, -0.62)
    _legend(axes, [s for _, segments in rows for s in segments])
    return Chart(figure, _alt(memory_map, regions, title))


def _segments(region: Any, blocks: Sequence[Any]) -> list[_Segment]:
    """A region cut where its blocks are; the smallest neighbours merged until there are few."""
    if region.access == "---":
        return [_Segment("not mapped", region.start, region.size)]
    end = region.start + region.size
    if region.name == "stack":  # it grows down: what is used lies at the top
        found = [_Segment("free", region.start, region.size - region.used_bytes)]
        if region.used_bytes:
            found.append(_Segment("stack", end - region.used_bytes, region.used_bytes))
        return found
    found, at = [], region.start
    for block in sorted((b for b in blocks if b.region == region.name), key=lambda b: b.address):
        if block.address > at:
            found.append(_Segment("free", at, block.address - at))
        found.append(_Segment(block.kind, block.address, block.size))
        at = block.address + block.size
    if at < end:
        found.append(_Segment("free", at, end - at))
    return _few(found)


def _few(segments: list[_Segment]) -> list[_Segment]:
    while len(segments) > _SEGMENTS:
        pairs = list(enumerate(zip(segments, segments[1:], strict=False)))
        # alike first, then small; the free rest at the end stays by itself as long as it can
        alike = [(i, p) for i, p in pairs if p[0].kind == p[1].kind]
        i, (a, b) = min(alike or pairs, key=lambda item: item[1][0].size + item[1][1].size)
        kind = a.kind if a.kind == b.kind else "several"
        blocks = sum(s.count for s in (a, b) if s.kind != "free")
        segments[i : i + 2] = [_Segment(kind, a.start, b.start + b.size - a.start, blocks)]
    return segments


def _draw_row(axes: Axes, y: float, segments: Sequence[_Segment]) -> None:
    whole = sum(s.weight for s in segments)
    x = 0.0
    for s in segments:
        width = s.weight / whole
        axes.add_patch(Rectangle((x, y - 0.3), width, 0.6, **_LOOKS[s.kind]))
        if width >= _LABEL_FROM:
            dark = s.kind in ("kernel", "several")
            size = format_bytes(s.size).replace(" ", "\n" if width < 0.1 else " ")
            text = (
                size if s.count == 1 else f"{s.count} in\n{size}" if width >= 0.1 else f"{s.count}"
            )
            look = {"color": "white" if dark else INK}
            if s.kind in ("pooled", "not mapped"):  # a hatch behind text is hard to read
                look["bbox"] = {"facecolor": "white", "edgecolor": "none", "pad": 1.0}
            if s.kind == "free":
                text = f"{text} free" if width >= 0.16 else f"{text}\nfree"
            axes.text(x + width / 2, y, text, ha="center", va="center", fontsize=8.5, **look)
        if width >= _ADDRESS_FROM and x > 0:
            axes.text(x, y + 0.33, _hex(s.start), va="top", fontsize=7.5, color=MUTED)
        x += width


def _draw_to_scale(axes: Axes, y: float, region: Any, blocks: Sequence[Any]) -> None:
    axes.add_patch(Rectangle((0, y - 0.17), 1, 0.34, **_LOOKS["free"]))
    for b in blocks:
        x, width = (b.address - region.start) / region.size, b.size / region.size
        axes.add_patch(Rectangle((x, y - 0.17), width, 0.34, **_LOOKS[b.kind] | {"linewidth": 0}))
        edge = _LOOKS[b.kind]["edgecolor"]
        if width > 0.004:  # a thinner one would be all edge
            axes.add_patch(
                Rectangle((x, y - 0.17), width, 0.34, facecolor="none", edgecolor=edge, lw=0.6)
            )
    steps = 8
    for i in range(steps + 1):
        axes.plot([i / steps] * 2, [y + 0.17, y + 0.25], color=MUTED, linewidth=0.8)
        text = format_bytes(region.size * i / steps) if i else "0"
        axes.text(i / steps, y + 0.29, text, ha="center", va="top", fontsize=7.5, color=MUTED)
    _name(axes, y, f"{region.name}, to scale")


def _name(axes: Axes, y: float, text: str) -> None:
    axes.annotate(
        text,
        (0, y),
        (-8, 0),
        textcoords="offset points",
        ha="right",
        va="center",
        fontsize=9,
        linespacing=1.25,
        annotation_clip=False,
    )


def _legend(axes: Axes, segments: Sequence[_Segment]) -> None:
    present = [k for k in _LOOKS if any(s.kind == k for s in segments)]
    handles = [Rectangle((0, 0), 1, 1, label=_WORDS.get(k, k), **_LOOKS[k]) for k in present]
    axes.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(0, 1.0),
        ncols=len(handles),
        borderaxespad=0.1,
        handlelength=1.4,
        columnspacing=1.2,
    )


def _side(region: Any) -> str:
    if region.access == "---":
        return f"{format_bytes(region.size)},\nnothing there"
    share = format_percent(region.used_bytes / region.size, 2)
    return f"{format_bytes(region.used_bytes)} of\n{format_bytes(region.size)} ({share})"


def _finding(memory_map: Any) -> str:
    ram = next((r for r in memory_map.regions if r.name == "ram"), None)
    live = [b for b in memory_map.blocks if b.kind == "buffer"]
    pooled = [b for b in memory_map.blocks if b.kind == "pooled"]
    kernels = [b for b in memory_map.blocks if b.kind == "kernel"]
    if ram is None:
        return "EDGE has no data memory"
    words = []
    if live:
        size = format_bytes(sum(b.size for b in live))
        words.append(f"{len(live)} {'buffer takes' if len(live) == 1 else 'buffers take'} {size}")
    if pooled:
        size = format_bytes(sum(b.size for b in pooled))
        words.append(f"{len(pooled)} freed {'one is' if len(pooled) == 1 else 'are'} kept ({size})")
    head = f"Of {format_bytes(ram.size)} of data memory, "
    head += join_words(words) if words else "nothing is taken"
    if kernels:
        code = format_bytes(sum(b.size for b in kernels))
        head += f"; {len(kernels)} {'kernel is' if len(kernels) == 1 else 'kernels are'} {code}"
    return head


def _alt(memory_map: Any, regions: Sequence[Any], title: str) -> str:
    said = "; ".join(
        f"{r.name} at {_hex(r.start)}, "
        + (
            f"{format_bytes(r.size)} not mapped"
            if r.access == "---"
            else f"{format_bytes(r.used_bytes)} of {format_bytes(r.size)} used"
        )
        for r in regions
    )
    return f"Memory map of the emulated microcontroller by address: {said}. {title}."


def _hex(address: int) -> str:
    return f"0x{address >> 16:04x}_{address & 0xFFFF:04x}"

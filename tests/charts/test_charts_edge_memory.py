"""labs.charts.edge_memory: every byte of each region is drawn once, in the order of addresses."""

import pytest
from matplotlib.colors import to_rgb

from labs import charts
from labs.backends.edge.memory import RAM_BYTES, RAM_START, Block, MemoryMap, memory_map
from labs.charts import edge_memory, style
from labs.errors import ResultError

KERNEL = Block("flash", "kernel", "r_64", 0x0800_0100, 1024)


def a_map(sizes, *, pooled=(), kernels=(KERNEL,), stack_bytes=72):
    """Blocks of these sizes one after the other from the start of RAM; `pooled` by number."""
    taken, at = {}, RAM_START
    for size in sizes:
        taken[at] = size
        at += size
    addresses = list(taken)
    return memory_map(kernels, taken, {addresses[i] for i in pooled}, stack_bytes)


def segments(found, name):
    region = next(r for r in found.regions if r.name == name)
    return region, edge_memory._segments(region, found.blocks)


@pytest.mark.parametrize("sizes", [[], [64], [1024, 4 << 20], [64] * 200, [RAM_BYTES]])
@pytest.mark.parametrize("name", ["flash", "guard", "stack", "ram"])
def test_the_segments_cover_their_region(sizes, name):
    region, found = segments(a_map(sizes, pooled=range(0, len(sizes), 2)), name)
    assert found[0].start == region.start
    ends = [s.start + s.size for s in found]
    assert [s.start for s in found[1:]] == ends[:-1]
    assert ends[-1] == region.start + region.size
    assert all(s.size > 0 for s in found) and len(found) <= edge_memory._SEGMENTS


def test_the_stack_is_used_from_its_top():
    region, found = segments(a_map([]), "stack")
    assert [(s.kind, s.size) for s in found] == [("free", region.size - 72), ("stack", 72)]


def test_merged_blocks_keep_their_number():
    _, found = segments(a_map([64] * 50 + [1 << 20]), "ram")
    assert sum(s.count for s in found if s.kind == "buffer") == 51
    assert found[-1].kind == "free" and found[-1].count == 1


def test_a_kernel_of_1_kib_is_seen_beside_4_mib():
    _, (before, kernel, after) = segments(a_map([]), "flash")
    whole = before.weight + kernel.weight + after.weight
    assert (before.kind, kernel.kind, after.kind) == ("free", "kernel", "free")
    assert kernel.weight / whole > 0.1


def texts(chart):
    return [t.get_text() for t in chart.figure.axes[0].texts]


def test_regions_blocks_and_addresses_are_labelled():
    chart = charts.edge_memory_chart(a_map([4 << 20, 4 << 20], pooled=[1]))
    said = texts(chart)
    assert "ram\n0x2000_0000" in said and "flash\n0x0800_0000" in said
    assert "1 KiB" in said and said.count("4 MiB") == 2 + 1  # two blocks, and a tick of the scale
    assert "0x2040_0000" in said
    assert "8 MiB of\n32 MiB (25%)" in said
    legend = [t.get_text() for t in chart.figure.axes[0].get_legend().get_texts()]
    assert legend == ["kernel", "buffer", "stack used", "kept for reuse", "free", "not mapped"]


def test_the_finding_counts_what_is_live_and_what_is_kept():
    alt = charts.edge_memory_chart(a_map([4 << 20, 1 << 20, 1024], pooled=[1])).alt
    assert "Of 32 MiB of data memory, 2 buffers take 4 MiB and 1 freed one is kept (1 MiB)" in alt
    assert "1 kernel is 1 KiB" in alt
    assert "guard at 0x0fff_0000, 64 KiB not mapped" in alt
    empty = charts.edge_memory_chart(a_map([], kernels=(), stack_bytes=0)).alt
    assert "nothing is taken" in empty


def test_labels_can_be_read_on_their_blocks():
    for kind in ("kernel", "buffer", "stack", "several"):
        ink = "white" if kind in ("kernel", "several") else style.INK
        fill = to_rgb(edge_memory._LOOKS[kind]["facecolor"])
        assert style.contrast(fill, ink) >= 4.5


def test_a_map_without_regions_is_refused():
    with pytest.raises(ResultError, match="at least one region"):
        charts.edge_memory_chart(MemoryMap((), ()))

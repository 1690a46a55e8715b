"""labs.charts.occupancy: points from known launches, marked by what limits them."""

import pytest

from labs import charts
from labs.errors import ResultError
from labs.gpu.occupancy import occupancy_by_registers, occupancy_by_threads
from labs.gpu.resources import KernelResources

KERNEL = KernelResources("tile", "sm_90", 72, 16384, 0, 1024, 1)


def test_occupancy_then_every_launch_is_a_point_and_the_own_one_is_marked():
    rows = occupancy_by_threads(KERNEL, "9.0")
    registers = occupancy_by_registers(KERNEL, "9.0", 256, range(16, 256, 8))
    chart = charts.occupancy_chart(
        rows, registers, own_threads=256, own_registers=72, kernel="tile"
    )
    left, right = chart.figure.axes
    assert list(left.lines[0].get_ydata()) == [o.percent for o in rows]
    assert list(right.lines[0].get_xdata()) == list(range(16, 256, 8))
    assert left.get_ylabel() == "Occupancy (%)"
    assert [t.get_text() for t in left.texts] == ["this kernel"]
    names = {t.get_text() for t in left.get_legend().get_texts()}
    assert {"registers", "shared memory", "impossible", "warp slots"} == names
    assert "This launch has 37.5% at 256 threads, limited by registers" in chart.alt


def test_occupancy_when_no_launch_is_ones_own_then_the_range():
    chart = charts.occupancy_chart(occupancy_by_threads(KERNEL, "9.0", (32, 128)))
    assert "43.8% at 128 threads a block, 20.3% at 32" in chart.alt


def test_occupancy_when_the_launch_is_impossible_then_the_title_says_so():
    rows = occupancy_by_threads(KERNEL, "9.0", (128, 1024))
    chart = charts.occupancy_chart(rows, own_threads=1024)
    assert "1024 threads a block can't be launched" in chart.alt


def test_occupancy_when_there_is_none_then_refused():
    with pytest.raises(ResultError, match="at least one"):
        charts.occupancy_chart([])

"""labs.charts.memory: timeline and transfers."""

from types import SimpleNamespace

import pytest

from labs import bench, charts
from labs.charts import TransferPoint
from labs.errors import ResultError


def test_the_timeline_steps_through_the_live_bytes(make):
    trace = make.trace()
    chart = charts.memory_chart(trace)
    line = chart.figure.axes[0].lines[0]
    assert list(line.get_ydata())[1:-1] == [e.live_bytes for e in trace.events]
    assert list(line.get_xdata())[1:-1] == [e.t_s for e in trace.events]
    assert line.get_drawstyle() == "steps-post"
    labels = [t.get_text() for t in chart.figure.axes[0].get_legend().get_texts()]
    assert labels == ["CPU", "copy in", "copy out"]


def test_the_finding_is_the_peak_and_what_is_left(make):
    chart = charts.memory_chart(make.trace())
    assert "Live memory on CPU peaks at 8 MiB and all of it is freed" in chart.alt
    assert "1 allocation reuses a cached buffer" in chart.alt
    leaking = SimpleNamespace(events=make.trace().events[:3])
    assert "ends with 8 MiB on CPU still live" in charts.memory_chart(leaking).alt


def test_an_empty_trace_is_refused():
    with pytest.raises(ResultError, match="nothing was allocated"):
        charts.memory_chart(SimpleNamespace(events=()))


def points():
    return [
        TransferPoint(size, rate, bench.Interval(0.9 * rate, 1.1 * rate), direction, "CL")
        for direction in ("copy in", "copy out")
        for size, rate in ((2**12, 1e8), (2**20, 5e9), (2**26, 2e9))
    ]


def test_transfers_have_a_panel_for_each_direction():
    chart = charts.transfer_chart(points(), subtitle="uint8")
    titles = [a.get_title(loc="left") for a in chart.figure.axes]
    assert titles == ["Host to device", "Device to host"]
    line = chart.figure.axes[0].lines[0]
    assert list(line.get_xdata()) == [2**12, 2**20, 2**26]
    assert list(line.get_ydata()) == [1e8, 5e9, 2e9]
    assert (
        "fastest copy is CL host to device at 1 MiB: 5 GB/s; at 4 KiB it is 100 MB/s" in chart.alt
    )


def test_no_transfers_are_refused():
    with pytest.raises(ResultError, match="at least one size"):
        charts.transfer_chart([])

"""labs.charts.comparison: the forest plot."""

import pytest

from labs import bench, charts
from labs.charts.style import UNRESOLVED
from labs.errors import ResultError

TIMES = {("add", "CPU"): 2e-4, ("add", "CL"): 2e-4, ("sum", "CPU"): 4e-3, ("sum", "CL"): 2e-3}


@pytest.fixture
def comparisons(make):
    return bench.compare_devices(make.results(TIMES), "CPU")


def test_the_figure_holds_ratio_and_interval(comparisons):
    axes = charts.comparison_chart(comparisons).figure.axes[0]
    lines = [line for line in axes.lines if len(line.get_xdata()) == 1]
    assert [float(line.get_xdata()[0]) for line in lines] == [c.speedup for c in comparisons]
    bars = [line for line in axes.lines if line.get_marker() == "|"]
    assert [tuple(b.get_xdata()) for b in bars] == [
        (c.interval.low, c.interval.high) for c in comparisons
    ]
    assert axes.lines[0].get_xdata()[0] == 1  # the reference


def test_what_is_not_resolved_is_grey_and_says_so(comparisons):
    axes = charts.comparison_chart(comparisons).figure.axes[0]
    first, second = axes.texts
    assert first.get_text().startswith("not resolved")
    assert first.get_color() == UNRESOLVED
    assert second.get_text().startswith("faster, 1.99x [")
    assert second.get_color() != UNRESOLVED


def test_title_and_alt_state_the_finding(comparisons):
    chart = charts.comparison_chart(comparisons)
    assert "CL is faster at sum (2" in chart.figure.texts[0].get_text()
    assert "sum n=500 faster" in chart.alt
    assert "add n=500 not resolved" in chart.alt


def test_two_runs_on_one_device_are_first_and_second(make):
    old, new = (make.results({("add", "CPU"): t}, rounds=10) for t in (2e-4, 1e-4))
    chart = charts.comparison_chart([bench.compare(old.measurements[0], new.measurements[0])])
    assert "Against the first result, the second is faster at add" in chart.alt


def test_many_candidates_are_counted_and_named_in_the_rows(make):
    times = {("add", d): t for d, t in (("CPU", 1e-3), ("CL", 2e-3), ("WEBGPU", 5e-4))}
    chart = charts.comparison_chart(bench.compare_devices(make.results(times), "CPU"))
    assert "Of 2 cases: 1 faster, 1 slower, 0 not resolved" in chart.alt
    labels = [t.get_text() for t in chart.figure.axes[0].get_yticklabels()]
    assert labels == ["add n=500, CL", "add n=500, WEBGPU"]


def test_nothing_to_compare_is_refused():
    with pytest.raises(ResultError, match="at least one case"):
        charts.comparison_chart([])

"""labs.charts.timeline: lanes, shares and names."""

import pytest

from labs import charts
from labs.debug import Timeline, TimelineEvent
from labs.errors import ResultError


def made(*more):
    events = (
        TimelineEvent("compile", "compile", "CPU", 0.001, 0.002),
        TimelineEvent("r_long", "kernel", "CPU", 0.003, 0.004, bytes=32, flop=4),
        TimelineEvent("E_4", "kernel", "CPU", 0.008, 0.001, bytes=32, flop=4),
        *more,
    )
    return Timeline("CPU", events, 0.010)


def test_timeline_then_lanes_with_shares_and_the_longest_by_name():
    chart = charts.timeline_chart(made())
    axes = chart.figure.axes[0]
    labels = [text.get_text() for text in axes.get_yticklabels()]
    assert labels == ["kernels\n50%", "compiling\n20%", "Python\n30%"]
    assert axes.get_xlabel() == "Time since the start (ms)"
    assert axes.texts[0].get_text() == "r_long\n4 ms"
    assert "50% of the time is spent in kernels, 30% in Python" in chart.alt
    assert "The longest is r_long with 4 ms" in chart.alt


def test_timeline_when_there_is_a_copy_then_it_has_a_lane():
    chart = charts.timeline_chart(made(TimelineEvent("copy", "copy", "CPU", 0.0, 1e-3, bytes=9)))
    labels = [text.get_text() for text in chart.figure.axes[0].get_yticklabels()]
    assert "copies\n10%" in labels


def test_timeline_when_empty_then_refused():
    with pytest.raises(ResultError, match="at least one event"):
        charts.timeline_chart(Timeline("CPU", (), 1.0))

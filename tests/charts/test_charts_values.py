"""labs.charts.values: named values, predictions, first calls."""

import pytest

from labs import charts
from labs.charts import NamedValue
from labs.errors import ResultError

LIES = [
    NamedValue("honest", 1.6e-3, "synchronized", (1.5e-3, 1.7e-3), is_reference=True),
    NamedValue("first call", 0.22),
    NamedValue("unsynchronised", 4e-5, "measures the launch"),
]


def single_points(axes):
    return [float(ln.get_xdata()[0]) for ln in axes.lines if len(ln.get_xdata()) == 1]


def test_named_values_are_drawn_compared_and_annotated():
    chart = charts.named_values_chart(LIES, quantity="Reported time")
    axes = chart.figure.axes[0]
    assert single_points(axes) == [row.value for row in LIES]
    assert axes.get_xlabel() == "Reported time (ms, log scale)"
    assert axes.texts[2].get_text() == "40 µs  (0.025x)\nmeasures the launch"
    assert "'unsynchronised' reports 40x too little" in chart.alt
    assert "'first call' reports 138x too much" in chart.alt


def test_named_values_axis_holds_the_whole_interval():
    wide = [NamedValue("a", 4.0, interval=(1.0, 9.0)), NamedValue("b", 5.0)]
    low, high = (
        charts.named_values_chart(wide, quantity="Ratio", unit="x").figure.axes[0].get_xlim()
    )
    assert low < 1.0 and high > 9.0


def test_a_title_of_ones_own_wins():
    chart = charts.named_values_chart(LIES, quantity="Time", title="Four answers, one kernel")
    assert chart.figure.texts[0].get_text() == "Four answers, one kernel"


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan")])
def test_values_a_log_axis_cannot_show_are_refused(value):
    with pytest.raises(ResultError, match="bad"):
        charts.named_values_chart([NamedValue("bad", value)], quantity="Time")


def test_no_values_are_refused():
    with pytest.raises(ResultError, match="at least one NamedValue"):
        charts.named_values_chart([], quantity="Time")


def test_predictions_are_judged_by_a_factor_of_two():
    chart = charts.predicted_chart(
        {"add": 1e-3, "sum": 2e-4, "other": 1}, {"add": 1e-4, "sum": 1.5e-4}, quantity="Time"
    )
    assert single_points(chart.figure.axes[0]) == [1e-3, 1e-4, 2e-4, 1.5e-4]
    assert "1 of 2 predictions is within a factor of 2; add was guessed 10x too high" in chart.alt
    assert "Not drawn: other." in chart.figure.texts[-1].get_text()


def test_predictions_without_a_common_name_are_refused():
    with pytest.raises(ResultError, match="predicted and measured"):
        charts.predicted_chart({"a": 1.0}, {"b": 1.0}, quantity="Time")


def test_first_calls_against_medians(make):
    results = make.results({("add", "CPU"): 1e-3, ("sum", "CL"): 2e-3}, first_call_s=0.1)
    chart = charts.first_call_chart(results)
    m = results.measurements
    assert single_points(chart.figure.axes[0]) == [0.1, m[0].median_s, 0.1, m[1].median_s]
    assert "The first call takes up to 99x" in chart.alt
    assert "add n=500 on CPU" in chart.alt


def test_first_calls_that_were_not_taken_are_refused(make):
    with pytest.raises(ResultError, match="draw first calls"):
        charts.first_call_chart([make.measurement(first_call_s=None)])

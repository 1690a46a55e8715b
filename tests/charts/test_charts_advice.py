"""labs.charts.advice: measured gains as points; what was expected is only written."""

import pytest

from labs import charts
from labs.bench import Interval
from labs.bench.compare import Comparison
from labs.errors import ResultError
from labs.gpu.advice import Recommendation, Verified


def applied(rule, gain, word, expected=2.0, failure=""):
    advice = Recommendation("memory", rule, "Do it.", (), expected, "bytes", lambda: None, True)
    if failure:
        return Verified(advice, None, failure=failure)
    ends = Interval(gain * 0.9, gain * 1.1)
    return Verified(advice, Comparison("a -> b", "CL", "CL", gain, ends, word, True, 10))


def test_gains_then_points_words_and_no_expected_value_among_them():
    chart = charts.advice_chart(
        [
            applied("jit", 10.0, "faster"),
            applied("half", 0.5, "slower", None),
            applied("fuse", 1.01, "not resolved"),
            applied("search", 0, "", failure="none found"),
        ]
    )
    axes = chart.figure.axes[0]
    points = [float(ln.get_xdata()[0]) for ln in axes.lines if len(ln.get_xdata()) == 1]
    assert points == [10.0, 0.5, 1.01]
    assert axes.texts[0].get_text() == "faster, 10x\nexpected at most 2x"
    assert "no gain was derived" in axes.texts[1].get_text()
    assert "1 of 3 recommendations helped, jit most (10x); half made it slower" in chart.alt
    assert "Could not be applied: search." in chart.figure.texts[-1].get_text()


def test_gains_when_none_helped_then_the_title_says_so():
    chart = charts.advice_chart([applied("fuse", 1.0, "not resolved")])
    assert "None of 1 recommendations helped here" in chart.alt


def test_gains_when_none_was_measured_then_the_reason():
    with pytest.raises(ResultError, match="none found"):
        charts.advice_chart([applied("search", 0, "", failure="none found")])

"""labs.charts.launch: lines through times, and where a kernel hides its launch."""

from types import SimpleNamespace

import pytest

from labs.bench import ResultSet
from labs.bench.statistics import Interval
from labs.charts.launch import launch_chart, payoff_chart
from labs.errors import ResultError


def line(mode, per_kernel_s, fixed_s=5e-5, counts=(1, 2, 4), resolved=True, reason=""):
    points = tuple(
        SimpleNamespace(kernels=k, seconds=fixed_s + k * per_kernel_s, interval=None)
        for k in ((), counts)[not reason]
    )
    return SimpleNamespace(
        mode=mode, per_kernel_s=per_kernel_s, fixed_s=fixed_s, points=points, reason=reason,
        per_kernel_interval=Interval(per_kernel_s * 0.9, per_kernel_s * 1.1), is_resolved=resolved,
    )  # fmt: skip


@pytest.fixture
def fit(make):
    def fit(*lines):
        results = ResultSet((make.measurement("TinyJit, 1 kernels/warm/wall"),))
        return SimpleNamespace(device="CPU", lines=lines, results=results)

    return fit


def title(chart):
    return chart.figure.texts[0].get_text().replace("\n", " ")


def test_launch_chart_when_two_ways_then_their_costs_and_ratio_are_the_title(fit):
    chart = launch_chart(fit(line("eager", 600e-6), line("TinyJit", 20e-6)))
    assert title(chart) == (
        "On CPU, one more kernel costs 600 µs by eager and 20 µs by TinyJit: 30x less"
    )
    assert "eager 600 µs a kernel" in chart.alt
    axes = chart.figure.axes[0]
    assert axes.get_ylabel().startswith("Wall time of a call (")


def test_launch_chart_when_a_way_is_missing_or_unresolved_then_said(fit):
    chart = launch_chart(
        fit(
            line("TinyJit", 20e-6),
            line("graph", 1e-9, resolved=False),
            line("eager", 0.0, reason="not here"),
        )  # fmt: skip
    )
    assert "one more kernel is not resolved from nothing" in chart.alt
    assert "No eager: not here." in chart.figure.texts[2].get_text()
    assert "graph" not in title(chart)


def test_launch_chart_when_nothing_was_measured_then_said(fit):
    with pytest.raises(ResultError, match="not here"):
        launch_chart(fit(line("eager", 0.0, reason="not here")))


def payoff(elements, points=((1024, 1e-6), (4096, 4e-6))):
    return SimpleNamespace(
        device="CPU", mode="TinyJit", launch_s=2e-7, elements=elements, points=points
    )


def test_payoff_chart_when_crossed_then_the_size_is_the_title():
    chart = payoff_chart(payoff(2048.0))
    assert "hides its launch from 2,000 elements on" in title(chart)
    said = [t.get_text() for t in chart.figure.axes[0].texts]
    assert said == ["one launch, 200 ns", "ten launches, 2 µs"]


def test_payoff_chart_when_never_crossed_then_said():
    assert "no measured kernel is long enough" in title(payoff_chart(payoff(None)))
    with pytest.raises(ResultError, match="at least one measured size"):
        payoff_chart(payoff(None, points=()))

"""labs.gpu.batching: the crossing by a table made by hand, and equal work on a real device."""

import pytest

from labs.bench import ResultSet
from labs.errors import MeasurementError
from labs.gpu.batching import compare_batching, crossing_size, find_payoff
from labs.gpu.launch import LaunchFit, LaunchLine, fit_line

POINTS = ((10, 1.0), (100, 10.0), (1000, 100.0))


@pytest.mark.parametrize(
    ("seconds", "size"),
    [(10.0, 100), (1.0, 10), (0.5, 10), (10**1.5, 10**2.5), (100.0, 1000), (101.0, None)],
)
def test_crossing_when_on_a_power_law_then_where_it_is(seconds, size):
    found = crossing_size(POINTS, seconds)
    assert found == (None if size is None else pytest.approx(size))


def test_crossing_when_nothing_was_measured_then_none():
    assert crossing_size((), 1.0) is None


@pytest.fixture
def fit():
    line = fit_line("TinyJit", [1, 2, 4], [1e-9, 2e-9, 4e-9])
    return LaunchFit("CPU", (line, LaunchLine("graph", reason="none")), ResultSet(()))


def test_find_payoff_when_a_launch_is_short_then_the_smallest_size_hides_it(fit):
    found = find_payoff("CPU", fit, sizes=(64, 256), rounds=1, round_time_s=0.001)
    assert (found.elements, found.moved_bytes) == (64, 12 * 64)
    assert [n for n, _ in found.points] == [64, 256]
    assert "hidden from 64 elements on" in str(found)


def test_find_payoff_when_no_size_is_long_enough_then_the_reason():
    line = fit_line("TinyJit", [1, 2, 4], [1.0, 2.0, 4.0])
    fit = LaunchFit("CPU", (line,), ResultSet(()))
    found = find_payoff("CPU", fit, sizes=(64,), rounds=1, round_time_s=0.001)
    assert found.elements is None and "large enough" in found.reason and "batch it" in str(found)


@pytest.mark.parametrize("sizes", [(), (0, 4)])
def test_find_payoff_when_the_sizes_are_wrong_then_said(fit, sizes):
    with pytest.raises(MeasurementError, match="sizes above 0"):
        find_payoff("CPU", fit, sizes=sizes)


def test_find_payoff_when_the_launches_are_another_devices_then_said(fit):
    with pytest.raises(MeasurementError, match="the launches of ELECTRICAL"):
        find_payoff("ELECTRICAL", fit)


@pytest.mark.slow
def test_find_payoff_when_the_time_is_a_model_then_refused(fit):
    with pytest.raises(MeasurementError, match="a model"):
        find_payoff("EDGE", fit)


def test_compare_batching_when_run_then_the_same_work_in_fewer_kernels():
    found = compare_batching("CPU", n=8, products=4, few=2, rounds=2, round_time_s=0.002)
    assert [(g.label, g.kernels) for g in found.groupings] == [
        ("4 small", 4),
        ("2 large", 2),
        ("1 batched", 1),
    ]
    assert {g.measurement.flop for g in found.groupings} == {2 * 4 * 8**3}
    assert "4 products of 8 x 8" in str(found)


@pytest.mark.parametrize("wrong", [{"n": 0}, {"products": 5, "few": 2}, {"few": 0}])
def test_compare_batching_when_the_sizes_are_wrong_then_said(wrong):
    with pytest.raises(MeasurementError, match="few that divides products"):
        compare_batching("CPU", **wrong)

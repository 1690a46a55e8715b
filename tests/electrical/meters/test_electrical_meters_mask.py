"""E6: margins are exact, an edge is inside, NaN never is."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from waveforms import by_name, measured, one

from labs.electrical.meters import kind
from labs.electrical.meters.polyline import check_points, limits
from labs.electrical.meters.run import run_meter
from labs.errors import LabError

FLAT = {"points": [[0, -1, 1], [0.0099, -1, 1]]}  # 100 samples
SLOPED = {"points": [[0, -2, 0.5], [0.004, -1, 1.5], [0.0099, -1.25, None]][:2] + [[0.0099, -3, 2]]}


def reference(x, lower, upper):
    x, lower, upper = (np.asarray(v, np.float32) for v in (x, lower, upper))
    outside = ~((x <= upper) & (x >= lower))
    return max((x - upper).max(), (lower - x).max()), outside.sum(), outside.argmax()


@given(st.integers(0, 1000), st.floats(0.1, 3))
@settings(max_examples=20, deadline=None)
def test_mask_when_any_trace_then_exactly_as_numpy(seed, scale):
    x = (np.random.default_rng(seed).standard_normal(100) * scale).astype(np.float32)
    found = measured("mask", x, one(), **SLOPED)
    lower, upper = limits(check_points(SLOPED["points"]), 1e4)
    margin, count, first = reference(x, lower, upper)
    assert found["margin"].value == margin
    assert found["violations"].value == count
    assert ("first_violation" in found) == (count > 0) == (margin > 0)
    if count:
        assert found["first_violation"].value == first / 1e4


@pytest.mark.parametrize("device", ["ELECTRICAL", "CPU", "PYTHON"])
def test_mask_when_a_sample_is_the_edge_then_inside_and_one_step_more_is_outside(device):
    x = np.zeros(100, np.float32)
    x[70], x[99] = 1, -1
    found = measured("mask", x, one(), device, **FLAT)
    assert (found["margin"].value, found["violations"].value) == (0, 0)
    x[99] = np.nextafter(np.float32(-1), np.float32(-2))
    found = measured("mask", x, one(), device, **FLAT)
    assert found["margin"].value == 2.0**-23
    assert (found["violations"].value, found["first_violation"].value) == (1, 99 / 1e4)


@pytest.mark.parametrize("where", [0, 50, 99])
def test_mask_when_a_sample_is_nan_then_outside_and_no_margin(where):
    x = np.zeros(100)
    x[where] = math.nan
    found = measured("mask", x, one(), **FLAT)
    assert not found["margin"].valid
    assert "NaN" in found["margin"].reason
    assert found["violations"].value == 1
    assert found["first_violation"].value == where / 1e4
    x[1] = 5.0  # a number outside, too
    assert measured("mask", x, one(), **FLAT)["violations"].value == 2


def test_mask_when_a_sample_is_infinite_then_no_margin_that_passes():
    x = np.zeros(100)
    x[5] = -math.inf
    found = measured("mask", x, one(), **FLAT)
    assert not found["margin"].valid
    assert found["violations"].value == 1


def test_mask_when_traces_follow_each_other_then_an_event_over_a_block_is_in_its_trace():
    x = np.zeros(300)
    x[198:202] = 7
    readings = run_meter("mask", x, one(), "ELECTRICAL", block=200, **FLAT)
    assert readings == run_meter("mask", x, one(), "ELECTRICAL", block=33, **FLAT)
    margins = [r.value for r in readings if r.quantity == "margin"]
    assert margins == [-1, 6, 6]
    assert [r.value for r in readings if r.quantity == "violations"] == [0, 2, 2]
    assert [r.index for r in readings if r.quantity == "first_violation"] == [100, 200]


def test_mask_when_traces_have_a_period_then_they_begin_so_far_apart():
    x = np.zeros(320)
    x[105] = 2  # between the traces [0, 100) and [110, 210)
    readings = run_meter("mask", x, one(), "ELECTRICAL", period_s=0.011, **FLAT)
    assert [r.index for r in readings if r.quantity == "margin"] == [0, 110, 220]
    assert {r.value for r in readings if r.quantity == "violations"} == {0}


def test_mask_when_one_sided_or_late_then_the_other_side_has_no_limit():
    points = [[0.001, None, 1], [0.0099, None, 1]]
    x = np.full(100, -1e30)
    x[:10] = 5  # before the mask begins
    assert measured("mask", x, one(), points=points)["violations"].value == 0
    x[10] = 2
    found = by_name(run_meter("mask", x, one(), "ELECTRICAL", points=points))
    assert found["margin"].value == 1


def test_limits_when_a_mask_steps_then_the_stricter_holds_at_the_step():
    points = check_points([[0, -5, 5], [0.0005, -5, 5], [0.0005, -1, 2], [0.001, -1, 2]])
    lower, upper = limits(points, 1e4)
    assert upper.tolist() == [5, 5, 5, 5, 5, 2, 2, 2, 2, 2, 2]
    assert lower.tolist() == [-5] * 5 + [-1] * 6


def test_limits_when_a_mask_slopes_then_linear_and_its_last_point_is_a_sample():
    lower, upper = limits(check_points([[0, 0, 10], [0.0003, -3, 40]]), 1e4)
    np.testing.assert_allclose(upper, [10, 20, 30, 40])
    np.testing.assert_allclose(lower, [0, -1, -2, -3])


@pytest.mark.parametrize(
    ("points", "says"),
    [
        ((), "two points"),
        (None, "two points"),
        ([[0, 0, 1]], "two points"),
        ([[0, 0, 1], [1, 0]], "three numbers"),
        ([[0, 0, 1], "abc"], "numbers, or null"),
        ([[0, 0, 1], 5], "three numbers"),
        ([[0, 0, 1], [1, "0", 1]], "numbers"),
        ([[0, 0, True], [1, 0, 1]], "numbers"),
        ([[0, 0, 1], [-1, 0, 1]], "don't go back"),
        ([[-1, 0, 1], [1, 0, 1]], "from 0 on"),
        ([[0, 2, 1], [1, 0, 1]], "below the upper"),
        ([[0, 0, math.nan], [1, 0, 1]], "limits that are numbers"),
        ([[math.inf, 0, 1], [1, 0, 1]], "a time"),
        ([[0, 0, 1], [1, None, 1]], "gap"),
        ([[0, None, None], [1, None, None]], "at least one limit"),
        ([[1, 0, 1], [1, 0, 1]], "lasts"),
    ],
)
def test_mask_when_it_is_none_then_it_says_why(points, says):
    with pytest.raises(LabError, match=says):
        kind("mask").make(one(), points=points)

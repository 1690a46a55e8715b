"""E7: levels within 0.1% of the swing and instants within 0.1 sample of closed forms."""

import math

import numpy as np
import pytest
from waveforms import by_name, measured, one, ringing_step, step

from labs.electrical.meters import kind
from labs.electrical.meters.run import run_meter
from labs.errors import LabError

N, FS = 500, 1.0  # times are samples
WHOLE = {"window_s": 500.0}
GATE = {"abs": 0.1}
TENTH_OF_A_PERCENT = {"abs": 1e-3}


def pulse(x, device="ELECTRICAL", **parameters):
    return by_name(run_meter("pulse", x, one(FS), device, **{**WHOLE, **parameters}))


@pytest.mark.parametrize(
    ("device", "at", "tau"),
    [("ELECTRICAL", 100.3, 10.0), ("ELECTRICAL", 200.0, 4.5), ("CPU", 120.7, 20.0)],
)
def test_pulse_when_one_pole_then_its_closed_forms(device, at, tau):
    found = pulse(3 * step(N, at, tau) - 1, device)
    assert found["low"].value == pytest.approx(-1, **TENTH_OF_A_PERCENT)
    assert found["high"].value == pytest.approx(2, **TENTH_OF_A_PERCENT)
    assert found["rise_time"].value == pytest.approx(math.log(9) * tau, **GATE)
    # from 50% to 98%
    assert found["settling_time"].value == pytest.approx(math.log(25) * tau, **GATE)
    assert found["overshoot"].value == pytest.approx(0, abs=0.1)
    assert found["fall_time"].reason == "no falling transition in the window"
    assert not found["width"].valid
    assert [found[q].unit for q in ("high", "rise_time", "overshoot")] == ["V", "s", "%"]


@pytest.mark.parametrize("damping", [0.3, 0.6])
def test_pulse_when_second_order_then_its_overshoot_and_settling(damping):
    at, w = 100.25, 0.15
    found = pulse(ringing_step(N, at, damping, w))
    expected = 100 * math.exp(-math.pi * damping / math.sqrt(1 - damping**2))
    assert found["overshoot"].value == pytest.approx(expected, abs=0.1)
    fine = ringing_step(N * 100, at * 100, damping, w / 100)  # a hundred times the samples
    outside = np.flatnonzero(np.abs(fine - 1) > 0.02)[-1] / 100
    middle = np.flatnonzero(fine >= 0.5)[0] / 100
    assert found["settling_time"].value == pytest.approx(outside - middle, **GATE)


def test_pulse_when_it_falls_again_then_width_and_fall_time():
    tau, rise, fall = 6.0, 80.5, 250.75
    x = step(N, rise, tau) - step(N, fall, tau)
    found = pulse(x)
    assert found["width"].value == pytest.approx(fall - rise, **GATE)
    assert found["rise_time"].value == pytest.approx(math.log(9) * tau, **GATE)
    assert found["fall_time"].value == pytest.approx(math.log(9) * tau, **GATE)
    assert found["settling_time"].value == pytest.approx(math.log(25) * tau, **GATE)
    turned = pulse(-x)  # a pulse downwards has no width here, and both transitions
    assert (turned["low"].value, turned["high"].value) == pytest.approx((-1, 0), abs=1e-3)
    assert turned["rise_time"].value == pytest.approx(math.log(9) * tau, **GATE)
    assert not turned["width"].valid


def test_pulse_when_a_straight_ramp_then_exactly_its_times():
    x = np.clip((np.arange(N) - 100) / 50, 0, 1)
    found = pulse(x)
    assert found["rise_time"].value == pytest.approx(40, abs=1e-3)
    assert found["settling_time"].value == pytest.approx(24, abs=1e-3)  # 50% to 98%


def test_pulse_when_noisy_then_levels_within_the_gate():
    noise = np.random.default_rng(0).standard_normal(N) * 2e-3
    found = pulse(step(N, 200, 2.0) + noise)
    assert found["low"].value == pytest.approx(0, **TENTH_OF_A_PERCENT)
    assert found["high"].value == pytest.approx(1, **TENTH_OF_A_PERCENT)


def test_pulse_when_it_never_settles_then_no_time_and_the_reason():
    n = np.arange(N)
    x = step(N, 100, 2.0) + np.where(n > 450, 0.1, 0.0)
    found = pulse(x)
    assert math.isnan(found["settling_time"].value)
    assert not found["settling_time"].valid
    assert found["settling_time"].reason == "it never settles"
    assert found["rise_time"].valid


def test_pulse_when_the_transition_is_cut_off_then_it_is_not_taken_for_a_whole_one():
    x = np.concatenate([np.linspace(0.4, 1, 20), np.ones(N - 40), np.zeros(20)])
    found = pulse(x)
    assert not found["rise_time"].valid
    assert "isn't all in the window" in found["rise_time"].reason


@pytest.mark.parametrize("level", [0.0, 5.0])
def test_pulse_when_nothing_happens_then_invalid(level):
    assert {r.reason for r in pulse(np.full(N, level)).values()} == {"no two states in the window"}


def test_pulse_when_a_sample_is_nan_then_invalid():
    x = step(N, 100, 5.0)
    x[400] = math.nan
    found = measured("pulse", x, one(FS), **WHOLE)
    assert {r.reason for r in found.values()} == {"NaN or infinite samples"}


def test_pulse_when_windows_overlap_then_a_transition_between_two_is_whole_in_one():
    x = step(1000, 499.3, 5.0)
    readings = run_meter("pulse", x, one(FS), "ELECTRICAL", hop_s=250.0, **WHOLE)
    times = [(r.index, r.valid) for r in readings if r.quantity == "rise_time"]
    assert times == [(0, False), (250, True), (500, False)]


@pytest.mark.parametrize("parameters", [{"window_s": 15.0}, {"hop_s": 0.0}, {"band": 0.0},
                                        {"band": 0.5}])  # fmt: skip
def test_pulse_when_a_parameter_is_impossible_then_it_says_so(parameters):
    with pytest.raises(LabError, match="measure pulse"):
        kind("pulse").make(one(FS), **{**WHOLE, **parameters})

"""RMS, peak, mean, crest factor: against float64 and closed forms; gate 1e-5."""

import math

import numpy as np
import pytest
from waveforms import by_name, measured, one

from labs.electrical.meters import Window, kind
from labs.electrical.meters.run import run_meter
from labs.errors import LabError


@pytest.mark.parametrize("device", ["ELECTRICAL", "CPU"])
def test_rms_when_a_sine_with_offset_then_the_closed_forms(device):
    x = 3 + 325 * np.sin(2 * np.pi * 50 * np.arange(200) / 1e4)
    readings = run_meter("rms", x, one(), device, window_s=0.02)
    found = by_name(readings)
    assert [r.quantity for r in readings] == list(kind("rms").quantities)
    assert found["rms"].value == pytest.approx(math.hypot(3, 325 / math.sqrt(2)), rel=1e-6)
    assert found["mean"].value == pytest.approx(3, abs=1e-4)
    assert (found["minimum"].value, found["maximum"].value) == (-322, 328)
    assert found["peak"].value == 328
    assert found["crest"].value == pytest.approx(328 / found["rms"].value)
    assert (found["rms"].unit, found["crest"].unit) == ("V", "1")
    assert (found["rms"].t_start_s, found["rms"].t_end_s) == (0, 0.02)


@pytest.mark.parametrize(
    ("device", "n"), [("ELECTRICAL", 1), ("ELECTRICAL", 63), ("ELECTRICAL", 200), ("PYTHON", 70)]
)
def test_rms_when_any_length_then_as_float64_from_the_definition(device, n):
    x = np.random.default_rng(n).standard_normal(n).astype(np.float32)
    found = measured("rms", x, one(), device, window_s=n / 1e4)
    exact = x.astype(np.float64)
    expected = {
        "rms": np.sqrt((exact**2).mean()),
        "mean": exact.mean(),
        "peak": abs(exact).max(),
        "minimum": exact.min(),
        "maximum": exact.max(),
    }
    for name, value in expected.items():
        assert found[name].value == pytest.approx(value, rel=1e-6, abs=1e-7)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("where", [0, 199])
def test_rms_when_a_sample_is_no_number_then_nothing_is_valid(bad, where):
    x = np.ones(200)
    x[where] = bad
    found = measured("rms", x, one(), window_s=0.02)
    assert not any(r.valid for r in found.values())
    assert {r.reason for r in found.values()} == {"NaN or infinite samples"}
    assert all(math.isnan(r.value) for r in found.values())


def test_rms_when_there_is_no_signal_then_only_the_crest_factor_is_missing():
    found = measured("rms", np.zeros(200), one(), window_s=0.02)
    assert found["rms"].value == 0
    assert "rms is 0" in found.pop("crest").reason
    assert all(r.valid for r in found.values())


def test_rms_when_a_window_is_invalid_then_its_readings_are_and_the_next_are_not():
    x, valid = np.ones(600), np.ones(600, bool)
    valid[399] = False
    readings = run_meter("rms", x, one(), "ELECTRICAL", valid=valid, window_s=0.02)
    by_window = [{r.valid for r in readings if r.index == i} for i in (0, 200, 400)]
    assert by_window == [{True}, {False}, {True}]
    meter = kind("rms").make(one(), window_s=0.02)
    found = meter.read(np.zeros((4, 64)), Window(0, 200, (), False, "clipped samples"))
    assert {r.reason for r in found} == {"clipped samples"}


def test_rms_when_the_record_ends_in_a_window_then_there_is_no_reading_of_it():
    meter = kind("rms").make(one(), window_s=0.02)
    assert meter.due(199) is None
    assert meter.due(200) == meter.due(500) == Window(0, 200)
    assert run_meter("rms", np.ones(199), one(), "ELECTRICAL", window_s=0.02) == []


@pytest.mark.parametrize("window_s", [0, -1, 1e-9, math.nan, math.inf, "0.2", 1e9])
def test_rms_when_the_window_is_impossible_then_it_says_so(window_s):
    with pytest.raises(LabError, match=r"measure rms[\s\S]*Expected[\s\S]*samples"):
        kind("rms").make(one(), window_s=window_s)

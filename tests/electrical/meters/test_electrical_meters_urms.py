"""E1: the RMS of every half cycle, against float64 and closed forms; gate 1e-5."""

import numpy as np
import pytest
from supply import FS_HZ, RMS_V, setting, sine, values

from labs.electrical.meters.run import run_meter
from labs.errors import LabError

PARTS = ((5, 0.1, 1.0), (11, 0.05, 0.0))
TRUE_V = RMS_V * np.sqrt(1 + 0.1**2 + 0.05**2)


@pytest.mark.parametrize("frequency_hz", [50.0, 49.3, 42.5, 57.5])
def test_urms_when_any_frequency_then_the_closed_form_within_the_gate(frequency_hz):
    x = sine(frequency_hz, 0.7, PARTS, phase=0.3)
    readings = run_meter("urms_half", x, setting(), "ELECTRICAL")
    found = values(readings, "urms")
    assert len(found) == len(readings) >= 2 * frequency_hz * 0.7 - 12
    np.testing.assert_allclose(found, TRUE_V, rtol=1e-5)
    # half cycles begin at the fundamental's zero crossings
    first = (np.pi - 0.3) / (2 * np.pi * frequency_hz) * FS_HZ
    step = FS_HZ / frequency_hz / 2
    np.testing.assert_allclose(
        [r.index for r in readings], first + step * np.arange(len(found)), 0, 1
    )


@pytest.mark.parametrize("device", ["ELECTRICAL", "CPU"])
def test_urms_when_coherent_then_as_float64_from_the_definition(device):
    rng = np.random.default_rng(0)
    x = sine(50.0, 0.2, PARTS) * np.repeat(rng.uniform(0.5, 1.2, 20), 128)
    found = values(run_meter("urms_half", x, setting(), device, sampling="coherent"), "urms")
    energy = (x.astype(np.float32).astype(float) ** 2).reshape(-1, 128).mean(-1)
    expected = np.sqrt((energy[:-1] + energy[1:]) / 2)
    np.testing.assert_allclose(found, expected[: len(found)], rtol=1e-6)
    assert len(found) == 15


def test_urms_when_tiny_then_the_reference_device_agrees():
    small = setting(fs_hz=800.0)
    x = sine(50.0, 0.08, fs_hz=800.0)
    found = values(run_meter("urms_half", x, small, "PYTHON", sampling="coherent"), "urms")
    np.testing.assert_allclose(found, RMS_V, rtol=1e-6)


def test_urms_when_told_in_any_blocks_then_the_same_bits():
    x = sine(49.3, 0.4) + np.random.default_rng(2).normal(0, 1, 5120)
    whole = run_meter("urms_half", x, setting(), "ELECTRICAL")
    for block in (37, 1000):
        assert run_meter("urms_half", x, setting(), "ELECTRICAL", block=block) == whole


def test_urms_when_a_gap_then_only_what_touches_it_is_invalid():
    x = sine(49.3, 1.0, PARTS)
    valid = np.ones(len(x), bool)
    valid[5000:5060] = False
    x[5000:5060] = 1e4
    readings = run_meter("urms_half", x, setting(), "ELECTRICAL", valid=valid)
    bad = [r for r in readings if not r.valid]
    assert 1 <= len(bad) <= 2 and all(np.isnan(r.value) and r.reason for r in bad)
    np.testing.assert_allclose(values(readings, "urms"), TRUE_V, rtol=1e-5)
    for r in readings:
        assert not (r.valid and r.index < 5060 and r.index + r.count > 5000)


def test_urms_when_the_frequency_drifts_and_there_is_noise_then_it_is_followed():
    t = np.arange(int(FS_HZ * 2)) / FS_HZ
    x = RMS_V * np.sqrt(2) * np.sin(2 * np.pi * (49.5 * t + 0.25 * t**2))
    x += np.random.default_rng(3).normal(0, 1.0, len(t))
    found = values(run_meter("urms_half", x, setting(), "ELECTRICAL"), "urms")
    assert len(found) > 180
    np.testing.assert_allclose(found, RMS_V, rtol=2e-3)


def test_urms_when_a_sine_has_no_whole_number_of_samples_then_coherent_is_refused():
    with pytest.raises(LabError, match="use sampling: tracked"):
        run_meter("urms_half", np.zeros(100), setting(nominal_hz=60.0), sampling="coherent")
    with pytest.raises(LabError, match="higher sample rate"):
        run_meter("urms_half", np.zeros(100), setting(fs_hz=500.0))
    with pytest.raises(LabError, match="nominal frequency"):
        run_meter("urms_half", np.zeros(100), setting(nominal_hz=None))

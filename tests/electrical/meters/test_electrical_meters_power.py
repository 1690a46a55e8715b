"""E3: power and unbalance against closed forms; gate 1e-5. And frequency."""

import numpy as np
import pytest
from supply import RMS_V, setting, sine, values

from labs.electrical.blocks import Channel
from labs.electrical.meters import Setting
from labs.electrical.meters.run import run_meter
from labs.electrical.meters.unbalance import symmetrical_components

FS_HZ = 6400.0
UI = Setting(FS_HZ, (Channel("u", "V"), Channel("i", "A")), 50.0, RMS_V)


@pytest.mark.parametrize("frequency_hz", [50.0, 49.3])
def test_power_when_current_lags_and_has_harmonics_then_the_closed_form(frequency_hz):
    u = sine(frequency_hz, 0.5, ((3, 0.1, 0.0),), FS_HZ)
    i = sine(frequency_hz, 0.5, fs_hz=FS_HZ, phase=-np.pi / 6, rms=10.0)
    i += sine(3 * frequency_hz, 0.5, fs_hz=FS_HZ, phase=-0.4, rms=4.0)
    readings = run_meter("power", np.stack([u, i]), UI, "CPU")
    p = RMS_V * 10 * np.cos(np.pi / 6) + 0.1 * RMS_V * 4 * np.cos(0.4)
    s = RMS_V * np.sqrt(1.01) * np.sqrt(10**2 + 4**2)
    q1 = RMS_V * 10 * np.sin(np.pi / 6)
    for quantity, expected in (("p", p), ("s", s), ("q1", q1), ("pf", p / s)):
        found = values(readings, quantity)
        assert len(found) == 2
        np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert readings[0].channel == "u+i" and readings[0].unit == "W"


def test_power_when_there_is_no_current_then_the_power_factor_is_invalid():
    u = sine(50.0, 0.3, fs_hz=FS_HZ)
    readings = run_meter("power", np.stack([u, 0 * u]), UI, "CPU")
    assert values(readings, "p")[0] == 0 and len(values(readings, "pf")) == 0


def test_unbalance_when_three_phases_then_fortescue_within_the_gate():
    rms, angle = np.array([230.0, 220.0, 235.0]), np.array([0.2, -1.9, 2.3])
    x = [sine(50.0, 0.5, ((5, 0.06, 0.0),), FS_HZ, a, r) for r, a in zip(rms, angle, strict=True)]
    meter = setting(3, fs_hz=FS_HZ)
    readings = run_meter("unbalance", np.stack(x), meter, "ELECTRICAL", sampling="coherent")
    zero, positive, negative = abs(symmetrical_components(rms * np.exp(1j * angle)))
    expected = {"u2": 100 * negative / positive, "u0": 100 * zero / positive, "u1": positive}
    for quantity, value in expected.items():
        np.testing.assert_allclose(values(readings, quantity), [value] * 2, rtol=1e-5)


def test_symmetrical_components_when_balanced_then_one_sequence():
    a = np.exp(2j * np.pi / 3)
    np.testing.assert_allclose(
        symmetrical_components(np.array([1, a**2, a])), [0, 1, 0], atol=1e-15
    )
    np.testing.assert_allclose(
        symmetrical_components(np.array([1, a, a**2])), [0, 0, 1], atol=1e-15
    )


@pytest.mark.parametrize("frequency_hz", [50.0, 49.3, 42.5, 57.5])
def test_frequency_when_harmonics_and_noise_then_still_right(frequency_hz):
    x = sine(frequency_hz, 0.5, ((3, 0.2, 0.0), (5, 0.1, 1.0)), FS_HZ)
    one = setting(fs_hz=FS_HZ)
    clean = values(run_meter("frequency", x, one, "CPU"), "frequency")
    np.testing.assert_allclose(clean, frequency_hz, rtol=1e-6)
    x += np.random.default_rng(0).normal(0, 3.0, len(x))
    noisy = values(run_meter("frequency", x, one, "CPU"), "frequency")
    assert len(noisy) == len(clean) >= 1
    np.testing.assert_allclose(noisy, frequency_hz, atol=5e-3)


@pytest.mark.parametrize("frequency_hz", [35.0, 70.0])
def test_frequency_when_far_from_nominal_then_invalid(frequency_hz):
    x = sine(frequency_hz, 0.6, fs_hz=FS_HZ)
    readings = run_meter("frequency", x, setting(fs_hz=FS_HZ), "CPU")
    assert readings and not any(r.valid for r in readings)

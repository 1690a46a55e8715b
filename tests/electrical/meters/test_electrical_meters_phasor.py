"""E4: phasors against a closed form; gate: TVE 0.01% at the nominal frequency."""

import numpy as np
import pytest
from supply import setting, values

from labs.electrical.meters.run import run_meter


def signal(frequency_hz, fs_hz, seconds=0.5, harmonics=0.0):
    t = np.arange(round(fs_hz * seconds)) / fs_hz
    angle = 2 * np.pi * frequency_hz * t
    x = np.cos(angle + 0.3) + harmonics * (np.cos(2 * angle) + np.cos(3 * angle))
    return 100 * np.sqrt(2) * x


def tve(readings, frequency_hz, nominal_hz, rate_hz):
    middle = np.array([r.index + r.count // 2 for r in readings if r.quantity == "angle"])
    k = np.round(middle / setting_fs(readings) * rate_hz)
    found = values(readings, "magnitude") * np.exp(1j * np.radians(values(readings, "angle")))
    true = 100 * np.exp(1j * (0.3 + 2 * np.pi * (frequency_hz - nominal_hz) * k / rate_hz))
    return abs(found / true - 1).max()


def setting_fs(readings):
    return readings[0].count / (readings[0].t_end_s - readings[0].t_start_s)


@pytest.mark.parametrize(
    ("frequency_hz", "fs_hz", "nominal_hz", "rate_hz", "harmonics", "gate"),
    [
        (50.0, 6400.0, 50.0, 50, 0.0, 1e-6),
        (50.0, 6400.0, 50.0, 50, 0.1, 1e-6),
        (60.0, 10_000.0, 60.0, 30, 0.1, 1e-6),  # 166.67 samples in a cycle, 333.3 in a report
        (47.0, 6400.0, 50.0, 25, 0.0, 1e-6),
        (50.2, 6400.0, 50.0, 10, 0.1, 1e-3),
    ],
)
def test_phasor_when_steady_then_within_the_gate(
    frequency_hz, fs_hz, nominal_hz, rate_hz, harmonics, gate
):
    x = signal(frequency_hz, fs_hz, harmonics=harmonics)
    meter = setting(fs_hz=fs_hz, nominal_hz=nominal_hz)
    readings = run_meter("phasor", x, meter, "ELECTRICAL", rate_hz=rate_hz)
    assert len(readings) >= 4 * 3
    assert tve(readings, frequency_hz, nominal_hz, rate_hz) < gate
    np.testing.assert_allclose(values(readings, "frequency"), frequency_hz, atol=1e-2 * gate * 1e3)


def test_phasor_when_the_frequency_rises_then_frequency_and_rocof_follow():
    fs_hz, t = 6400.0, np.arange(6400) / 6400.0
    x = 100 * np.sqrt(2) * np.cos(2 * np.pi * (49.5 * t + 0.5 * t**2))
    readings = run_meter("phasor", x, setting(fs_hz=fs_hz), "ELECTRICAL", rate_hz=50)
    at = np.array([(r.t_start_s + r.t_end_s) / 2 for r in readings if r.quantity == "rocof"])
    np.testing.assert_allclose(values(readings, "frequency"), 49.5 + at, atol=1e-3)
    np.testing.assert_allclose(values(readings, "rocof"), 1.0, atol=5e-3)


def test_phasor_when_a_gap_or_nothing_then_those_reports_are_invalid():
    x = signal(50.0, 6400.0, 1.0)
    x[:2000] = 0
    valid = np.ones(6400, bool)
    valid[4000] = False
    readings = run_meter("phasor", x, setting(fs_hz=6400.0), "ELECTRICAL", valid=valid)
    for r in readings:
        touches = r.index <= 4000 < r.index + r.count
        assert r.valid == (not touches and r.index + r.count > 2256) or 1600 < r.index < 2100
        assert r.valid or (np.isnan(r.value) and r.reason)

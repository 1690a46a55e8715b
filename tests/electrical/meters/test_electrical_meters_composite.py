"""E0: what the parts say, from counts, in one pass."""

import numpy as np
import pytest
from waveforms import by_name, measured, one

from labs.electrical.meters.polyline import check_points, limits
from labs.electrical.meters.run import run_meter
from labs.electrical.meters.taps import low_pass

FS, SCALE, OFFSET = 10_000.0, 0.02, 1.5
POINTS = [[0, -310, 320], [0.02, -330, 300], [0.0399, -330, 325]]
PARAMETERS = {"window_s": 0.04, "cutoff_hz": 1000.0, "points": POINTS}
SETTING = one(FS, scale=SCALE, offset=OFFSET)


def counts(n):
    noise = np.random.default_rng(0).standard_normal(n) * 300
    return np.round(15_000 * np.sin(2 * np.pi * 50 * np.arange(n) / FS) + noise).astype(np.int16)


def expected(raw, window):
    y = np.convolve(raw * SCALE + OFFSET, low_pass(1000, FS), "valid")
    y = y[400 * window : 400 * (window + 1)]
    lower, upper = limits(check_points(POINTS), FS)
    parts = np.sqrt((y.reshape(4, 100) ** 2).mean(1))
    return {
        "rms": np.sqrt((y**2).mean()),
        "peak": np.abs(y).max(),
        "margin": max((y - upper).max(), (lower - y).max()),
        "urms_minimum": parts.min(),
        "urms_maximum": parts.max(),
    }


@pytest.mark.parametrize("device", ["ELECTRICAL", "CPU"])
def test_composite_when_counts_come_then_as_float64_from_the_definitions(device):
    raw = counts(863)
    readings = run_meter("composite", raw, SETTING, device, **PARAMETERS)
    for window in range(2):
        found = by_name(readings[5 * window : 5 * window + 5])
        for name, value in expected(raw, window).items():
            # 5e-6 of the RMS, the filter's gate; 1e-5 for what is an RMS itself
            gate = 1e-5 if "rms" in name else 5e-6
            assert found[name].value == pytest.approx(value, abs=gate * 215), name
    assert [r.index for r in readings[::5]] == [0, 400]


def test_composite_when_blocks_differ_then_the_same_bits():
    raw = counts(1300)
    whole = run_meter("composite", raw, SETTING, "ELECTRICAL", **PARAMETERS)
    assert run_meter("composite", raw, SETTING, "ELECTRICAL", block=77, **PARAMETERS) == whole


def test_composite_when_outside_of_the_mask_then_a_margin_above_0():
    raw = counts(463)
    raw[200:220] = 17_000  # 341.5 V, longer than the filter's rise
    found = by_name(run_meter("composite", raw, SETTING, "ELECTRICAL", **PARAMETERS))
    assert found["margin"].value > 10


def test_composite_when_there_is_no_mask_then_no_margin_and_nan_is_invalid():
    parameters = {k: v for k, v in PARAMETERS.items() if k != "points"}
    found = measured("composite", counts(463), SETTING, **parameters)
    assert "margin" not in found
    x = counts(463).astype(np.float32)
    x[250] = np.nan
    assert not any(r.valid for r in measured("composite", x, SETTING, **parameters).values())

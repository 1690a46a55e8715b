"""E5 as a meter: what a sine keeps of itself behind the filter, and windows with their history."""

import numpy as np
import pytest
from waveforms import FS_HZ, measured, one

from labs.electrical.meters import kind
from labs.electrical.meters.run import run_meter
from labs.electrical.meters.taps import low_pass
from labs.errors import LabError

WINDOW = {"window_s": 0.04, "cutoff_hz": 500.0}


@pytest.mark.parametrize("decimate", [1, 8])
def test_fir_meter_when_a_sine_then_its_rms_times_the_gain(decimate):
    n = np.arange(400 + 63)
    x = 230 * np.sqrt(2) * np.sin(2 * np.pi * 50 * n / FS_HZ) + 50 * np.sin(
        2 * np.pi * 4000 * n / FS_HZ
    )
    gain = abs(np.exp(-2j * np.pi * 50 / FS_HZ * np.arange(64)) @ low_pass(500, FS_HZ))
    rms, peak = run_meter("fir", x, one(), "ELECTRICAL", decimate=decimate, **WINDOW)
    assert rms.value == pytest.approx(230 * gain, rel=1e-3)  # what the stop band leaves
    assert peak.value == pytest.approx(230 * np.sqrt(2) * gain, rel=5e-3)
    assert (rms.index, rms.count) == (0, 463)


def test_fir_meter_when_blocks_differ_then_the_same_bits_and_a_spike_between_windows_is_seen():
    x = np.random.default_rng(0).standard_normal(1263)
    x[463] = 1000.0  # the last sample of window 0 is 462
    whole = run_meter("fir", x, one(), "ELECTRICAL", **WINDOW)
    assert run_meter("fir", x, one(), "ELECTRICAL", block=101, **WINDOW) == whole
    peaks = [r.value for r in whole if r.quantity == "peak"]
    assert [r.index for r in whole if r.quantity == "peak"] == [0, 400, 800]
    assert peaks[0] < 10 < peaks[1]
    assert peaks[1] == pytest.approx(1000 * low_pass(500, FS_HZ).max(), rel=0.02)


def test_fir_meter_when_a_sample_is_nan_then_it_is_invalid():
    x = np.ones(463)
    x[3] = np.nan  # in the history alone
    assert not any(r.valid for r in measured("fir", x, one(), **WINDOW).values())


@pytest.mark.parametrize(
    "parameters",
    [
        {"decimate": 0},
        {"decimate": 65},
        {"decimate": 1.5},
        {"taps": 1},
        {"cutoff_hz": 5000.0},
        {"window_s": 0},
    ],
)
def test_fir_meter_when_a_parameter_is_impossible_then_it_says_so(parameters):
    with pytest.raises(LabError, match="Expected"):
        kind("fir").make(one(), **parameters)

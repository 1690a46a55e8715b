"""E8: 0.01 dB and 0.002 bit against float64, and codes counted exactly."""

import math

import numpy as np
import pytest
from tinygrad import Tensor
from waveforms import by_name, measured, one

from labs.electrical.meters import kind
from labs.electrical.meters.adc import linearity
from labs.electrical.meters.counts import count_codes
from labs.electrical.meters.run import run_meter
from labs.electrical.meters.spectrum import factors, power_spectrum
from labs.errors import LabError

WINDOW, CYCLES, BITS = 1024, 31, 12
HALF = 2 ** (BITS - 1)
PARAMETERS = {"bits": BITS, "window": WINDOW, "cycles": CYCLES}
ANGLE = 2 * np.pi * CYCLES * np.arange(WINDOW) / WINDOW


def reference(x):
    """From all bins, in float64."""
    power = np.abs(np.fft.rfft(x.astype(np.float64))) ** 2
    power[-1] /= 2
    power[0] = 0
    sine = power[CYCLES]
    power[CYCLES] = 0
    folded = [min(h * CYCLES % WINDOW, -h * CYCLES % WINDOW) for h in range(2, 11)]
    sinad = 10 * np.log10(sine / power.sum())
    return {
        "sinad": sinad,
        "enob": (sinad - 1.76) / 6.02,
        "thd": 10 * np.log10(power[folded].sum() / sine),
        "sfdr": 10 * np.log10(sine / power.max()),
    }


def codes(extra=0.0, amplitude=HALF - 2):
    return np.round(amplitude * np.sin(ANGLE + 0.1) + extra).astype(np.int16)


@pytest.mark.parametrize("device", ["ELECTRICAL", "CPU"])
@pytest.mark.parametrize(
    "extra",
    [0.0, 0.7 + 3 * np.cos(3 * ANGLE) + np.sin(2 * ANGLE) / 2, 0.4 * np.cos(7 / 31 * ANGLE)],
)
def test_adc_when_a_coherent_sine_then_as_float64_within_the_gates(device, extra):
    x = codes(extra, HALF - 10)
    found = by_name(run_meter("adc", x, one(), device, **PARAMETERS))
    for name, value in reference(x).items():
        gate = 0.002 if name == "enob" else 0.01
        assert found[name].value == pytest.approx(value, abs=gate), name
    assert [found[q].unit for q in ("sinad", "enob", "dnl_max")] == ["dB", "bit", "LSB"]


def test_adc_when_ideal_then_the_closed_form_of_quantisation():
    found = by_name(run_meter("adc", codes(), one(), "ELECTRICAL", **PARAMETERS))
    ideal = 10 * math.log10((HALF - 2) ** 2 / 2 * 12)  # noise of 1/12 LSB^2
    assert found["sinad"].value == pytest.approx(ideal, abs=0.3)  # 1024 samples of that noise
    assert found["enob"].value == pytest.approx(12, abs=0.05)


def test_adc_when_distorted_then_the_closed_forms():
    x = codes(20 * np.sin(3 * ANGLE), HALF - 30)
    found = by_name(run_meter("adc", x, one(), "ELECTRICAL", **PARAMETERS))
    assert found["thd"].value == pytest.approx(20 * math.log10(20 / (HALF - 30)), abs=0.02)
    assert found["sfdr"].value == pytest.approx(-found["thd"].value, abs=0.02)


def test_adc_when_raw_counts_then_the_channels_scale_changes_nothing():
    setting = one(scale=0.5, offset=7.0)
    scaled = run_meter("adc", codes(), setting, "ELECTRICAL", **PARAMETERS)
    assert scaled == run_meter("adc", codes(), one(), "ELECTRICAL", **PARAMETERS)


@pytest.mark.parametrize("x", [np.zeros(WINDOW), np.cos(5 / 31 * ANGLE) * 1000])
def test_adc_when_the_sine_is_not_there_then_invalid(x):
    raw = np.round(x).astype(np.int16)
    found = by_name(run_meter("adc", raw, one(), "ELECTRICAL", **PARAMETERS))
    assert all("no sine of 31 cycles" in r.reason for r in found.values())


def test_adc_when_a_sample_is_nan_then_invalid():
    x = codes().astype(np.float32)
    x[17] = math.nan
    found = measured("adc", x, one(), **PARAMETERS)
    assert {r.reason for r in found.values()} == {"NaN or infinite samples"}


def test_linearity_when_one_code_is_wide_then_its_neighbour_is_not_and_it_is_found():
    edges = np.arange(-8, 9) / 8.5
    edges[9] += 0.5 / 8.5  # code 8 takes half of code 9
    levels = np.concatenate([[-1], edges[1:-1], [1]])
    share = np.diff(np.arcsin(levels) / np.pi)
    dnl, inl = linearity(np.round(share * 1e9).astype(np.int64))
    assert dnl == pytest.approx(0.5, abs=1e-5)
    assert inl == pytest.approx(0.5, abs=1e-5)
    edges[9] -= 0.5 / 8.5
    levels = np.concatenate([[-1], edges[1:-1], [1]])
    ideal = linearity(np.round(np.diff(np.arcsin(levels)) * 1e9).astype(np.int64))
    assert ideal == pytest.approx((0, 0), abs=1e-5)


def test_linearity_when_a_code_is_missing_then_dnl_1_and_when_too_few_then_the_reason():
    counts = np.full(16, 100)
    counts[7] = 0
    assert linearity(counts)[0] >= 1
    assert "fewer than 5" in linearity(np.array([0, 3, 3, 3, 0]))[0]


@pytest.mark.parametrize(("device", "n"), [("ELECTRICAL", 5000), ("CPU", 300), ("PYTHON", 40)])
def test_count_codes_then_exactly_as_bincount_and_outside_is_the_nearest(device, n):
    x = np.random.default_rng(n).integers(0, 64, n).astype(np.int32)
    x[:3] = [-5, 64, 1000]
    found = count_codes(Tensor(x, device=device), 64).numpy()
    assert found.tolist() == np.bincount(np.clip(x, 0, 63), minlength=64).tolist()


def test_power_spectrum_then_as_numpy():
    x = np.random.default_rng(0).standard_normal(60)
    found = power_spectrum(Tensor(x.astype(np.float32), device="ELECTRICAL")).numpy()
    expected = np.abs(np.fft.fft(x)) ** 2
    assert np.abs(found - expected).max() <= 1e-6 * expected.max()
    assert factors(60) == (6, 10)
    with pytest.raises(LabError, match="product of two numbers"):
        factors(10_007)


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({"bits": 1}, "2 to 16 bits"),
        ({"bits": 17}, "2 to 16 bits"),
        ({"bits": 12.0}, "2 to 16 bits"),
        ({"window": 10}, "64 to"),
        ({"window": 10_007}, "product of two"),
        ({"cycles": 512}, "below 512"),
        ({"cycles": 32}, "common factor"),
    ],
)
def test_adc_when_a_parameter_is_impossible_then_it_says_why(parameters, says):
    with pytest.raises(LabError, match=says):
        kind("adc").make(one(), **{**PARAMETERS, **parameters})

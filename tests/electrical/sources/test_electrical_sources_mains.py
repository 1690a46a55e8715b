import math

import numpy as np
import pytest
from joined import counts, joined

from labs.electrical.sources import (
    Clipping,
    Dip,
    Distortion,
    FrequencyRamp,
    FrequencyStep,
    NotANumber,
    PhaseStep,
    Spike,
    Supply,
    supply,
)
from labs.errors import LabError

FS = 10_240.0
EVERYTHING = {
    "duration_s": 2.1,
    "noise": 1.0,
    "harmonics": {3: (2.0, 30.0)},
    "interharmonics": {175.0: (1.0, 10.0)},
    "drift_hz_per_s": 0.5,
    "current_a": 5.0,
    "lag_deg": 30.0,
    "faults": (
        Dip(0.1, 0.05),
        Distortion(0.2, 0.1, percent=8),
        Spike(0.31, 0.001),
        NotANumber(0.35, 0.01, (1,)),
        Clipping(0.4, 0.1),
        PhaseStep(0.79, math.inf),
        FrequencyRamp(0.8, 0.3),
    ),
}


@pytest.mark.parametrize("more", [{}, {"full_scale_v": 600.0}])
def test_supply_in_blocks_of_any_length_then_the_same_bits(more):
    whole = counts(supply(**EVERYTHING, **more), 10**6)
    for length in (1009, 8192):
        parts = counts(supply(**EVERYTHING, **more), length)
        assert np.array_equal(whole, parts, equal_nan=not more)


def test_noise_with_another_seed_then_other_samples_and_between_phases_none_in_common():
    x = joined(supply(noise=1.0, nominal_v=1e-9, seed=1))
    assert not np.array_equal(x, joined(supply(noise=1.0, nominal_v=1e-9, seed=2)))
    assert np.abs(np.corrcoef(x) - np.eye(3)).max() < 0.05
    assert x.std() == pytest.approx(1.0, rel=0.02)
    (whole,) = supply(noise=1.0, nominal_v=1e-9, duration_s=2.0, phases=1).blocks()
    tiles = whole.samples[0][:16_384].reshape(2, 8192)  # two tiles, two parts of the generator
    assert abs(np.corrcoef(tiles)[0, 1]) < 0.05


def test_supply_then_its_samples_are_those_of_the_definition():
    s = Supply(duration_s=0.1, harmonics={5: (10.0, 40.0)}, unbalance=(1.0, 0.9, 1.1),
               interharmonics={130.0: (3.0, 0.0)}, current_a=10.0, lag_deg=60.0,
               current_harmonics={7: (20.0, 15.0)}, phase_deg=12.0)  # fmt: skip
    t = np.arange(s.length) / FS
    x = s.wave(0, s.length)
    for i, factor in enumerate(s.unbalance):
        angle = 2 * np.pi * 50 * t + math.radians(12) - 2 * np.pi * i / 3
        between = 0.03 * np.sin(2 * np.pi * 130 * t)
        u = np.sin(angle) + 0.1 * np.sin(5 * angle + math.radians(40)) + between
        assert np.abs(x[i] - 230 * math.sqrt(2) * factor * u).max() < 1e-9
        late = angle - math.radians(60)
        current = np.sin(late) + 0.2 * np.sin(7 * late + math.radians(15))
        assert np.abs(x[3 + i] - 10 * math.sqrt(2) * current).max() < 1e-10


def test_truth_then_what_float64_finds_in_the_samples():
    source = supply(duration_s=0.2, harmonics={3: (4.0, 20.0), 5: (3.0, 0.0)}, current_a=10.0,
                    lag_deg=30.0, current_harmonics={3: (50.0, 5.0)},
                    unbalance=(1.0, 0.95, 1.02))  # fmt: skip
    x, truth = source.signal.wave(0, source.length), source.truth
    spectrum = np.fft.rfft(x) / x.shape[1] * math.sqrt(2)
    u, i = x[0], x[3]
    rms = np.sqrt(np.mean(x * x, axis=1))
    assert truth.value("rms", "u2") == pytest.approx(rms[1], rel=1e-9)
    assert truth.value("rms", "i1") == pytest.approx(rms[3], rel=1e-9)
    assert truth.value("h3", "u1") == pytest.approx(100 * abs(spectrum[0, 30] / spectrum[0, 10]))
    assert truth.value("thds", "u1") == pytest.approx(5.0)
    assert truth.value("p", "u1+i1") == pytest.approx(np.mean(u * i), rel=1e-9)
    assert truth.value("s", "u1+i1") == pytest.approx(rms[0] * rms[3], rel=1e-9)
    turned = (spectrum[0, 10] * spectrum[3, 10].conj()).imag
    assert truth.value("q1", "u1+i1") == pytest.approx(turned, rel=1e-9)
    a = np.exp(2j * np.pi / 3)
    negative = np.dot([1, a * a, a], spectrum[:3, 10]) / np.dot([1, a, a * a], spectrum[:3, 10])
    assert truth.value("u2") == pytest.approx(100 * abs(negative), rel=1e-6)
    assert "rms" in truth._repr_html_() and truth.value("frequency") == 50
    with pytest.raises(KeyError):
        truth.value("h4")


@pytest.mark.parametrize(
    ("changes", "turned"),
    [
        ({"frequency_hz": 49.3}, lambda t: 49.3 * t),
        ({"drift_hz_per_s": 2.0}, lambda t: 50 * t + t * t),
        ({"faults": (FrequencyStep(0.2, 0.3, hz=-0.7),)},
         lambda t: 50 * t - 0.7 * np.clip(t - 0.2, 0, 0.3)),
        ({"faults": (FrequencyRamp(0.1, 0.4, hz_per_s=3.0),)},
         lambda t: 50 * t + np.cumsum(3.0 * np.clip(t - 0.1, 0, 0.4)) / FS),
        ({"faults": (PhaseStep(0.5, math.inf, degrees=30.0),)},
         lambda t: 50 * t + (t >= 0.5) / 12),
    ],
)  # fmt: skip
def test_frequency_and_phase_then_the_integral_of_what_was_ordered(changes, turned):
    s = Supply(phases=1, nominal_v=1.0, **changes)
    t = np.arange(s.length) / FS
    wanted = math.sqrt(2) * np.sin(2 * np.pi * turned(t))
    assert np.abs(s.wave(0, s.length)[0] - wanted).max() < 2e-3  # the sum is not the integral
    assert np.abs(s.wave(0, s.length)[0] - math.sqrt(2) * np.sin(2 * np.pi * 50 * t)).max() > 0.1


def test_supply_as_counts_then_the_nearest_and_cut_at_both_ends_of_the_scale():
    source = supply(full_scale_v=300.0, phases=1)  # peaks of 325 V
    x, exact = counts(source)[0], source.signal.wave(0, source.length)[0]
    scale = source.channels[0].scale
    assert x.dtype == np.int16 and x.min() == -32767 and x.max() == 32767
    inside = np.abs(exact) < 299.9
    assert np.abs(x[inside] * scale - exact[inside]).max() <= scale / 2 * (1 + 1e-9)
    assert source.channels[0].full_scale == 32767


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"fs_hz": math.nan}, "a sample rate and a duration"),
        ({"fs_hz": -1.0}, "a sample rate and a duration"),
        ({"duration_s": math.inf}, "a sample rate and a duration"),
        ({"harmonics": {150: (1.0, 0.0)}}, "orders"),
        ({"harmonics": {1: (1.0, 0.0)}}, "orders"),
        ({"interharmonics": {6000.0: (1.0, 0.0)}}, "interharmonics"),
        ({"unbalance": (1.0, 1.0)}, "2 factors"),
        ({"frequency_hz": 5120.0}, "5120"),
        ({"faults": (Dip(0.1, 0.1, (6,)),)}, "Dip on channels"),
        ({"faults": ("dip",)}, "'dip'"),
    ],
)
def test_supply_that_cannot_be_then_refused(wrong, words):
    with pytest.raises(LabError, match=words):
        supply(**wrong)

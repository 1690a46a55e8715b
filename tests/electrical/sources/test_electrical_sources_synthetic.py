import math

import numpy as np
import pytest
from scipy import signal as scipy_signal

from labs.electrical.blocks import values
from labs.electrical.sources import (
    Clipping,
    Distortion,
    DropOut,
    Level,
    NotANumber,
    Spike,
    converter,
    one_pole,
    second_order,
    stress,
    supply,
)
from labs.errors import LabError


def joined(source, length=65_536):
    return np.concatenate([values(b, source.channels) for b in source.blocks(length)], axis=1)


def everything(**more):
    faults = (Level(0.1, 0.05), Distortion(0.2, 0.1, percent=8), Spike(0.31, 0.001),
              NotANumber(0.35, 0.01, (1,)), Clipping(0.4, 0.1))  # fmt: skip
    return supply(duration_s=0.6, noise=1.0, harmonics={3: (2.0, 30.0)}, drift_hz_per_s=0.5,
                  current_a=5.0, lag_deg=30, faults=faults, **more)  # fmt: skip


@pytest.mark.parametrize("more", [{}, {"full_scale_v": 600.0}])
def test_signal_in_blocks_of_any_length_has_the_same_bits(more):
    whole = [b.samples for b in everything(**more).blocks()]
    for length in (1000, 777, 4096):
        parts = [b.samples for b in everything(**more).blocks(length)]
        assert np.array_equal(
            np.concatenate(whole, 1), np.concatenate(parts, 1), equal_nan=not more
        )


def test_supply_has_the_values_that_its_description_says():
    x = joined(supply(duration_s=0.2, current_a=10, lag_deg=60, harmonics={5: (10, 0)}))
    assert x.shape == (6, 2048) and x.dtype == np.float32
    u, i = x[0].astype(float), x[3].astype(float)
    spectrum = np.abs(np.fft.rfft(u)) / len(u) * math.sqrt(2)
    assert spectrum[10] == pytest.approx(230, rel=1e-6)
    assert spectrum[50] == pytest.approx(23, rel=1e-6)
    assert np.mean(u * i) == pytest.approx(230 * 10 * math.cos(math.pi / 3), rel=1e-5)
    assert np.abs(x[:3].sum(0)).max() < 1e-3 * 325  # the fifth is balanced, too


def test_faults_touch_their_samples_and_no_others():
    clean = joined(supply(duration_s=0.2, phases=1))[0]
    dip = Level(0.1, 0.04, factor=0.5)
    first, last = dip.span(10_240)
    got = joined(supply(duration_s=0.2, phases=1, faults=(dip,)))[0]
    assert np.array_equal(got[:first], clean[:first]) and np.array_equal(got[last:], clean[last:])
    assert np.allclose(got[first:last], clean[first:last] / 2, rtol=1e-6)
    blocks = list(supply(duration_s=0.2, phases=1, faults=(NotANumber(0.1, 0.01),)).blocks())
    assert (~blocks[0].valid).sum() == NotANumber(0.1, 0.01).span(10_240)[1] - 1024


def test_lost_samples_are_a_jump_of_the_index():
    blocks = list(supply(duration_s=0.3, faults=(DropOut(0.1, 0.05),)).blocks(600))
    first, last = DropOut(0.1, 0.05).span(10_240)
    ends = [b.index + b.length for b in blocks]
    assert first in ends and blocks[ends.index(first) + 1].index == last
    assert sum(b.length for b in blocks) == 3072 - (last - first)


def test_frequency_that_is_off_is_that():
    x = joined(supply(duration_s=1.0, phases=1, frequency_hz=49.3))[0].astype(float)
    crossings = np.flatnonzero((x[:-1] < 0) & (x[1:] >= 0))
    exact = crossings - x[crossings] / (x[crossings + 1] - x[crossings])
    periods = np.diff(exact).mean() / 10_240
    assert 1 / periods == pytest.approx(49.3, rel=1e-4)


def test_steps_are_those_of_their_closed_forms():
    y = joined(one_pole(1e-3, fs_hz=1e5, duration_s=0.02, at_s=1e-3))[0]
    assert y[100] == 0 and y[200] == pytest.approx(1 - math.exp(-1), rel=1e-6)
    z = 0.3
    y = joined(second_order(z, 1000, fs_hz=1e6, duration_s=0.01, at_s=0))[0]
    assert y.max() - 1 == pytest.approx(math.exp(-math.pi * z / math.sqrt(1 - z * z)), rel=1e-3)
    w = 2 * math.pi * 1000
    system = scipy_signal.TransferFunction([w * w], [1, 2 * z * w, w * w])
    _, reference = scipy_signal.step(system, T=np.arange(10_000) / 1e6)
    assert np.abs(y - reference).max() < 1e-5


def test_ideal_converter_reaches_its_bits():
    source = converter(12)
    (block,) = source.blocks()
    power = np.abs(np.fft.rfft(block.samples[0].astype(float))) ** 2
    rest = power[1:].sum() - power[63]
    enob = (10 * math.log10(power[63] / rest) - 1.76) / 6.02
    assert block.samples.dtype == np.int16 and 11.9 < enob < 12.1


def test_stress_is_the_same_at_every_length_and_costs_no_arithmetic():
    source = stress(fs_hz=1e6, duration_s=0.3)
    parts = np.concatenate([b.samples for b in source.blocks(7777)], 1)
    assert parts.shape == (1, 300_000) and parts.dtype == np.int16
    assert np.array_equal(parts[:, :65_536], parts[:, 65_536 : 2 * 65_536])
    assert all(b.samples.base is not None for b in source.blocks())


@pytest.mark.parametrize("fs_hz", [0.0, -1.0, math.nan, math.inf])
def test_rate_that_cannot_be_is_refused(fs_hz):
    with pytest.raises(LabError, match="sample rate"):
        converter(12, fs_hz=fs_hz)

"""E5: filters against float64 convolution and closed forms, bit by bit for any split."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tinygrad import Tensor

from labs.electrical.meters.taps import fir, low_pass
from labs.errors import LabError

GATE = 5e-6  # largest error / RMS


def filtered(x, taps, decimate=1, device="ELECTRICAL"):
    return fir(Tensor(np.ascontiguousarray(x, np.float32), device=device), taps, decimate).numpy()


@pytest.mark.parametrize(
    ("device", "n", "taps", "decimate"),
    [
        ("ELECTRICAL", 203, 64, 1),
        ("ELECTRICAL", 400, 64, 8),
        ("ELECTRICAL", 37, 33, 1),
        ("CPU", 165, 64, 1),
        ("CPU", 400, 64, 8),
        ("PYTHON", 3, 5, 2),
    ],
)
def test_fir_when_compared_with_float64_then_within_the_gate(device, n, taps, decimate):
    rng = np.random.default_rng(n)
    x = rng.standard_normal(n + taps - 1).astype(np.float32)
    h = low_pass(1000, 10_000, taps).astype(np.float32)
    exact = np.convolve(x.astype(np.float64), h.astype(np.float64), "valid")[::decimate]
    found = filtered(x, h, decimate, device)
    assert found.shape == exact.shape == (-(-n // decimate),)
    assert np.abs(found - exact).max() / np.sqrt((exact**2).mean()) <= GATE


def test_fir_when_an_impulse_comes_then_its_taps_go():
    h = np.arange(1.0, 65)
    x = np.zeros(128 + 63)
    x[63] = 1
    assert np.array_equal(filtered(x, h)[:64], h)
    tensors = [Tensor(v.astype(np.float32), device="ELECTRICAL") for v in (x, h)]
    assert np.array_equal(fir(*tensors).numpy()[:64], h)


@given(st.permutations([1, 37, 37, 128]))
@settings(max_examples=6, deadline=None)
def test_fir_when_a_signal_is_split_then_the_same_bits(lengths):
    x = np.random.default_rng(1).standard_normal(sum(lengths) + 63).astype(np.float32)
    h = low_pass(1000, 10_000)
    whole = filtered(x, h)
    start, parts = 0, []
    for length in lengths:
        parts.append(filtered(x[start : start + length + 63], h))
        start += length
    assert np.array_equal(np.concatenate(parts).view(np.int32), whole.view(np.int32))


def test_fir_when_decimated_and_split_at_kept_samples_then_the_same_bits():
    x = np.random.default_rng(2).standard_normal(400 + 63).astype(np.float32)
    h = low_pass(500, 10_000)
    parts = [filtered(x[a : b + 63], h, 8) for a, b in ((0, 8), (8, 400))]
    assert np.array_equal(np.concatenate(parts), filtered(x, h, 8))


def test_fir_when_on_another_device_then_splits_have_the_same_bits_too():
    x = np.random.default_rng(3).standard_normal(165 + 63).astype(np.float32)
    h = low_pass(1000, 10_000)
    parts = [filtered(x[a : b + 63], h, device="CPU") for a, b in ((0, 37), (37, 165))]
    assert np.array_equal(np.concatenate(parts), filtered(x, h, device="CPU"))


def test_low_pass_then_gain_1_at_0_half_at_the_cut_off_and_nothing_far_above():
    h = low_pass(1000, 10_000, 64)
    gain = np.abs(np.exp(-2j * np.pi * np.outer([0, 1000, 2000], np.arange(64)) / 10_000) @ h)
    assert gain[0] == pytest.approx(1, abs=1e-12)
    assert gain[1] == pytest.approx(0.5, abs=5e-3)
    assert gain[2] < 10 ** (-50 / 20)  # a Hamming window's side lobes
    assert np.allclose(h, h[::-1])  # linear phase


@pytest.mark.parametrize(
    ("cutoff", "taps"), [(0, 64), (5000, 64), (-1, 64), (np.nan, 64), (100, 1), (100, 9999)]
)
def test_low_pass_when_it_can_not_be_then_it_says_why(cutoff, taps):
    with pytest.raises(LabError, match="design a low-pass filter"):
        low_pass(cutoff, 10_000, taps)

import math

import numpy as np
import pytest
from joined import counts

from labs.electrical.sources import converter, stress
from labs.errors import LabError


def sinad(codes, cycles=63):
    power = np.abs(np.fft.rfft(codes.astype(float))) ** 2
    return 10 * math.log10(power[cycles] / (power[1:].sum() - power[cycles]))


@pytest.mark.parametrize(
    ("more", "gate"),
    [({}, 0.1), ({"noise_lsb": 0.5}, 0.1), ({"harmonics": {3: (0.1, 20.0)}}, 0.05)],
)
def test_converter_then_the_sinad_of_its_truth(more, gate):
    source = converter(12, window=16_384, **more)
    x = counts(source, 1000)[0]
    assert x.dtype == np.int16 and np.array_equal(x, counts(source)[0])
    assert sinad(x) == pytest.approx(source.truth.value("sinad"), abs=gate)


def test_converter_then_each_code_is_what_lies_above_it():
    source = converter(4, level=1.0, window=4096, cycles=1)
    x = counts(source)[0]
    exact = 8 * np.sin(2 * np.pi * np.arange(4096) / 4096)
    assert set(x) == set(range(-8, 8))
    inside = exact < 8
    rest = (exact - x)[inside]  # sin(pi) isn't 0 in float64: a code more or less there
    assert rest.min() >= -1e-12 and rest.max() <= 1 + 1e-12


def test_converter_with_a_missing_code_then_it_never_comes():
    x = counts(converter(6, missing=(5, 6)))[0]
    assert not {5, 6} & set(x) and {4, 7} <= set(x)


@pytest.mark.parametrize("wrong", [{"bits": 1}, {"bits": 17}, {"cycles": 2048}, {"level": 0.0},
                                   {"fs_hz": 0.0}])  # fmt: skip
def test_converter_that_cannot_be_then_refused(wrong):
    with pytest.raises(LabError):
        converter(**wrong)


def test_stress_then_the_same_at_every_length_and_views_of_one_buffer():
    source = stress(1e6, 0.3)
    parts = counts(source, 7777)
    assert parts.shape == (1, 300_000) and parts.dtype == np.int16
    assert np.array_equal(parts[:, :65_536], parts[:, 65_536 : 2 * 65_536])
    assert np.array_equal(parts, counts(source, 65_536))
    assert all(b.samples.base is not None for b in source.blocks())
    x = parts[0, :65_536] * 0.01
    assert source.truth.value("rms") == pytest.approx(math.sqrt(np.mean(x * x)))
    with pytest.raises(LabError, match="1 sample or more"):
        source.blocks(0).__next__()

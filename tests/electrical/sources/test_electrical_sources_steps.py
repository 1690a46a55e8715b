import math

import numpy as np
import pytest
from joined import joined
from scipy import signal as scipy_signal

from labs.electrical.sources import StepResponse, SyntheticSource, one_pole, second_order
from labs.errors import LabError


def test_one_pole_then_its_closed_form():
    source = one_pole(1e-3, fs_hz=1e5, duration_s=0.02, at_s=1e-3, low=-1.0, high=3.0)
    y = joined(source)[0]
    assert y[100] == -1 and y[200] == pytest.approx(3 - 4 * math.exp(-1), rel=1e-6)
    t = np.arange(len(y)) / 1e5
    at = [np.interp(level, y, t) for level in (-0.6, 1.0, 2.6)]
    assert at[2] - at[0] == pytest.approx(source.truth.value("rise_time"), abs=2e-6)
    assert at[1] == pytest.approx(source.truth.value("crossing_50"), abs=1e-6)


def test_second_order_then_that_of_scipy_and_its_overshoot():
    z = 0.3
    source = second_order(z, 1000, fs_hz=1e6, duration_s=0.01, at_s=0)
    y = joined(source)[0]
    assert 100 * (y.max() - 1) == pytest.approx(source.truth.value("overshoot"), rel=1e-3)
    w = 2 * math.pi * 1000
    system = scipy_signal.TransferFunction([w * w], [1, 2 * z * w, w * w])
    _, reference = scipy_signal.step(system, T=np.arange(10_000) / 1e6)
    assert np.abs(y - reference).max() < 1e-5


def test_train_then_the_sum_of_its_edges_in_blocks_of_any_length():
    s = StepResponse(tau_s=2e-4, period_s=2e-3, duration_s=0.02, at_s=5e-4)
    t = np.arange(s.length) / s.fs_hz - s.at_s
    wanted = sum((-1) ** k * s.response(t - k * 1e-3) for k in range(20))
    x = np.concatenate([b.samples for b in SyntheticSource(s).blocks(777)], 1)[0]
    assert np.abs(x - wanted).max() < 1e-6


@pytest.mark.parametrize(
    "wrong",
    [{}, {"tau_s": 0.0}, {"damping": 1.0, "natural_hz": 1.0}, {"damping": 0.5},
     {"tau_s": 1.0, "damping": 0.5, "natural_hz": 1.0}, {"tau_s": 1.0, "period_s": -1.0}],
)  # fmt: skip
def test_step_that_cannot_be_then_refused(wrong):
    with pytest.raises(LabError, match="damping"):
        StepResponse(**wrong)

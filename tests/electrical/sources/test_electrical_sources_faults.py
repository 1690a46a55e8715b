import math

import numpy as np
import pytest
from joined import joined

from labs.electrical.sources import (
    Clipping,
    Dip,
    Distortion,
    DropOut,
    Interruption,
    NotANumber,
    Spike,
    Swell,
    one_pole,
    supply,
)
from labs.errors import LabError

SUPPLY = {"duration_s": 0.2, "phases": 2}
CLEAN = supply(**SUPPLY).signal.wave(0, 2048)


@pytest.mark.parametrize(
    ("fault", "change"),
    [
        (Dip(0.1, 0.04, (1,), factor=0.5), lambda u, t: u / 2),
        (Swell(0.1, 0.04, (1,)), lambda u, t: 1.2 * u),
        (Interruption(0.1, 0.04, (1,)), lambda u, t: 0 * u),
        (Spike(0.1, 0.04, (1,), height=50.0), lambda u, t: u + 50),
        (Clipping(0.1, 0.04, (1,), level=100.0), lambda u, t: np.clip(u, -100, 100)),
        (NotANumber(0.1, 0.04, (1,)), lambda u, t: u * math.nan),
        (
            Distortion(0.1, 0.04, (1,), order=3, percent=10.0),
            lambda u, t: u + 23 * math.sqrt(2) * np.sin(3 * (2 * np.pi * 50 * t - np.pi)),
        ),
    ],
)
def test_fault_then_exactly_its_samples_are_changed(fault, change):
    source = supply(**SUPPLY, faults=(fault,))
    x, (first, last) = source.signal.wave(0, 2048), fault.span(source.fs_hz)
    assert (first, last) == (1024, 1434)
    part = np.arange(first, last)
    wanted = change(CLEAN[1, part], part / source.fs_hz)
    assert np.allclose(x[1, part], wanted, rtol=0, atol=1e-9, equal_nan=True)
    x[1, part] = CLEAN[1, part]
    assert np.array_equal(x, CLEAN)
    truth = source.truth.faults[0]
    assert (truth.index, truth.count, truth.channel) == (1024, 410, "u2")


def test_level_then_the_truth_calls_it_by_the_usual_thresholds():
    def names(*faults):
        return {r.quantity: r.value for r in supply(faults=faults).truth.faults}

    assert names(Dip(0.1, 0.2, factor=0.5)) == {"dip": 115.0, "dip_duration": 0.2}
    assert set(names(Interruption(0.1, 0.2))) == {
        "dip", "dip_duration", "interruption", "interruption_duration",
    }  # fmt: skip
    assert names(Swell(0.1, math.inf)) == pytest.approx({"swell": 276.0, "swell_duration": 0.9})
    assert names(Dip(0.1, 0.2, factor=0.95)) == {} and names(Dip(5.0, 1.0)) == {}


def test_samples_that_are_lost_then_a_jump_of_the_index_and_its_truth():
    gone = DropOut(0.1, 0.05)
    source = supply(duration_s=0.3, faults=(gone,))
    blocks = list(source.blocks(600))
    first, last = gone.span(10_240)
    ends = [b.index + b.length for b in blocks]
    assert first in ends and blocks[ends.index(first) + 1].index == last
    assert sum(b.length for b in blocks) == 3072 - (last - first)
    assert all(b.t0_s == b.index / b.fs_hz for b in blocks)
    assert source.truth.value("lost") == 0.05


def test_samples_lost_at_the_end_then_an_empty_block_behind_them():
    *_, block = supply(duration_s=0.3, faults=(DropOut(0.2, 1.0),)).blocks()
    assert (block.index, block.samples.shape) == (3072, (3, 0))


def test_nan_among_counts_then_marked_invalid():
    source = supply(duration_s=0.2, full_scale_v=600.0, faults=(NotANumber(0.1, 0.01, (2,)),))
    (block,) = source.blocks()
    assert block.samples.dtype == np.int16
    assert np.flatnonzero(~block.valid[2]).tolist() == list(range(1024, 1126))
    assert block.valid[:2].all()


@pytest.mark.parametrize("wrong", [(-0.1, 1.0), (math.nan, 1.0), (0.0, 0.0), (0.0, -1.0)])
def test_fault_that_cannot_be_then_refused(wrong):
    with pytest.raises(LabError, match="order Dip"):
        Dip(*wrong)


def test_fault_of_a_supply_on_a_step_then_refused():
    with pytest.raises(LabError, match="no fundamental"):
        one_pole(1e-3, faults=(Distortion(0.0, 1.0),))
    x = joined(one_pole(1e-3, faults=(Spike(2e-3, 1e-6, height=5.0),)))[0]
    assert np.argmax(x) == 2000

"""Notebook 05: what its judges take for right is right by another way, and its validators do pass
what they can't judge."""

import jupytext
import numpy as np
import pytest

from labs.errors import ExerciseError
from labs.grading import troubles
from labs.grading.checks import nb05
from labs.grading.judges import Wrong
from labs.paths import PROJECT_ROOT

SOURCE = PROJECT_ROOT / "solutions" / "05_electrical_capstone.py"


@pytest.fixture(scope="module")
def validators():
    """The notebook's six validators: its cells with that tag, executed."""
    found = {"np": np}
    for cell in jupytext.read(SOURCE, fmt="py:percent").cells:
        if "validators" in cell.metadata.get("tags", []):
            exec(cell.source, found)
    return {letter: found[f"validator_{letter.lower()}"] for letter in troubles.LETTERS}


@pytest.mark.parametrize("letter", troubles.LETTERS)
@pytest.mark.parametrize("good", [True, False])
def test_every_validator_passes_the_good_record_and_the_bad_one(letter, good, validators):
    assert validators[letter](*troubles.record(letter, good=good)) == "PASS"


def test_the_bad_records_are_outside_the_limits_that_the_validators_name():
    (urms,), (blocks,), (x,), (counts,), (burst,), (wave, fs) = (
        troubles.record(letter, good=False) for letter in troubles.LETTERS
    )
    assert np.isnan(urms).any()
    starts = [first for first, _ in blocks]
    assert max(np.diff(starts)) > len(blocks[0][1])  # a block is missing
    cycle = np.sqrt(np.square(x).reshape(-1, 200).mean(1))
    assert cycle.min() < 207
    assert (counts == 2047).any() and 2047 * 0.19 < 400  # the limit can't be reached
    whole = np.concatenate([samples for _, samples in burst])
    assert np.convolve(whole, np.ones(32) / 32, "valid").max() >= 30
    # 493 samples are 2.43 cycles of 49.3 Hz; 10,000 hold 49.3 cycles: a fit in place of a DFT
    t = np.arange(len(wave)) / fs
    basis = [f(2 * np.pi * 49.3 * h * t) for h in (1, 5) for f in (np.sin, np.cos)]
    a, b, c, d = np.linalg.lstsq(np.array(basis).T, wave, rcond=None)[0]
    assert np.hypot(c, d) / np.hypot(a, b) == pytest.approx(0.12)


def test_record_of_another_letter_refuses():
    with pytest.raises(ExerciseError, match="'G'"):
        troubles.record("G", good=True)


@pytest.mark.parametrize("seed", range(5))
def test_judge_of_dips_agrees_with_how_they_were_made(seed):
    question, events = nb05._made_dips(np.random.default_rng(seed))
    assert nb05._dips(*question) == events
    nb05.check_5_2(question, events)


@pytest.mark.parametrize("seed", range(3))
def test_judge_of_thds_agrees_with_the_amplitudes(seed):
    for y0, y1, percent in nb05._windows(np.random.default_rng(seed)):
        nb05.check_5_3((y0, y1), percent)
        with pytest.raises(Wrong):
            nb05.check_5_3((y0, y1), percent * 1.001)


@pytest.mark.parametrize("seed", range(3))
def test_judge_of_rise_times_agrees_with_the_closed_forms(seed):
    for x, low, high, fs, seconds in nb05._pulses(np.random.default_rng(seed)):
        ten = nb05._first_above(x.tolist(), low + 0.1 * (high - low), 0)
        ninety = None
        if ten is not None:
            ninety = nb05._first_above(x.tolist(), low + 0.9 * (high - low), ten)
        if seconds is None:
            assert ninety is None
        else:
            assert (ninety - ten) == pytest.approx(seconds * fs, abs=0.01)  # samples


def test_judge_of_the_pace_on_a_stream_that_falls_behind():
    # a block every 100 us that takes 150: each is 50 us later than the one before
    assert nb05._pace([150] * 5, 100) == (1.5, 5, 3)
    assert nb05._pace([60] * 4, 100) == (0.6, 0, 1)

"""labs.gpu.advice.verify: a recommendation is measured only when both ways are right."""

import numpy as np
import pytest
from tinygrad import Tensor

from labs.errors import LabError
from labs.gpu.advice import Recommendation, Trial
from labs.gpu.advice.verify import largest_error, within

QUICK = {"rounds": 2, "round_time_s": 0.002}


@pytest.fixture(scope="module")
def x():
    return Tensor(np.ones(64, np.float32), device="CPU").realize()


def recommend(trial):
    return Recommendation("memory", "r", "Do it.", (), None, "not derived", lambda: trial)


def trial_of(x, second, answer=2.0):
    functions = {"now": lambda: x + 1, "then": second}
    answers = {name: np.full(64, answer) for name in functions}
    return Trial("CPU", functions, answers, 1e-5, 1e-5)


def test_trial_when_both_are_right_then_compared(x):
    found = recommend(trial_of(x, lambda: 1 + x)).apply(**QUICK)
    assert found.word in ("faster", "slower", "not resolved")
    assert found.comparison.interleaved and found.errors == {"now": 0.0, "then": 0.0}


def test_trial_when_the_new_way_is_wrong_then_not_timed(x):
    found = recommend(trial_of(x, lambda: x + 2)).apply(**QUICK)
    assert found.word == "not applied" and not found.helped
    assert "values are off" in found.failure or "2 at index" in found.failure


def test_trial_when_it_cannot_be_prepared_then_the_reason():
    def broken():
        raise LabError("prepare", got="no room")

    rule = Recommendation("memory", "r", "Do it.", (), None, "", broken)
    assert rule.apply(**QUICK).failure == "no room"
    rule = Recommendation("memory", "r", "Do it.", (), None, "", lambda: 1 / 0)
    assert "ZeroDivisionError" in rule.apply(**QUICK).failure


@pytest.mark.parametrize(
    ("values", "error", "right"),
    [([1, 2, 3], 0.0, True), ([1, 2, 3.5], 0.5, False), ([1, 2, np.nan], np.inf, False)],
)
def test_error_then_the_largest_and_nan_is_wrong(values, error, right):
    result = Tensor(np.array(values, np.float32), device="CPU")
    answer = np.array([1.0, 2.0, 3.0])
    assert largest_error(result, answer) == error
    assert within(result, answer, 0.0, 0.1) is right


def test_error_when_of_another_size_then_infinite():
    assert largest_error(Tensor([1.0], device="CPU"), np.ones(2)) == np.inf

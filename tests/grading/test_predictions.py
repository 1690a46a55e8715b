"""Predictions: kept, compared in words, never a failure."""

import numpy as np
import pytest

from labs.errors import ExerciseError
from labs.grading import predict, reveal


def test_predict_and_reveal_show_both_and_the_ratio():
    assert "3.5 GB/s" in str(predict("1.2", 3.5, unit="GB/s"))
    shown = reveal("1.2", 18.6, unit="GB/s")
    assert shown.predicted == 3.5 and shown.ratio == pytest.approx(18.6 / 3.5)
    for text in (str(shown), shown._repr_html_()):
        assert "3.5 GB/s" in text and "18.6 GB/s" in text and "5.31x" in text
    assert "factor of 5.3 above" in shown.verdict


@pytest.mark.parametrize(
    ("predicted", "measured", "words"),
    [
        (10, 10, "Exactly"),
        (10, 10.5, "Close: 5% above"),
        (10, 9.5, "Close: 5% below"),
        (10, 20, "right order of magnitude: a factor of 2 above"),
        (10, 5, "a factor of 2 below"),
        (1, 1000, "surprise: a factor of 1,000 above"),
        (0, 5, "Not as predicted: 5 ms instead of 0 ms"),
        (-1, 5, "Not as predicted"),
        ("CL", "CPU", "Not as predicted: CPU instead of CL"),
        ("CPU", "CPU", "Exactly"),
        (True, np.bool_(False), "no instead of yes"),
        (10, None, "could not be measured"),
        (None, 5, "No prediction was made; measured: 5 ms"),
        (None, None, "could not be measured"),
    ],
)
def test_reveal_says_in_words_how_far_off(predicted, measured, words):
    predict("p", predicted, unit="ms")
    assert words in reveal("p", measured, unit="ms").verdict


def test_predict_without_a_value_is_no_failure_and_keeps_the_old_one():
    assert "No prediction for p" in str(predict("p"))
    predict("p", 3, unit="s")
    predict("p", None, unit="s")
    assert reveal("p", 3, unit="s").predicted == 3
    assert reveal("p", 3).unit == "s"


@pytest.mark.parametrize("number", [np.float32(0.5), np.int64(2), np.float64(3)])
def test_numpy_numbers_are_numbers(number):
    predict("p", number)
    assert reveal("p", number).predicted == float(number)


@pytest.mark.parametrize("wrong", [[1], float("nan"), float("inf"), 1j, object()])
def test_a_value_that_is_neither_number_nor_word_is_refused(wrong):
    with pytest.raises(ExerciseError, match="number, a word"):
        predict("p", wrong)
    with pytest.raises(ExerciseError, match="number, a word"):
        reveal("p", wrong)


@pytest.mark.parametrize(("measured", "unit"), [(3, "ms"), ("fast", "s")])
def test_reveal_when_kinds_or_units_differ_refuses(measured, unit):
    predict("p", 3, unit="s")
    with pytest.raises(ExerciseError, match="same kind and unit"):
        reveal("p", measured, unit=unit)


@pytest.mark.parametrize("wrong", [None, "", 3])
def test_a_prediction_needs_a_name(wrong):
    with pytest.raises(ExerciseError):
        predict(wrong, 3)

"""The register of judges, and the questions they draw."""

import pytest

from labs.errors import ExerciseError
from labs.grading.judges import judge, judge_of


def test_judge_of_when_registered_draws_the_same_questions_for_the_same_seed(fixture_exercises):
    one = judge_of("9.1")
    assert one.draw(5) == one.draw(5) != one.draw(6)


def test_judge_of_loads_the_notebooks_file_on_first_use():
    assert judge_of("1.3").draw(1) == judge_of("1.3").draw(1)


def test_judge_of_when_missing_says_where_to_add_it(fixture_exercises):
    with pytest.raises(ExerciseError, match=r'@judge\("77\.1"'):
        judge_of("77.1")


@pytest.mark.parametrize("drawn", [[], [1], (1,), None, [(object(),)], [[1]]])
def test_draw_when_the_questions_are_not_tuples_refuses(fixture_exercises, drawn):
    judge("9.9", questions=lambda rng: drawn)(lambda question, answer: None)
    with pytest.raises(ExerciseError, match=r"questions of exercise 9\.9"):
        judge_of("9.9").draw(1)

"""Hints come one after the other; progress adds up and ticks off objectives."""

import pytest

from labs.errors import ExerciseError
from labs.grading import check, hint, progress


@pytest.fixture(autouse=True)
def _exercises(fixture_exercises):
    pass


def test_hint_gives_the_next_each_time_and_stays_at_the_last():
    assert [hint("9.1").text for _ in range(4)] == ["How often?", "Twice.", "2 * x", "2 * x"]
    assert hint("9.2").level == 1  # each exercise counts for itself


def test_hint_when_a_level_is_given_shows_that_one():
    assert hint("9.1", level=2).text == "Twice."
    assert hint("9.1").level == 3 and progress().standing("9.1").hints == 3


@pytest.mark.parametrize("level", [0, 4, "1", True, 1.0])
def test_hint_when_the_level_is_unknown_refuses(level):
    with pytest.raises(ExerciseError, match="level from 1 to 3"):
        hint("9.1", level=level)


def test_hints_cost_nothing():
    hint("9.1")
    assert check("9.1", lambda n: 2 * n).points == 2 == progress().points


def test_progress_adds_points_and_keeps_a_pass():
    assert (progress().points, progress().max_points) == (0, 9)
    check("9.1", lambda n: 2 * n)
    check("9.1", lambda n: n)
    check("9.3", lambda v, f: v)
    at = progress()
    assert at.points == 2 and at.standing("9.1").status == "passed"
    assert at.standing("9.1").attempts == 2 and at.standing("9.3").status == "failed"
    for text in (str(at), at._repr_html_()):
        assert "2 of 9 points" in text and "✓ passed" in text and "✗ failed" in text
        assert "○ not-attempted" in text


def test_an_objective_is_reached_when_every_exercise_behind_it_is_passed():
    check("9.1", lambda n: 2 * n)
    doubling, scaling = progress().objectives
    assert doubling.exercises == ("9.1", "9.2") and not doubling.reached
    check("9.2", "kernel")
    doubling, scaling = progress().objectives
    assert doubling.reached and not scaling.reached
    text = str(progress().self_assessment())
    assert "1 of 2" in text and "✓ yes" in text and "○ not yet" in text and "9.1, 9.2" in text


def test_progress_of_one_notebook():
    assert len(progress(9).exercises) == 3
    with pytest.raises(ExerciseError, match="notebook 4"):
        progress(4)


def test_progress_when_the_state_cannot_be_written_says_so(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("COURSE_STATE", str(tmp_path / "file" / "p.sqlite"))
    assert "not kept" in str(progress())
    assert "not kept" in str(hint("9.1"))

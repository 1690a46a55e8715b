"""The five questions: answered by passed exercises only, and every exercise counts once."""

import pytest

from labs.errors import ExerciseError
from labs.grading import check, self_assessment
from labs.grading.assessment import FILE
from labs.grading.catalogue import all_exercises

TEXT = """
[[question]]
text = "Can I double?"
exercises = ["9.2", "9.1"]

[[question]]
text = "Can I <scale>?"
exercises = ["9.3"]
"""


@pytest.fixture
def questions(tmp_path, fixture_exercises):
    path = tmp_path / "questions.toml"
    path.write_text(TEXT, encoding="utf-8")
    return path


def test_the_courses_questions_are_five_and_every_exercise_is_behind_one():
    answers = self_assessment().answers
    assert len(answers) == 5
    assert all(a.question.startswith("Can I ") and a.question.endswith("?") for a in answers)
    behind = [e.id for a in answers for e in a.exercises]
    assert sorted(behind) == sorted(e.id for e in all_exercises())
    assert FILE.exists()


def test_self_assessment_when_nothing_is_passed_says_not_yet(questions):
    found = self_assessment(questions)
    assert [a.word for a in found.answers] == ["not yet", "not yet"] and found.reached == 0
    assert "0 of 5" in str(found) and "9.1, 9.2" in str(found)


def test_self_assessment_then_answers_follow_what_was_passed(questions):
    check("9.1", lambda n: 2 * n)
    check("9.3", lambda values, factor: values)  # wrong: it doesn't count
    first, second = self_assessment(questions).answers
    assert (first.word, first.points, first.missing) == ("partly", 2, ("9.2",))
    assert (second.word, second.points) == ("not yet", 0)
    check("9.2", "kernel")
    found = self_assessment(questions)
    assert found.answers[0].word == "yes" and found.reached == 1
    assert "1 of 2 questions" in str(found) and "✓ yes" in str(found)


def test_self_assessment_bar_is_full_only_with_every_point(questions):
    check("9.2", "kernel")
    assert self_assessment(questions).answers[0].bar == "██████░░░░"
    check("9.1", lambda n: 2 * n)
    assert self_assessment(questions).answers[0].bar == "█" * 10


def test_self_assessment_html_is_escaped(questions):
    html = self_assessment(questions)._repr_html_()
    assert "<scale>" not in html and "&lt;scale&gt;" in html


@pytest.mark.parametrize(
    ("old", "new", "told"), [("9.3", "9.8", "'9.8', which is none"), ("9.3", "9.1", "twice")]
)
def test_self_assessment_when_the_file_is_wrong_refuses(questions, old, new, told):
    questions.write_text(TEXT.replace(old, new), encoding="utf-8")
    with pytest.raises(ExerciseError, match=told):
        self_assessment(questions)

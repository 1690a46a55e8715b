"""The exercise files: the course's own, and every way of breaking one."""

import pytest

from labs.errors import ExerciseError
from labs.grading import catalogue

GOOD = {
    "id": '"9.1"',
    "title": '"T"',
    "answer": '"f"',
    "points": "2",
    "objective": '"I can."',
    "hints": '["a", "b", "c"]',
}


def _file(tmp_path, text=None, notebook='"09_x"', **fields):
    rows = {k: v for k, v in (GOOD | fields).items() if v is not None}
    body = "\n".join(f"{k} = {v}" for k, v in rows.items())
    path = tmp_path / "09.toml"
    path.write_text(text or f"notebook = {notebook}\n[[exercise]]\n{body}\n", encoding="utf-8")
    return path


def test_load_file_when_sound_gives_exercises(tmp_path):
    (one,) = catalogue.load_file(_file(tmp_path))
    assert (one.id, one.grade_id, one.number, one.kind) == ("9.1", "ex-9-1", 9, "code")
    assert one.hints == ("a", "b", "c") and one.notebook == "09_x"


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("id", '"8.1"', '"9.<number>"'),
        ("id", '"9.01"', '"9.<number>"'),
        ("id", "9.1", "as text"),
        ("title", '" "', "a text"),
        ("objective", "3", "a text"),
        ("answer", '"not a name"', "function"),
        ("answer", '"class"', "function"),
        ("points", "0", "above 0"),
        ("points", "true", "above 0"),
        ("points", "2.5", "above 0"),
        ("hints", '["a", "b"]', "3 texts"),
        ("hints", '["a", "b", ""]', "3 texts"),
        ("hints", '"abc"', "3 texts"),
        ("kind", '"essay"', "code, prediction, choice"),
        ("colour", '"red"', "only id"),
        ("hints", None, "to be there"),
        ("title", None, "to be there"),
    ],
)
def test_load_file_when_a_field_is_wrong_names_file_exercise_field(
    tmp_path, field, value, expected
):
    with pytest.raises(ExerciseError) as caught:
        catalogue.load_file(_file(tmp_path, **{field: value}))
    message = str(caught.value)
    assert "09.toml" in message and f"field {field}" in message
    assert expected in caught.value.expected and caught.value.got and caught.value.next_step


@pytest.mark.parametrize(
    "text",
    ["notebook = ", "[[exercise]]\n", 'notebook = "09_x"\nexercise = 3', 'notebook = "09_x"\nx = 1',
     'notebook = "07_x"\n[[exercise]]\nid = "9.1"', 'notebook = "09_x"\nexercise = []'],
)  # fmt: skip
def test_load_file_when_the_file_is_broken_names_it(tmp_path, text):
    with pytest.raises(ExerciseError, match=r"09\.toml"):
        catalogue.load_file(_file(tmp_path, text))


def test_load_file_when_an_id_is_used_twice_refuses(tmp_path):
    text = _file(tmp_path).read_text()
    twice = text + text.split("\n", 1)[1]
    with pytest.raises(ExerciseError, match="field id"):
        catalogue.load_file(_file(tmp_path, twice))


def test_load_file_when_not_text_names_it(tmp_path):
    path = _file(tmp_path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ExerciseError, match=r"09\.toml"):
        catalogue.load_file(path)


@pytest.mark.parametrize("wrong", ["9.9", "", 9.1, None, ["9.1"]])
def test_exercise_when_unknown_lists_the_known(fixture_exercises, wrong):
    with pytest.raises(ExerciseError) as caught:
        catalogue.exercise(wrong)
    assert "9.1, 9.2, 9.3" in caught.value.expected


def test_exercise_when_there_are_no_files_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(catalogue, "FOLDER", tmp_path / "none")
    with pytest.raises(ExerciseError, match="no exercise files"):
        catalogue.exercise("9.1")


def test_course_exercises_are_sound_and_in_order():
    ids = [tuple(map(int, e.id.split("."))) for e in catalogue.all_exercises()]
    assert ids == sorted(ids) and len(ids) == len(set(ids))
    assert catalogue.all_exercises() is catalogue.all_exercises()  # read once

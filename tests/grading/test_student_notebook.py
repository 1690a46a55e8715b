"""The reader's notebook file: found by id, tag and metadata; broken files said clearly."""

import json

import pytest

from labs.errors import ExerciseError
from labs.grading.catalogue import exercise
from labs.grading.student_notebook import cells_for, notebook_path, read_cells


def cell(source, kind="code", **fields):
    return {"cell_type": kind, "source": source, "metadata": {}, **fields}


def answer(source, grade_id="ex-9-1", **fields):
    return cell(source, metadata={"nbgrader": {"grade_id": grade_id}}, **fields)


@pytest.fixture
def one(fixture_exercises):
    return exercise("9.1")


def test_cells_for_finds_set_up_and_answer_anywhere(one, tmp_path):
    cells = [
        answer("right", source_list=1), cell("a", metadata={"tags": ["setup"]}),
        cell(["b\n", "c"], metadata={"tags": ["setup", "x"]}), answer("other", "ex-9-2"),
    ]  # fmt: skip
    found = cells_for(one, cells)
    assert found.setup == ("a", "b\nc") and found.answer == "right" and not found.warning


def test_cells_for_when_the_metadata_is_gone_goes_by_the_cell_id(one):
    assert cells_for(one, [cell("right", id="ex-9-1"), cell("x", id="y")]).answer == "right"


def test_cells_for_when_copied_takes_the_last_and_warns(one):
    found = cells_for(one, [answer("old"), answer("new", id="other")])
    assert found.answer == "new" and "2 cells" in found.warning


def test_cells_for_when_missing_has_none(one):
    assert cells_for(one, [cell("x")]).answer is None


ODD_CELLS = [
    {"cell_type": "code"},
    cell(None),
    cell(3, metadata=[]),
    cell([1, "a"], metadata={"tags": "setup", "nbgrader": 1}),
]


@pytest.mark.parametrize("odd", ODD_CELLS)
def test_cells_for_when_a_cell_is_odd_goes_on(one, odd):
    assert cells_for(one, [odd, answer("right")]).answer == "right"


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"cells": 3}', "[" * 100_000])
def test_read_cells_when_not_a_notebook_says_what_to_do(tmp_path, text):
    path = tmp_path / "09_fixture.ipynb"
    path.write_text(text)
    with pytest.raises(ExerciseError, match=r"09_fixture\.ipynb") as caught:
        read_cells(path)
    assert "save it" in caught.value.next_step


def test_read_cells_when_missing_says_so(tmp_path):
    with pytest.raises(ExerciseError, match="No such file"):
        read_cells(tmp_path / "none.ipynb")


def test_read_cells_gives_code_cells_only(tmp_path, one):
    path = tmp_path / "n.ipynb"
    path.write_text(json.dumps({"cells": [cell("# T", "markdown"), cell("x"), 3]}))
    assert [c["source"] for c in read_cells(path)] == ["x"]
    assert notebook_path(one, tmp_path) == tmp_path / "09_fixture.ipynb"

"""Notebooks: stable bytes and ids, nbgrader's metadata, cells that fit their exercise."""

import json

import nbformat
import pytest

from labs.build.cells import solution_notebook, student_notebook, to_bytes
from labs.build.source import read_source
from labs.errors import BuildError

NAME = "01_backend_architecture"


def both(text):
    source = read_source(NAME, text)
    return student_notebook(source), solution_notebook(source)


def test_two_builds_give_the_same_bytes_in_the_agreed_form(source_text):
    first, second = (to_bytes(both(source_text)[0]) for _ in range(2))
    assert first == second and first.endswith(b"}\n") and first.startswith(b'{\n "cells"')
    data = json.loads(first)
    assert (data["nbformat"], data["nbformat_minor"]) == (4, 5)
    assert data["metadata"]["kernelspec"]["name"] == "python3"
    assert "äöü" in first.decode() and "lines_to_next_cell" not in first.decode()


def test_student_and_solution_differ_only_in_the_marked_regions(source_text):
    student, solution = both(source_text)
    nbformat.validate(student)
    for left, right in zip(student.cells, solution.cells, strict=True):
        assert (left.id, left.metadata) == (right.id, right.metadata)
        if "nbgrader" not in left.metadata:
            assert left.source == right.source
    assert all(not c.outputs for c in student.cells if c.cell_type == "code")


def test_ids_stay_when_a_cell_is_inserted_or_repeated(source_text):
    before = [c.id for c in both(source_text)[0].cells]
    text = source_text.replace('# %% tags=["setup"]', '# %%\nprint("last")\n\n# %% tags=["setup"]')
    after = [c.id for c in both(text)[0].cells]
    assert set(before) < set(after) and len(after) == len(set(after)) == len(before) + 1
    assert "ex-1-3" in before and "ex-1-3-check" in before


# nbgrader's metadata validator (nbgraderformat/v3.py): these fields, this version
REQUIRED = {"grade", "grade_id", "locked", "schema_version", "solution", "task"}


def test_nbgrader_metadata_is_schema_3(source_text):
    found = {c.id: c for c in both(source_text)[0].cells if "nbgrader" in c.metadata}
    assert set(found) == {"ex-1-3", "ex-1-3-check"}
    for cell in found.values():
        meta = cell.metadata["nbgrader"]
        assert set(meta) - {"points"} == REQUIRED and meta["schema_version"] == 3
        assert meta["grade_id"] == cell.id and cell.cell_type == "code"
        assert all(type(meta[f]) is bool for f in ("grade", "locked", "solution", "task"))
        assert ("points" in meta) == meta["grade"] != meta["solution"] == (not meta["locked"])
    assert found["ex-1-3-check"].metadata["nbgrader"]["points"] == 4


ANSWER = 'tags=["answer", "ex-1-3"]'
CHECK = 'tags=["check", "ex-1-3"]'


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (ANSWER, 'tags=["answer"]', "two tags"),
        (ANSWER, 'tags=["ex-1-3"]', "two tags"),
        (ANSWER, 'tags=["answer", "check", "ex-1-3"]', "two tags"),
        (ANSWER, 'tags=["answer", "ex-1-3", "ex-1-4"]', "two tags"),
        (ANSWER, 'tags=["answer", "ex-9-9"]', "one of 1.1"),
        (ANSWER, "", 'tags=["answer", "ex-..."]'),
        (CHECK, "", 'tags=["answer", "ex-..."]'),
        (CHECK, ANSWER, "BEGIN SOLUTION region"),
        (ANSWER, CHECK, "no solution in a check cell"),
        ("def matmul_cost", "def other", "function matmul_cost"),
        ('check("1.3", matmul_cost)', 'check("1.2", matmul_cost)', 'check("1.3", matmul_cost)'),
        ('check("1.3", matmul_cost)', 'check("1.3", print)', 'check("1.3", matmul_cost)'),
        ('check("1.3", matmul_cost)', "print(1)", 'check("1.3", matmul_cost)'),
        ("# %% [markdown]\n", '# %% [markdown] tags=["answer", "ex-1-3"]\n', "a code cell"),
    ],
)
def test_solution_notebook_when_a_cell_does_not_fit_refuses(source_text, old, new, told):
    assert old in source_text
    with pytest.raises(BuildError) as caught:
        both(source_text.replace(old, new, 1))
    assert told in caught.value.expected and NAME in str(caught.value)


def test_solution_notebook_when_an_exercise_comes_twice_refuses(source_text):
    cell = '\n# %% tags=["check", "ex-1-3"]\ncheck("1.3", matmul_cost)\n'
    with pytest.raises(BuildError, match="one cell for this exercise"):
        both(source_text + cell)


def test_solution_notebook_when_the_exercise_belongs_elsewhere_refuses(source_text):
    with pytest.raises(BuildError, match="an exercise of 02_other"):
        solution_notebook(read_source("02_other", source_text))

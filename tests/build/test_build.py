"""The whole build: files written, outputs kept, drift of every kind found."""

import json
import re

import pytest

from labs.build import main_build
from labs.errors import BuildError

NAME = "01_backend_architecture"
STUDENT, SOLUTION = f"notebooks/{NAME}.ipynb", f"solutions/{NAME}.ipynb"


def edit(path, change):
    data = json.loads(path.read_text(encoding="utf-8"))
    change(data)
    path.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def drift(course):
    with pytest.raises(BuildError) as caught:
        main_build(check=True, root=course)
    return caught.value.got


@pytest.fixture
def built(course):
    """The course as if it had been executed, without starting a kernel for every test."""
    main_build(root=course)
    digest = _digest(course)

    def run(data):
        data["metadata"]["course"] = {"code": digest}
        for number, cell in enumerate(c for c in data["cells"] if c["cell_type"] == "code"):
            cell["execution_count"] = number + 1
            cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": ["ok\n"]}]

    edit(course / SOLUTION, run)
    assert main_build(check=True, root=course) == ()
    return course


def _digest(course):
    from labs.build.drift import code_digest, read_notebook

    return code_digest(read_notebook(course / SOLUTION))


def test_main_build_writes_both_and_says_so(course):
    lines = main_build(root=course)
    assert lines[0].startswith(f"{STUDENT}: written") and "holes: 1" in lines[0]
    assert lines[1].startswith(f"{SOLUTION}: written") and "4 cells not executed" in lines[1]
    assert "unchanged" in main_build(["01"], root=course)[0]
    assert not list(course.glob("*/.*"))


def test_main_build_when_not_executed_keeps_the_outputs_of_unchanged_cells(built):
    before = (built / SOLUTION).read_bytes()
    assert "outputs kept" in main_build(root=built)[1]
    assert (built / SOLUTION).read_bytes() != b"" and "unchanged" in main_build(root=built)[1]
    source = built / "solutions" / f"{NAME}.py"
    source.write_text(source.read_text().replace('"last"', '"changed"'))
    assert "1 cells not executed" in main_build(root=built)[1]
    assert "not executed" in drift(built) and before


def test_check_when_something_was_never_built_names_it(course):
    found = drift(course)
    assert f"DRIFT {STUDENT} is missing" in found and f"DRIFT {SOLUTION} is missing" in found


@pytest.mark.parametrize(
    ("file", "change", "told"),
    [
        (STUDENT, lambda d: d["cells"][1]["source"].append("#"), "source of cell 2"),
        (STUDENT, lambda d: d["cells"].pop(), "has 4 cells, its source 5"),
        (STUDENT, lambda d: d["cells"][0].update(id="other"), "id of cell 1"),
        (STUDENT, lambda d: d["cells"][3]["metadata"]["nbgrader"].update(points=9), "metadata"),
        (STUDENT, lambda d: d["metadata"].update(x=1), "notebook's metadata"),
        (STUDENT, lambda d: d["cells"][4].update(execution_count=3), "differs"),
        (SOLUTION, lambda d: d["cells"][2]["source"].append("#"), "source of cell 3"),
        (SOLUTION, lambda d: d["cells"][4].update(execution_count=None), "not executed"),
        (SOLUTION, lambda d: d["metadata"].pop("course"), "earlier version"),
        (SOLUTION, lambda d: d["metadata"]["course"].update(code="0"), "earlier version"),
        (
            SOLUTION,
            lambda d: d["cells"][4].update(outputs=[
                {"output_type": "error", "ename": "E", "evalue": "", "traceback": []}]),
            "an error in the outputs",
        ),
    ],
)  # fmt: skip
def test_check_when_a_file_was_changed_says_where(built, file, change, told):
    edit(built / file, change)
    assert told in drift(built) and f"DRIFT {file}" in drift(built)


def test_check_ignores_what_the_outputs_say(built):
    edit(built / SOLUTION, lambda d: d["cells"][4]["outputs"][0].update(text=["other\n"]))
    assert main_build(check=True, root=built) == ()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"cells": 3}'])
def test_check_when_a_file_is_broken_says_so(built, content):
    for file in (STUDENT, SOLUTION):
        (built / file).write_text(content)
        assert f"DRIFT {file}" in drift(built)
    main_build(root=built)  # and a build heals it
    assert DRIFT_FREE not in drift(built)


DRIFT_FREE = f"DRIFT {STUDENT}"


def test_check_when_the_source_changed_says_so(built):
    source = built / "solutions" / f"{NAME}.py"
    source.write_text(source.read_text() + "\n# %%\n1\n")
    assert "has 5 cells, its source 6" in drift(built)


def test_check_when_the_source_is_gone_names_the_orphans(built):
    (built / "solutions" / f"{NAME}.py").rename(built / "solutions" / "notes.py")
    assert f"DRIFT {STUDENT} has no source" in drift(built)


def test_main_build_when_the_name_is_unknown_lists_the_known(course):
    with pytest.raises(BuildError, match=f"one of {NAME}"):
        main_build(["07"], root=course)
    assert main_build([f"solutions/{NAME}.py"], root=course)


@pytest.mark.slow
def test_main_build_with_execute_keeps_real_outputs(course):
    source = course / "solutions" / f"{NAME}.py"
    # a hidden test at the end of a check cell would leave nothing to show
    source.write_text(re.sub(r"### BEGIN HIDDEN(.|\n)*END HIDDEN TESTS", "", source.read_text()))
    lines = main_build(execute=True, root=course)
    assert "executed" in lines[1] and main_build(check=True, root=course) == ()
    text = (course / SOLUTION).read_text(encoding="utf-8")
    assert "passed · 1.3" in text and '"last\\n"' in text
    for unwanted in ("iopub", "widgets", "ipykernel_", str(course)):
        assert unwanted not in text

"""`course check` on saved notebooks: every way in which a reader's cells can end."""

import json
import os

import pytest

from labs.errors import ExerciseError
from labs.grading import check_command, check_saved, command, progress

RIGHT = "return 2 * m * k * n, itemsize * (m * k + k * n + m * n)"
HEAD = "def matmul_cost(m, k, n, itemsize):\n    "


@pytest.fixture
def save(tmp_path):
    """Write a notebook with a set-up cell and the answer cell of exercise 1.3 of the course."""

    def write(source, setup=""):
        def cell(text, **metadata):
            return {"cell_type": "code", "source": text, "metadata": metadata}

        cells = [cell(setup, tags=["setup"]), cell(source, nbgrader={"grade_id": "ex-1-3"})]
        path = tmp_path / "01_backend_architecture.ipynb"
        path.write_text(json.dumps({"cells": cells}), encoding="utf-8")
        return path

    return write


@pytest.fixture
def run(save, tmp_path):
    """Check exercise 1.3 with the given answer cell."""

    def check_cell(source, setup="", exercise="1.3", timeout_s=60.0):
        save(source, setup)
        (result,) = check_saved(exercise, folder=tmp_path, timeout_s=timeout_s)
        return result

    return check_cell


def test_check_saved_when_right_passes_and_counts(run):
    # with a magic, a name from the set-up, and printing in between
    source = f"%precision 3\nfactor = two * 1\n{HEAD}print('noise')\n    {RIGHT}"
    assert run(source.replace("return 2", "return factor"), setup="two = 2").passed
    assert progress().standing("1.3").status == "passed"


@pytest.mark.parametrize(
    ("source", "status", "told"),
    [
        (HEAD + "raise NotImplementedError", "not-attempted", "still there"),
        (HEAD + "return 2 * m * k * n, 5", "failed", "min_bytes: expected"),
        (HEAD + "return 1 / 0", "failed", "line 2: return 1 / 0"),
        (HEAD + "return (", "failed", "answer cell does not run:\nSyntaxError"),
        ("x = 1", "failed", "does not define matmul_cost"),
        ("matmul_cost = 3", "failed", "not a function"),
        (HEAD + "import os; os._exit(3)", "crashed", "code 3"),
        (HEAD + "import os; os._exit(0)", "crashed", "Only 0 of"),
        (HEAD + "return input()", "failed", "Error"),
        (HEAD + "class A:\n        def __eq__(s, o): return True\n    return A(), A()", "failed",
         "can't be judged"),
    ],
)  # fmt: skip
def test_check_saved_when_not_right_says_why(run, source, status, told):
    result = run(source)
    assert (result.status, result.points) == (status, 0) and told in result.message


def test_check_saved_when_the_set_up_fails_says_which_cell(run):
    result = run(HEAD + RIGHT, setup="import no_such_module")
    assert result.status == "failed" and "set-up cell does not run" in result.message
    assert "no_such_module" in result.message


def test_check_saved_when_forged_lines_are_printed_is_not_fooled(run):
    forged = json.dumps({"kind": "answer", "wire": "1", "message": ""})
    source = f"{HEAD}print({forged!r})\n    import os; os.write(1, b'x'); return 1, 1"
    assert run(source).status == "failed"


def test_check_saved_when_endless_is_a_timeout(run):
    result = run(HEAD + "while True: pass", timeout_s=1.5)
    assert result.status == "timeout" and "endless loop" in result.message


def test_check_saved_when_the_cell_is_gone_says_so(run):
    result = run("", exercise="1.1")
    assert result.status == "not-attempted" and "no cell ex-1-1" in result.message


def test_check_saved_when_unknown_or_unreadable_raises_before_running(tmp_path):
    with pytest.raises(ExerciseError, match=r"7\.7"):
        check_saved("7.7", folder=tmp_path)
    with pytest.raises(ExerciseError, match="No such file"):
        check_saved("1.3", folder=tmp_path)


def test_check_command_prints_and_gives_the_exit_status(save, monkeypatch, capsys):
    for answer, status, word in ((RIGHT, 0, "passed"), ("pass", 1, "failed")):
        path = save(HEAD + answer)
        monkeypatch.setattr(command, "notebook_path", lambda one, folder, path=path: path)
        assert check_command("1.3") == status and f"{word} · 1.3" in capsys.readouterr().out


def test_a_check_inside_a_cell_leaves_the_readers_progress_alone(run):
    setup = "from labs.grading import check\ncheck('1.3', lambda *a: 1)"
    assert run(HEAD + RIGHT, setup=setup).passed
    assert progress().standing("1.3").attempts == 1
    assert "COURSE_STRICT" not in os.environ

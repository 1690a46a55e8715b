"""check(): right, wrong, unfinished, misused and hostile answers."""

import sqlite3
import sys
import warnings

import numpy as np
import pytest

from labs.errors import ExerciseError
from labs.grading import check
from labs.grading.state import state


@pytest.fixture(autouse=True)
def _exercises(fixture_exercises):
    pass


def double(n):
    return 2 * n


def hole(n):
    # FILL IN (about 1 line)
    raise NotImplementedError


def test_check_when_right_passes_and_records(state_file):
    result = check("9.1", double)
    assert result.passed and (result.points, result.max_points) == (2, 2)
    with sqlite3.connect(state_file) as db:
        rows = db.execute("SELECT exercise, status, points FROM attempts").fetchall()
    db.close()
    assert rows == [("9.1", "passed", 2)]


def test_check_when_wrong_says_what_differs_and_how_to_repeat():
    result = check("9.1", lambda n: n, seed=5)
    assert result.status == "failed" and result.points == 0
    assert "the double: expected" in result.message
    assert "double(" in result.message and "seed=5" in result.message
    assert check("9.1", lambda n: n, seed=5) == result


def test_check_draws_fresh_questions():
    seen = set()
    for _ in range(4):
        check("9.1", lambda n: seen.add(n) or 2 * n)
    assert len(seen) > 3


def test_check_when_the_hole_is_untouched_is_not_attempted():
    result = check("9.1", hole)
    assert result.status == "not-attempted" and "still there" in result.message


def test_check_when_a_library_raises_not_implemented_is_failed():
    result = check("9.1", lambda n: np.ndarray.__array_ufunc__ and _library_hole())
    assert result.status == "failed" and "NotImplementedError" in result.message


def _library_hole():
    import abc  # any module of the standard library will do: its frame is the innermost one

    namespace = {}
    exec(compile("def f():\n    raise NotImplementedError", abc.__file__, "exec"), namespace)
    return namespace["f"]()


def test_check_when_not_implemented_has_a_message_is_failed():
    def answer(n):
        raise NotImplementedError("int8 on this device")

    assert check("9.1", answer).status == "failed"


def test_check_when_the_function_raises_shows_type_message_and_own_line():
    def answer(n):
        table = {}
        return table[n]  # the reader's line

    result = check("9.1", answer)
    assert result.status == "failed"
    assert "KeyError" in result.message and "return table[n]" in result.message


def test_check_when_a_library_raises_shows_the_readers_line():
    def answer(n):
        return np.zeros(3).reshape(2, 2)

    result = check("9.1", answer)
    assert "ValueError" in result.message and "reshape(2, 2)" in result.message


def test_check_when_the_message_is_huge_is_cut():
    def answer(n):
        raise ValueError("x" * 100_000)

    assert len(check("9.1", answer).message) < 2000


@pytest.mark.parametrize("error", [SystemExit(3), GeneratorExit(), RecursionError("deep")])
def test_check_when_the_function_ends_the_program_goes_on(error):
    def answer(n):
        raise error

    result = check("9.1", answer)
    assert result.status == "failed" and type(error).__name__ in result.message


def test_check_when_recursion_does_not_end_is_failed():
    def answer(n):
        return answer(n)

    assert "RecursionError" in check("9.1", answer).message


def test_check_when_interrupted_stops():
    def answer(n):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check("9.1", answer)


def test_check_when_the_signature_is_wrong_says_so():
    assert "TypeError" in check("9.1", lambda: 1).message


def test_check_when_called_with_the_result_says_without_parentheses():
    result = check("9.1", 4)
    assert result.status == "failed" and 'check("9.1", double), without ()' in result.message


class Liar:
    def __eq__(self, other):
        return True

    def __ne__(self, other):
        return False

    __hash__ = None


class LyingInt(int):
    __eq__ = Liar.__eq__
    __ne__ = Liar.__ne__
    __hash__ = int.__hash__


@pytest.mark.parametrize("lie", [Liar(), LyingInt(3), [Liar()], np.array([Liar()])])
def test_check_when_the_answer_lies_about_equality_fails(lie):
    for exercise in ("9.1", "9.3"):
        result = check(exercise, lambda *args: lie)
        assert result.status == "failed" and "can't be judged" in result.message


def test_check_when_the_function_changes_its_input_judges_by_the_original():
    def answer(values, factor):
        values *= 0
        return values

    def honest(values, factor):
        result = values * np.float32(factor)
        values[:] = 0
        return result

    assert check("9.3", answer).status == "failed"
    assert check("9.3", honest).passed


def test_check_when_an_array_is_wrong_names_shape_and_dtype():
    message = check("9.3", lambda values, factor: (values * factor).astype("float64")).message
    assert "expected dtype float32, got dtype float64" in message
    assert "array(shape=(2, 3), dtype=float32" in message


def test_check_when_a_value_is_asked_for_judges_the_value():
    assert check("9.2", "kernel").passed
    assert "expected 'kernel', got 'buffer'" in check("9.2", "buffer").message
    assert "call it" in check("9.2", lambda: "kernel").message
    assert check("9.2", Liar()).status == "failed"


def test_check_when_a_tensor_is_returned_computes_it():
    tinygrad = pytest.importorskip("tinygrad", reason="python3 course.py test installs tinygrad")
    with tinygrad.Context(DEV="PYTHON"):
        assert check("9.3", lambda v, f: tinygrad.Tensor(v) * f).passed


def test_check_when_unknown_raises():
    with pytest.raises(ExerciseError, match=r"7\.7"):
        check("7.7", double)


def test_check_when_strict_raises_unless_passed(monkeypatch):
    monkeypatch.setenv("COURSE_STRICT", "1")
    assert check("9.1", double).passed
    for wrong in (hole, lambda n: n, 3):
        with pytest.raises(ExerciseError, match="COURSE_STRICT"):
            check("9.1", wrong)
    assert state().standings()["9.1"].attempts == 4  # the failed ones are recorded as well


def test_check_when_the_state_cannot_be_written_still_shows_the_result(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("COURSE_STATE", str(tmp_path / "file" / "p.sqlite"))
    result = check("9.1", double)
    assert result.passed and "not kept" in result.note
    assert "not kept" in str(result) and "not kept" in result._repr_html_()


def test_check_when_the_function_raises_a_warning_or_prints_is_unchanged(capsys):
    def answer(n):
        print("hello", file=sys.stderr)
        warnings.warn("careful", stacklevel=1)
        return 2 * n

    with pytest.warns(UserWarning, match="careful"):
        assert check("9.1", answer).passed
    assert "hello" in capsys.readouterr().err

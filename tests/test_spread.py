"""How tests are spread over processes: see conftest.py."""

import pytest


@pytest.fixture
def ours(request):
    """The conftest of this folder."""
    plugins = request.config.pluginmanager.get_plugins()
    return next(p for p in plugins if hasattr(p, "unit_of_work"))


def test_unit_of_work_then_files_and_some_folders_stay_together(ours):
    unit = ours.unit_of_work
    assert unit("tests/bench/test_a.py::test_x[1]") == unit("tests/bench/test_a.py::test_y")
    assert unit("tests/bench/test_a.py::test_x") != unit("tests/bench/test_b.py::test_x")
    assert unit("tests/bootstrap/test_a.py::test_x") == unit("tests/bootstrap/test_b.py::test_x")


def test_unit_of_work_when_a_test_is_long_then_its_cases_are_apart(ours):
    head = "tests/a/test_a.py::test_run_when_a_device_is_complete_then_all_pass"
    assert ours.unit_of_work(f"{head}[CPU]") != ours.unit_of_work(f"{head}[EDGE]")


def test_unit_of_work_when_exercises_share_a_notebook_then_together(ours):
    head = "tests/notebooks/test_exercises.py::test_exercise_"
    unit = ours.unit_of_work
    assert unit(f"{head}solved_is_passed[1.2]") == unit(f"{head}unsolved_is_not_attempted[1.7]")
    assert unit(f"{head}solved_is_passed[1.2]") != unit(f"{head}solved_is_passed[2.2]")


def test_long_then_all_of_them_are_there(ours):
    text = "".join(p.read_text("utf-8") for p in ours.TESTS.rglob("test_*.py"))
    assert [name for name in ours.LONG if f"def {name}(" not in text] == []

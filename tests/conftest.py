"""What the whole suite shares: how tests are spread over processes, how notebooks run briefly."""

import os
from pathlib import Path

import pytest

from labs.devices import discover
from labs.devices.answers import VARIABLE as DISCOVERY
from labs.devices.answers import save_answers
from labs.paths import cache_dir, state_dir

TESTS = Path(__file__).parent
# folders whose tests share something that takes long to make: a set-up course, a browser's server
TOGETHER = ("bootstrap", "browser", "devices")
# long tests -> which of its cases go together: all with the same beginning of their id, up to this
# character; "]" is the end of the id, so each case is a unit of work of its own
LONG = {
    "test_run_when_a_device_is_complete_then_all_pass": "]",
    "test_the_worked_backend_then_passes_the_suite": "]",
    "test_template_when_filled_step_by_step_then_more_passes_each_time": "]",
    "test_student_notebook_untouched_runs_green_with_every_check_not_attempted": "]",
    "test_solution_notebook_runs_strict_with_every_check_passed": "]",
    "test_exercise_unsolved_is_not_attempted": ".",
    "test_exercise_solved_is_passed": ".",
    "test_exercise_rejects_every_wrong_answer": ".",
    "test_run_when_a_backend_is_broken_then_the_right_group_fails": "]",
    "test_run_when_a_backend_is_healthy_then_what_catches_the_faults_passes": "]",
}


def pytest_configure(config: pytest.Config) -> None:
    if os.environ.pop("PYTHONDONTWRITEBYTECODE", None):
        # the suite starts hundreds of processes, each of which would compile tinygrad, numpy and
        # the course anew, a second or more of work; the bytecode goes where deleting is a reset
        os.environ.setdefault("PYTHONPYCACHEPREFIX", str(cache_dir() / "bytecode"))
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if worker:  # each has a progress file of its own
        os.environ["COURSE_STATE"] = str(state_dir() / f"test-progress-{worker}.sqlite")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With several processes long tests come first: none is left with one at the end."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        order = list(LONG)
        place = {name: i for i, name in enumerate(order)}
        items.sort(key=lambda item: place.get(_function(item.nodeid), len(order)))  # it is stable


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """How pytest-xdist spreads the tests: by unit of work."""
    from xdist.scheduler import LoadScopeScheduling

    class Units(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return unit_of_work(nodeid)

    return Units(config, log)


def unit_of_work(nodeid: str) -> str:
    """The name that a test shares with all tests that run in the same process, one by one: those of
    its file, as they share fixtures, or of its folder. A long one has a unit of its own."""
    path, _, case = nodeid.partition("::")
    until = LONG.get(_function(nodeid))
    if until is not None:
        # the three tests of an exercise share one run
        name = path if until != "]" else path + _function(nodeid)
        return f"{name}[{case.partition('[')[2].partition(until)[0]}"
    folder = path.removeprefix("tests/").partition("/")[0]
    return folder if folder in TOGETHER else path


def _function(nodeid: str) -> str:
    return nodeid.rpartition("::")[2].partition("[")[0]


@pytest.fixture(scope="session")
def asked_devices(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What this machine's drivers have answered, for processes that need not ask again."""
    path = tmp_path_factory.mktemp("devices") / "answers.json"
    save_answers(discover(), path)
    return path


@pytest.fixture
def brief(tmp_path: Path, asked_devices: Path) -> dict[str, str]:
    """Variables for a notebook in a test: a state folder of its own, with the kernels that others
    have compiled, measuring as briefly as possible, and without asking the drivers again."""
    home = tmp_path / "course"
    home.mkdir()
    (home / "cache").symlink_to(cache_dir(), target_is_directory=True)
    return {"COURSE_HOME": str(home), "COURSE_QUICK": "1", DISCOVERY: str(asked_devices)}

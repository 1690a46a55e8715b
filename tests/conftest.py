"""What the whole suite shares: how tests are spread over processes, how notebooks run briefly."""

import os
from pathlib import Path

import pytest

from labs.devices import discover
from labs.devices.answers import VARIABLE as DISCOVERY
from labs.devices.answers import save_answers
from labs.paths import PROJECT_ROOT, cache_dir, state_dir

TESTS = PROJECT_ROOT / "tests"
# folders whose tests share something that takes long to make: a set-up course, a browser's server
TOGETHER = ("bootstrap", "browser", "devices")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "apart(by=None): long, so a unit of work of its own")
    config.addinivalue_line("markers", "xdist_group(name): in one process with others of that name")
    if os.environ.pop("PYTHONDONTWRITEBYTECODE", None):
        # the suite starts hundreds of processes, each of which would compile tinygrad, numpy and
        # the course anew, a second or more of work; the bytecode goes where deleting is a reset
        os.environ.setdefault("PYTHONPYCACHEPREFIX", str(cache_dir() / "bytecode"))
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if worker:  # each has a progress file of its own
        os.environ["COURSE_STATE"] = str(state_dir() / f"test-progress-{worker}.sqlite")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With several processes (xdist's loadgroup): long runs come first, so that no process is left
    with one at the end, and what shares fixtures stays together."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return
    items.sort(key=lambda item: item.get_closest_marker("apart") is None)  # it is stable
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_group(item)))


def _group(item: pytest.Item) -> str:
    apart = item.get_closest_marker("apart")
    if apart is not None:
        parameters = getattr(item, "callspec", None)
        by = apart.kwargs.get("by")
        return f"{item.path.stem}:{by(parameters.params)}" if by else item.nodeid
    folder = item.path.relative_to(TESTS).parts[0] if item.path.is_relative_to(TESTS) else ""
    return folder if folder in TOGETHER else str(item.path)


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

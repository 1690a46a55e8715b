"""A course in miniature: course.py, labs.bootstrap and a command line of two lines, with a lock
file of two packages that lie on this disk. It is set up once for all tests; each works on a copy.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from labs.bootstrap.state import Place, write_stamp
from labs.paths import PROJECT_ROOT

CLI = """\
import json, sys
print(json.dumps({"arguments": sys.argv[1:], "prefix": sys.prefix, "path": sys.path}))
"""
PYPROJECT = """\
[project]
name = "tiny-course"
version = "0.1.0"
[project.scripts]
course = "labs.cli:main"
"""


def make_wheel(folder: Path, name: str, version: str = "1.0") -> str:
    """A wheel with one module of two files; returns its line for the lock."""
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}/__init__.py": f"VERSION = {version!r}\n",
        f"{name}/data.txt": "data\n" * 100,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    rows = [f"{path},,{len(text)}\n" for path, text in files.items()]
    files[f"{info}/RECORD"] = "".join([*rows, f"{info}/RECORD,,\n"])
    wheel = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return f"{name}=={version} --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n"


@pytest.fixture(scope="session")
def wheels(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheels")
    lock = "".join(make_wheel(folder, name) for name in ("alpha", "beta"))
    (folder / "requirements.lock").write_text(lock)
    return folder


@pytest.fixture(scope="session")
def offline(wheels, tmp_path_factory) -> dict[str, str]:
    """Variables for an installer that finds the wheels and nothing else, and an empty home."""
    removed = ("PIP_", "UV_", "COURSE_", "PYTHON", "VIRTUAL_ENV")
    variables = {name: text for name, text in os.environ.items() if not name.startswith(removed)}
    return variables | {
        "HOME": str(tmp_path_factory.mktemp("home")),
        "PATH": "/usr/bin:/bin" if os.name == "posix" else os.environ["PATH"],
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(wheels),
    }


@pytest.fixture
def installer(offline, monkeypatch) -> Mapping[str, str]:
    """The same variables for what runs in this process."""
    for name in set(os.environ) - set(offline):
        if name.startswith(("PIP_", "UV_", "COURSE_", "PYTHON")):
            monkeypatch.delenv(name)
    for name, text in offline.items():
        monkeypatch.setenv(name, text)
    return offline


def new_project(folder: Path, wheels: Path) -> Path:
    (folder / "labs").mkdir(parents=True)
    for name in ("course.py", "labs/__init__.py", "labs/errors.py"):
        shutil.copy(PROJECT_ROOT / name, folder / name)
    shutil.copytree(PROJECT_ROOT / "labs/bootstrap", folder / "labs/bootstrap")
    (folder / "labs/cli.py").write_text(CLI)
    (folder / "pyproject.toml").write_text(PYPROJECT)
    shutil.copy(wheels / "requirements.lock", folder)
    return folder


def run_course(project: Path, *arguments: str, env: Mapping[str, str], **options):
    command = [sys.executable, str(project / "course.py"), *arguments]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, **options)


@pytest.fixture(scope="session")
def finished(tmp_path_factory, wheels, offline) -> Path:
    """The project after its first set-up, made by course.py itself. Not to be changed."""
    project = new_project(tmp_path_factory.mktemp("first") / "Übung mit Leerzeichen", wheels)
    answer = run_course(project, "doctor", "--x", env=offline)
    assert answer.returncode == 0, answer.stderr
    (project / "first-answer.json").write_text(answer.stdout)
    (project / "first-progress.txt").write_text(answer.stderr)
    return project


def copy_project(finished: Path, folder: Path, *without: str) -> Place:
    shutil.copytree(finished, folder, symlinks=True, ignore=shutil.ignore_patterns(*without))
    place = Place(folder, folder / ".venv")
    write_stamp(place, finished=True)
    return place


@pytest.fixture
def place(finished, tmp_path) -> Place:
    """A set-up course of the test's own, to look at (without pip, which takes long to copy)."""
    return copy_project(finished, tmp_path / "Kurs ä", "pip*", "setuptools*")


@pytest.fixture
def installable(finished, tmp_path) -> Place:
    """A set-up course of the test's own, to install into."""
    return copy_project(finished, tmp_path / "Kurs ö")


@pytest.fixture
def project(tmp_path, wheels) -> Path:
    """A course that was never set up."""
    return new_project(tmp_path / "Neu ü", wheels)


@pytest.fixture
def course(offline) -> Callable:
    def run(project: Path, *arguments: str, **options):
        return run_course(project, *arguments, env=offline | options.pop("env", {}), **options)

    return run

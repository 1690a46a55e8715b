"""Making the environment complete: what is missing is installed, what is broken is replaced.

Only the last step calls the environment finished, so a set-up that was killed is found and
continued by the next. Installed packages are not byte-compiled: it would add 20 s and 0.16 GB for
modules that are mostly never imported (measured on 2 cores). Standard library only.
"""

import importlib.util
import os
import re
import shutil
import sys
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from labs.bootstrap import progress
from labs.bootstrap.exclusive import only_one
from labs.bootstrap.explain import explain
from labs.bootstrap.package import write_editable_wheel
from labs.bootstrap.state import (
    Fault,
    Place,
    SetupError,
    broken_distributions,
    describe,
    find_fault,
    python_version,
    read_record,
    write_stamp,
)

# Measured on x86-64 Linux, which installs the most: 1.4 GB installed, and 0.5 GB of downloads
# beside it until they are unpacked.
SPACE_NEEDED_BYTES = 2_000_000_000


def ensure(place: Place, space_needed: int = SPACE_NEEDED_BYTES) -> None:
    """Return when the environment is complete: at once if it is, else after making it so."""
    if find_fault(place) is None:
        return
    try:
        place.work.mkdir(parents=True, exist_ok=True)
        with only_one(place.work / "lock") as lock:
            fault = find_fault(place)  # whoever we waited for may have done the work
            if fault is not None:
                _build(place, fault, space_needed, lock)
    except OSError as error:
        raise SetupError(
            expected=f"a folder that can be written to, with space on its disk: {place.venv}",
            got=f"{type(error).__name__}: {error}",
            next_step="end programs that use the folder, free some space, or name another place "
            "for the environment in the variable COURSE_VENV; then run the same command again",
        ) from error


def clean_environment() -> dict[str, str]:
    """The process's variables, without those that would mix other packages into ours."""
    unwanted = {"PYTHONHOME", "PYTHONPATH", "__PYVENV_LAUNCHER__"}
    return {name: value for name, value in os.environ.items() if name not in unwanted}


def _build(place: Place, fault: Fault, space_needed: int, lock: int) -> None:
    progress.say(f"Setting up the course in {place.venv}: {fault.reason}")
    describe(place)  # a copy of the course that lacks files ends here
    fresh = fault.rebuild or not place.venv.exists()
    _check_space(place, space_needed if fresh else space_needed // 10)
    if fault.rebuild:
        with progress.step("removing the old environment"):
            _remove_environment(place)
    place.venv.mkdir(parents=True, exist_ok=True)
    write_stamp(place, finished=False)  # from here on the folder is known to be ours
    place.log.unlink(missing_ok=True)
    tools = [_Uv(place, lock)] if shutil.which("uv") else []
    if not tools or _has_ensurepip():
        tools.append(_Pip(place, lock))
    for tool in tools:
        try:
            _install(place, tool)
            break
        except SetupError as error:
            if tool is tools[-1]:
                raise
            progress.say(f"{error}\nTrying again with venv and pip.")
    broken = broken_distributions(place.site_packages, sizes=True)
    if broken:
        raise SetupError(
            expected="every file as its package describes it",
            got="other files in " + ", ".join(info.name for info in broken[:5]),
            next_step=f"run the same command again; if it stays so, delete {place.venv}",
        )
    write_stamp(place, finished=True)
    progress.say("Set-up complete")


def _install(place: Place, tool: "_Tool") -> None:
    downloads = place.work / "tmp"
    shutil.rmtree(downloads, ignore_errors=True)
    downloads.mkdir()
    try:
        if python_version(place) is None:
            with progress.step(f"creating the environment with Python {sys.version.split()[0]}"):
                tool.create()
        for info in broken_distributions(place.site_packages, sizes=True):
            _forget(info, place)
        for leftover in place.site_packages.glob("~*"):  # pip's, when killed while it removes
            shutil.rmtree(leftover, ignore_errors=True)
        tool.prepare()
        count = len(re.findall(r"(?m)^[\w.-]+==", place.lock.read_text("utf-8")))
        with progress.step(f"installing requirements.lock ({count} packages) with {tool.name}"):
            # --no-deps: the lock is complete, and not asking each package again saves a quarter
            tool.install("--no-deps", "--require-hashes", "-r", str(place.lock))
        with progress.step("installing the course itself"):
            wheel = write_editable_wheel(place.project, downloads)
            tool.install("--no-index", "--no-deps", tool.again, str(wheel))
    finally:
        shutil.rmtree(downloads, ignore_errors=True)


class _Tool(ABC):
    """One way to make an environment and to install into it."""

    name: str
    again: str  # the option that replaces a package of the same version

    def __init__(self, place: Place, lock: int) -> None:
        self.place, self.lock = place, lock

    @abstractmethod
    def create(self) -> None:
        """Make the environment."""

    def prepare(self) -> None:  # noqa: B027 - most tools need nothing
        """Whatever must be there before the first install."""

    @abstractmethod
    def install(self, *arguments: str) -> None:
        """Install with these of pip's arguments."""

    def run(self, *command: str) -> None:
        """Run to the end with output in the log; raise SetupError with the lines that matter."""
        environment = clean_environment() | {"PIP_USER": "0", "PYTHONUNBUFFERED": "1"}
        for name in ("TMPDIR", "TEMP", "TMP"):  # the disk that was checked, and cleaned up after
            environment[name] = str(self.place.work / "tmp")
        for name in ("PIP_TARGET", "PIP_PREFIX", "PIP_ROOT"):
            environment.pop(name, None)
        lines = progress.follow(command, environment, self.place.log, keep_open=self.lock)
        if lines is not None:
            raise explain(lines, self.place)


class _Uv(_Tool):
    name, again = "uv", "--reinstall"

    def create(self) -> None:
        self.run(
            "uv",
            "venv",
            "--no-project",
            "--allow-existing",
            "--python",
            _base_python(),
            str(self.place.venv),
        )

    def install(self, *arguments: str) -> None:
        self.run("uv", "pip", "install", "--python", str(self.place.python), *arguments)


class _Pip(_Tool):
    name, again = "pip", "--force-reinstall"

    def create(self) -> None:
        if not _has_ensurepip():
            package = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
            raise SetupError(
                expected="Python's own venv and ensurepip modules",
                got=f"{_base_python()} was installed without them",
                next_step=f"sudo apt install {package} (or install uv), then run this again",
            )
        self.run(_base_python(), "-I", "-m", "venv", "--without-pip", str(self.place.venv))

    def prepare(self) -> None:  # noqa: B027 - most tools need nothing
        if not any(self.place.site_packages.glob("pip-*.dist-info")):
            with progress.step("adding pip"):
                self.run(str(self.place.python), "-I", "-m", "ensurepip", "--default-pip")

    def install(self, *arguments: str) -> None:
        self.run(
            str(self.place.python),
            "-I",
            "-m",
            "pip",
            "install",
            "--no-compile",
            "--no-input",
            "--disable-pip-version-check",
            "--progress-bar=off",
            *arguments,
        )


def _has_ensurepip() -> bool:
    """Debian splits both off into a package of their own."""
    return all(importlib.util.find_spec(name) for name in ("venv", "ensurepip"))


def _base_python() -> str:
    """The Python outside of any environment: ours may be about to be removed."""
    return getattr(sys, "_base_executable", None) or sys.executable


def _check_space(place: Place, needed: int) -> None:
    parent = next(folder for folder in place.venv.parents if folder.exists())
    free = shutil.disk_usage(parent).free
    if free < needed:
        raise SetupError(
            expected=f"{needed / 1e9:.1f} GB free for {place.venv}",
            got=f"{free / 1e9:.1f} GB",
            next_step="free some space, or name a place on another disk in the variable "
            "COURSE_VENV; then run the same command again",
        )


def _remove_environment(place: Place) -> None:
    """Delete the old environment, but no folder that isn't one."""
    known = ("pyvenv.cfg", place.stamp.name)
    ours = any((place.venv / name).exists() for name in known) or place.venv.name == ".venv"
    if not ours and any(place.venv.iterdir()):
        raise SetupError(
            expected=f"an empty folder, or a Python environment: {place.venv}",
            got="a folder with something else in it",
            next_step="name another folder in the variable COURSE_VENV",
        )
    write_stamp(place, finished=False)
    for entry in place.venv.iterdir():
        if entry == place.stamp:
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def _forget(info: Path, place: Place) -> None:
    """Remove a broken package, so that the installer takes it for what it is: not there."""
    record: Sequence[tuple[str, str]] = ()
    with suppress(OSError, ValueError, IndexError):
        record = read_record(info)
    inside = place.venv.resolve()
    for name, _ in record:
        path = (info.parent / name).resolve()
        if path.is_relative_to(inside):
            path.unlink(missing_ok=True)
    shutil.rmtree(info)

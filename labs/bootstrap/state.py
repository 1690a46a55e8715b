"""Is the environment complete? Compares it with its stamp and with the files it must have.

The stamp is written last and says what the environment was made from, so an interrupted set-up has
none. The files are those that the installed packages' own RECORDs name. Looking at 40,000 of them
takes 0.2 s. Reads only; standard library only.
"""

import csv
import hashlib
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from labs.bootstrap.package import read_project
from labs.errors import LabError

WINDOWS = os.name == "nt"


class SetupError(LabError):
    """A set-up that can't go on."""

    def __init__(self, *, expected: str, got: str, next_step: str) -> None:
        super().__init__("Set up the course", expected=expected, got=got, next_step=next_step)


@dataclass(frozen=True)
class Place:
    """Where things are: the project, and the environment made for it."""

    project: Path
    venv: Path

    @property
    def lock(self) -> Path:
        return self.project / "requirements.lock"

    @property
    def stamp(self) -> Path:
        return self.venv / "course-setup.json"

    @property
    def work(self) -> Path:
        """The lock between two set-ups, the log, and downloads until they are unpacked."""
        return self.venv.with_name(self.venv.name + ".setup")

    @property
    def log(self) -> Path:
        return self.work / "log.txt"

    @property
    def python(self) -> Path:
        return self.venv / ("Scripts/python.exe" if WINDOWS else "bin/python")

    @property
    def site_packages(self) -> Path:
        if WINDOWS:
            return self.venv / "Lib" / "site-packages"
        found = sorted(self.venv.glob("lib/python3.*/site-packages"))
        return found[0] if found else self.venv / "lib" / "site-packages"


@dataclass(frozen=True)
class Fault:
    """Why the environment can't be used as it is, and whether it must be made anew."""

    reason: str
    rebuild: bool = False


def find_fault(place: Place) -> Fault | None:
    """What is wrong with the environment, or None when it is complete."""
    if not place.venv.exists():
        return Fault("there is no environment yet")
    stamp = read_stamp(place)
    if stamp is None:
        usable = python_version(place) and not sees_system_packages(place)
        return Fault("an earlier set-up did not finish", rebuild=not usable)
    wanted = describe(place)
    if stamp.get("venv") != wanted["venv"]:
        return Fault(f"it was made in {stamp.get('venv')}", rebuild=True)  # scripts name that path
    if stamp.get("machine") != wanted["machine"]:
        return Fault(f"it was made for {stamp.get('machine')}", rebuild=True)
    if stamp.get("config") != config_hash(place):
        return Fault("its pyvenv.cfg was changed or deleted", rebuild=True)
    if stamp.get("python") != python_version(place):
        return Fault(f"its Python {stamp.get('python')} is gone or was replaced", rebuild=True)
    if stamp.get("lock") != wanted["lock"]:
        return Fault("requirements.lock has changed")
    if stamp.get("package") != wanted["package"]:
        return Fault("the course's package has changed")
    site_packages = place.site_packages
    lost = [name for name in stamp["distributions"] if not (site_packages / name).is_dir()]
    lost += [info.name for info in broken_distributions(site_packages)]
    if lost:
        return Fault("files are missing from " + ", ".join(name.split("-")[0] for name in lost[:5]))
    return None


def describe(place: Place) -> dict[str, str]:
    """What a finished environment here is made from."""
    try:
        lock = place.lock.read_bytes()
        package = repr(read_project(place.project))
    except (OSError, ValueError, KeyError) as error:
        raise SetupError(
            expected="requirements.lock and pyproject.toml beside course.py",
            got=f"{type(error).__name__}: {error}",
            next_step="get a complete copy of the course",
        ) from error
    machine = os.uname().machine if hasattr(os, "uname") else os.environ["PROCESSOR_ARCHITECTURE"]
    return {
        "venv": str(place.venv),
        "machine": f"{sys.platform} {machine}",
        "lock": hashlib.sha256(lock).hexdigest(),
        "package": hashlib.sha256(package.encode()).hexdigest(),
    }


def read_stamp(place: Place) -> dict | None:
    """The stamp of a finished set-up, else None."""
    try:
        stamp = json.loads(place.stamp.read_text("utf-8"))
        return stamp if stamp["finished"] is True and stamp["distributions"] else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_stamp(place: Place, *, finished: bool) -> None:
    """Say that the folder is ours and, when finished, what it was made from."""
    content: dict[str, object] = {"finished": finished}
    if finished:
        found = sorted(info.name for info in place.site_packages.glob("*.dist-info"))
        content |= describe(place) | {"distributions": found}
        content |= {"python": python_version(place), "config": config_hash(place)}
    temporary = place.stamp.with_suffix(".new")
    temporary.write_text(json.dumps(content, indent=1), "utf-8")
    os.replace(temporary, place.stamp)


def python_version(place: Place) -> str | None:
    """The version of the environment's Python, asked of itself; None when it doesn't run."""
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    command = [str(place.python), "-I", "-S", "-c", code]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=60)
        version = answer.stdout.strip()
        major, minor = map(int, version.split("."))
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    # A system upgrade can put another Python behind the same link: its packages are elsewhere.
    there = WINDOWS or (place.venv / "lib" / f"python{version}").is_dir()
    return version if answer.returncode == 0 and there and (major, minor) >= (3, 11) else None


def config_hash(place: Place) -> str | None:
    try:
        return hashlib.sha256((place.venv / "pyvenv.cfg").read_bytes()).hexdigest()
    except OSError:
        return None


def sees_system_packages(place: Place) -> bool:
    """Whether the environment is not isolated, which is also what a damaged pyvenv.cfg means."""
    try:
        text = (place.venv / "pyvenv.cfg").read_text("utf-8")
    except (OSError, ValueError):
        return True
    return not re.search(r"(?mi)^include-system-site-packages\s*=\s*false\s*$", text)


def broken_distributions(site_packages: Path, *, sizes: bool = False) -> list[Path]:
    """The .dist-info folders without a RECORD, or whose RECORD names files that are gone or empty.

    With sizes, a file of another size counts too: right after an interruption. Not later, when a
    reader may have put a print into tinygrad's source on purpose.
    """
    return [
        info for info in sorted(site_packages.glob("*.dist-info")) if not _is_whole(info, sizes)
    ]


def read_record(info: Path) -> list[tuple[str, str]]:
    """(path relative to site-packages, size or "") of every installed file except byte code."""
    with open(info / "RECORD", newline="", encoding="utf-8") as file:
        rows = [(row[0], row[2]) for row in csv.reader(file) if row]
    if not rows:
        raise ValueError("empty RECORD")
    return [(name, size) for name, size in rows if not name.endswith(".pyc")]


def _is_whole(info: Path, sizes: bool) -> bool:
    folder = str(info.parent)
    try:
        for name, size in read_record(info):
            found = os.stat(f"{folder}/{name}").st_size
            if size and (found != int(size) if sizes else found == 0 != int(size)):
                return False
    except (OSError, ValueError, IndexError, csv.Error):
        return False
    return True

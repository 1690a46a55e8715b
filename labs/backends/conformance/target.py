"""Which device to test: one that tinygrad or this process knows, or somebody's own from a file.

    CPU                      a device of tinygrad's
    MINE=my_package.ops_mine somebody's own, in an importable module
    MINE=work/ops_mine.py    the same in a file
    MINE=work/mine           the same in a folder, as copied from the template

The child processes import the module by its name, so a path is turned into a folder for sys.path
and a module name.
"""

import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from labs.backends.registry import COURSE_BACKENDS, registered
from labs.backends.validation import check_name
from labs.errors import DeviceError


@dataclass(frozen=True)
class Target:
    """A device, and for one from outside tinygrad where its class is.

    Args:
        device: its name, "MINE".
        module: the module that holds MineDevice, or None for a device of tinygrad's own.
        paths: folders for the front of sys.path, so that the module can be imported.
    """

    device: str
    module: str | None = None
    paths: tuple[str, ...] = ()

    @property
    def own(self) -> bool:
        return self.module is not None


def parse_target(text: str) -> Target:
    """Read "NAME", "NAME=package.module" or "NAME=path".

    Raises:
        DeviceError: for a name that can't be one, and a path without a backend.
    """
    name, equals, place = text.partition("=")
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name):
        raise DeviceError(
            f"Test the device {text!r}",
            expected="a name such as CPU, or NAME=package.module, NAME=file.py or NAME=folder",
            got=f"the name {name!r}",
            next_step="python3 course.py doctor lists the devices of this machine",
        )
    if not equals:
        return Target(name.upper(), {**COURSE_BACKENDS, **registered()}.get(name.upper()))
    check_name(name)
    path = Path(place).expanduser()
    if path.exists() or os.sep in place or "/" in place or place.endswith(".py"):
        return _from_path(name.upper(), path)
    return Target(name.upper(), place)


def search_path(target: Target) -> list[str]:
    """sys.path for a child process: the target's folders, then what this process can import."""
    here = [os.path.abspath(entry) if entry == "" else entry for entry in sys.path]
    return list(dict.fromkeys([*target.paths, *here]))


def _from_path(name: str, path: Path) -> Target:
    file = _backend_file(name, path)
    folder, parts = file.parent.resolve(), [file.stem]
    if file.name == "__init__.py":
        parts = []
    while (folder / "__init__.py").is_file():  # the module's name starts at the outermost package
        parts.insert(0, folder.name)
        folder = folder.parent
    return Target(name, ".".join(parts), (str(folder),))


def _backend_file(name: str, path: Path) -> Path:
    if path.is_file() and path.suffix == ".py":
        return path
    if path.is_dir():
        files = sorted(path.glob("*.py"))
        wanted = [path / f"ops_{name.lower()}.py", path / "__init__.py"]
        if len(files) == 1:
            wanted.append(files[0])
        for file in wanted:
            # an empty __init__.py only makes the folder a package
            if file.is_file() and (file.name != "__init__.py" or len(files) == 1):
                return file
    raise DeviceError(
        f"Test the backend {name} from {path}",
        expected=f"a Python file, or a folder with ops_{name.lower()}.py",
        got="no such file or folder" if not path.exists() else "neither",
        next_step=f"write {path / f'ops_{name.lower()}.py' if path.is_dir() else path}",
    )

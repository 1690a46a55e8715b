"""Where libraries are looked for, and how small files are written: shared by the parts of the room.

Looking is done the way tinygrad does it (`tinygrad.runtime.support.c.DLL.findlib`), without
importing tinygrad, so that "found" here means found there.
"""

import os
import re
import sys
import sysconfig
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from labs.errors import ToolchainError
from labs.paths import cache_dir

LINUX, MACOS, WINDOWS = (
    sys.platform.startswith("linux"),
    sys.platform == "darwin",
    sys.platform == "win32",
)


@dataclass(frozen=True)
class Library:
    """A driver library that tinygrad will load.

    Args:
        path: the file, or empty where tinygrad finds it by itself.
        origin: "user", "system" or the name of the package on PyPI it came with.
        note: what else it needs or brings, may be empty.
        programs: a folder that must be on PATH for it, may be empty.
    """

    path: str
    origin: str
    note: str = ""
    programs: str = ""


def toolchain_dir() -> Path:
    """The folder of the compiler shim, the OpenCL driver list and what was verified.

    Raises:
        ToolchainError: when the folder can't be made.
    """
    try:
        folder = cache_dir().absolute() / "toolchain"
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise ToolchainError(
            "keep compiled kernels and the compiler shim",
            expected="a folder that can be written to",
            got=f"{type(error).__name__}: {error}",
            next_step="set COURSE_HOME to a writable folder, or make the project folder writable",
        ) from error
    return folder


def write_if_different(path: Path, content: bytes, executable: bool = False) -> None:
    """Write atomically, and only when needed: several processes may do this at once."""
    try:
        # X_OK as well: a shim that lost its mode bits is as broken as one that lost its text
        if path.read_bytes() == content and (not executable or os.access(path, os.X_OK)):
            return
    except OSError:
        pass
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        os.chmod(temporary, 0o755 if executable else 0o644)
        os.replace(temporary, path)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise


def package_dir(name: str) -> Path | None:
    """The folder of an installed top-level package, without importing it."""
    for entry in sys.path:
        folder = Path(entry or ".") / name
        if folder.is_dir():
            return folder.absolute()
    return None


def library_dirs() -> tuple[Path, ...]:
    """The folders in which tinygrad looks for a library, in its order."""
    found: list[str] = []
    if os.name == "posix":
        found += [d for d in os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep) if d]
        found += ["/usr/lib64", "/usr/lib", "/usr/local/lib"]
    if LINUX:
        found += ["/usr/lib/wsl/lib", "/lib", "/lib64"]
        found += [f"/lib/{sysconfig.get_config_var('MULTIARCH')}"]
    elif MACOS:
        found += ["/opt/homebrew/lib"]
    elif WINDOWS:
        found += [d for d in os.environ.get("PATH", "").split(os.pathsep) if d]
        found += [str(Path(os.environ.get("SYSTEMROOT", r"C:\Windows")) / "System32")]
    return tuple(Path(d) for d in found)


def find_library(name: str, folders: Iterable[Path] | None = None) -> Path | None:
    """The file of the library `name` ("OpenCL", "cuda"), or None.

    Args:
        name: without prefix and suffix.
        folders: where to look; default: where tinygrad does.
    """
    if WINDOWS:
        pattern = rf"{re.escape(name)}\.dll"
    elif MACOS:
        pattern = rf"(lib)?{re.escape(name)}\.dylib"
    else:
        pattern = rf"lib{re.escape(name)}\.so\.?[0-9.]*"
    for folder in library_dirs() if folders is None else folders:
        try:
            names = sorted(os.listdir(folder))
        except OSError:
            continue
        for file in names:
            if re.fullmatch(pattern, file, re.IGNORECASE if WINDOWS else 0):
                path = folder / file
                if path.is_file() and (not LINUX or _is_elf(path)):
                    return path
    return None


def _is_elf(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(4) == b"\x7fELF"  # a development package leaves linker scripts here
    except OSError:
        return False

"""The compiler and the driver libraries this process will use, found before tinygrad needs them.

    from labs import toolchain
    toolchain.activate()
    import tinygrad

`activate()` sets environment variables that tinygrad reads, never one that the user has set, with
one exception: a CC that can't compile tinygrad's kernels (gcc) is replaced, and a note says so.
Child processes inherit the variables, so that tinygrad's compile workers use the same tools.
"""

import json
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from labs.errors import ToolchainError
from labs.paths import cache_dir
from labs.tables import Table, TableView
from labs.toolchain import imported
from labs.toolchain.compiler import Compiler, choose_compiler, clang_main, find_compiler
from labs.toolchain.cuda import find_cuda
from labs.toolchain.files import Library
from labs.toolchain.opencl import find_opencl
from labs.toolchain.webgpu import find_webgpu

__all__ = [
    "Compiler",
    "Library",
    "Toolchain",
    "activate",
    "clang_main",
    "describe",
    "find_compiler",
]

DEFAULT_DEVICE = "CPU"
# what a parent process has set: a child must not take it for the user's choice
MARKER = "COURSE_TOOLCHAIN_SET"


@dataclass(frozen=True, repr=False)
class Toolchain(TableView):
    """What was found and set.

    Args:
        compiler: the C compiler of the CPU device, or None.
        opencl, webgpu, cuda: the libraries of CL, WEBGPU and CUDA, or None.
        environment: every variable that was set, with its value.
        reasons: why a part is None, by its name.
        notes: what else a person should know.
    """

    compiler: Compiler | None
    opencl: Library | None
    webgpu: Library | None
    cuda: Library | None
    environment: Mapping[str, str]
    reasons: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "environment", MappingProxyType(dict(self.environment)))
        object.__setattr__(self, "reasons", MappingProxyType(dict(self.reasons)))

    def table(self) -> Table:
        """One row per part: what it is and where it is from, or why it is missing."""
        rows: list[tuple[object, ...]] = []
        if self.compiler:
            rows.append(
                ("C compiler", self.compiler.origin, self.compiler.version, self.compiler.path)
            )
        else:
            rows.append(("C compiler", None, self.reasons["compiler"], None))
        for name in ("opencl", "webgpu", "cuda"):
            library = getattr(self, name)
            label = {"opencl": "OpenCL", "webgpu": "WebGPU", "cuda": "NVRTC"}[name]
            if library:
                rows.append((label, library.origin, library.note, library.path))
            else:
                rows.append((label, None, self.reasons[name], None))
        rows.append(("kernel cache", None, None, os.environ.get("CACHEDB", "")))
        columns = ("part", "from", "what", "path")
        return Table("Toolchain", columns, tuple(rows), "; ".join(self.notes))


_active: Toolchain | None = None
_lock = threading.Lock()


def activate() -> Toolchain:
    """Find the tools and point tinygrad at them; the second call returns the same answer.

    Returns:
        What was found. A missing part is None with a reason, not an error.

    Raises:
        ToolchainError: when the course's cache folder can't be written.
    """
    global _active
    with _lock:
        if _active is None:
            _active = _activate()
        return _active


def describe() -> Table:
    """The tools of this process as a table."""
    return activate().table()


def _activate() -> Toolchain:
    users = _users_environment()
    reasons: dict[str, str] = {}
    notes: list[str] = []
    variables: dict[str, str] = {}

    refused: list[str] = []
    compiler = choose_compiler(users.get("CC"), refused)
    if compiler is None:
        reasons["compiler"] = "; ".join(refused)
    else:
        notes += refused
        if compiler.origin != "CC":
            variables["CC"] = compiler.path

    found: dict[str, Library | None] = {}
    for name, (part, needed) in {
        "opencl": find_opencl(users, notes),
        "webgpu": find_webgpu(users),
        "cuda": find_cuda(users),
    }.items():
        found[name] = part if isinstance(part, Library) else None
        if isinstance(part, str):
            reasons[name] = part
        variables |= {k: v for k, v in needed.items() if k not in users}

    if not users.get("DEV"):
        variables["DEV"] = DEFAULT_DEVICE  # without it, tinygrad takes the first device that opens
    if not users.get("CACHEDB"):
        # one per compiler: tinygrad's key of a CPU kernel doesn't say which compiler made it
        identity = compiler.identity if compiler else "none"
        variables["CACHEDB"] = str(_cache_folder() / f"kernels-{identity}.db")
    elif os.sep not in users["CACHEDB"]:
        notes.append(
            f"CACHEDB={users['CACHEDB']} names no folder: tinygrad can't open such a cache"
        )

    for name in os.environ.keys() - users.keys():
        del os.environ[name]  # of a parent process with other tools
    os.environ.update(variables)
    os.environ[MARKER] = json.dumps(variables)
    for library in filter(None, found.values()):
        _add_to_path(library.programs)
    notes += imported.apply(variables)
    return Toolchain(compiler, **found, environment=variables, reasons=reasons, notes=tuple(notes))


def _add_to_path(folder: str) -> None:
    """PATH stays the user's: a child process must not take it for one of our variables."""
    folders = os.environ.get("PATH", "").split(os.pathsep)
    if folder and folder not in folders:
        os.environ["PATH"] = os.pathsep.join([folder, *folders])


def _users_environment() -> dict[str, str]:
    try:
        ours = json.loads(os.environ.get(MARKER, "{}"))
    except ValueError:
        ours = {}
    # a variable that was changed after we set it is the user's again
    return {k: v for k, v in os.environ.items() if k != MARKER and ours.get(k) != v}


def _cache_folder():
    try:
        return cache_dir().absolute()  # a relative one would change with the working folder
    except OSError as error:
        raise ToolchainError(
            "keep compiled kernels",
            expected="a folder that can be written to",
            got=f"{type(error).__name__}: {error}",
            next_step="set COURSE_HOME to a writable folder",
        ) from error

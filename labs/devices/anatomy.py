"""The parts of a tinygrad device as data: role, class, what it inherits, where it is written."""

import inspect
from dataclasses import dataclass
from pathlib import Path

from labs import toolchain

toolchain.activate()

import tinygrad
from tinygrad import Device

from labs.tables import Table, TableView
from labs.units import format_bytes

_JOBS = {
    "Renderer": "UOps to source text",
    "Compiler": "source text to a binary",
    "Program": "launches a binary on buffers",
    "Allocator": "reserves memory, copies in and out",
    "Compiled": "owns the others, waits for the device",
}


@dataclass(frozen=True)
class Part:
    """One part of a backend: who it is, what it inherits, where it is written."""

    role: str
    class_name: str
    class_chain: tuple[str, ...]
    source_file: str
    job: str


@dataclass(frozen=True, repr=False)
class Parts(TableView):
    """The five parts of one device, shown as a table."""

    device: str
    items: tuple[Part, ...]

    def __iter__(self):
        return iter(self.items)

    def table(self) -> Table:
        rows = tuple((p.role, p.job, " < ".join(p.class_chain), p.source_file) for p in self.items)
        columns = ("part", "job", "class < what it inherits", "file in tinygrad")
        return Table(f"The parts of {self.device}", columns, rows)


@dataclass(frozen=True, repr=False)
class MemoryUse(TableView):
    """Bytes handed out by a device's allocator before, at the peak of, and after a computation.

    `kept_bytes` is what the allocator still holds for reuse although nobody uses it.
    """

    device: str
    before_bytes: int
    peak_bytes: int
    after_release_bytes: int
    kept_bytes: int

    def table(self) -> Table:
        rows = (
            ("before", format_bytes(self.before_bytes)),
            ("at the peak", format_bytes(self.peak_bytes)),
            ("after the tensors are gone", format_bytes(self.after_release_bytes)),
            ("kept by the allocator for reuse", format_bytes(self.kept_bytes)),
        )
        return Table(f"Memory of (a + b) on {self.device}", ("when", "bytes"), rows)


def part_classes(device: str) -> dict[str, type | None]:
    """Role -> class of each part of an opened device; None for a part that it doesn't have."""
    opened = Device[device]
    renderer = opened.renderer
    compiler = renderer.compiler
    objects = {
        "Renderer": type(renderer),
        "Compiler": None if compiler is None else type(compiler),
        "Program": opened.runtime_t,
        "Allocator": type(opened.allocator),
        "Compiled": type(opened),
    }
    # a Program may be wrapped by functools.partial (several devices bind arguments to it)
    classes = {role: getattr(found, "func", found) for role, found in objects.items()}
    return {role: cls if inspect.isclass(cls) else None for role, cls in classes.items()}


def parts_of(device: str) -> Parts:
    """The parts of an opened device; a part that it doesn't have is called "none"."""
    return Parts(device, tuple(_part(role, cls) for role, cls in part_classes(device).items()))


def _part(role: str, cls: type | None) -> Part:
    if cls is None:
        return Part(role, "none", ("none",), "", _JOBS[role])
    chain = tuple(c.__name__ for c in cls.__mro__ if c.__module__ not in ("builtins", "typing"))
    file = Path(inspect.getsourcefile(cls) or "")
    root = Path(tinygrad.__file__).parent
    shown = file.relative_to(root).as_posix() if file.is_relative_to(root) else file.name
    return Part(role, cls.__name__, chain, shown, _JOBS[role])

"""The syllabus's `CustomBackendFramework`: create, register, test and compare backends.

What it does is done by the rooms: this file only puts it behind one name. It stands above them, and
is loaded on first use.
"""

import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from labs import toolchain

toolchain.activate()

import numpy as np
from tinygrad import Tensor
from tinygrad.device import Compiled

from labs import backends, devices
from labs.backends import conformance
from labs.backends.accounting import LaunchCounters, MemoryUsage
from labs.backends.opened import open_backend
from labs.backends.report import BackendComparisonReport, compare_backends
from labs.backends.validation import check_name
from labs.devices.anatomy import Parts, parts_of
from labs.errors import DeviceError
from labs.tables import Table, TableView
from labs.units import format_bytes

TEMPLATE = Path(__file__).parent / "template" / "ops_template.py"
EMULATED = ("EDGE",)  # tested in the suite's small size
Progress = Callable[[int, int, str], object]


@dataclass(frozen=True, repr=False)
class CreatedBackend(TableView):
    """A backend that is registered, opened, and has computed a matrix product rightly.

    Args:
        name: of the device; module: where its class is; source_file: that module's file.
        arch: what its kernels are compiled for; parts: its classes.
        memory, counters: its own account after that computation; None where it keeps none.
        time_is_modelled: its clock is a model.
    """

    name: str
    module: str
    source_file: Path
    arch: str
    parts: Parts
    memory: MemoryUsage | None
    counters: LaunchCounters | None
    time_is_modelled: bool

    @property
    def device(self) -> Compiled:
        """tinygrad's device object."""
        return open_backend(self.name)

    def table(self) -> Table:
        rows = [("module", self.module), ("file", self.source_file.name), ("made for", self.arch)]
        rows += [(p.role, " < ".join(p.class_chain)) for p in self.parts]
        if self.memory is not None:
            limit = format_bytes(self.memory.limit_bytes)
            rows.append(("memory limit", limit if self.memory.limit_bytes else "the machine's"))
            rows.append(("memory at the peak", format_bytes(self.memory.peak_bytes)))
        if self.counters is not None:
            rows.append(("kernels launched", self.counters.launches))
        rows.append(("clock", "a model" if self.time_is_modelled else "measured"))
        return Table(f"The backend {self.name}", ("part", "what it is"), tuple(rows))


@dataclass(frozen=True, repr=False)
class NewBackend(TableView):
    """A backend begun from the template: registered, and waiting to be written.

    Args:
        name: of the device; file: to be edited; module: its importable name.
        next_step: what to write first; command: what tells how far it is.
    """

    name: str
    file: Path
    module: str
    next_step: str
    command: str

    def table(self) -> Table:
        rows = (
            ("file", str(self.file)),
            ("first", self.next_step),
            ("after an edit", f"labs.backends.reload_backend({self.name!r})"),
            ("how far it is", self.command),
        )
        return Table(f"The new backend {self.name}", ("what", "where"), rows)


@dataclass(frozen=True, repr=False)
class BackendTests(TableView):
    """The conformance reports of several devices, by name."""

    reports: Mapping[str, conformance.Report]

    def __post_init__(self) -> None:
        object.__setattr__(self, "reports", MappingProxyType(dict(self.reports)))

    def __getitem__(self, device: str) -> conformance.Report:
        return self.reports[device.upper()]

    @property
    def ok(self) -> bool:
        """Every device passed everything."""
        return all(report.ok for report in self.reports.values())

    def table(self) -> Table:
        columns = ("device", "size", "passed", "failed", "skipped", "score", "next")
        rows = tuple(
            (d, r.size, r.passed, r.failed, r.skipped, f"{r.score:.1%}", r.next_step or None)
            for d, r in self.reports.items()
        )
        note = "Score: the mean over the groups of the share that passed."
        return Table("Conformance", columns, rows, note)


class CustomBackendFramework:
    """Create backends, test them, compare them. Methods return data and print nothing."""

    def __init__(self) -> None:
        backends.register()
        self._reports: dict[str, conformance.Report] = {}

    @property
    def registered_backends(self) -> Mapping[str, str]:
        """Device name -> module, of every backend outside tinygrad in this process."""
        return backends.registered()

    @property
    def templates(self) -> Mapping[str, Path]:
        """What a backend can be started from: name -> file."""
        return MappingProxyType({"native": TEMPLATE})

    def create_electrical_testing_backend(self) -> CreatedBackend:
        """Register and open ELECTRICAL, and have it compute.

        Raises:
            LabError: it can't be had on this machine, and why.
        """
        return self._create("ELECTRICAL")

    def create_edge_device_backend(self) -> CreatedBackend:
        """Register and open EDGE, a microcontroller on an emulator, and have it compute.

        Raises:
            LabError: it can't be had on this machine, and why.
        """
        return self._create("EDGE")

    def create_backend_from_template(self, name: str, folder: str | Path = ".") -> NewBackend:
        """Copy the template to `folder/ops_<name>.py`, name its classes, and register it.

        Raises:
            DeviceError: a name that can't be used, or a file that is there already.
        """
        name = check_name(name)
        if name in backends.COURSE_BACKENDS:
            backends.register(name, f"ops_{name.lower()}")  # raises: the name is taken
        file = Path(folder).expanduser().resolve() / f"ops_{name.lower()}.py"
        if file.exists():
            raise DeviceError(
                f"Begin the backend {name} in {file.parent}",
                expected="a folder without that file",
                got=f"{file.name} is there already",
                next_step=f"labs.backends.register({name!r}, {str(file)!r}), or another name",
            )
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(from_template(name), "utf-8")
        try:
            backends.register(name, file)
        except DeviceError:
            file.unlink()
            raise
        return NewBackend(
            name,
            file,
            backends.registered()[name],
            f"{name.capitalize()}Allocator._alloc",
            f"python3 course.py conformance {name}={file}",
        )

    def test_custom_backends(
        self,
        names: str | Iterable[str] | None = None,
        *,
        groups: Sequence[str] | None = None,
        size: str | None = None,
        progress: Progress | None = None,
    ) -> BackendTests:
        """Run the conformance suite; `generate_backend_comparison_report` uses what it found.

        Args:
            names: of devices; None means every registered backend that is usable here.
            groups: of the suite, as in `labs.backends.conformance.run`; None means all.
            size: "full" or "small"; None means small for an emulated device.
            progress: called with (done, total, text).

        Raises:
            DeviceError: a name that is unknown.
        """
        found = {}
        for name in self._names(names):
            wanted = size or ("small" if name in EMULATED else "full")
            report = conformance.run(name, groups=groups, size=wanted, progress=progress)
            found[name] = self._reports[name] = report
        return BackendTests(found)

    def generate_backend_comparison_report(
        self,
        names: str | Iterable[str] | None = None,
        *,
        baseline: str = "CPU",
        **settings: object,
    ) -> BackendComparisonReport:
        """Compare measured behaviour: answers, times, memory, code size; models stand apart.

        Args:
            names: of devices; None means every registered backend that is usable here.
            baseline: measured beside them, for the ratios.
            settings: workloads, rounds, round_time_s and progress, as in `labs.bench.measure`.
        """
        base = devices.require(baseline)
        chosen = [devices.require(name) for name in self._names(names)]
        everyone = tuple(dict.fromkeys((base, *chosen)))
        scores = {d: self._reports[d] for d in everyone if d in self._reports}
        return compare_backends(everyone, base, scores, **settings)

    def _names(self, names: str | Iterable[str] | None) -> list[str]:
        if names is None:
            found = devices.discover(backends.registered())
            return list(found.usable)
        asked = [names] if isinstance(names, str) else list(names)
        for name in asked:
            if name.upper() not in devices.known_devices():
                devices.require(name)  # raises, with the names there are
        return [name.upper() for name in asked]

    def _create(self, name: str) -> CreatedBackend:
        backends.register()
        devices.require(name)
        opened = open_backend(name)
        _check_matmul(name)
        module = backends.registered()[name]
        usage, counters = (
            getattr(opened.allocator, "usage", None),
            getattr(opened, "counters", None),
        )

        return CreatedBackend(
            name=name,
            module=module,
            source_file=Path(sys.modules[module].__file__),
            arch=opened.renderer.target.arch,
            parts=parts_of(name),
            memory=usage() if usage else None,
            counters=counters() if counters else None,
            time_is_modelled=bool(getattr(opened, "time_is_modelled", False)),
        )


def from_template(name: str) -> str:
    """The template's text with the classes and words of a backend of that name."""
    words = {"TEMPLATE": name.upper(), "Template": name.capitalize(), "template": name.lower()}
    return re.sub("|".join(words), lambda m: words[m[0]], TEMPLATE.read_text("utf-8"))


def _check_matmul(name: str) -> None:
    a = np.arange(12, dtype=np.float32).reshape(3, 4)
    got = (Tensor(a, device=name) @ Tensor(a.T.copy(), device=name)).numpy()
    if not np.array_equal(got, a @ a.T):  # small whole numbers: exact
        raise DeviceError(
            f"Create the backend {name}",
            expected=f"the product {(a @ a.T).tolist()}",
            got=str(got.tolist()),
            next_step=f"python3 course.py conformance {name}",
        )

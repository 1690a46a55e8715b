"""How backends compare, by what they were seen to do: right answers, times, memory, code size.

Times that were measured and times that come from a model stand in different columns and tables, and
no ratio is made of the two. Stands above the rooms it measures with, and is loaded on first use.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from labs import toolchain

toolchain.activate()

from tinygrad import Device, Tensor
from tinygrad.engine.realize import compile_linear
from tinygrad.uop.ops import Ops

from labs import bench, lowering
from labs.backends.accounting import MemoryUsage
from labs.backends.conformance import Report
from labs.backends.opened import describe
from labs.bench.clocks import is_modelled
from labs.bench.statistics import geometric_mean
from labs.errors import LabError
from labs.lowering.assembly import text_section
from labs.tables import Table, TableView
from labs.units import format_bytes, format_count, format_quantity, format_ratio, format_seconds

# sizes that a microcontroller's 32 MB and an emulator's patience allow, and a CPU can be timed by
WORKLOADS = ("add:n=256", "matmul:n=128", "sum:n=256")
SHOWN = "matmul"  # the workload of the one-line summary
_ELF = b"\x7fELF"


@dataclass(frozen=True)
class CodeSize:
    """The machine code of one workload's kernels on one device.

    Args:
        code_bytes: without headers and symbols: what the processor may execute; None when the
            device's binaries are in a format of its own.
    """

    device: str
    workload: str
    kernels: int
    code_bytes: int | None


@dataclass(frozen=True)
class ModelFigures:
    """One call of a workload on an emulated device: counted, and what a model makes of it.

    Args:
        instructions: executed on the emulator, counted; None where the device doesn't count.
        model_time_s, model_energy_j: from the device's cost model, not measured.
    """

    device: str
    workload: str
    instructions: int | None
    model_time_s: float
    model_energy_j: float | None


@dataclass(frozen=True)
class MemoryUse:
    """Memory of one call of a workload: its peak, and the allocator's own account after it.

    Args:
        peak_bytes: of what was handed out during the call, inputs included.
        usage: None when the allocator keeps no account.
    """

    device: str
    workload: str
    peak_bytes: int
    usage: MemoryUsage | None


@dataclass(frozen=True, repr=False)
class BackendComparisonReport(TableView):
    """What `generate_backend_comparison_report` found.

    Args:
        devices: in the order asked for; baseline: whom measured times are compared with.
        scores: device -> its conformance report; those not tested are left out.
        measured: wall times of the devices that do the work, interleaved in one run.
        comparisons: of `measured`, against the baseline; None when it was not measured.
        modelled: times by the clock of the devices whose clock is a model.
        model, code, memory: one entry for each device and workload they could be had for.
        failures: device -> why a part of it is missing.
    """

    devices: tuple[str, ...]
    baseline: str
    scores: Mapping[str, Report]
    measured: bench.ResultSet
    comparisons: bench.Comparisons | None
    modelled: bench.ResultSet
    model: tuple[ModelFigures, ...]
    code: tuple[CodeSize, ...]
    memory: tuple[MemoryUse, ...]
    failures: Mapping[str, str]

    def table(self) -> Table:
        """One row per device; measured and model times are in columns of their own."""
        columns = (
            "device",
            "conformance",
            f"{SHOWN} (measured)",
            f"against {self.baseline} (measured, geometric mean)",
            f"{SHOWN} (model)",
            f"{SHOWN} energy (model)",
            f"{SHOWN} code",
            "peak memory",
            "memory limit",
        )
        rows = tuple(self._row(device) for device in self.devices)
        note = (
            "measured: wall clock of this machine, median. model: from a cost model of the emulated"
            " device, not measured, and in no ratio with a measured time."
        )
        return Table("Backends compared", columns, rows, note)

    def tables(self) -> tuple[Table, ...]:
        """The summary, then what it is made of; what is empty is left out."""
        found = (
            self.table(),
            self._scores_table(),
            _titled("Measured on this machine", self.measured.table()),
            _titled(f"Measured, against {self.baseline}", self.comparisons.table())
            if self.comparisons
            else None,
            self._model_table(),
            self._code_table(),
            self._memory_table(),
            Table("Not had", ("device", "because"), tuple(self.failures.items())),
        )
        return tuple(t for t in found if t is not None and t.rows)

    def markdown(self) -> str:
        """The whole report for a Markdown file."""
        return "\n".join(["# Backends compared\n", *(t.markdown() for t in self.tables())])

    def html(self) -> str:
        """The whole report as a page of its own."""
        body = "\n".join(t._repr_html_() for t in self.tables())
        title = escape("Backends compared: " + ", ".join(self.devices))
        return (
            f"<!doctype html>\n<html lang='en'><head><meta charset='utf-8'><title>{title}</title>"
            "<style>body{font-family:sans-serif;margin:2em auto;max-width:80em}</style></head>"
            f"<body><h1>{title}</h1>\n{body}\n</body></html>\n"
        )

    def __str__(self) -> str:
        return "\n\n".join(str(t) for t in self.tables())

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return "".join(t._repr_html_() for t in self.tables())

    def _row(self, device: str) -> tuple[object, ...]:
        score = self.scores.get(device)
        speedups = [c.speedup for c in self.comparisons or () if c.candidate == device]
        modelled = _of(self.model, device)
        code, memory = _of(self.code, device), _of(self.memory, device)
        peaks = [m.peak_bytes for m in self.memory if m.device == device]
        measured = next(iter(self.measured.select(device, SHOWN)), None)
        return (
            device,
            f"{score.score:.1%} ({score.passed} passed, {score.failed} failed)" if score else None,
            format_seconds(measured.median_s) if measured else None,
            format_ratio(geometric_mean(speedups)) if speedups else None,
            format_seconds(modelled.model_time_s) if modelled else None,
            _energy(modelled.model_energy_j) if modelled else None,
            format_bytes(code.code_bytes) if code else None,
            format_bytes(max(peaks)) if peaks else None,
            format_bytes(memory.usage.limit_bytes) if memory and memory.usage else None,
        )

    def _scores_table(self) -> Table:
        groups = dict.fromkeys(g for r in self.scores.values() for g in r.groups)
        rows = [(g, *(_share(r, g) for r in self.scores.values())) for g in groups]
        note = "passed / tried; skipped cases are not counted."
        return Table("Conformance by group", ("group", *self.scores), tuple(rows), note)

    def _model_table(self) -> Table:
        columns = ("workload", "device", "instructions", "time (model)", "energy (model)")
        rows = tuple(
            (
                m.workload,
                m.device,
                format_count(m.instructions),
                format_seconds(m.model_time_s),
                _energy(m.model_energy_j),
            )
            for m in self.model
        )
        note = "Instructions are counted on the emulator; time and energy come from a cost model."
        return Table("Emulated devices: counted, and modelled", columns, rows, note)

    def _code_table(self) -> Table:
        rows = tuple(
            (c.workload, c.device, c.kernels, format_bytes(c.code_bytes)) for c in self.code
        )
        note = "The executable bytes of the kernels, without headers."
        return Table("Code size", ("workload", "device", "kernels", "code"), rows, note)

    def _memory_table(self) -> Table:
        columns = ("workload", "device", "peak", "kept for reuse", "limit", "new blocks", "reused")
        rows = []
        for m in self.memory:
            u = m.usage
            account = (None,) * 4
            if u is not None:
                limit = format_bytes(u.limit_bytes)
                account = (format_bytes(u.pooled_bytes), limit, u.allocations, u.reuses)
            rows.append((m.workload, m.device, format_bytes(m.peak_bytes), *account))
        note = "Peak: of one call with its inputs. The rest: the allocator's account since opening."
        return Table("Memory", columns, tuple(rows), note)


def compare_backends(
    devices: Sequence[str],
    baseline: str,
    scores: Mapping[str, Report],
    *,
    workloads: Sequence[str] = WORKLOADS,
    rounds: int = 6,
    round_time_s: float = 0.1,
    progress: Callable[[int, int, str], object] | None = None,
) -> BackendComparisonReport:
    """Measure what there is to measure, ask the models, and put it together.

    Args:
        devices: usable ones, the baseline among them.
        rounds, round_time_s: of the wall-clock measurement, as in `labs.bench.measure`.
    """
    chosen = bench.resolve_workloads(workloads)
    modelled = [d for d in devices if is_modelled(d)]
    real = [d for d in devices if d not in modelled]
    empty = bench.ResultSet(())
    measured, by_model = empty, empty
    if real:
        measured = bench.measure(
            chosen, real, rounds=rounds, round_time_s=round_time_s, progress=progress
        )
    if modelled:  # a model's clock says the same each time
        by_model = bench.measure(
            chosen, modelled, rounds=2, round_time_s=0.01, clock="device", progress=progress
        )
    comparisons = None
    if baseline in measured.devices and len(measured.devices) > 1:
        comparisons = bench.compare_devices(measured, baseline)
    code, memory, figures, failures = [], [], [], {}
    for device in devices:
        try:
            for workload in chosen:
                code.append(_code_of(workload, device))
                memory.append(_memory_of(workload, device))
                if device in modelled:
                    figures.append(_figures_of(workload, device, by_model))
        except Exception as error:  # a backend may raise anything; the others have their rows
            failures[device] = str(error) if isinstance(error, LabError) else describe(error)
    return BackendComparisonReport(
        tuple(devices),
        baseline,
        dict(scores),
        measured,
        comparisons,
        by_model,
        tuple(f for f in figures if f is not None),
        tuple(code),
        tuple(memory),
        failures,
    )


def _inputs(workload: bench.Workload, device: str) -> tuple[Tensor, ...]:
    arrays = workload.inputs(np.random.default_rng(0))
    return tuple(Tensor(a, device=device).realize() for a in arrays)


def _code_of(workload: bench.Workload, device: str) -> CodeSize:
    result = workload.compute(*_inputs(workload, device))
    linear = compile_linear(result.schedule_linear())
    programs = [call.src[0] for call in linear.src if call.src[0].op is Ops.PROGRAM]
    binaries = [program.src[3].arg for program in programs]
    known = all(binary[:4] == _ELF for binary in binaries)
    size = sum(len(text_section(binary)) for binary in binaries) if known else None
    return CodeSize(device, workload.name, len(programs), size)


def _memory_of(workload: bench.Workload, device: str) -> MemoryUse:
    with lowering.trace_memory(device) as trace:
        result = workload.compute(*_inputs(workload, device)).realize()
        del result
    usage = getattr(Device[device].allocator, "usage", None)
    return MemoryUse(device, workload.name, trace.peak_bytes, usage() if usage else None)


def _figures_of(
    workload: bench.Workload, device: str, results: bench.ResultSet
) -> ModelFigures | None:
    found = next(iter(results.select(device, workload.name)), None)
    if found is None:
        return None
    record = getattr(Device[device], "record", None)
    if record is None:  # somebody else's modelled device counts nothing
        return ModelFigures(device, workload.name, None, found.median_s, None)
    inputs = _inputs(workload, device)
    with record() as runs:
        workload.compute(*inputs).realize()
    energies = [run.model_energy_j for run in runs]
    energy = None if None in energies else sum(energies)
    return ModelFigures(device, workload.name, runs.instructions, found.median_s, energy)


def _of(items: Sequence, device: str):
    return next((i for i in items if i.device == device and i.workload == SHOWN), None)


def _share(report: Report, group: str) -> str | None:
    score = report.groups.get(group)
    return f"{score.passed}/{score.passed + score.failed}" if score else None


def _energy(value_j: float | None) -> str:
    return format_quantity(None if value_j is None else value_j * 1e6, "µJ")


def _titled(title: str, table: Table) -> Table:
    return Table(title, table.columns, table.rows, table.note)

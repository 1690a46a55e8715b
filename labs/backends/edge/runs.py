"""What a launch leaves behind: one row of counted, measured and modelled numbers.

Instructions, code and stack are counted on the emulated core; `host_time_s` is this machine's clock
around the emulator; everything called `model_...` comes from the core's cost model.
"""

import contextlib
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from labs.tables import Table, TableView
from labs.units import format_bytes, format_count, format_quantity, format_seconds

_COLUMNS = (
    "kernel",
    "core",
    "instructions",
    "cycles (model)",
    "time (model)",
    "energy (model)",
    "code",
    "stack",
    "emulation took",
)


@dataclass(frozen=True, repr=False)
class EdgeRun(TableView):
    """One launch of one kernel.

    Args:
        kernel: its name.
        core, level: what it was compiled for, and how ("cortex-m4", "Os").
        instructions: executed, those skipped by an IT block included.
        branches_taken: of those, the ones that went elsewhere.
        model_cycles, model_time_s: by the core's cost model.
        model_energy_j: the same; None where the model has no current for the chip.
        code_bytes: the program in flash, support routines and constants included.
        stack_bytes: written below the arguments.
        host_time_s: what emulating it took here.
    """

    kernel: str
    core: str
    level: str
    instructions: int
    branches_taken: int
    model_cycles: int
    model_time_s: float
    model_energy_j: float | None
    code_bytes: int
    stack_bytes: int
    host_time_s: float

    def table(self) -> Table:
        return runs_table([self])


class EdgeRuns(list[EdgeRun], TableView):
    """The launches of a block of code, in order; shows itself as a table."""

    __repr__ = __str__ = TableView.__str__

    @property
    def instructions(self) -> int:
        """Of all launches."""
        return sum(run.instructions for run in self)

    @property
    def model_time_s(self) -> float:
        """Of all launches, by the cost model."""
        return sum(run.model_time_s for run in self)

    def table(self) -> Table:
        return runs_table(self)


class RunHistory:
    """The latest launches of a device, and the recordings that are going on."""

    def __init__(self, length: int) -> None:
        self._latest: deque[EdgeRun] = deque(maxlen=length)
        self._recordings: list[EdgeRuns] = []

    @property
    def last(self) -> EdgeRun | None:
        return self._latest[-1] if self._latest else None

    def latest(self) -> EdgeRuns:
        return EdgeRuns(self._latest)

    def add(self, run: EdgeRun) -> None:
        self._latest.append(run)
        for recording in self._recordings:
            recording.append(run)

    @contextlib.contextmanager
    def record(self) -> Iterator[EdgeRuns]:
        """A list that gets every launch of the block."""
        runs = EdgeRuns()
        self._recordings = [*self._recordings, runs]
        try:
            yield runs
        finally:
            self._recordings = [other for other in self._recordings if other is not runs]


def runs_table(runs: Sequence[EdgeRun]) -> Table:
    """One row per launch."""
    rows = tuple(
        (
            run.kernel,
            f"{run.core} -{run.level}",
            format_count(run.instructions),
            format_count(run.model_cycles),
            format_seconds(run.model_time_s),
            format_energy(run.model_energy_j),
            format_bytes(run.code_bytes),
            format_bytes(run.stack_bytes),
            format_seconds(run.host_time_s),
        )
        for run in runs
    )
    note = "model: from the core's cost model, not measured. Emulation: this machine's clock."
    return Table("", _COLUMNS, rows, note)


def format_energy(value_j: float | None) -> str:
    """Joules as microjoules: 1.5e-6 -> '1.5 µJ'."""
    return format_quantity(None if value_j is None else value_j * 1e6, "µJ")

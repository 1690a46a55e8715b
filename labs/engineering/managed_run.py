"""What a run over several devices leaves behind: results in order, and who computed what when."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from labs.tables import Table, TableView
from labs.units import format_count, format_percent, format_seconds


@dataclass(frozen=True)
class BatchRecord:
    """One batch that counted.

    Args:
        began_s, ended_s: since the run's start, as the manager saw it.
        seconds: on the device, both copies included.
        attempts: 1, and one more for each device that failed with it.
        compiled: a first call, with compilation.
    """

    index: int
    device: str
    began_s: float
    ended_s: float
    seconds: float
    attempts: int = 1
    compiled: bool = False


@dataclass(frozen=True, repr=False)
class ManagedRun(TableView):
    """A run: `results[i]` belongs to batch i.

    Args:
        records: one for each finished batch, by index.
        seconds: of the whole run.
        predicted_s: what was expected as soon as every device had shown its speed; None when the
            run was over before.
        quarantined: device -> why it was given up during this run.
        stolen: batches that another device took than the one they were meant for.
        redone: batches that a failed device had in its hands.
    """

    results: tuple[np.ndarray | None, ...] = field(repr=False)
    records: tuple[BatchRecord, ...]
    devices: tuple[str, ...]
    seconds: float
    predicted_s: float | None = None
    quarantined: Mapping[str, str] = field(default_factory=dict)
    stolen: int = 0
    redone: int = 0

    @property
    def complete(self) -> bool:
        """Whether every batch has its result."""
        return all(r is not None for r in self.results)

    @property
    def result(self) -> np.ndarray:
        """All results after each other, along the first axis."""
        return np.concatenate([r for r in self.results if r is not None])

    @property
    def prediction_error(self) -> float | None:
        """|predicted - actual| / actual."""
        if self.predicted_s is None:
            return None
        return abs(self.predicted_s - self.seconds) / self.seconds

    def count(self, device: str) -> int:
        """Batches that a device finished."""
        return sum(r.device == device for r in self.records)

    def table(self) -> Table:
        rows = []
        for device in self.devices:
            mine = [r for r in self.records if r.device == device]
            warm = [r.seconds for r in mine if not r.compiled]
            rows.append(
                (
                    device,
                    format_count(len(mine)),
                    format_percent(len(mine) / len(self.results)) if self.results else None,
                    format_seconds(float(np.median(warm))) if warm else None,
                    format_percent(sum(r.seconds for r in mine) / self.seconds),
                    self.quarantined.get(device, ""),
                )
            )
        note = f"{len(self.records)} of {len(self.results)} batches in "
        note += f"{format_seconds(self.seconds)}"
        if self.predicted_s is not None:
            note += f", predicted {format_seconds(self.predicted_s)}"
        note += f"; {self.stolen} stolen, {self.redone} redone."
        columns = ("device", "batches", "share", "one batch", "busy", "given up because")
        return Table("Batches by device", columns, tuple(rows), note)

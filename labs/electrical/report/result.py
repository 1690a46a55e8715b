"""What a validation found, and under what circumstances: all that a report is made from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from html import escape
from typing import Any

from labs.electrical.blocks import Channel
from labs.electrical.report.rows import (
    Judged,
    by_requirement,
    limits_text,
    status_of,
    value_text,
    when_text,
)
from labs.electrical.report.snippets import Snippet
from labs.tables import Table
from labs.units import format_count, format_hertz, format_seconds

WORDS = {
    "PASS": "is within all limits of",
    "MARGINAL": "is close to a limit, but within all, of",
    "FAIL": "is outside a limit of",
    "INVALID": "could not be judged by all limits of",
}


@dataclass(frozen=True)
class RecordFacts:
    """What was validated. `duration_s` is of the samples that were processed."""

    name: str
    channels: tuple[Channel, ...]
    fs_hz: float
    start: datetime | None
    duration_s: float
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, repr=False)
class ValidationResult:
    """A verdict with its record, the stream's statistics, and the waveform at each violation.

    Attributes:
        verdict: of `labs.electrical.limits`: status, rows, notes.
        specification: that was judged by: name, config_hash, requirements.
        snippets: around violations, bounded; `shown` of `violations` rows have one.
        environment: under what circumstances it ran.
        device: the tinygrad device.
        elapsed_s: wall time of the whole run in seconds.
    """

    verdict: Any
    specification: Any
    record: RecordFacts
    statistics: Any = None
    snippets: tuple[Snippet, ...] = ()
    environment: Mapping[str, Any] = field(default_factory=dict)
    device: str = ""
    elapsed_s: float | None = None

    @property
    def status(self) -> str:
        return status_of(self.verdict)

    @property
    def exit_code(self) -> int:
        """0: passed, marginal included; 1: failed; 2: could not be judged."""
        return self.verdict.exit_code

    @property
    def requirements(self) -> tuple[Judged, ...]:
        """Rows by requirement, channel and quantity, in the specification's order."""
        names = [r.name for r in getattr(self.specification, "requirements", ())]
        return by_requirement(self.verdict.rows, names)

    @property
    def unjudged(self) -> tuple[str, ...]:
        """Requirements without any row: the run ended before they could be judged."""
        judged = {row.name for row in self.verdict.rows}
        names = (r.name for r in getattr(self.specification, "requirements", ()))
        return tuple(n for n in dict.fromkeys(names) if n not in judged)

    @property
    def notes(self) -> tuple[str, ...]:
        """The verdict's and the record's, each once."""
        return tuple(dict.fromkeys([*self.verdict.notes, *self.record.notes]))

    @property
    def summary(self) -> str:
        """The verdict in one sentence."""
        counts = {s: sum(j.status == s for j in self.requirements) for s in WORDS}
        counts["not judged"] = len(self.unjudged)
        text = ", ".join(f"{n} {s}" for s, n in counts.items() if n)
        span = format_seconds(self.record.duration_s)
        return (
            f"{self.status}: '{self.record.name}' ({span}, {len(self.record.channels)} channels at "
            f"{format_hertz(self.record.fs_hz)}) {WORDS[self.status]} "
            f"'{getattr(self.specification, 'name', '')}'. "
            f"Limits: {text or 'none was judged'}."
        )

    def table(self) -> Table:
        """One row per requirement, its worst row."""
        rows = []
        for judged in self.requirements:
            row = judged.worst
            what = (judged.name, judged.quantity, judged.channel, judged.status)
            said = (value_text(row), limits_text(row), when_text(row))
            rows.append((*what, *said, format_count(len(judged.rows)), row.reason or None))
        rows += [(n, None, None, "not judged", *[None] * 3, "0", None) for n in self.unjudged]
        columns = ("requirement", "quantity", "channel", "status", "worst value", "allowed",
                   "where", "rows", "reason")  # fmt: skip
        return Table("Requirements", columns, tuple(rows), "; ".join(self.notes))

    def __str__(self) -> str:
        return f"{self.summary}\n\n{self.table()}"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return f"<p><b>{escape(self.summary)}</b></p>{self.table()._repr_html_()}"

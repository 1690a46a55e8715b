"""What a monitor has seen: frozen samples, as a table, as a file, and by name."""

import csv
import io
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from labs.errors import ResultError
from labs.tables import Table, TableView
from labs.units import (
    format_bytes,
    format_bytes_per_s,
    format_count,
    format_flop_per_s,
    format_hertz,
    format_percent,
    format_seconds,
)

_MEMORY = "memory "  # of tinygrad's buffers, by device


@dataclass(frozen=True)
class Sample:
    """One moment.

    Args:
        t_s: seconds since the monitor's first start.
        time_s: of the clock on the wall, seconds since 1970 (UTC).
        values: name -> number in SI units; see `monitor_sources.QUANTITIES`.
        memory_bytes: device -> bytes that tinygrad's buffers hold on it.
        reasons: name -> why it has no number at this moment.
    """

    t_s: float
    time_s: float
    values: Mapping[str, float] = field(default_factory=dict)
    memory_bytes: Mapping[str, int] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, repr=False)
class Recording(TableView):
    """A monitor's samples, oldest first.

    Args:
        rate_hz: what was asked for.
        own_cpu_share: of one processor, which the sampling thread took; None without samples.
        notes: what a reader must know (samples that left the ring buffer, a failed subscriber).
    """

    samples: tuple[Sample, ...]
    rate_hz: float
    own_cpu_share: float | None = None
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.samples)

    def __iter__(self) -> Iterator[Sample]:
        return iter(self.samples)

    @property
    def duration_s(self) -> float:
        return self.samples[-1].t_s - self.samples[0].t_s if self.samples else 0.0

    @property
    def names(self) -> tuple[str, ...]:
        """Everything that had a number at least once, memory by device last."""
        names = dict.fromkeys(n for s in self.samples for n in s.values)
        devices = dict.fromkeys(_MEMORY + d for s in self.samples for d in s.memory_bytes)
        return (*names, *devices)

    @property
    def reasons(self) -> Mapping[str, str]:
        """What never had a number, or has none any more, with the last reason."""
        found: dict[str, str] = {}
        for sample in self.samples:
            found |= sample.reasons
            for name in sample.values:
                found.pop(name, None)
        return found

    def series(self, name: str) -> tuple[tuple[float, float], ...]:
        """(seconds, number) of one name where it had a number; "memory CPU" for a device's."""
        if name.startswith(_MEMORY) and name not in self._value_names():
            device = name.removeprefix(_MEMORY)
            return tuple(
                (s.t_s, float(s.memory_bytes[device]))
                for s in self.samples
                if device in s.memory_bytes
            )
        return tuple((s.t_s, s.values[name]) for s in self.samples if name in s.values)

    def table(self) -> Table:
        """One row per quantity: how it was in the middle, and its extremes."""
        rows = []
        for name in self.names:
            numbers = [value for _, value in self.series(name)]
            low, mid, high = min(numbers), median(numbers), max(numbers)
            shown = (format_value(name, v) for v in (low, mid, high))
            rows.append((name, *shown, len(numbers), ""))
        rows += [(name, None, None, None, 0, reason) for name, reason in self.reasons.items()]
        columns = ("quantity", "least", "median", "most", "samples", "why not")
        title = f"{len(self)} samples in {format_seconds(self.duration_s)}"
        own = format_percent(self.own_cpu_share, 2)
        note = f"The monitor's thread took {own} of one processor."
        return Table(title, columns, tuple(rows), " ".join((note, *self.notes)))

    def to_json(self, path: str | Path | None = None) -> str:
        """All samples as JSON, written to `path` when there is one."""
        data: dict[str, Any] = {
            "rate_hz": self.rate_hz,
            "own_cpu_share": self.own_cpu_share,
            "notes": list(self.notes),
            "samples": [vars(s) for s in self.samples],
        }
        return _written(json.dumps(data) + "\n", path)

    def to_csv(self, path: str | Path | None = None) -> str:
        """One line per sample, a column per quantity; what had no number is an empty cell."""
        names = self.names
        tables = {name: dict(self.series(name)) for name in names}
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        writer.writerow(("t_s", "time_utc", *names))
        for s in self.samples:
            when = datetime.fromtimestamp(s.time_s, UTC).isoformat(timespec="milliseconds")
            writer.writerow((f"{s.t_s:.3f}", when, *(tables[n].get(s.t_s) for n in names)))
        return _written(buffer.getvalue(), path)

    def _value_names(self) -> set[str]:
        return {n for s in self.samples for n in s.values}


def format_value(name: str, value: float) -> str:
    """A number of a recording as text with its unit."""
    kind = name.split(" ")[0]
    if kind in ("flop_per_s", "bytes_per_s"):
        return (format_flop_per_s if kind == "flop_per_s" else format_bytes_per_s)(value)
    if kind == "kernels_per_s":
        return f"{format_count(value)} /s"
    if kind in ("memory", "memory_used", "process_memory"):
        return format_bytes(value)
    if kind in ("process_cpu", "system_load", "load"):
        return format_percent(value)
    if kind == "clock":
        return format_hertz(value)
    return (
        f"{value:.0f} {'W' if kind == 'power' else '°C' if kind == 'temperature' else ''}".rstrip()
    )


def write_text(text: str, path: str | Path) -> Path:
    """Writes a file in one step: a reader or a full disk never leaves half of it.

    Raises:
        ResultError: when it can't be written; what was there before is as it was.
    """
    path = Path(path)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(text, encoding="utf-8")
        os.replace(partial, path)
    except OSError as error:
        with suppress(OSError):
            partial.unlink()
        raise ResultError(
            f"write '{path}'",
            expected="a file in a folder that can be written to",
            got=f"{type(error).__name__}: {error.strerror or error}",
            next_step="choose another path, or free space there",
        ) from error
    return path


def _written(text: str, path: str | Path | None) -> str:
    if path is not None:
        write_text(text, path)
    return text

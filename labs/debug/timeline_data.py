"""What ran when, as data: kernels, copies and compilations of one stretch of code."""

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from labs import units
from labs.debug.chrome import write_trace
from labs.tables import Table, TableView

KINDS = ("kernel", "graph", "copy", "compile")
_ROWS = 30  # in a notebook


@dataclass(frozen=True)
class TimelineEvent:
    """One kernel, batch of kernels (graph), copy, or preparation of kernels (compile).

    Args:
        start_s, duration_s: wall clock, from the start of the recording; a kernel was waited for.
        device_time_s: the device's own seconds for it; None where it has none (`reason`).
        bytes: compulsory traffic, each byte of each buffer once; of a copy its size. flop: as
            tinygrad counts them. None where nobody counts.
        launches: kernels in it.
    """

    name: str
    kind: str
    device: str
    start_s: float
    duration_s: float
    device_time_s: float | None = None
    bytes: int | None = None
    flop: int | None = None
    launches: int = 1

    @property
    def end_s(self) -> float:
        return self.start_s + self.duration_s


@dataclass(frozen=True, repr=False)
class Timeline(TableView):
    """Everything that ran in one stretch of code.

    Args:
        total_s: of the whole stretch, wall clock.
        modelled: the device's own seconds come from a model.
        reason: why events have no device time; empty where they do.
    """

    device: str
    events: tuple[TimelineEvent, ...]
    total_s: float
    modelled: bool = False
    reason: str = ""

    @property
    def kernels(self) -> tuple[TimelineEvent, ...]:
        """Kernels and graphs, in order."""
        return tuple(e for e in self.events if e.kind in ("kernel", "graph"))

    @property
    def in_kernels_s(self) -> float:
        """From launching a kernel to its end, summed."""
        return sum(e.duration_s for e in self.kernels)

    @property
    def in_copies_s(self) -> float:
        return sum(e.duration_s for e in self.events if e.kind == "copy")

    @property
    def in_compile_s(self) -> float:
        """Generating, compiling and looking up kernels that are about to run."""
        return sum(e.duration_s for e in self.events if e.kind == "compile")

    @property
    def in_python_s(self) -> float:
        """Neither kernel, copy nor compilation: scheduling, tensors, the reader's own code."""
        return max(0.0, self.total_s - self.in_kernels_s - self.in_copies_s - self.in_compile_s)

    @property
    def gaps(self) -> tuple[tuple[float, float], ...]:
        """(start, duration) of every stretch in seconds in which nothing ran or was compiled."""
        found, last = [], 0.0
        for event in sorted(self.events, key=lambda e: e.start_s):
            if event.start_s > last:
                found.append((last, event.start_s - last))
            last = max(last, event.end_s)
        if self.total_s > last:
            found.append((last, self.total_s - last))
        return tuple(found)

    def by_name(self) -> dict[str, tuple[TimelineEvent, ...]]:
        """Events of the same kernel or kind of copy, the longest in sum first."""
        groups: dict[str, list[TimelineEvent]] = defaultdict(list)
        for event in self.events:
            if event.kind != "compile":
                groups[event.name].append(event)
        order = sorted(groups, key=lambda n: -sum(e.duration_s for e in groups[n]))
        return {name: tuple(groups[name]) for name in order}

    def to_chrome_trace(self, path: str | Path) -> Path:
        """Write the file that chrome://tracing and ui.perfetto.dev open; returns its path."""
        return write_trace(self, path)

    def summary(self) -> Table:
        """Where the time went."""
        parts = (
            ("kernels", self.in_kernels_s, len(self.kernels)),
            ("copies", self.in_copies_s, sum(e.kind == "copy" for e in self.events)),
            ("compiling", self.in_compile_s, sum(e.kind == "compile" for e in self.events)),
            ("Python and scheduling", self.in_python_s, len(self.gaps)),
        )
        rows = tuple(
            (name, count, units.format_seconds(s), units.format_percent(s / self.total_s))
            for name, s, count in parts
        )
        title = f"{units.format_seconds(self.total_s)} on {self.device}"
        return Table(title, ("what", "how often", "wall time", "share"), rows, _NOTE)

    def table(self, max_rows: int = _ROWS) -> Table:
        """The events in order."""
        word = "model time" if self.modelled else "device time"
        rows = tuple(
            (
                units.format_seconds(e.start_s),
                e.kind,
                e.name,
                units.format_seconds(e.duration_s),
                units.format_seconds(e.device_time_s),
                units.format_bytes(e.bytes),
                units.format_flop(e.flop),
            )
            for e in self.events[:max_rows]
        )
        columns = ("start", "kind", "name", "wall time", word, "bytes, each once", "FLOP")
        left = len(self.events) - len(rows)
        notes = [f"{left} more events." if left > 0 else "", self.reason, _NOTE]
        return Table(f"Timeline on {self.device}", columns, rows, " ".join(n for n in notes if n))

    def _repr_html_(self) -> str:
        return self.summary()._repr_html_() + self.table()._repr_html_()


_NOTE = (
    "Each kernel and copy was waited for. On a device that works while Python goes on, an ordinary "
    "run overlaps the two and takes less."
)

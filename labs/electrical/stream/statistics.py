"""How a stream is doing, as a snapshot."""

from dataclasses import dataclass

from labs.tables import Table, TableView
from labs.units import format_seconds


@dataclass(frozen=True)
class GapRecord:
    """Samples [index, index + count) that the meters never saw."""

    index: int
    count: int
    t_s: float
    reason: str


@dataclass(frozen=True)
class Lateness:
    """How late this machine woke a timer that asked for every 1 ms, while the stream ran.

    The control beside every latency: what is late here as well isn't the pipeline's doing. It
    includes waiting for Python's interpreter lock.
    """

    count: int
    p50_s: float | None
    p99_s: float | None
    max_s: float | None


@dataclass(frozen=True, repr=False)
class Statistics(TableView):
    """A stream's numbers so far.

    Attributes:
        state: ready, running, paused, finished, stopped or failed.
        blocks, samples: processed so far; samples for each channel, without those that are missing.
        dropped_samples: that the pipeline didn't take: the ring was full, or it was paused.
        missing_samples: that the source never gave (jumps of its index).
        gaps: the last records of both kinds, `gap_count` of them in all.
        deadline_misses: blocks that took longer than `deadline_s` from their last sample's arrival.
        latency_*_s: from a block's last sample in the ring to its last reading judged.
        load: processing time / the time that those samples stand for; `recent_load` of the last
            blocks only.
        ring_high_water: the most samples that waited, as a part of the ring.
        control: the bare timer beside the latencies; None when it was off.
    """

    state: str
    blocks: int = 0
    samples: int = 0
    dropped_samples: int = 0
    missing_samples: int = 0
    gap_count: int = 0
    gaps: tuple[GapRecord, ...] = ()
    deadline_s: float | None = None
    deadline_misses: int = 0
    latency_p50_s: float | None = None
    latency_p99_s: float | None = None
    latency_max_s: float | None = None
    processing_p50_s: float | None = None
    processing_max_s: float | None = None
    load: float | None = None
    recent_load: float | None = None
    ring_fill: float = 0.0
    ring_high_water: float = 0.0
    windows: int = 0
    invalid_windows: int = 0
    launches: int = 0
    rows: int = 0
    elapsed_s: float = 0.0
    processed_s: float = 0.0
    control: Lateness | None = None
    notes: tuple[str, ...] = ()

    def table(self) -> Table:
        late = self.control
        rows = [
            ("state", self.state),
            ("blocks", f"{self.blocks:,}"),
            ("samples of each channel", f"{self.samples:,}"),
            ("dropped samples", f"{self.dropped_samples:,}"),
            ("missing samples", f"{self.missing_samples:,}"),
            ("gaps", f"{self.gap_count:,}"),
            ("deadline", format_seconds(self.deadline_s)),
            ("deadline misses", f"{self.deadline_misses:,}"),
            ("latency p50 / p99 / max", _three(*self._latencies())),
            ("timer late p50 / p99 / max", _three(*self._lateness())),
            ("load", _percent(self.load)),
            ("ring high-water", _percent(self.ring_high_water)),
            ("windows, of them invalid", f"{self.windows:,}, {self.invalid_windows:,}"),
            ("rows", f"{self.rows:,}"),
        ]
        if late is None:
            rows = [r for r in rows if not r[0].startswith("timer")]
        return Table("Stream", ("what", "value"), tuple(rows), "; ".join(self.notes))

    def _latencies(self) -> tuple[float | None, ...]:
        return self.latency_p50_s, self.latency_p99_s, self.latency_max_s

    def _lateness(self) -> tuple[float | None, ...]:
        late = self.control
        return (late.p50_s, late.p99_s, late.max_s) if late else (None, None, None)


def _three(*times: float | None) -> str:
    return " / ".join(format_seconds(t) for t in times)


def _percent(part: float | None) -> str | None:
    return None if part is None else f"{100 * part:.1f}%"

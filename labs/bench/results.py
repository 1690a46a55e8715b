"""What a benchmark leaves behind: frozen data, plain Python, no device and no clock.

Rounds make a Measurement, measurements and failures make a ResultSet. `files.py` writes it as a
pyperf suite, `compare.py` compares, the charts draw. All times are seconds per call.
"""

import statistics as std
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from labs.bench.names import row_labels, shared_settings, workload_of
from labs.bench.statistics import (
    Interval,
    Outliers,
    interquartile_range,
    percentile_s,
    summarize_rounds,
    tukey_outliers,
)
from labs.errors import MeasurementError
from labs.tables import Table, TableView
from labs.units import (
    format_bytes_per_s,
    format_count,
    format_flop_per_s,
    format_interval,
    format_seconds,
)

CLOCKS = ("wall", "device")
CACHES = ("warm", "cold")
MODES = ("jit", "eager")
NOT_VERIFIED = "not verified"


@dataclass(frozen=True)
class Round:
    """One visit to a case: its samples, taken one after the other.

    Args:
        samples_s: seconds per call, each the mean over `loops` calls.
        loops: calls per sample.
        warmups_s: the warm-up calls, in order.
        stop_reason: "precision" (the median's interval became narrow enough) or "time".
        position: how many cases were visited before this one in the same round.
        index: the round's number. Rounds of one run with the same index are pairs.
        warmup_capped: the calls never settled; the warm-up was given up at its cap.
        retaken: samples thrown away because the device reported throttling.
        environment: what changes from round to round (date, load, pressure, clocks).
    """

    samples_s: tuple[float, ...]
    loops: int = 1
    warmups_s: tuple[float, ...] = ()
    stop_reason: str = "time"
    position: int = 0
    index: int = 0
    warmup_capped: bool = False
    retaken: int = 0
    environment: Mapping[str, object] = field(default_factory=dict)

    @cached_property
    def median_s(self) -> float:
        return std.median(self.samples_s)


@dataclass(frozen=True, repr=False)
class Measurement(TableView):
    """One workload on one device.

    Args:
        name: workload/size/dtype/cache/clock, such as "matmul/n=500/float32/warm/wall".
        device, renderer: as tinygrad names them ("CL", "OpenCLRenderer").
        first_call_s: the first call alone, with scheduling and compilation; None when not taken.
        flop, min_bytes: of one call. `min_bytes` is the compulsory traffic, each byte once.
        verification: against what the answer was checked, and how far off it was.
        environment: what does not change from round to round.
        modelled: the time comes from a model, not from doing the work.
        overhead_s: the same clock around an empty call; a single-call time includes it.
        run_id: rounds of one run were interleaved, rounds of two runs were not.
    """

    name: str
    device: str
    renderer: str
    clock: str
    cache: str
    rounds: tuple[Round, ...]
    first_call_s: float | None = None
    flop: float | None = None
    min_bytes: float | None = None
    verification: str = NOT_VERIFIED
    environment: Mapping[str, object] = field(default_factory=dict)
    modelled: bool = False
    overhead_s: float | None = None
    run_id: str = ""

    @property
    def workload(self) -> str:
        return workload_of(self.name)

    @cached_property
    def round_medians_s(self) -> tuple[float, ...]:
        return tuple(r.median_s for r in self.rounds)

    @cached_property
    def median_s(self) -> float:
        """The median of the round medians; of fewer than 6 rounds their geometric mean."""
        return summarize_rounds(self.round_medians_s)[0]

    @cached_property
    def interval_s(self) -> Interval | None:
        """95% interval of `median_s` from the spread between rounds; None with fewer than two."""
        return summarize_rounds(self.round_medians_s)[1]

    @cached_property
    def samples_s(self) -> tuple[float, ...]:
        """All samples of all rounds: to be drawn and described, never to compute an interval."""
        return tuple(s for r in self.rounds for s in r.samples_s)

    @property
    def n(self) -> int:
        return len(self.samples_s)

    @property
    def best_s(self) -> float:
        """The fastest sample: best case, not a headline."""
        return min(self.samples_s)

    @cached_property
    def iqr_s(self) -> float:
        return interquartile_range(self.samples_s)

    @cached_property
    def outliers(self) -> Outliers:
        """Samples beyond Tukey's fences of their own round, summed over the rounds."""
        each = [tukey_outliers(r.samples_s) for r in self.rounds]
        return Outliers(sum(o.mild for o in each), sum(o.severe for o in each))

    @property
    def retaken(self) -> int:
        return sum(r.retaken for r in self.rounds)

    @property
    def stop_reasons(self) -> Mapping[str, int]:
        """Rounds by the reason they ended."""
        reasons = [r.stop_reason for r in self.rounds]
        return {reason: reasons.count(reason) for reason in dict.fromkeys(reasons)}

    @property
    def flop_per_s(self) -> float | None:
        return self.flop / self.median_s if self.flop else None

    @property
    def bytes_per_s(self) -> float | None:
        """Compulsory bytes per second (min_bytes / time)."""
        return self.min_bytes / self.median_s if self.min_bytes else None

    @property
    def flop_per_s_interval(self) -> Interval | None:
        return _rate_interval(self.flop, self.interval_s)

    @property
    def bytes_per_s_interval(self) -> Interval | None:
        return _rate_interval(self.min_bytes, self.interval_s)

    def percentile_s(self, p: float) -> tuple[float, Interval]:
        """The p-quantile of call times, pooled over rounds (descriptive), with its interval.

        Raises:
            MeasurementError: for looped samples (they are means, their tails are gone), or when
                there are too few (p95 needs 72, p99 needs 368).
        """
        loops = max(r.loops for r in self.rounds)
        if loops > 1:
            raise MeasurementError(
                f"the {100 * p:g}th percentile of '{self.name}'",
                expected="samples of one call each",
                got=f"samples that are means over {loops} calls, which hides slow ones",
                next_step="measure with min_sample_s=0: one call per sample",
            )
        return percentile_s(self.samples_s, p)

    def table(self) -> Table:
        return ResultSet((self,)).table()


@dataclass(frozen=True)
class Failure:
    """A case that could not be measured, or not to the end, and why."""

    name: str
    device: str
    error: str
    kind: str = "MeasurementError"


@dataclass(frozen=True, repr=False)
class ResultSet(TableView):
    """Everything one run measured, and what it could not.

    Args:
        stop_reason: "complete", "interrupted" (Ctrl-C) or "cancelled".
        plan: what was to be measured, as plain data; a file is only continued with the same plan.
    """

    measurements: tuple[Measurement, ...]
    failures: tuple[Failure, ...] = ()
    environment: Mapping[str, object] = field(default_factory=dict)
    stop_reason: str = "complete"
    plan: Mapping[str, object] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Measurement]:
        return iter(self.measurements)

    def __len__(self) -> int:
        return len(self.measurements)

    @property
    def devices(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(m.device for m in self.measurements))

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(m.name for m in self.measurements))

    def select(self, device: str | None = None, name: str | None = None) -> "ResultSet":
        """The part on one device, or of one workload ("matmul") or benchmark (its full name)."""

        def wanted(item: Measurement | Failure) -> bool:
            return device in (None, item.device) and (
                name in (None, item.name) or name == workload_of(item.name)
            )

        return ResultSet(
            tuple(m for m in self.measurements if wanted(m)),
            tuple(f for f in self.failures if wanted(f)),
            self.environment,
            self.stop_reason,
            self.plan,
        )

    def save(self, path: str | Path) -> Path:
        """Writes a pyperf suite; see `labs.bench.files`."""
        from labs.bench.files import save_results  # files.py builds on the types of this file

        return save_results(self, path)

    def table(self) -> Table:
        """One row per workload and device, failures below."""
        labels = row_labels([*self.names, *(f.name for f in self.failures)])
        rows = [(labels[m.name], *_row(m)) for m in self.measurements]
        rows += [
            (labels[f.name], f.device, *[None] * 6, f"failed: {_first_line(f.error)}")
            for f in self.failures
        ]
        return Table("", _COLUMNS, tuple(rows), self._note())

    def _note(self) -> str:
        shared = shared_settings(self.names)
        notes = [
            f"All {shared}." if shared else "",
            "Median: of the round medians, with its 95% interval over rounds.",
            "Bandwidth counts the compulsory bytes (each input and output byte once).",
        ]
        if any("†" in remarks(m) for m in self.measurements):
            notes.append("† rounds that ended at their time limit, not at their precision.")
        if any(m.outliers.severe for m in self.measurements):
            notes.append("Outliers lie beyond 3 interquartile ranges; they are kept.")
        if any(m.modelled for m in self.measurements):
            notes.append("model: the time comes from a model, not from doing the work.")
        if self.stop_reason != "complete":
            notes.append(f"The run was {self.stop_reason}: what it had measured is here.")
        return " ".join(n for n in notes if n)


_COLUMNS = (
    "benchmark",
    "device",
    "median",
    "95% interval",
    "samples",
    "throughput",
    "bandwidth",
    "first call",
    "remarks",
)


def _row(m: Measurement) -> tuple[object, ...]:
    interval = m.interval_s
    return (
        m.device,
        format_seconds(m.median_s) + (" (model)" if m.modelled else ""),
        format_interval(interval.low, interval.high, format_seconds) if interval else None,
        f"{format_count(m.n)} in {len(m.rounds)}",
        format_flop_per_s(m.flop_per_s),
        format_bytes_per_s(m.bytes_per_s),
        format_seconds(m.first_call_s),
        remarks(m),
    )


def remarks(m: Measurement) -> str:
    """What a reader must know before trusting the row; empty when there is nothing."""
    capped = m.stop_reasons.get("time", 0)
    unsettled = sum(r.warmup_capped for r in m.rounds)
    parts = [
        f"† {capped} of {len(m.rounds)}" if capped else "",
        f"warm-up never settled in {unsettled} rounds" if unsettled else "",
        f"{m.retaken} samples retaken (throttling)" if m.retaken else "",
        f"{m.outliers.severe} outliers" if m.outliers.severe else "",
        m.verification if m.verification.startswith(NOT_VERIFIED) else "",
    ]
    return "; ".join(p for p in parts if p)


def _rate_interval(work: float | None, time_s: Interval | None) -> Interval | None:
    if not work or time_s is None:
        return None
    return Interval(work / time_s.high, work / time_s.low, time_s.level)


def _first_line(text: str) -> str:
    """The message's head: the table stays narrow, `failures` keeps the whole text."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    got = next((line for line in lines[1:] if line.startswith("Got:")), "")
    if not lines:
        return "no message"
    return f"{lines[0]} (got: {got.removeprefix('Got:').strip()})" if got else lines[0]

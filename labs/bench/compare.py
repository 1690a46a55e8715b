"""Two results, one word: faster, slower, or not resolved.

Rounds of one run are interleaved, so they are compared as pairs: whatever slowed the whole machine
down in round 7 slowed both. Rounds of two runs have no pairs and say so ("not interleaved").
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from labs.bench.files import load_results
from labs.bench.names import row_labels, shared_settings
from labs.bench.results import NOT_VERIFIED, Measurement, ResultSet
from labs.bench.statistics import (
    Interval,
    geometric_mean,
    summarize_rounds,
    welch_ratio_interval,
)
from labs.errors import ResultError
from labs.tables import Table, TableView
from labs.units import format_interval, format_ratio

FASTER, SLOWER, NOT_RESOLVED = "faster", "slower", "not resolved"
# A change below this is not worth a word, however surely it is there.
PRACTICAL_THRESHOLD = 0.02
_DIGITS = 4  # a 2% change has to show


@dataclass(frozen=True)
class Comparison:
    """How a candidate compares with a baseline.

    Args:
        name: the benchmark's name, or "name_a -> name_b" for two implementations.
        baseline, candidate: who they are, such as "CPU" or "CPU on host-a".
        speedup: baseline time / candidate time; above 1 the candidate is faster.
        interval: of the speedup; None with fewer than two rounds.
        word: "faster", "slower" or "not resolved", about the candidate.
        interleaved: whether rounds were compared as pairs.
        rounds: pairs, or the smaller number of rounds when there are no pairs.
        note: what a reader must know ("not interleaved: ...").
    """

    name: str
    baseline: str
    candidate: str
    speedup: float
    interval: Interval | None
    word: str
    interleaved: bool
    rounds: int
    note: str = ""


@dataclass(frozen=True, repr=False)
class Comparisons(TableView):
    """Comparisons in order; `missing` names what only one side has."""

    items: tuple[Comparison, ...]
    missing: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[Comparison]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> Comparison:
        return self.items[index]

    def table(self) -> Table:
        labels = row_labels(c.name for c in self.items)
        rows = tuple(
            (
                labels[c.name],
                c.baseline,
                c.candidate,
                _ratio(c.speedup),
                format_interval(c.interval.low, c.interval.high, _ratio) if c.interval else None,
                c.word,
                c.rounds,
                c.note,
            )
            for c in self.items
        )
        shared = shared_settings(labels)
        note = f"All {shared}. " if shared else ""
        note += "Speedup: baseline time / candidate time, above 1 the candidate is faster."
        if self.missing:
            note += " Not compared: " + "; ".join(self.missing) + "."
        columns = ("benchmark", "baseline", "candidate", "speedup", "95% interval")
        return Table("", (*columns, "candidate is", "rounds", "remarks"), rows, note)


def compare(
    baseline: Measurement, candidate: Measurement, *, implementations: bool = False
) -> Comparison:
    """The candidate's speedup over the baseline, with a 95% interval and one word.

    Args:
        implementations: the two are different ways to do the same work, so the workload's own name
            and the mode may differ. Size, dtype, cache and clock may not.

    Raises:
        ResultError: when a ratio of the two would mean nothing: another benchmark, size or clock,
            or a modelled time against a measured one.

    Example:
        >>> cpu, cl = results.select(name="matmul")
        >>> compare(cpu, cl).word
        'faster'
    """
    _require_comparable(baseline, candidate, implementations)
    pairs = _pairs(baseline, candidate)
    if pairs:
        ratios = [a / b for a, b in pairs]
        speedup, interval = summarize_rounds(ratios)
        rounds, note = len(pairs), ""
    else:
        a, b = baseline.round_medians_s, candidate.round_medians_s
        speedup = geometric_mean(a) / geometric_mean(b)
        interval = welch_ratio_interval(a, b)
        rounds, note = min(len(a), len(b)), _why_not_interleaved(baseline, candidate)
    if interval is None:
        note = "; ".join(filter(None, (note, "fewer than two rounds: no interval")))
    name = baseline.name
    if candidate.name != baseline.name:
        name = f"{baseline.name} -> {candidate.name}"
    unverified = [
        m.device for m in (baseline, candidate) if m.verification.startswith(NOT_VERIFIED)
    ]
    if unverified:
        note = "; ".join(filter(None, (note, f"not verified: {', '.join(unverified)}")))
    names = _sides(baseline, candidate)
    word = _word(speedup, interval)
    return Comparison(name, *names, speedup, interval, word, bool(pairs), rounds, note)


def compare_devices(results: ResultSet, baseline: str) -> Comparisons:
    """Every device of one run against the baseline device, workload by workload.

    Raises:
        ResultError: when the baseline device has no result.
    """
    if baseline not in results.devices:
        raise ResultError(
            f"compare the devices of a run with '{baseline}'",
            expected=f"one of the measured devices: {', '.join(results.devices) or 'none'}",
            got=f"'{baseline}'",
            next_step="name one of those, or measure that device too",
        )
    items, missing = [], []
    for name in results.names:
        group = {m.device: m for m in results.select(name=name)}
        base = group.pop(baseline, None)
        for device, measurement in group.items():
            if base is None:
                missing.append(f"{name} on {device} (no result on {baseline})")
            elif base.modelled != measurement.modelled:
                missing.append(f"{name} on {device} (a model's time beside a measured one)")
            else:
                items.append(compare(base, measurement))
    missing += [f"{f.name} on {f.device} (failed)" for f in results.failures]
    return Comparisons(tuple(items), tuple(missing))


def compare_sets(baseline: ResultSet, candidate: ResultSet) -> Comparisons:
    """Two runs, benchmark by benchmark.

    Benchmarks meet by name and device; when each run has a single device, by name alone, so that a
    run on CPU can be compared with a run on CL.

    Raises:
        ResultError: when the two have no benchmark in common.
    """
    by_name = len(baseline.devices) == len(candidate.devices) == 1

    def key(m: Measurement) -> tuple[str, ...]:
        return (m.name,) if by_name else (m.name, m.device)

    ours, theirs = {key(m): m for m in baseline}, {key(m): m for m in candidate}
    common = [k for k in ours if k in theirs]
    if not common:
        raise ResultError(
            "compare two runs",
            expected=f"benchmarks that both have; the first has {_listing(ours)}",
            got=f"the second has {_listing(theirs)}",
            next_step="measure the same suite with the same clock and cache on both sides",
        )
    only = [f"{' on '.join(k)} (only in the first)" for k in ours if k not in theirs]
    only += [f"{' on '.join(k)} (only in the second)" for k in theirs if k not in ours]
    return Comparisons(tuple(compare(ours[k], theirs[k]) for k in common), tuple(only))


def compare_files(baseline: str | Path, candidate: str | Path) -> Comparisons:
    """Two result files, benchmark by benchmark; see `compare_sets`."""
    return compare_sets(load_results(baseline), load_results(candidate))


def _ratio(value: float) -> str:
    return format_ratio(value, _DIGITS)


def _word(speedup: float, interval: Interval | None) -> str:
    change = abs(math.log(speedup))
    if interval is None or 1.0 in interval or change < math.log(1 + PRACTICAL_THRESHOLD):
        return NOT_RESOLVED
    return FASTER if speedup > 1 else SLOWER


def _pairs(a: Measurement, b: Measurement) -> list[tuple[float, float]]:
    """Medians of the rounds that were run next to each other; empty when the runs differ."""
    if not a.run_id or a.run_id != b.run_id:
        return []
    theirs = {r.index: r.median_s for r in b.rounds}
    return [(r.median_s, theirs[r.index]) for r in a.rounds if r.index in theirs]


def _require_comparable(a: Measurement, b: Measurement, implementations: bool) -> None:
    if a.modelled != b.modelled:
        modelled, measured = (a, b) if a.modelled else (b, a)
        raise ResultError(
            f"compare '{a.name}' on {a.device} with '{b.name}' on {b.device}",
            expected="two measured times, or two times of the same model",
            got=f"{modelled.device}'s time comes from a model, {measured.device}'s was measured",
            next_step="show them in two tables: a ratio of the two means nothing",
        )
    same = _size_and_rest(a) == _size_and_rest(b) if implementations else a.name == b.name
    if not same:
        raise ResultError(
            f"compare '{a.name}' with '{b.name}'",
            expected="the same size, dtype, cache and clock"
            + ("" if implementations else " of the same workload"),
            got="two benchmarks that differ in more than the device",
            next_step="measure both with the same settings"
            + ("" if implementations else ", or pass implementations=True for two ways to do it"),
        )


def _size_and_rest(m: Measurement) -> tuple[str, ...]:
    parts = m.name.split("/")
    return tuple(p for p in parts[1:] if p != "eager")


def _why_not_interleaved(a: Measurement, b: Measurement) -> str:
    hosts = [str(m.environment.get("hostname", "")) for m in (a, b)]
    if hosts[0] != hosts[1]:
        return f"not interleaved: two hosts, {hosts[0] or 'unknown'} and {hosts[1] or 'unknown'}"
    return "not interleaved: two runs"


def _sides(a: Measurement, b: Measurement) -> tuple[str, str]:
    hosts = [str(m.environment.get("hostname", "")) for m in (a, b)]
    if hosts[0] != hosts[1]:
        return f"{a.device} on {hosts[0] or 'unknown'}", f"{b.device} on {hosts[1] or 'unknown'}"
    return a.device, b.device


def _listing(keys: dict[tuple[str, ...], Measurement]) -> str:
    names = [" on ".join(k) for k in keys]
    return (
        ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "") or "none"
    )

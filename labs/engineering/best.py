"""Who is fastest at what: named only where every other device is slower beyond its interval."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from labs.bench.compare import FASTER, NOT_RESOLVED, compare
from labs.bench.names import case_label
from labs.bench.results import Measurement, ResultSet
from labs.bench.statistics import Interval
from labs.engineering.suite import SECTIONS, SuiteCase
from labs.tables import Table
from labs.units import format_interval, format_ratio, format_seconds


@dataclass(frozen=True)
class Best:
    """The fastest at one benchmark.

    Args:
        name: the benchmark's.
        device: who is fastest; empty where that isn't resolved.
        contenders: who may be the fastest, best median first; `device` alone where it is resolved.
        median_s: of the best median.
        speedup, interval: over the next one.
        measured: how many devices have a result.
    """

    name: str
    device: str
    contenders: tuple[str, ...]
    median_s: float
    speedup: float | None
    interval: Interval | None
    measured: int

    @property
    def section(self) -> str:
        return SuiteCase(self.name.split("/")[0], "").section


def best_performers(sets: Sequence[ResultSet]) -> tuple[Best, ...]:
    """For each benchmark by the wall clock that two devices or more have, its fastest."""
    rows = [(_label(m, r, sets), m) for r in sets for m in r]
    rows = [(label, m) for label, m in rows if m.clock == "wall" and not m.modelled]
    names = dict.fromkeys(m.name for _, m in rows)
    found = (_best(name, [(who, m) for who, m in rows if m.name == name]) for name in names)
    return tuple(best for best in found if best is not None)


def best_table(bests: Iterable[Best]) -> Table:
    """One row per benchmark."""
    rows = tuple(
        (
            case_label(b.name),
            b.device or NOT_RESOLVED.replace(" ", "\u00a0"),  # in one line
            format_seconds(b.median_s),
            format_ratio(b.speedup) if b.device else None,
            format_interval(b.interval.low, b.interval.high, format_ratio) if b.device else None,
            "" if b.device else " or ".join(b.contenders),
        )
        for b in bests
    )
    columns = ("benchmark", "fastest", "median", "over the next", "95% interval", "it may be")
    note = "Named only where it is faster than each of the others beyond the interval and 2%."
    return Table("Best performers", columns, rows, note)


def wins_table(bests: Sequence[Best]) -> Table:
    """One row per section of the suite: who wins how often."""
    rows = []
    for section in (*SECTIONS, "other"):
        mine = [b for b in bests if b.section == section]
        if not mine:
            continue
        wins: dict[str, int] = {}
        for b in mine:
            wins[b.device or NOT_RESOLVED] = wins.get(b.device or NOT_RESOLVED, 0) + 1
        order = sorted(wins.items(), key=lambda item: (item[0] == NOT_RESOLVED, -item[1]))
        rows.append((section, len(mine), ", ".join(f"{who}: {n}" for who, n in order)))
    return Table("Fastest, by section", ("section", "cases", "fastest at"), tuple(rows))


def _best(name: str, rows: Sequence[tuple[str, Measurement]]) -> Best | None:
    if len(rows) < 2:
        return None
    ordered = sorted(rows, key=lambda row: row[1].median_s)
    (who, best), others = ordered[0], ordered[1:]
    verdicts = [(label, compare(m, best)) for label, m in others]
    rivals = tuple(label for label, v in verdicts if v.word != FASTER)
    nearest = verdicts[0][1]
    return Best(
        name=name,
        device="" if rivals else who,
        contenders=(who, *rivals),
        median_s=best.median_s,
        speedup=nearest.speedup,
        interval=nearest.interval,
        measured=len(rows),
    )


def _label(m: Measurement, results: ResultSet, sets: Sequence[ResultSet]) -> str:
    if len(sets) < 2:
        return m.device
    return f"{m.device} on {results.environment.get('hostname', 'unknown')}"

"""What the words of a chart are made from: conditions, checks and findings, out of measurements.

No figure is made here. A title is a sentence with the result; a subtitle is how it was obtained.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from labs.bench.names import case_label, dtype_of, workload_of
from labs.errors import ResultError
from labs.units import format_count, format_ratio


def join_words(words: Sequence[str], last: str = "and") -> str:
    """('a', 'b', 'c') -> 'a, b and c'."""
    words = list(words)
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}"


def distinct(values: Iterable[Any]) -> list[Any]:
    """The values in their order, each once."""
    return list(dict.fromkeys(values))


def checked(measurements: Iterable[Any], asked: str) -> list[Any]:
    """The measurements as a list, refused when empty or when they don't belong in one chart.

    Raises:
        ResultError: nothing to draw, modelled beside measured, or two clocks.
    """
    rows = list(measurements)
    if not rows:
        raise ResultError(
            asked,
            expected="at least one measurement",
            got="none",
            next_step="look at the result's .failures for why nothing could be measured",
        )
    if len({bool(m.modelled) for m in rows}) > 1:
        modelled = distinct(m.device for m in rows if m.modelled)
        raise ResultError(
            asked,
            expected="all measured or all from a model",
            got=f"modelled times of {', '.join(modelled)} beside measured ones",
            next_step="draw them in two charts: select(device=...) on the results",
        )
    clocks = distinct(m.clock for m in rows)
    if len(clocks) > 1:
        raise ResultError(
            asked,
            expected="one clock in a chart",
            got=" and ".join(f"{c} time" for c in clocks),
            next_step="draw one chart for each clock: device time leaves out what wall time counts",
        )
    return rows


def conditions(rows: Sequence[Any]) -> str:
    """How the measurements were made: devices, dtype, n, rounds, clock, cache, date."""
    counts = sorted(m.n for m in rows)
    rounds = sorted({len(m.rounds) for m in rows})
    n_text = format_count(counts[0])
    if counts[-1] != counts[0]:
        n_text += f" to {format_count(counts[-1])}"
    parts = [
        ", ".join(distinct(m.device for m in rows)),
        ", ".join(distinct(dtype_of(m.name) for m in rows)),
        f"n = {n_text} samples in {_span(rounds)} round{'s' if rounds[-1] != 1 else ''}",
        ("modelled" if rows[0].modelled else rows[0].clock) + " time",
        f"{' and '.join(distinct(m.cache for m in rows))} cache",
        measured_on(rows),
    ]
    return " · ".join(p for p in parts if p)


def measured_on(rows: Sequence[Any]) -> str:
    """The day of the measurement (UTC, to the minute), or nothing when it isn't recorded."""
    dates = [
        str(source.environment.get("date", ""))
        for m in rows
        for source in (m, *m.rounds)
        if source.environment
    ]
    return min((d for d in dates if d), default="")[:16].replace("T", " ")


def capped_rounds(measurement: Any) -> int:
    """How many rounds ran into their time limit before their interval was narrow."""
    return sum(is_capped(r) for r in measurement.rounds)


def is_capped(round_: Any) -> bool:
    """Whether this round ran into its time limit."""
    return round_.stop_reason != "precision"


def comparison_finding(comparisons: Sequence[Any], candidate: str, baseline: str) -> str:
    """'Against CPU, CL is faster at matmul (2.1x), slower at sum (0.7x); add is not resolved'."""
    groups: dict[str, list[str]] = {}
    for c in comparisons:
        name = case_label(c.name) if " -> " in c.name else workload_of(c.name)
        resolved = c.word in ("faster", "slower")
        word = c.word if resolved else "not resolved"
        groups.setdefault(word, []).append(
            f"{name} ({format_ratio(c.speedup, 2)})" if resolved else name
        )
    said = [
        f"{word} at {join_words(groups[word])}" for word in ("faster", "slower") if word in groups
    ]
    if not said:
        return f"{candidate} against {baseline}: no difference is resolved"
    sentence = f"Against {baseline}, {candidate} is {', '.join(said)}"
    if "not resolved" in groups:
        names = groups["not resolved"]
        verb = "is" if len(names) == 1 else "are"
        sentence += f"; {join_words(names)} {verb} not resolved"
    return sentence


def _span(values: Sequence[int]) -> str:
    return str(values[0]) if values[0] == values[-1] else f"{values[0]} to {values[-1]}"

"""A recommendation: what to change, why on this device, what it should gain, and whether it did."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from labs.bench.compare import FASTER, Comparison
from labs.bench.results import ResultSet
from labs.errors import LabError
from labs.tables import Table, TableView
from labs.units import format_interval, format_ratio

AREAS = ("memory", "compute", "launches", "memory management", "algorithm")


@dataclass(frozen=True)
class Trial:
    """Two ways to do the same work, ready to be timed.

    Args:
        device: where both run.
        functions: name -> function that does the work and returns its result; first the way it is
            done now, then the recommended one.
        answers: name -> numpy's answer. Not timed if it is missed by more than rtol and atol.
        note: what happens outside the clock (a copy into another layout, a search).
    """

    device: str
    functions: Mapping[str, Callable[[], Any]]
    answers: Mapping[str, np.ndarray]
    rtol: float
    atol: float
    note: str = ""


@dataclass(frozen=True, repr=False)
class Verified(TableView):
    """What a recommendation did when it was applied.

    Args:
        comparison: now against recommended, interleaved; None when it couldn't be measured.
        errors: name -> largest distance from numpy's answer.
        failure: why it couldn't be measured, else empty.
    """

    recommendation: "Recommendation"
    comparison: Comparison | None
    results: ResultSet | None = field(default=None, repr=False)
    errors: Mapping[str, float] = field(default_factory=dict)
    failure: str = ""
    note: str = ""

    @property
    def word(self) -> str:
        """ "faster", "slower", "not resolved", or "not applied"."""
        return "not applied" if self.comparison is None else self.comparison.word

    @property
    def helped(self) -> bool:
        return self.word == FASTER

    @property
    def gain(self) -> float | None:
        """Measured: time now / time as recommended."""
        return None if self.comparison is None else self.comparison.speedup

    def statement(self) -> str:
        """One sentence."""
        if self.comparison is None:
            return f"Not applied: {self.failure}"
        expected = self.recommendation.expected_gain
        gain = format_ratio(self.gain)
        at_most = "at most " if self.recommendation.expected_is_limit else ""
        hoped = "" if expected is None else f", expected {at_most}{format_ratio(expected)}"
        if self.word == FASTER:
            return f"It helped: {gain}{hoped}."
        if self.word == "slower":
            return f"It did not help: it is slower here ({gain}{hoped}). Leave it as it was."
        return f"It did not help: no difference was resolved ({gain}{hoped})."

    def table(self) -> Table:
        interval = self.comparison.interval if self.comparison else None
        rows = (
            ("result", self.statement()),
            ("measured gain", format_ratio(self.gain)),
            (
                "95% interval",
                format_interval(interval.low, interval.high, format_ratio) if interval else None,
            ),
            ("expected gain", _expected(self.recommendation)),
            *((f"largest error, {name}", f"{error:.2g}") for name, error in self.errors.items()),
        )
        return Table(self.recommendation.statement, ("", "value"), rows, self.note)


@dataclass(frozen=True, repr=False)
class Recommendation(TableView):
    """One thing to change.

    Args:
        area: one of AREAS.
        rule: its short name ("jit").
        field: the kind of work an algorithm is for ("signal"), else empty.
        statement: the advice, one sentence.
        evidence: numbers from this device.
        expected_gain: time now / time afterwards; None with the reason in `expected_how`.
        expected_is_limit: the gain can't be more, and is probably less.
        expected_how: how it was derived.
        make_trial: prepares both ways; called by apply().
    """

    area: str
    rule: str
    statement: str
    evidence: tuple[str, ...]
    expected_gain: float | None
    expected_how: str
    make_trial: Callable[[], Trial] = field(repr=False, compare=False)
    expected_is_limit: bool = False
    field: str = ""

    def apply(self, *, rounds: int = 10, round_time_s: float = 0.1, **settings: Any) -> Verified:
        """Do it, on the reader's own workload: both ways are checked against numpy, then timed in
        interleaved rounds.

        Args:
            settings: of `labs.bench.measure_calls` (cache, seed, progress, cancel).
        """
        from labs.gpu.advice.verify import verify_trial  # imports tinygrad

        return verify_trial(self, rounds=rounds, round_time_s=round_time_s, **settings)

    def table(self) -> Table:
        rows = (
            ("area", f"{self.area} ({self.field})" if self.field else self.area),
            *(("evidence", e) for e in self.evidence),
            ("expected gain", _expected(self)),
            ("derived from", self.expected_how),
        )
        return Table(self.statement, ("", "here"), rows, "Not applied yet: .apply() measures it.")


@dataclass(frozen=True)
class NotAdvised:
    """A rule that was looked at and doesn't apply, and why."""

    area: str
    rule: str
    reason: str


@dataclass(frozen=True, repr=False)
class Recommendations(TableView):
    """What this device's measurements advise for a workload, largest expected gain first.

    Args:
        not_advised: the rules that don't apply here.
    """

    workload: str
    device: str
    items: tuple[Recommendation, ...]
    not_advised: tuple[NotAdvised, ...] = ()

    def __iter__(self) -> Iterator[Recommendation]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, key: int | str) -> Recommendation:
        """By position or by rule ("fuse").

        Raises:
            LabError: there is no such recommendation; it says why the rule doesn't apply.
        """
        if isinstance(key, int):
            return self.items[key]
        for item in self.items:
            if item.rule == key:
                return item
        silent = {n.rule: n.reason for n in self.not_advised}
        raise LabError(
            f"find the recommendation {key!r}",
            expected=f"one of {', '.join(i.rule for i in self.items) or 'none'}",
            got=f"not advised here: {silent[key]}" if key in silent else "no rule of that name",
        )

    def apply_all(self, **settings: Any) -> "Applied":
        """Each recommendation by itself against the workload as it is."""
        return Applied(tuple(item.apply(**settings) for item in self.items))

    def table(self) -> Table:
        rows = tuple(
            (
                i.rule,
                f"{i.area} ({i.field})" if i.field else i.area,
                i.statement,
                "\n".join(i.evidence),
                _expected(i),
                i.expected_how,
            )
            for i in self.items
        )
        columns = ("rule", "area", "recommendation", "evidence", "expected gain", "derived from")
        silent = "; ".join(f"{n.rule}: {n.reason}" for n in self.not_advised)
        note = f"Not advised: {silent}." if silent else ""
        return Table(f"Recommendations for {self.workload} on {self.device}", columns, rows, note)


@dataclass(frozen=True, repr=False)
class Applied(TableView):
    """Recommendations that were applied, one by one, with what each did."""

    items: tuple[Verified, ...]

    def __iter__(self) -> Iterator[Verified]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    def table(self) -> Table:
        rows = tuple(
            (
                v.recommendation.rule,
                _expected(v.recommendation),
                format_ratio(v.gain),
                _interval(v.comparison),
                v.word,
                v.statement(),
            )
            for v in self.items
        )
        columns = ("rule", "expected", "measured", "95% interval", "it is", "in words")
        return Table("Recommendations applied", columns, rows)


def _expected(item: Recommendation) -> str | None:
    if item.expected_gain is None:
        return None
    gain = format_ratio(item.expected_gain)
    return f"<= {gain}" if item.expected_is_limit else gain


def _interval(comparison: Comparison | None) -> str | None:
    if comparison is None or comparison.interval is None:
        return None
    return format_interval(comparison.interval.low, comparison.interval.high, format_ratio)

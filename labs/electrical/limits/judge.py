"""Readings against limits, as they come: alarms at once, the verdict at the end.

Memory is bounded: of each limit on each channel it keeps the worst value, the first violations, and
counts. A valid reading that is NaN fails. An invalid one (gap, clipped, ...) makes the requirement
INVALID, not passed. A requirement that was never measured is INVALID, too; only events (dips and
such) may be absent, where their meter reported in the end that there were none.
"""

import math
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import replace

from labs.electrical.limits.specification import Limit, Reference, Requirement, Specification
from labs.electrical.limits.verdict import (
    FAIL,
    INVALID,
    MARGINAL,
    ORDER,
    PASS,
    Row,
    Verdict,
    worst_of,
)
from labs.electrical.readings import Reading

MOST_ROWS = 100  # violations, and invalid windows, that are kept for each limit and channel
MOST_WAITING = 10_000  # readings whose reference hasn't been measured yet
EVENTS = ("dip", "swell", "interruption")
EVENT_QUANTITIES = (*EVENTS, *(f"{e}_duration" for e in EVENTS))


class Judge:
    """Judges the readings of one stream, in their order.

    Example:
        judge = Judge(load_limits("limits.yaml"))
        alarms = judge.feed(readings)
        verdict = judge.finish()
    """

    def __init__(self, specification: Specification) -> None:
        self.specification = specification
        self._latest: dict[tuple[str, str, str], Reading] = {}
        self._seen: set[tuple[str, str]] = set()
        self._trackers: dict[tuple[str, str], list[_Tracker]] = {}
        referred: set[tuple[str, str]] = set()
        for r in specification.requirements:
            channel = "+".join(r.channels)
            for limit in r.limits:
                tracker = _Tracker(r, channel, limit, specification.config_hash)
                self._trackers.setdefault((r.kind, channel), []).append(tracker)
                for bound in (limit.lower, limit.upper):
                    if isinstance(bound, Reference):
                        referred.add((bound.requirement, bound.quantity))
        self._targets: dict[tuple[str, str], list[tuple[str, str]]] = {}
        for name, quantity in referred:
            for r in specification.requirements:
                if r.name == name:
                    key = (r.kind, "+".join(r.channels))
                    self._targets.setdefault(key, []).append((name, quantity))

    def feed(self, readings: Iterable[Reading]) -> list[Row]:
        """Judge them; returns the rows of violations that begin and of invalid windows."""
        alarms: list[Row] = []
        for reading in readings:
            key = (reading.kind, reading.channel)
            self._seen.add(key)
            self._remember(key, reading)
            for tracker in self._trackers.get(key, ()):
                if tracker.limit.covers(reading.quantity):
                    alarms += tracker.see(reading, self._bounds(tracker, reading))
        return alarms

    def finish(self) -> Verdict:
        """The verdict over everything that was fed."""
        rows: list[Row] = []
        notes: list[str] = []
        counts: Counter[str] = Counter()
        for key, trackers in self._trackers.items():
            for tracker in trackers:
                found, said = tracker.finish(key in self._seen)
                rows += found
                notes += said
                counts.update(tracker.counts)
        status = worst_of({r.status for r in rows})
        hashed = self.specification.config_hash
        return Verdict(status, tuple(rows), tuple(notes), dict(counts), hashed)

    def _remember(self, key: tuple[str, str], reading: Reading) -> None:
        for name, quantity in self._targets.get(key, ()):
            if quantity == reading.quantity and reading.valid:
                self._latest[name, quantity, reading.channel] = reading
                self._latest[name, quantity, ""] = reading
                for trackers in self._trackers.values():
                    for tracker in trackers:
                        tracker.judge_waiting(lambda r, t=tracker: self._bounds(t, r))

    def _bounds(self, tracker: "_Tracker", reading: Reading) -> tuple | None:
        """(lower, upper) that hold now; None while a reference hasn't been measured."""
        found = []
        for bound in (tracker.limit.lower, tracker.limit.upper):
            if isinstance(bound, Reference):
                where = bound.requirement, bound.quantity
                latest = self._latest.get((*where, reading.channel)) or self._latest.get(
                    (*where, "")
                )
                if latest is None:
                    return None
                bound = latest.value * bound.times + bound.plus
            found.append(bound)
        return tuple(found)


class _Tracker:
    """One limit on one channel."""

    def __init__(self, requirement: Requirement, channel: str, limit: Limit, hashed: str) -> None:
        self.requirement, self.channel, self.limit, self.hashed = (
            requirement, channel, limit, hashed,
        )  # fmt: skip
        self.counts: Counter[str] = Counter()
        self.violations: list[Row] = []
        self.invalid: list[Row] = []
        self.excursions = 0
        self.worst: Row | None = None
        self.open: dict[str, Row] = {}  # quantity -> its violation that goes on
        self.waiting: deque[Reading] = deque()
        self.lost = 0  # waiting readings that there was no room for

    def see(self, reading: Reading, bounds: tuple | None) -> list[Row]:
        if reading.valid and bounds is None:
            if len(self.waiting) < MOST_WAITING:
                self.waiting.append(reading)
            else:
                self.lost += 1
            return []
        row = self._row(reading, bounds or (None, None))
        self.counts[row.status] += 1
        if row.status == INVALID:
            self._close(reading.quantity)
            self.invalid = _kept(self.invalid, row)
            return [row]
        if self.worst is None or _rank(row) < _rank(self.worst):
            self.worst = row
        if row.status != FAIL:
            self._close(reading.quantity)
            return []
        going_on = self.open.get(reading.quantity)
        if going_on is None:
            self.excursions += 1
            self.open[reading.quantity] = row
            return [row] if self.limit.within >= 1 else []
        worse = row if _rank(row) < _rank(going_on) else going_on
        self.open[reading.quantity] = replace(
            worse,
            t_start_s=going_on.t_start_s,
            index=going_on.index,
            t_end_s=row.t_end_s,
            count=row.index + row.count - going_on.index,
        )
        return []

    def judge_waiting(self, bounds_of) -> None:
        while self.waiting:
            bounds = bounds_of(self.waiting[0])
            if bounds is None:
                return
            self.see(self.waiting.popleft(), bounds)

    def finish(self, measured: bool) -> tuple[list[Row], list[str]]:
        for quantity in list(self.open):
            self._close(quantity)
        where, notes = f"{self.requirement.name} on {self.channel}", []
        if self.waiting or self.lost:
            reason = "its limit refers to a measurement that gave no value"
            self.counts[INVALID] += len(self.waiting) + self.lost
            self.invalid = _kept(self.invalid, self._empty(INVALID, reason))
        if not sum(self.counts.values()):
            if self.limit.quantity in EVENT_QUANTITIES and measured:
                return [self._empty(PASS, "no such event")], []
            return [self._empty(INVALID, "never measured")], []
        for kept, total, what in (
            (self.violations, self.excursions, "violations"),
            (self.invalid, self.counts[INVALID], "invalid windows"),
        ):
            if total > len(kept) > 0 and len(kept) == MOST_ROWS:
                notes.append(f"{where}: {total} {what}, the first {MOST_ROWS} are listed")
        judged = self.counts[PASS] + self.counts[MARGINAL] + self.counts[FAIL]
        rows = list(self.violations)
        if self.limit.within < 1 and judged:
            inside = 1 - self.counts[FAIL] / judged
            said = f"{100 * inside:.4g}% of {judged} windows are within, {100 * self.limit.within:.4g}% are needed"  # noqa: E501
            status = PASS if inside >= self.limit.within else FAIL
            rows = [replace(self.worst, status=status, reason=said)]
        elif not rows and self.worst is not None:
            rows = [self.worst]
        rows += self.invalid
        return sorted(rows, key=lambda r: (r.index is None, r.index or 0)), notes

    def _row(self, reading: Reading, bounds: tuple) -> Row:
        lower, upper = bounds
        value, reason, unit = reading.value, reading.reason, reading.unit
        margin = _margin(value, lower, upper)
        limit = self.limit
        if not reading.valid:
            status, reason = INVALID, reason or "not valid"
        elif limit.unit not in ("=", "", unit):
            status, reason = (
                INVALID,
                f"the limit is in {limit.unit}, the channel in {unit or 'no unit'}",
            )
        elif math.isnan(value):
            status, reason = FAIL, reason or "not a number"
        elif margin < 0:
            status = FAIL
        elif reading.quantity in self.open and margin < limit.hysteresis:
            status, reason = FAIL, reason or "not back by the hysteresis yet"
        elif margin < limit.marginal:
            status = MARGINAL
        else:
            status = PASS
        return Row(
            self.requirement.name, reading.channel, reading.quantity, value, unit, lower, upper,
            margin, status, reading.t_start_s, reading.t_end_s, reading.index, reading.count,
            self.hashed, reason, limit.action,
        )  # fmt: skip

    def _empty(self, status: str, reason: str) -> Row:
        limit = self.limit
        lower, upper = (None if isinstance(b, Reference) else b for b in (limit.lower, limit.upper))
        return Row(
            self.requirement.name, self.channel, limit.quantity, None, limit.unit, lower, upper,
            None, status, None, None, None, None, self.hashed, reason, limit.action,
        )  # fmt: skip

    def _close(self, quantity: str) -> None:
        row = self.open.pop(quantity, None)
        if row is not None:
            self.violations = _kept(self.violations, row)


def _margin(value: float, lower: float | None, upper: float | None) -> float:
    """Distance to the nearest limit, positive inside; a value on its limit is inside."""
    sides = [value - lower] if lower is not None else []
    sides += [upper - value] if upper is not None else []
    return math.nan if math.isnan(value) else min(sides, default=math.inf)


def _rank(row: Row) -> tuple[int, float]:
    margin = row.margin if row.margin is not None and not math.isnan(row.margin) else -math.inf
    return ORDER.index(row.status), margin


def _kept(rows: list[Row], row: Row) -> list[Row]:
    return [*rows, row] if len(rows) < MOST_ROWS else rows

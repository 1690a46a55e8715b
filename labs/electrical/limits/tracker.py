"""One limit on one channel: the state that judging it needs."""

import math
from collections import Counter
from collections.abc import Mapping

from labs.electrical.limits.specification import Limit, Reference, Requirement
from labs.electrical.limits.stretches import Kept, Seen, Stretch, stretch_of
from labs.electrical.limits.verdict import FAIL, INVALID, MARGINAL, ORDER, PASS, Row
from labs.electrical.readings import Reading
from labs.units import format_percent

# what needn't happen -> the quantity that says how often it did
COUNTED = {
    **{name: f"{name}s" for name in ("dip", "swell", "interruption")},
    **{f"{name}_duration": f"{name}s" for name in ("dip", "swell", "interruption")},
    "first_violation": "violations",
}


class Tracker:
    """Judges the readings of one limit of one requirement."""

    def __init__(self, requirement: Requirement, limit: Limit, hashed: str) -> None:
        self.requirement, self.limit, self.hashed = requirement, limit, hashed
        self.lower, self.upper = (
            None if isinstance(b, Reference) else b for b in (limit.lower, limit.upper)
        )
        self.counts: Counter[str] = Counter()
        self.measured = False  # whether its meter said anything
        self.counter = COUNTED.get(limit.quantity)
        self._counted: Reading | None = None
        self._quantities: set[str] = set()
        self._worst: Seen | None = None
        self._worst_rank: tuple[int, float] = (len(ORDER), math.inf)
        self._outside: dict[str, Stretch] = {}
        self._invalid: dict[str, Stretch] = {}
        self._last_invalid: Stretch | None = None
        self._violations, self._invalids = Kept(), Kept()

    def bounds(
        self, reading: Reading, latest: Mapping[Reference, Reading]
    ) -> tuple[float | None, float | None, str]:
        """(lower, upper, why they can't be used) for a reading, from what they refer to."""
        found: list[float | None] = []
        why = ""
        for bound in (self.limit.lower, self.limit.upper):
            if isinstance(bound, Reference):
                other = latest[bound]
                if not other.valid:
                    why = f"its limit follows {bound}, which isn't valid: {other.reason or 'no'}"
                elif other.unit != reading.unit:
                    why = f"its limit follows {bound} in {other.unit or 'no unit'}"
                bound = None if why else other.value * bound.times + bound.plus
            found.append(bound)
        return found[0], found[1], why

    def see(
        self,
        reading: Reading,
        lower: float | None,
        upper: float | None,
        why_not: str,
        alarms: list[Row],
    ) -> None:
        """Judge one reading; what begins with it is added to the alarms."""
        quantity = reading.quantity
        if quantity == self.counter and not self.limit.covers(quantity):
            self._counted = reading
            return
        if self.limit.stem:
            self._quantities.add(quantity)
        value = float(reading.value)  # a numpy float32 would round its limits
        margin = _margin(value, lower, upper)
        unit = self.limit.unit
        status, reason = FAIL, reading.reason
        if not reading.valid:
            status, reason = INVALID, reason or "not valid"
        elif why_not:
            status, reason = INVALID, why_not
        elif unit and unit != reading.unit:
            status = INVALID
            reason = f"the limit is in {unit}, the channel in {reading.unit or 'no unit'}"
        elif margin >= self.limit.marginal:
            status = PASS
        elif margin >= 0:
            status = MARGINAL
        elif math.isnan(margin):
            reason = reason or ("its limit" if value == value else "the value") + " is no number"
        self.counts[status] += 1
        if status is PASS and not self._outside and not self._invalid and self._worst is not None:
            # the usual case, and the only one that there may be millions of
            rank = self._worst_rank
            if rank[0] < _PASS or margin >= rank[1]:
                return
        seen = Seen(reading, lower, upper, margin, status, reason)
        if status is INVALID:
            self._close(quantity)
            self._see_invalid(seen, alarms)
            return
        self._end_invalid(quantity)
        rank = seen.rank
        if rank < self._worst_rank:
            self._worst, self._worst_rank = seen, rank
        self._see_valid(seen, alarms)

    def finish(self, left_waiting: int = 0) -> tuple[list[Row], list[str]]:
        """Its rows in order of time, and notes on what they leave out.

        Args:
            left_waiting: readings that no limit was found for.
        """
        violations, invalids = self._violations.copy(), self._invalids.copy()
        for stretch in self._outside.values():
            violations.add(stretch)
        for stretch in {id(s): s for s in self._invalid.values()}.values():
            invalids.add(stretch)
        rows, notes = self._judged_rows(violations), []
        rows += [self._stretch_row(s) for s in invalids.stretches]
        if left_waiting:
            follows = [b for b in (self.limit.lower, self.limit.upper) if isinstance(b, Reference)]
            reason = f"{left_waiting} readings: the limit follows {follows[0]}, which gave no value"
            rows.append(self._empty(INVALID, reason))
        if not rows:
            rows = [self._absent()]
        elif missing := self._never_measured():
            rows.append(self._empty(INVALID, f"never measured: {missing}"))
        for kept, what in ((violations, "violations"), (invalids, "invalid stretches")):
            if kept.total > len(kept.stretches) and (kept is invalids or self.limit.within >= 1):
                words = f"{self.requirement.name} {self.limit.quantity}, {self.requirement.channel}"
                listed = f"{len(kept.stretches)} are listed"
                listed += ", with the worst" if kept is violations else ""
                notes.append(f"{words}: {kept.total} {what}; {listed}")
        return sorted(rows, key=lambda r: (r.index is None, r.index or 0)), notes

    def _judged_rows(self, violations: "Kept") -> list[Row]:
        """What its valid readings come to."""
        if self._worst is None:
            return []
        judged = self.counts[PASS] + self.counts[MARGINAL] + self.counts[FAIL]
        part = self.limit.within
        if part < 1:
            inside = judged - self.counts[FAIL]
            # the part is a decimal number, which a float need not hold exactly
            status = PASS if inside >= part * judged * (1 - 1e-12) else FAIL
            reason = (
                f"{inside} of {judged} windows are within ({format_percent(inside / judged, 4)}), "
                f"{format_percent(part, 4)} are needed; this is the worst"
            )
            return [self._row(self._worst, status, reason)]
        if violations.total:
            return [self._stretch_row(s) for s in violations.stretches]
        return [self._row(self._worst)]

    def _see_valid(self, seen: Seen, alarms: list[Row]) -> None:
        quantity = seen.reading.quantity
        stretch = self._outside.get(quantity)
        if stretch is None:
            if seen.status is FAIL:
                self._outside[quantity] = stretch = stretch_of(seen)
                if self.limit.within >= 1:
                    alarms.append(self._stretch_row(stretch))
        elif seen.status is FAIL or seen.margin < self.limit.hysteresis:
            stretch.goes_on(seen, seen.rank < stretch.worst.rank)
        else:
            self._close(quantity)

    def _see_invalid(self, seen: Seen, alarms: list[Row]) -> None:
        """Invalid windows in a row are one stretch; so are the quantities of one window."""
        quantity, last = seen.reading.quantity, self._last_invalid
        stretch = self._invalid.get(quantity)
        if stretch is not None and stretch.worst.reason == seen.reason:
            stretch.goes_on(seen, False)
            return
        self._end_invalid(quantity)
        same = last is not None and last.members and last.worst.reason == seen.reason
        if same and last.index <= seen.reading.index < last.end:
            last.goes_on(seen, False)
            stretch = last
        else:
            stretch = stretch_of(seen)
            alarms.append(self._stretch_row(stretch))
        stretch.members.add(quantity)
        self._invalid[quantity] = self._last_invalid = stretch

    def _end_invalid(self, quantity: str) -> None:
        stretch = self._invalid.pop(quantity, None)
        if stretch is not None:
            stretch.members.discard(quantity)
            if not stretch.members:
                self._invalids.add(stretch)

    def _close(self, quantity: str) -> None:
        stretch = self._outside.pop(quantity, None)
        if stretch is not None:
            self._violations.add(stretch)

    def _absent(self) -> Row:
        """No reading of the quantity: passed only where its meter counted none."""
        counted = self._counted
        if counted is not None and counted.valid and counted.value == 0:
            return self._empty(PASS, "none happened")
        if counted is not None and not counted.valid:
            return self._empty(INVALID, counted.reason or "its meter could not count any")
        why = "its meter gave no such value" if self.measured else "never measured"
        return self._empty(INVALID, why)

    def _never_measured(self) -> str:
        """Members of a family that was asked for by numbers."""
        limit = self.limit
        if not limit.stem or limit.quantity.endswith("#"):
            return ""
        wanted = (f"{limit.stem}{n}" for n in range(limit.first, limit.last + 1))
        return ", ".join(q for q in wanted if q not in self._quantities)

    def _row(self, seen: Seen, status: str = "", reason: str | None = None) -> Row:
        r = seen.reading
        return Row(
            self.requirement.name, r.channel, r.quantity, float(r.value), r.unit, seen.lower,
            seen.upper, seen.margin, status or seen.status, r.t_start_s, r.t_end_s, r.index,
            r.count, self.hashed, seen.reason if reason is None else reason, self.limit.action,
        )  # fmt: skip

    def _stretch_row(self, stretch: Stretch) -> Row:
        seen, r = stretch.worst, stretch.worst.reading
        of_all = seen.status is INVALID and self.limit.stem
        return Row(
            self.requirement.name, r.channel, self.limit.quantity if of_all else r.quantity,
            float(r.value), r.unit, seen.lower, seen.upper, seen.margin, seen.status,
            stretch.t_start_s, stretch.t_end_s, stretch.index, stretch.end - stretch.index,
            self.hashed, seen.reason, self.limit.action,
        )  # fmt: skip

    def _empty(self, status: str, reason: str) -> Row:
        limit = self.limit
        return Row(
            self.requirement.name, self.requirement.channel, limit.quantity, None, limit.unit,
            self.lower, self.upper, None, status, None, None, None, None, self.hashed, reason,
            limit.action,
        )  # fmt: skip


_PASS = ORDER.index(PASS)


def _margin(value: float, lower: float | None, upper: float | None) -> float:
    """Distance to the nearest limit, positive inside, 0 on it; NaN where there is none."""
    if lower is None:
        return math.inf if upper is None else upper - value
    if upper is None:
        return value - lower
    below, above = value - lower, upper - value
    return below if below < above or below != below else above

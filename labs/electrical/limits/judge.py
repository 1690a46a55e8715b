"""Readings against limits, as they come: alarms at once, the verdict at the end.

* A value on its limit is inside. A valid reading that is NaN fails, and so does any value whose
  limit, of another measurement, is NaN.
* A reading that isn't valid (gap, clipped, ...) is INVALID, never passed over; so is a requirement
  that was never measured. Only what needn't happen (events, a first violation) may be absent,
  where its meter counted none.
* The verdict is the worst of all rows: FAIL, then INVALID, MARGINAL, PASS.
* A limit that refers to another measurement takes that one's latest value from a window that ended
  no later than the reading's own; before there is one, readings wait for the first.
* What is said depends on the readings in their order, not on how they were handed over.

Memory is bounded: of each limit on each channel it keeps the worst value, the first violations and
the worst, and counts.
"""

from collections import Counter
from collections.abc import Iterable

from labs.electrical.limits.cross_checks import target_of
from labs.electrical.limits.specification import Reference, Specification
from labs.electrical.limits.tracker import Tracker
from labs.electrical.limits.verdict import Row, Verdict, worst_of
from labs.electrical.readings import Reading

MOST_WAITING = 10_000  # readings whose reference hasn't been measured yet

_Key = tuple[str, str, str]  # kind, channel, quantity


class Judge:
    """Judges the readings of one stream, in their order.

    Example:
        judge = Judge(load_limits("limits.yaml"))
        alarms = judge.feed(readings)
        verdict = judge.finish()
    """

    def __init__(self, specification: Specification) -> None:
        self.specification = specification
        self._trackers: list[Tracker] = []
        self._of_meter: dict[tuple[str, str], list[Tracker]] = {}
        self._of_key: dict[_Key, tuple[Tracker, ...]] = {}
        # for each tracker whose limit refers to others, where their values are found
        self._targets: dict[Tracker, dict[Reference, _Key]] = {}
        requirements = specification.requirements
        for r in requirements:
            for limit in r.limits:
                tracker = Tracker(r, limit, specification.config_hash)
                self._trackers.append(tracker)
                self._of_meter.setdefault((r.kind, r.channel), []).append(tracker)
                for bound in (limit.lower, limit.upper):
                    if isinstance(bound, Reference):
                        target = target_of(requirements, r, bound)
                        key = (target.kind, target.channel, bound.quantity)
                        self._targets.setdefault(tracker, {})[bound] = key
        self._latest: dict[_Key, Reading | None] = {
            key: None for targets in self._targets.values() for key in targets.values()
        }
        self._fresh: list[tuple[Tracker, Reading]] = []  # of the instant that the stream is at
        self._waiting: list[tuple[Tracker, Reading]] = []  # for their first reference
        self._is_new = False  # whether something was measured for the first time
        self._lost: Counter[Tracker] = Counter()  # that there was no room for
        self._end = -1

    def feed(self, readings: Iterable[Reading]) -> list[Row]:
        """Judge them; returns a row for each violation and each invalid stretch that begins.

        Of a limit for a part of the windows (`within`) only the verdict can say whether it holds.
        """
        alarms: list[Row] = []
        for reading in readings:
            key = (reading.kind, reading.channel, reading.quantity)
            trackers = self._of_key.get(key)
            if trackers is None:
                trackers = self._find(key)
            end = reading.index + reading.count
            if end > self._end:
                self._end = end
                if self._fresh or self._is_new:
                    self._judge_waiting(alarms)
            if key in self._latest:
                self._is_new |= self._latest[key] is None
                self._latest[key] = reading
            for tracker in trackers:
                if tracker not in self._targets:
                    tracker.see(reading, tracker.lower, tracker.upper, "", alarms)
                elif len(self._fresh) + len(self._waiting) < MOST_WAITING:
                    self._fresh.append((tracker, reading))
                else:
                    self._lost[tracker] += 1
        return alarms

    def finish(self) -> Verdict:
        """The verdict over everything that was fed."""
        self._judge_waiting([])
        left = self._lost + Counter(tracker for tracker, _ in self._waiting)
        rows: list[Row] = []
        notes: list[str] = []
        counts: Counter[str] = Counter()
        for tracker in self._trackers:
            found, said = tracker.finish(left[tracker])
            rows += found
            notes += said
            counts.update(tracker.counts)
            if left[tracker]:
                counts["INVALID"] += left[tracker]
        status = worst_of({r.status for r in rows})
        hashed = self.specification.config_hash
        return Verdict(status, tuple(rows), tuple(notes), dict(counts), hashed)

    def _find(self, key: _Key) -> tuple[Tracker, ...]:
        kind, channel, quantity = key
        of_meter = self._of_meter.get((kind, channel), ())
        for tracker in of_meter:
            tracker.measured = True
        found = tuple(t for t in of_meter if t.limit.covers(quantity) or t.counter == quantity)
        if of_meter:  # what nobody asked for isn't remembered
            self._of_key[key] = found
        return found

    def _judge_waiting(self, alarms: list[Row]) -> None:
        """Those that now have a reference, in order."""
        asking = [*self._waiting, *self._fresh] if self._is_new else self._fresh
        if self._is_new:
            self._waiting = []
        self._is_new, self._fresh = False, []
        for tracker, reading in asking:
            latest = {b: self._latest[key] for b, key in self._targets[tracker].items()}
            if any(found is None for found in latest.values()):
                self._waiting.append((tracker, reading))
                continue
            lower, upper, why = tracker.bounds(reading, latest)
            tracker.see(reading, lower, upper, why, alarms)

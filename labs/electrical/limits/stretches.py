"""Consecutive readings outside a limit, or invalid: what becomes one row each, and is kept."""

import math
from copy import copy
from dataclasses import dataclass, field

from labs.electrical.limits.verdict import ORDER
from labs.electrical.readings import Reading

MOST_ROWS = 100  # violations, and invalid stretches, that are kept for each limit and channel


@dataclass(frozen=True)
class Seen:
    """A reading as it was judged."""

    reading: Reading
    lower: float | None
    upper: float | None
    margin: float
    status: str
    reason: str

    @property
    def rank(self) -> tuple[int, float]:
        margin = -math.inf if math.isnan(self.margin) else self.margin
        return ORDER.index(self.status), margin


@dataclass(eq=False)
class Stretch:
    """Consecutive readings outside, or invalid: what becomes one row.

    `members` are the quantities that it is still going on for.
    """

    worst: Seen
    index: int
    t_start_s: float
    t_end_s: float
    end: int
    readings: int = 1
    members: set[str] = field(default_factory=set)

    def goes_on(self, seen: Seen, is_worse: bool) -> None:
        reading = seen.reading
        self.readings += 1
        if is_worse:
            self.worst = seen
        self.t_end_s = max(self.t_end_s, reading.t_end_s)
        self.end = max(self.end, reading.index + reading.count)


class Kept:
    """The first stretches, and the worst of the others if it is worse than all of them."""

    def __init__(self) -> None:
        self._first: list[Stretch] = []
        self._worse: Stretch | None = None
        self._rank = (len(ORDER), math.inf)
        self.total = 0

    def add(self, stretch: Stretch) -> None:
        self.total += 1
        is_worse = stretch.worst.rank < self._rank
        if len(self._first) < MOST_ROWS:
            self._first.append(stretch)
        elif is_worse:
            self._worse = stretch
        if is_worse:
            self._rank = stretch.worst.rank

    def copy(self) -> "Kept":
        kept = copy(self)
        kept._first = list(self._first)
        return kept

    @property
    def stretches(self) -> list[Stretch]:
        return self._first + ([self._worse] if self._worse is not None else [])


def stretch_of(seen: Seen) -> Stretch:
    r = seen.reading
    return Stretch(seen, r.index, r.t_start_s, r.t_end_s, r.index + r.count)

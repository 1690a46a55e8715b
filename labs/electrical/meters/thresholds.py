"""Two thresholds make an event of a series of values: it begins at one and ends at the other.

Several channels are one supply: a dip or a swell begins in any of them and ends when all are back;
an interruption begins when all are out and ends when any is back.
"""

from dataclasses import dataclass

import numpy as np

FROM_BEFORE = "it had begun before the first sample that could be measured"
INTO_GAP = "it was going on when samples became invalid"
STILL_ON = "it was going on when the record ended"


@dataclass(frozen=True)
class Event:
    """Values [first, end) were in it; `extreme` is the worst of them in any channel.

    `reason` says why its duration isn't known, "" when it is.
    """

    first: float
    end: float
    extreme: float
    reason: str = ""


class Detector:
    """One kind of event.

    Args:
        threshold: the event begins beyond it; release: it ends at it or on its other side.
        above: beyond is above (swell), else below.
        begins_in_any: channel, and ends in all; else it begins in all and ends in any.
    """

    def __init__(
        self, threshold: float, release: float, above: bool = False, begins_in_any: bool = True
    ) -> None:
        self.threshold, self.release = threshold, release
        self.above, self.begins_in_any = above, begins_in_any
        self.count = 0
        self._is_known = False  # what came before the next value
        self._first: float | None = None
        self._extreme = 0.0
        self._reason = ""

    def feed(self, values: np.ndarray, at: float) -> Event | None:
        """The values of all channels [channel] at a time; an event that ends here."""
        sign = -1.0 if self.above else 1.0
        v = sign * values
        worst = float(v.min())
        if self._first is None:
            out = v < sign * self.threshold
            if out.any() if self.begins_in_any else out.all():
                self._first, self._extreme = at, worst
                self._reason = "" if self._is_known else FROM_BEFORE
                self.count += 1
            self._is_known = True
            return None
        back = v >= sign * self.release
        if back.all() if self.begins_in_any else back.any():
            return self._ended(at, "")
        self._extreme = min(self._extreme, worst)
        return None

    def interrupt(self, at: float, reason: str) -> Event | None:
        """What comes next isn't known; the event that is going on, if one is."""
        event = self._ended(at, reason) if self._first is not None else None
        self._is_known = False
        return event

    def _ended(self, at: float, reason: str) -> Event:
        sign = -1.0 if self.above else 1.0
        reasons = "; ".join(r for r in (self._reason, reason) if r)
        event = Event(self._first, at, sign * self._extreme, reasons)
        self._first = None
        return event

"""The last reading of everything that a specification limits, and the alarms so far, as tables."""

import inspect
from collections import deque
from collections.abc import Callable, Iterable
from types import SimpleNamespace
from typing import Any

from labs.electrical.readings import Reading
from labs.electrical.report.rows import (
    is_number,
    limits_text,
    quantity_text,
    sentence,
    status_of,
    title_of,
    value_text,
)
from labs.tables import Table
from labs.units import format_seconds

MOST_ALARMS = 200  # kept; the run's log has all
_SHOWN = 10


class Latest:
    """Told of readings by the thread that processes, and asked for tables by any other."""

    def __init__(self) -> None:
        self._readings: dict[tuple[str, str, str], Reading] = {}

    def read(self, reading: Reading) -> None:
        """As `on_reading` of a run."""
        self._readings[reading.kind, reading.channel, reading.quantity] = reading

    def __len__(self) -> int:
        return len(self._readings)

    def table(self, specification: Any) -> Table:
        """One row per limit and channel; of a family of quantities the largest.

        It only shows: the judge decides, with hysteresis and limits that follow others.
        """
        readings = self._readings.copy()
        rows = []
        for requirement in specification.requirements:
            channel = "+".join(requirement.channels)
            mine = [
                r
                for (kind, where, _), r in readings.items()
                if (kind, where) == (requirement.kind, channel)
            ]
            for limit in requirement.limits:
                covered = [r for r in mine if limit.covers(r.quantity)]
                shown = max(covered, key=lambda r: r.value if r.valid else -1.0, default=None)
                rows.append(_latest_row(requirement.name, channel, limit, shown))
        columns = ("measurement", "last value", "allowed", "at", "")
        return Table("Latest readings", columns, tuple(rows))


class Alarms:
    """Rows that failed or are invalid, in the order in which they came; the last ones are kept."""

    def __init__(self) -> None:
        self.rows: deque[tuple[str, Any]] = deque(maxlen=MOST_ALARMS)
        self.count = 0

    def add(self, when: str, rows: Iterable[Any]) -> None:
        """`when` is the time of day, in words."""
        for row in rows:
            if status_of(row) in ("FAIL", "INVALID"):
                self.count += 1
                self.rows.append((when, row))

    def table(self) -> Table:
        """The last ones, the newest first."""
        shown = list(self.rows)[-_SHOWN:][::-1]
        cells = tuple(
            (
                when,
                status_of(r),
                title_of(r),
                value_text(r),
                limits_text(r),
                format_seconds(r.t_start_s, 5),
                r.reason or None,
            )
            for when, r in shown
        )
        left = self.count - len(shown)
        note = f"{left:,} earlier ones are in the log and in run.rows." if left else ""
        columns = ("seen at", "status", "what", "value", "allowed", "begins at", "reason")
        return Table(f"Alarms: {self.count:,}", columns, cells, note)

    def text(self) -> str:
        """The last one in one line."""
        return sentence(self.rows[-1][1]) if self.rows else ""


def takes_readings(make: Callable[..., Any]) -> bool:
    """Whether a function that makes a run wants to be given `on_reading`."""
    try:
        return "on_reading" in inspect.signature(make).parameters
    except (TypeError, ValueError):
        return False


def _latest_row(name: str, channel: str, limit: Any, reading: Reading | None) -> tuple:
    bounds = _Bounds(limit)
    quantity = limit.quantity if reading is None else reading.quantity
    what = title_of(SimpleNamespace(name=name, quantity=quantity, channel=channel))
    if reading is None:
        return (what, None, bounds.text, None, None)
    if not reading.valid:
        return (what, None, bounds.text, format_seconds(reading.t_end_s, 4), reading.reason)
    value = quantity_text(reading.value, reading.unit)
    outside = "" if bounds.holds(reading.value) else "outside"
    return (what, value, bounds.text, format_seconds(reading.t_end_s, 4), outside)


class _Bounds:
    """Limits that are numbers; one that follows another measurement is said, not shown."""

    def __init__(self, limit: Any) -> None:
        both = (limit.lower, limit.upper)
        self.lower, self.upper = (b if isinstance(b, int | float) else None for b in both)
        self.unit = limit.unit
        follows = any(b is not None and not isinstance(b, int | float) for b in both)
        self.text = "follows another measurement" if follows else limits_text(self)

    def holds(self, value: float) -> bool:
        above = not is_number(self.lower) or value >= self.lower
        return above and (not is_number(self.upper) or value <= self.upper)

"""One figure of a profile: a value with its interval, unit and origin, or a reason instead."""

from dataclasses import dataclass
from typing import Any

from labs.bench.statistics import Interval
from labs.units import (
    format_bytes_per_s,
    format_flop_per_s,
    format_interval,
    format_percent,
    format_quantity,
    format_seconds,
)

MEASURED, MODEL = "measured", "model"
_FORMATTERS = {
    "s": format_seconds,
    "B/s": format_bytes_per_s,
    "FLOP/s": format_flop_per_s,
    "1": format_percent,
}


@dataclass(frozen=True)
class Figure:
    """A number that was measured, or that a model gave, or a reason.

    Args:
        value: in `unit`; None when it can't be had.
        unit: "s", "B/s", "FLOP/s", "FLOP/J", "degC", or "1" for a fraction.
        interval: 95%, in `unit`; None where there is no spread to make one of.
        how: "measured" or "model"; empty without a value.
        source: what it was made of, in words.
        reason: why there is no value, else empty.
    """

    value: float | None
    unit: str
    interval: Interval | None = None
    how: str = ""
    source: str = ""
    reason: str = ""

    def __post_init__(self) -> None:
        if (self.value is None) == (not self.reason):
            raise ValueError(f"a figure has a value or a reason: {self.value!r}, {self.reason!r}")
        if self.value is not None and self.how not in (MEASURED, MODEL):
            raise ValueError(f"a figure says how it was obtained, not {self.how!r}")

    @property
    def is_modelled(self) -> bool:
        return self.how == MODEL

    def text(self) -> str:
        """The value with its unit, marked when it comes from a model; a dash without one."""
        if self.value is None:
            return "–"
        return self._format(self.value) + (" (model)" if self.is_modelled else "")

    def interval_text(self) -> str:
        if self.interval is None:
            return "–"
        return format_interval(self.interval.low, self.interval.high, self._format)

    def __str__(self) -> str:
        if self.value is None:
            return f"not available: {self.reason}"
        between = f" {self.interval_text()}" if self.interval is not None else ""
        return f"{self.text()}{between}, {self.source}" if self.source else self.text() + between

    def to_dict(self) -> dict[str, Any]:
        """For JSON: the interval as a pair."""
        pair = [self.interval.low, self.interval.high] if self.interval is not None else None
        return vars(self) | {"interval": pair}

    def _format(self, value: float) -> str:
        if self.unit == "FLOP/J":
            return format_flop_per_s(value).replace("FLOP/s", "FLOP/J")
        if self.unit == "degC":
            return f"{value:.0f} °C"
        formatter = _FORMATTERS.get(self.unit)
        return formatter(value) if formatter else format_quantity(value, self.unit)


def missing(unit: str, reason: str) -> Figure:
    """No value, and why."""
    return Figure(None, unit, reason=reason)


def ratio(above: Figure, below: Figure, source: str) -> Figure:
    """above / below as a fraction; its interval takes both apart, so it is rather too wide.

    Raises:
        ValueError: for a measured figure over a model's, or the other way round.
    """
    for part in (above, below):
        if part.value is None:
            return missing("1", part.reason)
    if above.how != below.how:
        raise ValueError(f"no ratio of {above.how} to {below.how}: {above.source}, {below.source}")
    interval = None
    if above.interval is not None:
        base = below.interval or Interval(below.value, below.value)
        interval = Interval(above.interval.low / base.high, above.interval.high / base.low)
    return Figure(above.value / below.value, "1", interval, above.how, source)

"""One number about a computation on a device: what it is, how it was obtained, or why not."""

from dataclasses import dataclass

from labs.units import format_quantity, format_seconds

MEASURED, DERIVED, MODEL = "measured", "derived", "model"


@dataclass(frozen=True)
class Metric:
    """A value with its unit and its origin.

    Args:
        value: the number; None when it can't be had, with `reason`.
        unit: "%" or "s".
        how: "measured" (on this device), "derived" (from the compiled kernel) or "model"; empty
            when there is no value.
        evidence: the numbers that it was made of.
        reason: why there is no value, else empty.
    """

    value: float | None
    unit: str
    how: str = ""
    evidence: str = ""
    reason: str = ""

    def __post_init__(self) -> None:
        if (self.value is None) == (not self.reason):
            raise ValueError(f"a metric has a value or a reason: {self.value!r}, {self.reason!r}")
        if self.value is not None and self.how not in (MEASURED, DERIVED, MODEL):
            raise ValueError(f"a metric says how it was obtained, not {self.how!r}")

    def __str__(self) -> str:
        if self.value is None:
            return f"not available: {self.reason}"
        if self.unit == "s":
            return f"{format_seconds(self.value)} ({self.how})"
        return f"{format_quantity(self.value, self.unit)} ({self.how})"


def missing(unit: str, reason: str) -> Metric:
    """No value, and why."""
    return Metric(None, unit, reason=reason)

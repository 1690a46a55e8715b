"""A limit specification as data: what is measured on which channels, and what is allowed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Reference:
    """A limit that follows another measurement: its latest value * times + plus."""

    requirement: str
    quantity: str
    times: float = 1.0
    plus: float = 0.0


@dataclass(frozen=True)
class Limit:
    """What one quantity may be.

    `quantity` may stand for a family of numbered ones, from `first` to `last`; its `stem` is then
    "h" or "ih". Bounds, `marginal` and `hysteresis` are in the quantity's base unit; `within` is
    the part of all valid windows that must be inside (1: every one).
    """

    quantity: str
    unit: str
    lower: float | Reference | None = None
    upper: float | Reference | None = None
    marginal: float = 0.0
    hysteresis: float = 0.0
    within: float = 1.0
    action: str = "alarm"
    stem: str = ""
    first: int = 0
    last: int = 0

    def covers(self, quantity: str) -> bool:
        if not self.stem:
            return quantity == self.quantity
        number = quantity[len(self.stem) :] if quantity.startswith(self.stem) else ""
        return number.isdecimal() and self.first <= int(number) <= self.last


@dataclass(frozen=True)
class Requirement:
    """One measurement with its limits, on the channels of one meter."""

    name: str
    kind: str
    channels: tuple[str, ...]
    limits: tuple[Limit, ...]
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Specification:
    """A whole limit file. `config_hash` tells two files with different content apart."""

    name: str
    requirements: tuple[Requirement, ...]
    nominal_hz: float | None = None
    nominal_v: float | None = None
    config_hash: str = ""
    about: str = ""
    path: Path | None = None

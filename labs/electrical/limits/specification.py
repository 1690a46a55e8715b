"""A limit specification as data: what is measured on which channels, and what is allowed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from labs.electrical.blocks import Channel, Source


@dataclass(frozen=True)
class Reference:
    """A limit that follows another measurement: its value at that time * times + plus."""

    requirement: str
    quantity: str
    times: float = 1.0
    plus: float = 0.0

    def __str__(self) -> str:
        return f"{self.requirement}.{self.quantity}"


@dataclass(frozen=True)
class Limit:
    """What one quantity may be.

    `quantity` may stand for a family of numbered ones, from `first` to `last`; its `stem` is then
    "h" or "ih". Bounds, `marginal` and `hysteresis` are in the quantity's base unit; `unit` is ""
    where it is the channel's and the file doesn't say it. `within` is the part of all valid
    windows that must be inside (1: every one). `action` says what a violation is: "record" (to be
    written down), "alarm", or "stop" (the stream ends there).
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
        is_number = number.isascii() and number.isdigit()
        return is_number and self.first <= int(number) <= self.last


@dataclass(frozen=True)
class Requirement:
    """One measurement with its limits, on the channels of one meter."""

    name: str
    kind: str
    channels: tuple[str, ...]
    limits: tuple[Limit, ...]
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @property
    def channel(self) -> str:
        """As readings have it."""
        return "+".join(self.channels)


@dataclass(frozen=True)
class ChannelRule:
    """What a limit file says of one channel of a record.

    Attributes:
        record: its name in the record.
        name: its name in the limit file, and in rows.
        unit: "" leaves the record's.
        scale: a factor on the record's values, such as 100 for a 100:1 probe.
    """

    record: str
    name: str
    unit: str = ""
    scale: float = 1.0


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
    channels: tuple[ChannelRule, ...] = ()

    def adapt(self, source: "Source") -> "Source":
        """The source with its channels named, scaled, and in units, as this specification has it.

        Raises:
            LabError: a channel that is needed isn't there, or its unit doesn't fit its limits.
        """
        from labs.electrical.limits.channels import AdaptedSource

        already = isinstance(source, AdaptedSource) and source.specification is self
        return source if already else AdaptedSource(source, self)

    def adapt_channels(
        self, channels: "tuple[Channel, ...]", dtype: str | None = None
    ) -> "tuple[Channel, ...]":
        """The same for channels alone; `dtype` is of the samples, where it is known."""
        from labs.electrical.limits.channels import adapted_channels

        return adapted_channels(self, tuple(channels), dtype)

"""Faults of an instrument, to order: each at one record, counted from 0."""

from dataclasses import dataclass


@dataclass(frozen=True)
class InstrumentFault:
    """Happens at this record, once."""

    record: int


@dataclass(frozen=True)
class Disconnects(InstrumentFault):
    """The connection is closed after so many bytes of the block."""

    after_bytes: int = 100


@dataclass(frozen=True)
class WrongLength(InstrumentFault):
    """The block's header says so many bytes more than come (or fewer)."""

    more: int = 2


@dataclass(frozen=True)
class Garbled(InstrumentFault):
    """Instead of a block's header these bytes come."""

    header: bytes = b"#?12"


@dataclass(frozen=True)
class Silent(InstrumentFault):
    """No answer for `duration_s`."""

    duration_s: float = 1e9


@dataclass(frozen=True)
class Babbles(InstrumentFault):
    """So many bytes come that nobody asked for."""

    count: int = 1000


@dataclass(frozen=True)
class ReportsError(InstrumentFault):
    """The instrument says that something was wrong with the record."""

    code: int = -222
    text: str = "Data out of range"


@dataclass(frozen=True)
class ChangesRate(InstrumentFault):
    """From this record on it samples `factor` times as fast, and says so."""

    factor: float = 2.0


@dataclass(frozen=True)
class ChangesScale(InstrumentFault):
    """From this record on a count is worth `factor` times as much, and it says so."""

    factor: float = 2.0

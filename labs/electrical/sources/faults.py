"""Faults of a supply, to order. Each knows from when to when: the truth is known exactly."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """From `start_s` for `duration_s`, on the channels of that number; () means on all."""

    start_s: float
    duration_s: float
    channels: tuple[int, ...] = ()

    def span(self, fs_hz: float) -> tuple[int, int]:
        """Samples [first, last) that it touches."""
        return round(self.start_s * fs_hz), round((self.start_s + self.duration_s) * fs_hz)


@dataclass(frozen=True)
class Level(Fault):
    """The voltage at `factor` of what it would be: a dip, a swell, an interruption."""

    factor: float = 0.7


@dataclass(frozen=True)
class Distortion(Fault):
    """A harmonic of `percent` of the fundamental comes in addition."""

    order: int = 5
    percent: float = 10.0


@dataclass(frozen=True)
class Spike(Fault):
    """`height` is added, in the channel's unit."""

    height: float = 500.0


@dataclass(frozen=True)
class Clipping(Fault):
    """Values are cut at +-`level`, in the channel's unit."""

    level: float = 300.0


@dataclass(frozen=True)
class NotANumber(Fault):
    """The samples are NaN, or marked invalid where the source gives counts."""


@dataclass(frozen=True)
class DropOut(Fault):
    """The samples never arrive, on any channel: the next block's index says how many are lost."""

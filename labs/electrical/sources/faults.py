"""Faults of a supply, to order. Each says from when to when: the truth is known exactly.

Every signal takes some: `supply(duration_s=2, faults=(Dip(0.5, 0.1), DropOut(1.2, 0.01)))`. A fault
is applied in one of three stages: it turns the supply's angle, it changes the wave, or it spoils
samples, which happens after the noise was added. Within a stage the order is that of the tuple.
"""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from labs.errors import LabError

TURNS, WAVE, SAMPLES = "turns", "wave", "samples"
INTERRUPTED, DIPPED, SWOLLEN = 0.05, 0.9, 1.1  # usual thresholds, in parts of nominal


@dataclass(frozen=True)
class Fault:
    """From `start_s` for `duration_s`, on the channels of that number.

    `channels` () means on all voltages of a supply, and on all channels of other signals.
    """

    start_s: float
    duration_s: float
    channels: tuple[int, ...] = ()
    stage: ClassVar[str] = SAMPLES
    supply_only: ClassVar[bool] = False

    def __post_init__(self) -> None:
        fine = math.isfinite(self.start_s) and self.start_s >= 0 and self.duration_s > 0
        if not fine:
            raise LabError(
                f"order {type(self).__name__}",
                expected="a start of 0 s or later and a duration above 0 s",
                got=f"start_s={self.start_s!r}, duration_s={self.duration_s!r}",
                next_step="correct them; math.inf lasts to the end",
            )

    def span(self, fs_hz: float, length: int | None = None) -> tuple[int, int]:
        """Samples [first, last) that it touches; to the end of a signal of that length."""
        first = round(self.start_s * fs_hz)
        end_s = self.start_s + self.duration_s
        last = round(end_s * fs_hz) if math.isfinite(end_s) else (length or first)
        return first, last if length is None else min(last, length)

    def apply(self, x: np.ndarray, cycles: np.ndarray | None, peak: float) -> None:
        """Change the samples [n] that it touches, in place.

        Args:
            cycles: of the fundamental at each of them, in turns; None: there is none.
            peak: of the undisturbed fundamental.
        """

    def values(self, rms: float) -> dict[str, tuple[float, str]]:
        """What it makes of a signal of that RMS: quantity -> (value, unit; "=" the channel's)."""
        return {}


@dataclass(frozen=True)
class Level(Fault):
    """The voltage at `factor` of what it would be."""

    factor: float = 0.7
    stage: ClassVar[str] = WAVE

    def apply(self, x: np.ndarray, cycles: np.ndarray | None, peak: float) -> None:
        x *= self.factor

    def values(self, rms: float) -> dict[str, tuple[float, str]]:
        left = self.factor * rms
        found = dict.fromkeys(self.events, (left, "="))
        return found | {f"{name}_duration": (self.duration_s, "s") for name in self.events}

    @property
    def events(self) -> tuple[str, ...]:
        """What it is called at the usual thresholds; an interruption is a dip, too."""
        if self.factor > SWOLLEN:
            return ("swell",)
        names = ("dip",) if self.factor < DIPPED else ()
        return (*names, "interruption") if self.factor < INTERRUPTED else names


@dataclass(frozen=True)
class Dip(Level):
    """The voltage falls to `factor`."""


@dataclass(frozen=True)
class Swell(Level):
    """The voltage rises to `factor`."""

    factor: float = 1.2


@dataclass(frozen=True)
class Interruption(Level):
    """The voltage is gone."""

    factor: float = 0.0


@dataclass(frozen=True)
class Distortion(Fault):
    """A harmonic of `percent` of the fundamental comes in addition."""

    order: int = 5
    percent: float = 10.0
    phase_deg: float = 0.0
    stage: ClassVar[str] = WAVE
    supply_only: ClassVar[bool] = True

    def apply(self, x: np.ndarray, cycles: np.ndarray | None, peak: float) -> None:
        turns = self.order * cycles + self.phase_deg / 360
        x += self.percent / 100 * peak * sine(turns)

    def values(self, rms: float) -> dict[str, tuple[float, str]]:
        return {f"h{self.order}": (self.percent, "%")}


@dataclass(frozen=True)
class FrequencyStep(Fault):
    """The supply's frequency differs by `hz`."""

    hz: float = -0.7
    stage: ClassVar[str] = TURNS
    supply_only: ClassVar[bool] = True

    def turns(self, t: np.ndarray) -> np.ndarray:
        """Cycles in addition, at times in s: the integral of the difference."""
        return self.hz * np.clip(t - self.start_s, 0, self.duration_s)

    def values(self, rms: float) -> dict[str, tuple[float, str]]:
        return {"frequency_change": (self.hz, "Hz")}


@dataclass(frozen=True)
class FrequencyRamp(Fault):
    """The supply's frequency changes by `hz_per_s`, and stays where it has come to."""

    hz_per_s: float = 1.0
    stage: ClassVar[str] = TURNS
    supply_only: ClassVar[bool] = True

    def turns(self, t: np.ndarray) -> np.ndarray:
        """Cycles in addition: r s^2 / 2 while it lasts, then with the frequency it has come to."""
        since = np.maximum(t - self.start_s, 0)
        inside = np.minimum(since, self.duration_s)
        return self.hz_per_s * inside * (since - inside / 2)

    def values(self, rms: float) -> dict[str, tuple[float, str]]:
        return {"rocof": (self.hz_per_s, "Hz/s")}


@dataclass(frozen=True)
class PhaseStep(Fault):
    """The angle differs by `degrees`; `duration_s=math.inf` keeps it so."""

    degrees: float = 30.0
    stage: ClassVar[str] = TURNS
    supply_only: ClassVar[bool] = True

    def turns(self, t: np.ndarray) -> np.ndarray:
        inside = (t >= self.start_s) & (t < self.start_s + self.duration_s)
        return self.degrees / 360 * inside

    def values(self, rms: float) -> dict[str, tuple[float, str]]:
        return {"angle_change": (self.degrees, "deg")}


@dataclass(frozen=True)
class Spike(Fault):
    """`height` is added, in the channel's unit."""

    height: float = 500.0

    def apply(self, x: np.ndarray, cycles: np.ndarray | None, peak: float) -> None:
        x += self.height

    def values(self, rms: float) -> dict[str, tuple[float, str]]:
        return {"spike": (self.height, "=")}


@dataclass(frozen=True)
class Clipping(Fault):
    """Values are cut at +-`level`, in the channel's unit."""

    level: float = 300.0

    def apply(self, x: np.ndarray, cycles: np.ndarray | None, peak: float) -> None:
        np.clip(x, -self.level, self.level, out=x)

    def values(self, rms: float) -> dict[str, tuple[float, str]]:
        return {"clipping": (self.level, "=")}


@dataclass(frozen=True)
class NotANumber(Fault):
    """The samples are NaN, or marked invalid where the source gives counts."""

    def apply(self, x: np.ndarray, cycles: np.ndarray | None, peak: float) -> None:
        x[:] = np.nan

    def values(self, rms: float) -> dict[str, tuple[float, str]]:
        return {"invalid": (self.duration_s, "s")}


@dataclass(frozen=True)
class DropOut(Fault):
    """The samples never arrive, on any channel: the next block's index says how many are lost."""

    def values(self, rms: float) -> dict[str, tuple[float, str]]:
        return {"lost": (self.duration_s, "s")}


def sine(turns: np.ndarray) -> np.ndarray:
    """sin(2 pi turns): whole turns are left out first, so late samples are as exact as early."""
    return np.sin(2 * np.pi * (turns - np.floor(turns)))


def spoil(
    rows: np.ndarray,
    first: int,
    fs_hz: float,
    faults: tuple[Fault, ...],
    stage: str,
    every: range | None = None,
    cycles: np.ndarray | None = None,
    peak: float = 1.0,
) -> None:
    """Apply the faults of a stage to samples [channel, n] from `first` on, in place.

    `every` are the channels that a fault on () touches; None: all.
    """
    end = first + rows.shape[1]
    for fault in faults:
        begin, last = fault.span(fs_hz, end)
        if fault.stage != stage or begin >= end or last <= first:
            continue
        part = slice(max(begin, first) - first, min(last, end) - first)
        for row in fault.channels or every or range(len(rows)):
            own = None if cycles is None else cycles[row, part]
            fault.apply(rows[row, part], own, peak)


def check_faults(name: str, faults: tuple[Fault, ...], channels: int, has_cycles: bool) -> None:
    """Refuse faults that a signal can't have.

    Raises:
        LabError: it is no fault, of a channel that isn't there, or one of a supply's only.
    """
    for fault in faults:
        wrong = ""
        if not isinstance(fault, Fault):
            wrong = repr(fault)
        elif any(not 0 <= c < channels for c in fault.channels):
            wrong = f"{type(fault).__name__} on channels {fault.channels}"
        elif fault.supply_only and not has_cycles:
            wrong = f"{type(fault).__name__}: '{name}' has no fundamental"
        if wrong:
            raise LabError(
                f"order a fault of '{name}'",
                expected=f"a Fault on channels 0 to {channels - 1}",
                got=wrong,
                next_step="labs.electrical.sources has the faults; () is on all channels",
            )

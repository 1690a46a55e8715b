"""Steps and trains of pulses, through one pole or a second order."""

import math
from dataclasses import dataclass

import numpy as np

from labs.electrical.blocks import Channel
from labs.electrical.sources.faults import (
    SAMPLES,
    WAVE,
    DropOut,
    Fault,
    check_faults,
    spoil,
)
from labs.electrical.sources.synthetic import SyntheticSource, checked_length
from labs.electrical.sources.tiles import Spans, noise
from labs.electrical.sources.truth import Teller, Truth
from labs.errors import LabError

SETTLED = 40  # time constants: what is left is less than float64 can tell from 1
RISE = math.log(9)  # 10% to 90% of one pole, in time constants


@dataclass(frozen=True)
class StepResponse:
    """From `low` to `high` at `at_s`: by one pole (`tau_s`), or by a second order.

    Attributes:
        tau_s: time constant of one pole; None: a second order.
        damping, natural_hz: of the second order, damping between 0 and 1.
        period_s: it goes up and down again and again, half of it each; None: one step.
        noise: standard deviation, in the unit.
    """

    fs_hz: float = 1e6
    duration_s: float = 0.01
    at_s: float = 1e-3
    low: float = 0.0
    high: float = 1.0
    tau_s: float | None = None
    damping: float | None = None
    natural_hz: float | None = None
    period_s: float | None = None
    noise: float = 0.0
    unit: str = "V"
    faults: tuple[Fault, ...] = ()
    seed: int = 0
    name: str = "step"
    dtype: str = "float32"

    def __post_init__(self) -> None:
        checked_length(self.name, self.fs_hz, self.duration_s)
        check_faults(self.name, self.faults, 1, False)
        one = self.tau_s is not None and self.tau_s > 0 and self.damping is None
        two = self.damping is not None and 0 < self.damping < 1 and (self.natural_hz or 0) > 0
        if not (one or (two and self.tau_s is None)) or (self.period_s or 1) <= 0:
            raise LabError(
                "make a step response",
                expected="tau_s above 0; or a damping between 0 and 1 and natural_hz above 0",
                got=f"tau_s={self.tau_s}, damping={self.damping}, natural_hz={self.natural_hz}, "
                f"period_s={self.period_s}",
                next_step="one pole doesn't overshoot: damping 1 and above is near to it",
            )

    @property
    def length(self) -> int:
        return checked_length(self.name, self.fs_hz, self.duration_s)

    @property
    def lost(self) -> Spans:
        return tuple(f.span(self.fs_hz, self.length) for f in self.faults if isinstance(f, DropOut))

    @property
    def channels(self) -> tuple[Channel, ...]:
        return (Channel("u", self.unit),)

    def response(self, t: np.ndarray) -> np.ndarray:
        """Of a step from 0 to 1 at 0 s, at times in s."""
        t = np.maximum(t, 0)
        if self.tau_s is not None:
            return -np.expm1(-t / self.tau_s)
        w, z = 2 * math.pi * self.natural_hz, self.damping
        wd = w * math.sqrt(1 - z**2)
        return 1 - np.exp(-z * w * t) * (np.cos(wd * t) + z * w / wd * np.sin(wd * t))

    def wave(self, first: int, last: int) -> np.ndarray:
        """Samples [first, last) as [1, n] of float64."""
        t = np.arange(first, last) / self.fs_hz - self.at_s
        y = self.response(t) if self.period_s is None else self._train(t)
        x = (self.low + (self.high - self.low) * y)[None]
        spoil(x, first, self.fs_hz, self.faults, WAVE)
        if self.noise:
            x = x + self.noise * noise(self.seed, 0, first, x.shape[1])
        spoil(x, first, self.fs_hz, self.faults, SAMPLES)
        return x

    @property
    def truth(self) -> Truth:
        """Edge, transition and overshoot.

        Source: 10% to 90% of one pole is ln 9 tau; overshoot is exp(-pi z / sqrt(1 - z^2)).
        """
        tell = Teller(self.channels, self.fs_hz, self.length)
        values = {"low": (self.low, self.unit), "high": (self.high, self.unit)}
        values["edge"] = self.at_s, "s"
        if self.tau_s is not None:
            values["rise_time"] = RISE * self.tau_s, "s"
            values["overshoot"] = 0.0, "%"
            values["crossing_50"] = self.at_s + math.log(2) * self.tau_s, "s"
        else:
            z = self.damping
            values["overshoot"] = 100 * math.exp(-math.pi * z / math.sqrt(1 - z * z)), "%"
        steady = tuple(tell.steady("pulse", q, v, unit, "u") for q, (v, unit) in values.items())
        rms = (max(abs(self.low), abs(self.high)),)
        return Truth(steady, tell.faults(self.faults, range(1), rms))

    def _train(self, t: np.ndarray) -> np.ndarray:
        """Edges up and down, half a period apart; each rings on under the next ones."""
        half = self.period_s / 2
        slowest = self.tau_s or 1 / (2 * math.pi * self.natural_hz * self.damping)
        settled = max(0, int((t[0] - SETTLED * slowest) / half))  # edges that are over: 1, 0, 1 ..
        y = np.full_like(t, settled % 2)
        for k in range(settled, max(0, int(t[-1] / half)) + 1):
            y += (-1) ** k * self.response(t - k * half)
        return y


def one_pole(
    tau_s: float,
    *,
    fs_hz: float = 1e6,
    duration_s: float = 0.01,
    at_s: float = 1e-3,
    **more: object,
) -> SyntheticSource:
    """A step through one pole: rise time ln 9 tau."""
    timing = {"fs_hz": fs_hz, "duration_s": duration_s, "at_s": at_s}
    return SyntheticSource(StepResponse(tau_s=tau_s, name="one pole", **timing, **more))


def second_order(
    damping: float,
    natural_hz: float,
    *,
    fs_hz: float = 1e6,
    duration_s: float = 0.01,
    at_s: float = 1e-3,
    **more: object,
) -> SyntheticSource:
    """A step through an underdamped second order: overshoot exp(-pi z / sqrt(1 - z^2))."""
    own = {"damping": damping, "natural_hz": natural_hz, "name": "second order"}
    timing = {"fs_hz": fs_hz, "duration_s": duration_s, "at_s": at_s}
    return SyntheticSource(StepResponse(**own, **timing, **more))

"""E3: active, apparent and fundamental reactive power, and power factor.

    P = mean(u i), S = U I with U, I the RMS over the window, PF = P / S,
    Q1 = Im(U1 conj(I1)) of the fundamental's phasors: positive where the current lags.

Source: IEEE 1459-2010's definitions, as general knowledge; its text was not read.
"""

import math

import numpy as np
from tinygrad import Tensor

from labs.electrical.meters import cycles as on_cycles
from labs.electrical.meters.frequency import cycles_of_200_ms
from labs.electrical.meters.meter import Kind, Setting
from labs.electrical.meters.synchronised import (
    NO_FUNDAMENTAL,
    SAMPLING,
    Span,
    Synchronised,
)
from labs.electrical.readings import Reading


def power_sums(u: Tensor, i: Tensor) -> Tensor:
    """[..., n] each -> [3, ...]: sums of u i, u u and i i over the rows."""
    return Tensor.stack((u * i).sum(-1), u.square().sum(-1), i.square().sum(-1))


class Power(Synchronised):
    kind = "power"
    quantities = {"p": "W", "s": "VA", "q1": "var", "pf": "1"}

    def __init__(self, setting: Setting, sampling: str = "tracked") -> None:
        super().__init__(setting, cycles_of_200_ms(setting.nominal_hz), sampling)

    def measure(self, z: Tensor) -> Tensor:
        """Means over half cycles, [3, 2 cycles]: short sums keep float32 exact enough."""
        halves = on_cycles.half_cycles(z)
        return power_sums(halves[0], halves[1]) * (2 / self.points)

    def answer(self, numbers: np.ndarray, phasors: np.ndarray, span: Span) -> list[Reading]:
        p, uu, ii = numbers.reshape(3, -1).mean(-1)
        s = math.sqrt(uu * ii)
        u1, i1 = phasors.sum(-1) / self.cycles
        values = {"p": p, "s": s, "q1": (u1 * i1.conj()).imag / 2, "pf": p / s if s else math.nan}
        reasons = dict.fromkeys(values, "" if span.is_locked else NO_FUNDAMENTAL)
        if not s:
            reasons["pf"] = "no apparent power"
        return [self.reading(q, v, span, reasons[q]) for q, v in values.items()]


KIND = Kind(
    "power",
    "active, apparent and fundamental reactive power, power factor, over 10 cycles (12 at 60 Hz)",
    ("V", "A"),
    Power.quantities,
    Power,
    {"sampling": SAMPLING},
    ("nominal_hz",),
)

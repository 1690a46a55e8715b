"""E3: symmetrical components of three voltages, and the unbalance that they show.

    [U0, U+, U-] = 1/3 [[1, 1, 1], [1, a, a^2], [1, a^2, a]] [U1, U2, U3], a = exp(j 120 deg)
    u2 = |U-| / |U+|, u0 = |U0| / |U+|

Source: C. L. Fortescue, "Method of symmetrical co-ordinates applied to the solution of polyphase
networks", AIEE 1918.
"""

import numpy as np
from tinygrad import Tensor

from labs.electrical.meters.frequency import cycles_of_200_ms
from labs.electrical.meters.meter import Kind, Setting
from labs.electrical.meters.synchronised import (
    NO_FUNDAMENTAL,
    SAMPLING,
    Span,
    Synchronised,
)
from labs.electrical.readings import Reading

_A = np.exp(2j * np.pi / 3)
FORTESCUE = np.array([[1, 1, 1], [1, _A, _A**2], [1, _A**2, _A]]) / 3


def symmetrical_components(phasors: np.ndarray) -> np.ndarray:
    """Phasors of three phases, complex [3, ...] -> zero, positive, negative sequence [3, ...]."""
    return np.tensordot(FORTESCUE, phasors, 1)


class Unbalance(Synchronised):
    kind = "unbalance"
    quantities = {"u2": "%", "u0": "%", "u1": "V"}

    def __init__(self, setting: Setting, sampling: str = "tracked") -> None:
        super().__init__(setting, cycles_of_200_ms(setting.nominal_hz), sampling)

    def measure(self, z: Tensor) -> Tensor:
        return z[0, 0, :1]  # the phasors are all it takes

    def answer(self, numbers: np.ndarray, phasors: np.ndarray, span: Span) -> list[Reading]:
        zero, positive, negative = np.abs(symmetrical_components(phasors.sum(-1) / self.cycles))
        reason = "" if span.is_locked else NO_FUNDAMENTAL
        if not positive and not reason:
            reason = "no positive sequence"
        values = {"u2": negative, "u0": zero, "u1": positive}
        if not reason:
            values = {
                "u2": 100 * negative / positive,
                "u0": 100 * zero / positive,
                "u1": positive / np.sqrt(2),
            }
        return [self.reading(q, v, span, reason) for q, v in values.items()]


KIND = Kind(
    "unbalance",
    "unbalance of three voltages, over 10 cycles (12 at 60 Hz)",
    ("V", "V", "V"),
    Unbalance.quantities,
    Unbalance,
    {"sampling": SAMPLING},
    ("nominal_hz",),
)

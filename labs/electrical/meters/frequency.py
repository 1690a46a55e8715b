"""The supply's frequency over 10 cycles (12 at 60 Hz), from the turn of the fundamental's phase.

A zero-crossing counter answers to harmonics and noise at the crossings; the fundamental's phase
averages over all samples.
"""

import math

import numpy as np
from tinygrad import Tensor

from labs.electrical.meters.meter import Kind, Parameter, Setting
from labs.electrical.meters.synchronised import NO_FUNDAMENTAL, Span, Synchronised
from labs.electrical.readings import Reading


def cycles_of_200_ms(nominal_hz: float | None) -> int:
    """10 at 50 Hz, 12 at 60 Hz, as IEC 61000-4-7 has it; as many as fit best at others."""
    return max(2, round((nominal_hz or 50.0) / 5))


class Frequency(Synchronised):
    kind = "frequency"
    quantities = {"frequency": "Hz"}

    def __init__(self, setting: Setting, cycles: int = 0) -> None:
        super().__init__(setting, cycles or cycles_of_200_ms(setting.nominal_hz))

    def measure(self, z: Tensor) -> Tensor:
        return z[0, 0, :1]  # the phasors are all it takes

    def answer(self, numbers: np.ndarray, phasors: np.ndarray, span: Span) -> list[Reading]:
        if not span.is_locked:
            return [self.reading("frequency", math.nan, span, NO_FUNDAMENTAL)]
        return [self.reading("frequency", self.setting.fs_hz / span.samples_per_cycle, span)]


KIND = Kind(
    "frequency",
    "frequency over 10 cycles (12 at 60 Hz)",
    ("V",),
    Frequency.quantities,
    Frequency,
    {"cycles": Parameter(0, "1", "cycles of a window; 0: those of 200 ms", 0, 500)},
    ("nominal_hz",),
)

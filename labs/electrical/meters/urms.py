"""E1: the RMS of one cycle, anew every half cycle, as events are found from.

A pre-compliance implementation of the method of IEC 61000-4-30, Urms(1/2). Half cycles begin at
zero crossings of the fundamental. Value i is the RMS of half cycles i and i + 1.
"""

import math

import numpy as np
from tinygrad import Tensor

from labs.electrical.meters import cycles as on_cycles
from labs.electrical.meters.meter import Kind, Setting
from labs.electrical.meters.synchronised import SAMPLING, Span, Synchronised
from labs.electrical.readings import Reading

CYCLES = 4  # of a window: what a gap costs, and enough to follow the frequency with


class HalfCycles(Synchronised):
    """Urms(1/2) of each channel, all from the first channel's zero crossings."""

    kind = "urms_half"
    quantities = {"urms": "V"}

    def __init__(self, setting: Setting, sampling: str = "tracked") -> None:
        super().__init__(setting, CYCLES, sampling, align=True)
        self._last: np.ndarray | None = None  # energy of the last half cycle, [channel]

    def measure(self, z: Tensor) -> Tensor:
        """[channel, cycle, point] -> mean square of half cycles, [channel, 2 cycles]."""
        return on_cycles.sum_of_squares(on_cycles.half_cycles(z)) * (2 / self.points)

    def answer(self, numbers: np.ndarray, phasors: np.ndarray, span: Span) -> list[Reading]:
        squares = numbers.reshape(len(self.setting.channels), -1)
        half = span.samples_per_cycle / 2
        first = span.start
        if self._last is not None:
            squares = np.concatenate([self._last[:, None], squares], 1)
            first -= half
        self._last = squares[:, -1]
        values = np.sqrt((squares[:, :-1] + squares[:, 1:]) / 2)  # [channel, value]
        return self.take(values, first, half)

    def answer_invalid(self, reason: str, span: Span) -> list[Reading]:
        self._last = None
        return [self.reading(q, math.nan, span, reason) for q in self.quantities]

    def take(self, values: np.ndarray, first: float, half: float) -> list[Reading]:
        """Values [channel, n] whose cycles start at first + i half, in samples."""
        return [
            self.reading_of("urms", v, first + i * half, first + (i + 2) * half)
            for i, v in enumerate(values[0])
        ]


KIND = Kind(
    "urms_half",
    "RMS voltage of one cycle, every half cycle",
    ("V",),
    HalfCycles.quantities,
    HalfCycles,
    {"sampling": SAMPLING},
    ("nominal_hz",),
)

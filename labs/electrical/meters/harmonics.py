"""E2: harmonic and interharmonic subgroups and THDS, over 10 cycles (12 at 60 Hz), gapless.

A pre-compliance implementation of the method of IEC 61000-4-7: a rectangular window of whole
cycles, each beginning where the last one ended.
"""

import math

import numpy as np
from tinygrad import Tensor

from labs.electrical.meters import folded_dft
from labs.electrical.meters.frequency import cycles_of_200_ms
from labs.electrical.meters.meter import Kind, Parameter, Setting
from labs.electrical.meters.synchronised import (
    NO_FUNDAMENTAL,
    SAMPLING,
    Span,
    Synchronised,
)
from labs.electrical.readings import Reading
from labs.errors import LabError

HIGHEST = 50
# Of the window's RMS: a smaller fundamental is arithmetic's own error, and no measure for the rest.
LEAST_FUNDAMENTAL = 1e-4


class Harmonics(Synchronised):
    """Subgroups of one channel, h1 in its unit, the others in % of h1."""

    kind = "harmonics"

    def __init__(
        self,
        setting: Setting,
        highest: int = HIGHEST,
        cycles: int = 0,
        interharmonics: str = "yes",
        sampling: str = "tracked",
    ) -> None:
        cycles = cycles or cycles_of_200_ms(setting.nominal_hz)
        super().__init__(setting, cycles, sampling, band=highest + 1)
        if self.points % 4:
            raise LabError(
                "measure harmonics with sampling coherent",
                expected="a number of samples in a cycle that 4 divides",
                got=f"{self.points}",
                next_step="use sampling: tracked",
            )
        self.between = interharmonics == "yes" and cycles >= 4
        beside = tuple(range(1, cycles // 2 + 1)) if self.between else (1,)
        self.plan = folded_dft.Plan(cycles, self.points, int(highest), beside)
        names = ["h1", *(f"h{h}" for h in range(2, self.plan.highest + 1)), "thds"]
        if self.between:
            names += [f"ih{h}" for h in range(1, self.plan.highest)]
        self.quantities = {n: "=" if n == "h1" else "%" for n in names}

    def tables(self) -> dict[str, np.ndarray]:
        return self.plan.tables()

    def measure(self, z: Tensor) -> Tensor:
        find = folded_dft.harmonic_subgroups
        if self.between:
            find = folded_dft.interharmonic_subgroups
        tables = {name: self.table(name, z.device) for name in ("fold", "twist", "waves")}
        return find(z.reshape(1, -1), self.plan, tables)

    def answer(self, numbers: np.ndarray, phasors: np.ndarray, span: Span) -> list[Reading]:
        if not span.is_locked:
            return self.answer_invalid(NO_FUNDAMENTAL, span)
        first, thds = numbers[0], numbers[self.plan.highest]
        total = first * math.sqrt(1 + thds**2)
        if not first > LEAST_FUNDAMENTAL * total:
            return self.answer_invalid("the fundamental is too small to compare with", span)
        values = 100 * numbers / first
        values[0], values[self.plan.highest] = first, 100 * thds
        return [self.reading(q, v, span) for q, v in zip(self.quantities, values, strict=True)]


KIND = Kind(
    "harmonics",
    "harmonic and interharmonic subgroups and THDS, over 10 cycles (12 at 60 Hz)",
    ("*",),
    {"h1": "=", "h#": "%", "ih#": "%", "thds": "%"},
    Harmonics,
    {
        "highest": Parameter(HIGHEST, "1", "the last harmonic", 2, 50),
        "cycles": Parameter(0, "1", "cycles of a window; 0: those of 200 ms", 0, 50),
        "interharmonics": Parameter("yes", "", "also between harmonics", choices=("yes", "no")),
        "sampling": SAMPLING,
    },
    ("nominal_hz",),
)

"""A coherent sine through an ideal converter, or through one with known errors: for ADC tests."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from labs.electrical.blocks import Channel
from labs.electrical.sources.faults import (
    SAMPLES,
    WAVE,
    DropOut,
    Fault,
    check_faults,
    sine,
    spoil,
)
from labs.electrical.sources.synthetic import SyntheticSource, checked_length
from labs.electrical.sources.tiles import Spans, noise
from labs.electrical.sources.truth import Teller, Truth
from labs.errors import LabError

MOST_BITS = 16


@dataclass(frozen=True)
class CoherentSine:
    """`cycles` whole cycles in each `window` samples, as counts of a converter of `bits`.

    Code k is what lies in [k, k + 1) LSB, so that the codes are -2^(bits-1) .. 2^(bits-1) - 1. None
    is taken for clipped: the ends are part of what is tested.

    Attributes:
        windows: how many windows the record has.
        level: amplitude, in parts of full scale.
        noise_lsb: standard deviation in front of the converter.
        harmonics: order -> (percent, phase in degrees), of the sine.
        missing: codes that never come; what belongs to them gives the next lower code.
    """

    bits: int = 12
    window: int = 4096
    cycles: int = 63
    windows: int = 1
    fs_hz: float = 1e6
    level: float = 0.999
    noise_lsb: float = 0.0
    harmonics: Mapping[int, tuple[float, float]] = field(default_factory=dict)
    missing: tuple[int, ...] = ()
    faults: tuple[Fault, ...] = ()
    seed: int = 0
    name: str = "converter"
    dtype: str = "int16"

    def __post_init__(self) -> None:
        checked_length(self.name, self.fs_hz, self.length / self.fs_hz if self.fs_hz else 0)
        check_faults(self.name, self.faults, 1, False)
        whole = all(isinstance(v, int) for v in (self.bits, self.window, self.cycles, self.windows))
        fine = whole and 2 <= self.bits <= MOST_BITS and 0 < self.cycles < self.window / 2
        if not fine or not 0 < self.level <= 2:
            raise LabError(
                "make a converter's samples",
                expected=f"2 to {MOST_BITS} bits, fewer than half as many cycles as samples, and a "
                "level of 0 to 2",
                got=f"bits={self.bits!r}, window={self.window!r}, cycles={self.cycles!r}, "
                f"level={self.level!r}",
                next_step="correct them",
            )

    @property
    def length(self) -> int:
        return self.window * self.windows

    @property
    def lost(self) -> Spans:
        return tuple(f.span(self.fs_hz, self.length) for f in self.faults if isinstance(f, DropOut))

    @property
    def channels(self) -> tuple[Channel, ...]:
        return (Channel("u", "V", 1 / self.full),)

    @property
    def full(self) -> int:
        """Counts from the middle to the end; 1 V."""
        return 2 ** (self.bits - 1)

    def wave(self, first: int, last: int) -> np.ndarray:
        """Samples [first, last) as [1, n] of float64 in V, which are whole counts."""
        turns = np.arange(first, last) * self.cycles % self.window / self.window
        x = sine(turns)
        for order, (percent, degrees) in self.harmonics.items():
            x += percent / 100 * sine(order * turns + degrees / 360)
        x *= self.level * self.full
        if self.noise_lsb:
            x += self.noise_lsb * noise(self.seed, 0, first, len(x))
        spoil(x[None], first, self.fs_hz, self.faults, WAVE)
        codes = np.clip(np.floor(x), -self.full, self.full - 1)
        for code in sorted(self.missing, reverse=True):
            codes[codes == code] = code - 1
        rows = codes[None] / self.full
        spoil(rows, first, self.fs_hz, self.faults, SAMPLES)
        return rows

    @property
    def truth(self) -> Truth:
        """SINAD and ENOB to be expected of an ideal converter: its error is spread evenly over one
        LSB. That of one coherent sine without noise differs from it, by about 0.2 dB at 4096
        samples of 12 bits.

        Source: W. R. Bennett, "Spectra of quantized signals", Bell System Technical Journal 27
        (1948): its power is 1/12 LSB^2.
        """
        tell = Teller(self.channels, self.fs_hz, self.length)
        steady = []
        if not self.missing and self.level <= 1:
            distortion = sum((p / 100) ** 2 for p, _ in self.harmonics.values())
            power = (self.level * self.full) ** 2 / 2
            rest = 1 / 12 + self.noise_lsb**2 + power * distortion
            sinad = 10 * math.log10(power / rest)
            values = {"sinad": (sinad, "dB"), "enob": ((sinad - 1.76) / 6.02, "bit")}
            if distortion:
                values["thd"] = 10 * math.log10(distortion), "dB"
            steady = [tell.steady("adc", q, v, unit, "u") for q, (v, unit) in values.items()]
        faults = tell.faults(self.faults, range(1), (self.level / math.sqrt(2),))
        return Truth(tuple(steady), faults)


def converter(bits: int = 12, **settings: object) -> SyntheticSource:
    """A source of `CoherentSine(bits, **settings)`."""
    return SyntheticSource(CoherentSine(bits, **settings))

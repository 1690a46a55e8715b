"""E8: a converter that is given a pure sine, in raw counts.

A pre-compliance implementation of the methods of IEEE 1241. The sine has a whole number of cycles
in the window (coherent sampling), so it is fitted with three sums, and its harmonics fall on bins.

    SINAD = signal power / power of everything else but the mean
    ENOB = (SINAD - 1.76 dB) / 6.02 dB
    THD = harmonics 2 .. 10 (folded at half the sample rate) against the signal
    SFDR = the signal against the largest bin of the rest

DNL and INL come from the histogram of codes: the sine's own distribution gives each transition
level, T[k] = -cos(pi * (codes below k) / samples) in units of its amplitude, whatever that is. The
lowest and highest code are left out; their other edge isn't known. INL is from a line through the
first and the last level. Both are only as sure as the codes are frequent: 100 of each and more.
"""

import math
from collections.abc import Mapping

import numpy as np
from tinygrad import Tensor
from tinygrad.dtype import dtypes

from labs.electrical.meters.counts import count_codes
from labs.electrical.meters.fixed import FixedMeter
from labs.electrical.meters.meter import Kind, Parameter, Setting
from labs.electrical.meters.spectrum import factors, power_spectrum
from labs.electrical.meters.statistics import LANES, NOT_FINITE, partial_sums, total
from labs.electrical.meters.taps import constant
from labs.errors import LabError

HARMONICS = 10
MOST_BITS = 16  # the range of int16
MOST_SAMPLES = 1 << 20


class AdcMeter(FixedMeter):
    """Args:
    bits: of the converter; codes are -2^(bits-1) .. 2^(bits-1) - 1.
    window: samples of a window; cycles: of the sine in it, without a common factor.
    """

    raw = True

    def __init__(
        self, setting: Setting, bits: int = 12, window: int = 4096, cycles: int = 63
    ) -> None:
        _check(bits, window, cycles)
        self.bits, self.cycles = bits, cycles
        super().__init__(KIND, setting, window)
        angle = np.arange(window) * cycles % window * (2 * np.pi / window)
        self._waves = np.stack([np.cos(angle), np.sin(angle)])
        self._harmonics = _folded(window, cycles)

    def step(self, x: Tensor, parameters: Tensor | None = None) -> Tensor:
        """[1, window] counts -> mean, two amplitudes, power of the rest, largest bin, harmonics'
        power, and how often each code came. Powers are of the rest, so float32 has the digits."""
        x = x.reshape(-1)
        n = self.window
        waves = constant(self._waves, x)
        mean = (x.sum() / n).contiguous()
        centred = x - mean
        sine = ((waves * centred).sum(1) * (2 / n)).contiguous()
        rest = centred - (waves * sine.reshape(2, 1)).sum(0)
        # what rounding left in the mean and the amplitudes
        again = (rest.sum() / n).contiguous()
        rest = (rest - again).contiguous()
        bins = power_spectrum(rest)
        power = bins[1 : n // 2 + 1].contiguous()
        harmonics = [power[k - 1 : k] for k in self._harmonics]
        codes = (x + float(1 << (self.bits - 1))).cast(dtypes.int32)
        return Tensor.cat(
            (mean + again).reshape(1),
            sine,
            partial_sums(rest * rest),
            power.max().reshape(1),
            *harmonics,
            count_codes(codes, 1 << self.bits).cast(dtypes.float32),
        )

    def measure(self, outputs: np.ndarray) -> Mapping[str, float | str]:
        ends = np.cumsum([1, 2, LANES, 1, len(self._harmonics)])
        mean, sine, squares, largest, harmonics, counts = np.split(outputs, ends)
        rest, n = total(squares) / self.window, self.window
        signal = float(sine[0]) ** 2 / 2 + float(sine[1]) ** 2 / 2
        if not math.isfinite(signal + rest + float(mean[0])):
            return dict.fromkeys(KIND.quantities, NOT_FINITE)
        if signal <= rest:
            return dict.fromkeys(KIND.quantities, f"no sine of {self.cycles} cycles in the window")
        sinad = _db(signal, rest)
        # a bin and its mirror image hold 2 |X|^2 / n^2 of the power
        spur, distortion = 2 * float(largest[0]) / n**2, 2 * float(np.sum(harmonics)) / n**2
        dnl, inl = linearity(np.rint(counts).astype(np.int64))
        return {
            "sinad": sinad,
            "sfdr": _db(signal, spur),
            "thd": -_db(signal, distortion),
            "enob": (sinad - 1.76) / 6.02 if isinstance(sinad, float) else sinad,
            "dnl_max": dnl,
            "inl_max": inl,
        }


def linearity(counts: np.ndarray) -> tuple[float | str, float | str]:
    """Largest |DNL| and |INL| in LSB from how often each code of a sine came.

    Source: the transition levels of a sine histogram, as in general descriptions of IEEE 1241.
    """
    hit = np.flatnonzero(counts)
    if len(hit) < 5:
        reason = "fewer than 5 codes in the window"
        return reason, reason
    first, last = hit[0] + 1, hit[-1]  # codes [first, last) have both edges
    below = np.cumsum(counts)[first - 1 : last]
    levels = -np.cos(np.pi * below / counts.sum())
    lsb = (levels[-1] - levels[0]) / (len(levels) - 1)
    dnl = np.diff(levels) / lsb - 1
    inl = (levels - levels[0]) / lsb - np.arange(len(levels))
    return float(np.abs(dnl).max()), float(np.abs(inl).max())


def _folded(samples: int, cycles: int) -> list[int]:
    """Bins of harmonics 2 .. HARMONICS in the first half of the spectrum."""
    bins = [h * cycles % samples for h in range(2, HARMONICS + 1)]
    return [min(k, samples - k) for k in bins]


def _db(power: float, other: float) -> float | str:
    return 10 * math.log10(power / other) if other > 0 else "nothing but the sine is left"


def _check(bits: int, samples: int, cycles: int) -> None:
    asked = "test a converter"
    whole = all(isinstance(v, int) and not isinstance(v, bool) for v in (bits, samples, cycles))
    if not whole or not 2 <= bits <= MOST_BITS or not 64 <= samples <= MOST_SAMPLES:
        raise LabError(
            asked,
            expected=f"2 to {MOST_BITS} bits, 64 to {MOST_SAMPLES:,} samples, whole cycles",
            got=f"{bits!r} bits, {samples!r} samples, {cycles!r} cycles",
            next_step="correct the parameters",
        )
    factors(samples)
    if not 0 < cycles < samples / 2 or math.gcd(cycles, samples) != 1:
        raise LabError(
            asked,
            expected=f"cycles below {samples // 2} without a common factor with {samples}, else "
            "the same few codes come again and again",
            got=f"{cycles}",
            next_step="choose a prime number of cycles",
        )


KIND = Kind(
    name="adc",
    about="a converter with a coherent sine: SINAD, ENOB, THD, SFDR, and linearity in LSB",
    roles=("*",),
    quantities={
        "sinad": "dB",
        "sfdr": "dB",
        "thd": "dB",
        "enob": "bit",
        "dnl_max": "LSB",
        "inl_max": "LSB",
    },
    make=AdcMeter,
    parameters={
        "bits": Parameter(12, "bit", "of the converter", lowest=2, highest=MOST_BITS),
        "window": Parameter(4096, "1", "samples of a window", lowest=64, highest=MOST_SAMPLES),
        "cycles": Parameter(63, "1", "of the sine in a window", lowest=1),
    },
)

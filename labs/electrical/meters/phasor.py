"""E4: synchrophasors at reporting instants, with frequency and its rate of change.

A pre-compliance implementation of the method of IEEE C37.118.1 / IEC 60255-118-1. The estimator is
ours: a Hann window of 4 nominal cycles about the sample nearest to the instant, and two more a
cycle before and after it. With w that window and k counted from its middle,

    T = 2 sum_k w[k] x[k] exp(-2 pi j f0 k) = W(f - f0) Z + W(f + f0) conj Z

for a component of frequency f whose peak phasor in the middle is Z; W is the window's transform,
real because w is symmetric. The phases of the three say what f is, and then Z follows exactly, with
nothing left of its mirror image at the negative frequency.

Instants are k / rate_hz seconds from the record's first sample. The angle is against a cosine of
the nominal frequency with its peak at time 0: that of cos(2 pi f0 t) is 0 at every instant.
"""

import math

import numpy as np
from tinygrad import Tensor

from labs.electrical.meters.cycles import constant
from labs.electrical.meters.meter import Kind, Parameter, Setting, Window
from labs.electrical.meters.synchronised import FEWEST_POINTS
from labs.electrical.readings import Reading
from labs.errors import LabError

CYCLES = 4  # of a window: the second harmonic is 4 bins from the fundamental, where Hann is 0
SIDE = 1  # cycles from the middle window to the two others; more follows a change less well
PASSES = 4  # of the correction: each leaves a hundredth of the error
MOST_OFF = 0.15  # of the nominal frequency
PART = 64  # samples of a partial sum
NO_COMPONENT = "no steady component within 15% of the nominal frequency"


class Phasor:
    """Phasors of one channel. Every report stands alone: a gap costs the reports that touch it."""

    kind = "phasor"
    parameters, raw = 0, False

    def __init__(self, setting: Setting, rate_hz: float = 50.0) -> None:
        _check(setting)
        self.setting, self.rate_hz = setting, float(rate_hz)
        cycle = setting.fs_hz / setting.nominal_hz
        length = 2 * math.ceil(CYCLES * cycle / 2) - 1  # odd: it has a middle
        self._side = round(SIDE * cycle)
        self.window = length + 2 * self._side
        between = setting.fs_hz / self.rate_hz
        self.hop = round(between) if abs(between - round(between)) < 1e-9 else None
        self.quantities = {
            "magnitude": setting.channels[0].unit,
            "angle": "deg",
            "frequency": "Hz",
            "rocof": "Hz/s",
        }
        self._f0 = setting.nominal_hz / setting.fs_hz  # cycles per sample
        self._k = np.arange(length) - length // 2
        self._hann = 1 + np.cos(2 * np.pi * self._k / (CYCLES * cycle))
        self._hann /= self._hann.sum()
        self._report = math.ceil(self.window // 2 / between - 1e-9)
        self._waves: dict[str, Tensor] = {}

    def step(self, x: Tensor, parameters: Tensor | None) -> Tensor:
        """[1, window] -> [6]: T of the window before, in the middle, after; real, imaginary."""
        if x.device not in self._waves:
            self._waves[x.device] = constant(self._rows(), x.device)
        waves = self._waves[x.device]
        rows, padded = waves.shape
        x = x.pad(((0, 0), (0, padded - self.window)))
        parts = (x * waves).reshape(rows, padded // PART, PART).sum(-1)
        return parts.contiguous().sum(-1)

    def due(self, end: int) -> Window | None:
        index = round(self._instant()) - self.window // 2
        return Window(index, self.window) if index + self.window <= end else None

    def read(self, outputs: np.ndarray, window: Window) -> list[Reading]:
        report, instant = self._report, self._instant()
        self._report += 1
        if not window.valid:
            return self._answer(None, window, window.reason)
        t = np.asarray(outputs, np.float64).reshape(3, 2) @ (1, 1j)
        found = self._solve(t)
        if found is None:
            return self._answer(None, window, NO_COMPONENT)
        z, f, rocof = found
        ahead = instant - round(instant)  # of the middle sample, in samples
        cycles = f * ahead - (report * self.setting.nominal_hz / self.rate_hz) % 1
        angle = math.degrees(np.angle(z * np.exp(2j * np.pi * cycles)))
        fs_hz = self.setting.fs_hz
        values = (abs(z) / math.sqrt(2), angle, f * fs_hz, rocof * fs_hz**2)
        return self._answer(values, window)

    def finish(self) -> list[Reading]:
        return []

    def _instant(self) -> float:
        """The next report's, in samples."""
        return self._report * self.setting.fs_hz / self.rate_hz

    def _rows(self) -> np.ndarray:
        """[6, window, filled up to whole parts]: 2 w cos and -2 w sin, at three places."""
        wave = 2 * self._hann * np.exp(-2j * np.pi * self._f0 * self._k)
        rows = np.zeros((3, 2, -(-self.window // PART) * PART))
        for place in range(3):
            here = slice(place * self._side, place * self._side + len(wave))
            rows[place, :, here] = wave.real, wave.imag
        return rows.reshape(6, -1)

    def _solve(self, t: np.ndarray) -> tuple[complex, float, float] | None:
        """Phasor (peak) in the middle, frequency and its slope, in cycles and samples."""
        if not np.isfinite(t).all() or not np.abs(t).min() > 0:
            return None
        side, expected = self._side, self._f0 * self._side
        z, f = t, self._f0
        for _ in range(PASSES):
            f = np.angle(z[2] * z[0].conj() * np.exp(-4j * np.pi * expected)) / (4 * np.pi * side)
            f += self._f0
            if abs(f - self._f0) > MOST_OFF * self._f0:
                return None
            own, mirror = self._transform(f - self._f0), self._transform(f + self._f0)
            z = (own * t - mirror * t.conj()) / (own**2 - mirror**2)
        bend = np.angle(z[2] * z[0] * z[1].conj() ** 2)
        return complex(z[1]), float(f), float(bend / (2 * np.pi * side**2))

    def _transform(self, f: float) -> float:
        return float(self._hann @ np.cos(2 * np.pi * f * self._k))

    def _answer(self, values: tuple | None, window: Window, reason: str = "") -> list[Reading]:
        fs_hz, channel = self.setting.fs_hz, self.setting.channels[0].name
        end = window.index + window.count
        where = (window.index, window.count, window.index / fs_hz, end / fs_hz)
        values = values or (math.nan,) * len(self.quantities)
        return [
            Reading(self.kind, q, channel, float(v), unit, *where, not reason, reason)
            for (q, unit), v in zip(self.quantities.items(), values, strict=True)
        ]


def _check(setting: Setting) -> None:
    if not setting.nominal_hz:
        raise LabError(
            "measure phasor",
            expected="a nominal frequency, such as 50 Hz",
            got="none",
            next_step="give the supply's nominal frequency in the specification",
        )
    if setting.fs_hz < FEWEST_POINTS * setting.nominal_hz:
        raise LabError(
            "measure phasor",
            expected=f"at least {FEWEST_POINTS} samples in a cycle",
            got=f"{setting.fs_hz / setting.nominal_hz:.1f}",
            next_step="record with a higher sample rate",
        )


KIND = Kind(
    "phasor",
    "synchrophasor at reporting instants, with frequency and ROCOF",
    ("*",),
    {"magnitude": "=", "angle": "deg", "frequency": "Hz", "rocof": "Hz/s"},
    Phasor,
    {"rate_hz": Parameter(50.0, "Hz", "reports per second: 10, 25, 50, ...", 1.0, 200.0)},
    ("nominal_hz",),
)

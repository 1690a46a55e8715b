"""Signals in closed form: each sample is a function of its number, so blocks of any length agree.

source = supply(duration_s=2.0, faults=(Level(0.5, 0.1, factor=0.7),))
stress_source = stress(fs_hz=100e6, duration_s=10)
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np

from labs.electrical.blocks import BLOCK_LENGTH, Block, Channel
from labs.electrical.sources.faults import (
    Clipping,
    Distortion,
    DropOut,
    Fault,
    Level,
    NotANumber,
    Spike,
)
from labs.errors import LabError

NOISE_BLOCK = 4096  # samples of noise that one seed gives
FULL_SCALE = 32767

Wave = Callable[[np.ndarray], np.ndarray]  # sample numbers (int64) -> [channel, n] of float64


@dataclass(frozen=True)
class Supply:
    """A supply's voltages, and its currents if asked for.

    Attributes:
        fs_hz, duration_s: sample rate and length of the record.
        nominal_hz, nominal_v: of the supply; RMS.
        frequency_hz: what it really has; None: the nominal one. `drift_hz_per_s` changes it.
        phases: 1 or 3.
        harmonics: order -> (percent of the fundamental, phase in degrees).
        noise: standard deviation, in V (of voltages).
        unbalance: factors of the phases' amplitudes.
        current_a: RMS of each phase's current, None: no currents; it lags by `lag_deg`.
        full_scale_v: of an int16 converter (currents: a tenth of it, in A); None: float32.
        faults: of the voltages.
    """

    fs_hz: float = 10_240.0
    duration_s: float = 1.0
    nominal_hz: float = 50.0
    nominal_v: float = 230.0
    frequency_hz: float | None = None
    drift_hz_per_s: float = 0.0
    phases: int = 3
    harmonics: Mapping[int, tuple[float, float]] = field(default_factory=dict)
    noise: float = 0.0
    unbalance: tuple[float, ...] = (1.0, 1.0, 1.0)
    current_a: float | None = None
    lag_deg: float = 0.0
    full_scale_v: float | None = None
    faults: tuple[Fault, ...] = ()
    seed: int = 0

    @property
    def channels(self) -> tuple[Channel, ...]:
        def channel(name: str, unit: str, full: float | None) -> Channel:
            scale = 1.0 if full is None else full / FULL_SCALE
            return Channel(name, unit, scale, 0.0, name[1:], None if full is None else FULL_SCALE)

        full = self.full_scale_v
        found = [channel(f"u{i + 1}", "V", full) for i in range(self.phases)]
        if self.current_a is not None:
            current = None if full is None else full / 10
            found += [channel(f"i{i + 1}", "A", current) for i in range(self.phases)]
        return tuple(found)

    def wave(self, n: np.ndarray) -> np.ndarray:
        """Samples of those numbers as [channel, n] of float64, in V and A, before any converter."""
        t = n / self.fs_hz
        cycles = (self.frequency_hz or self.nominal_hz) * t + 0.5 * self.drift_hz_per_s * t * t
        angle = 2 * math.pi * cycles
        shifts = [-2 * math.pi * i / 3 for i in range(self.phases)]
        peak = math.sqrt(2) * self.nominal_v
        rows = []
        for i, shift in enumerate(shifts):
            u = np.sin(angle + shift)
            for order, (percent, degrees) in self.harmonics.items():
                u += percent / 100 * np.sin(order * (angle + shift) + math.radians(degrees))
            rows.append(self._spoilt(u * peak * self.unbalance[i], i, n, angle + shift, peak))
        if self.current_a is not None:
            lag = math.radians(self.lag_deg)
            rows += [math.sqrt(2) * self.current_a * np.sin(angle + s - lag) for s in shifts]
        return np.stack(rows)

    def _spoilt(
        self, u: np.ndarray, row: int, n: np.ndarray, angle: np.ndarray, peak: float
    ) -> np.ndarray:
        touched = [f for f in self.faults if not f.channels or row in f.channels]
        for fault in touched:
            first, last = fault.span(self.fs_hz)
            inside = (n >= first) & (n < last)
            if isinstance(fault, Distortion):
                u = u + inside * (fault.percent / 100 * peak) * np.sin(fault.order * angle)
            elif isinstance(fault, Level):
                u = np.where(inside, fault.factor * u, u)
        if self.noise:
            u = u + self.noise * _noise(self.seed, row, n)
        for fault in touched:
            first, last = fault.span(self.fs_hz)
            inside = (n >= first) & (n < last)
            if isinstance(fault, Spike):
                u = u + fault.height * inside
            elif isinstance(fault, Clipping):
                u = np.where(inside, np.clip(u, -fault.level, fault.level), u)
            elif isinstance(fault, NotANumber):
                u = np.where(inside, np.nan, u)
        return u


class SyntheticSource:
    """A source whose samples are computed when they are asked for."""

    def __init__(
        self,
        name: str,
        channels: tuple[Channel, ...],
        fs_hz: float,
        length: int,
        wave: Wave,
        lost: tuple[tuple[int, int], ...] = (),
    ) -> None:
        if not (math.isfinite(fs_hz) and fs_hz > 0 and length > 0):
            raise LabError(
                f"make the signal '{name}'",
                expected="a sample rate and a duration above 0",
                got=f"{fs_hz!r} Hz, {length} samples",
                next_step="correct them",
            )
        self.name, self.channels, self.fs_hz, self.length = name, channels, float(fs_hz), length
        self.start: datetime | None = None
        self.notes: tuple[str, ...] = ()
        self._wave, self._lost = wave, tuple(sorted(lost))

    def blocks(self, length: int = BLOCK_LENGTH) -> Iterator[Block]:
        counts = self.channels[0].full_scale is not None
        scale = np.array([c.scale for c in self.channels])[:, None]
        for first, last in _pieces(self.length, length, self._lost):
            x = self._wave(np.arange(first, last))
            invalid = np.isnan(x)
            if counts:
                exact = np.rint(np.where(invalid, 0.0, x) / scale)
                samples = np.clip(exact, -FULL_SCALE - 1, FULL_SCALE).astype(np.int16)
            else:
                samples = x.astype(np.float32)
            valid = ~invalid if invalid.any() else None
            yield Block(first, first / self.fs_hz, self.fs_hz, samples, valid)

    def close(self) -> None:
        """Nothing is held open."""


def supply(**settings: object) -> SyntheticSource:
    """A source of `Supply(**settings)`: u1, u2, u3 in V, and i1, i2, i3 in A if asked for."""
    signal = Supply(**settings)
    length = round(signal.duration_s * signal.fs_hz)
    lost = tuple(f.span(signal.fs_hz) for f in signal.faults if isinstance(f, DropOut))
    return SyntheticSource("supply", signal.channels, signal.fs_hz, length, signal.wave, lost)


def one_pole(tau_s: float, *, fs_hz: float, duration_s: float, at_s: float, high: float = 1.0):
    """A step through one pole: high * (1 - exp(-(t - at)/tau)); rise time ln 9 * tau."""

    def wave(n: np.ndarray) -> np.ndarray:
        t = n / fs_hz - at_s
        return (high * -np.expm1(-np.maximum(t, 0) / tau_s))[None]

    return _single("one pole", fs_hz, duration_s, wave)


def second_order(
    damping: float, natural_hz: float, *, fs_hz: float, duration_s: float, at_s: float,
    high: float = 1.0,
):  # fmt: skip
    """A step through an underdamped second order: overshoot exp(-pi z / sqrt(1 - z^2))."""
    if not 0 < damping < 1:
        raise LabError("make a step response", expected="a damping between 0 and 1",
                       got=f"{damping!r}", next_step="one_pole doesn't overshoot")  # fmt: skip
    w = 2 * math.pi * natural_hz
    wd = w * math.sqrt(1 - damping**2)

    def wave(n: np.ndarray) -> np.ndarray:
        t = np.maximum(n / fs_hz - at_s, 0)
        ring = np.cos(wd * t) + damping * w / wd * np.sin(wd * t)
        return (high * (1 - np.exp(-damping * w * t) * ring))[None]

    return _single("second order", fs_hz, duration_s, wave)


def converter(
    bits: int, *, window: int = 4096, cycles: int = 63, windows: int = 1, fs_hz: float = 1e6,
    noise_lsb: float = 0.0, level: float = 0.999, seed: int = 0,
) -> SyntheticSource:  # fmt: skip
    """A coherent sine through an ideal converter of `bits`, as int16 counts around 0."""
    full = 2 ** (bits - 1)

    def wave(n: np.ndarray) -> np.ndarray:
        x = level * full * np.sin(2 * math.pi * cycles * (n % window) / window)
        x = np.floor(x + (noise_lsb * _noise(seed, 0, n) if noise_lsb else 0.0))
        return np.clip(x, -full, full - 1)[None]

    channel = Channel("u", "V", 1.0, 0.0, "", FULL_SCALE)
    return SyntheticSource("converter", (channel,), fs_hz, window * windows, wave)


def stress(
    *, fs_hz: float, duration_s: float, cycles: int = 64, period: int = 65_536
) -> SyntheticSource:
    """One int16 channel that costs next to nothing to make: a period, computed once, repeated."""
    once = FULL_SCALE * 0.9 * np.sin(2 * math.pi * cycles * np.arange(period) / period)
    once = np.rint(once).astype(np.int16)
    channel = Channel("u", "V", 0.01, 0.0, "", FULL_SCALE)
    return _Repeated("stress", (channel,), fs_hz, round(duration_s * fs_hz), once)


class _Repeated(SyntheticSource):
    def __init__(self, name, channels, fs_hz, length, once: np.ndarray) -> None:
        super().__init__(name, channels, fs_hz, length, lambda n: once[n % len(once)][None])
        self._once, self._tape = once, once[None]

    def blocks(self, length: int = BLOCK_LENGTH) -> Iterator[Block]:
        if self._tape.shape[1] < length + len(self._once):
            times = length // len(self._once) + 2
            self._tape = np.tile(self._once, times)[None]
        for first, last in _pieces(self.length, length, ()):
            at = first % len(self._once)
            samples = self._tape[:, at : at + last - first]
            yield Block(first, first / self.fs_hz, self.fs_hz, samples)


def _single(name: str, fs_hz: float, duration_s: float, wave: Wave) -> SyntheticSource:
    return SyntheticSource(name, (Channel("u", "V"),), fs_hz, round(duration_s * fs_hz), wave)


def _noise(seed: int, row: int, n: np.ndarray) -> np.ndarray:
    """Standard normal noise for consecutive sample numbers, the same however they are divided."""
    if not len(n):
        return np.zeros(0)
    first, last = int(n[0]) // NOISE_BLOCK, int(n[-1]) // NOISE_BLOCK
    parts = [
        np.random.default_rng([seed, row, block]).standard_normal(NOISE_BLOCK)
        for block in range(first, last + 1)
    ]
    return np.concatenate(parts)[n - first * NOISE_BLOCK]


def _pieces(
    total: int, length: int, lost: tuple[tuple[int, int], ...]
) -> Iterator[tuple[int, int]]:
    """[first, last) of blocks up to `length`, without the lost samples."""
    at = 0
    for begin, end in (*lost, (total, total)):
        while at < min(begin, total):
            last = min(at + length, begin, total)
            yield at, last
            at = last
        at = max(at, end)

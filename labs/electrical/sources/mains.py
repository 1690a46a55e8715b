"""A supply: voltages of one or more phases and their currents, with harmonics, noise and faults.

    u_i(t) = peak * unbalance_i * sum over h of p_h / 100 * sin(h * (angle(t) + shift_i) + phase_h)

with p_1 = 100 and angle(t) the integral of the frequency, so that a drift has a closed form, too.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from labs.electrical.blocks import Channel
from labs.electrical.readings import Reading
from labs.electrical.sources.faults import (
    SAMPLES,
    TURNS,
    WAVE,
    DropOut,
    Fault,
    check_faults,
    sine,
    spoil,
)
from labs.electrical.sources.synthetic import FULL_SCALE, SyntheticSource, checked_length
from labs.electrical.sources.tiles import Spans, noise
from labs.electrical.sources.truth import Teller, Truth
from labs.errors import LabError

Parts = Mapping[float, tuple[float, float]]
MOST_ORDERS = 50  # that THDS has


@dataclass(frozen=True)
class Supply:
    """A supply's voltages u1, u2, ... and its currents i1, i2, ... if asked for.

    Attributes:
        fs_hz, duration_s: sample rate and length of the record.
        nominal_hz, nominal_v: of the supply; RMS.
        frequency_hz: what it really has; None: the nominal one. `drift_hz_per_s` changes it.
        phases: their number; they are 360 degrees apart all together, each behind the one before.
        phase_deg: of the first voltage when the record begins.
        harmonics: order -> (percent of the fundamental, phase in degrees), of the voltages.
        interharmonics: frequency in Hz -> (percent, phase), equal in all voltages.
        noise: standard deviation, in V (of voltages).
        unbalance: factors of the phases' amplitudes; () is 1 for each.
        current_a: RMS of each fundamental current, None: no currents.
        lag_deg: of a current behind its voltage; cos(lag_deg) is the displacement power factor.
        current_harmonics: as `harmonics`, of the currents.
        full_scale_v: of an int16 converter (currents: a tenth of it, in A); None: float32.
        faults: of the voltages, or of channels by number.
        seed: of the noise.
    """

    fs_hz: float = 10_240.0
    duration_s: float = 1.0
    nominal_hz: float = 50.0
    nominal_v: float = 230.0
    frequency_hz: float | None = None
    drift_hz_per_s: float = 0.0
    phases: int = 3
    phase_deg: float = 0.0
    harmonics: Parts = field(default_factory=dict)
    interharmonics: Parts = field(default_factory=dict)
    noise: float = 0.0
    unbalance: tuple[float, ...] = ()
    current_a: float | None = None
    lag_deg: float = 0.0
    current_harmonics: Parts = field(default_factory=dict)
    full_scale_v: float | None = None
    faults: tuple[Fault, ...] = ()
    seed: int = 0
    name: str = "supply"

    def __post_init__(self) -> None:
        if not self.unbalance:
            object.__setattr__(self, "unbalance", (1.0,) * self.phases)
        checked_length(self.name, self.fs_hz, self.duration_s)
        _check(self)
        check_faults(self.name, self.faults, len(self.channels), True)

    @property
    def length(self) -> int:
        return checked_length(self.name, self.fs_hz, self.duration_s)

    @property
    def lost(self) -> Spans:
        return tuple(f.span(self.fs_hz, self.length) for f in self.faults if isinstance(f, DropOut))

    @property
    def dtype(self) -> str:
        return "float32" if self.full_scale_v is None else "int16"

    @property
    def channels(self) -> tuple[Channel, ...]:
        def channel(letter: str, number: int, unit: str, full: float | None) -> Channel:
            counts = (1.0, None) if full is None else (full / FULL_SCALE, FULL_SCALE)
            return Channel(f"{letter}{number}", unit, counts[0], 0.0, str(number), counts[1])

        full, numbers = self.full_scale_v, range(1, self.phases + 1)
        found = [channel("u", n, "V", full) for n in numbers]
        if self.current_a is not None:
            small = None if full is None else full / 10
            found += [channel("i", n, "A", small) for n in numbers]
        return tuple(found)

    def cycles(self, t: np.ndarray) -> np.ndarray:
        """Turns of the fundamental at times in s [n], for each channel: [channel, n]."""
        turned = (self.frequency_hz or self.nominal_hz) * t + 0.5 * self.drift_hz_per_s * t * t
        turned += self.phase_deg / 360
        shifts = -np.arange(self.phases)[:, None] / self.phases
        rows = np.vstack([turned + shifts] * (1 if self.current_a is None else 2))
        for fault in self.faults:
            if fault.stage == TURNS:  # of a phase: its voltage and its current
                where = fault.channels or range(self.phases)
                own = [r for r in range(len(rows)) if r in where or r - self.phases in where]
                rows[own] += fault.turns(t)
        return rows

    def wave(self, first: int, last: int) -> np.ndarray:
        """Samples [first, last) as [channel, n] of float64, in V and A, before any converter."""
        t = np.arange(first, last) / self.fs_hz
        cycles = self.cycles(t)
        n, peak = self.phases, math.sqrt(2) * self.nominal_v
        rows = np.empty_like(cycles)
        for i in range(n):
            u = _sum(cycles[i], self.harmonics)
            for hz, (percent, degrees) in self.interharmonics.items():
                u += percent / 100 * sine(hz * t + degrees / 360)
            rows[i] = u * (peak * self.unbalance[i])
        for i in range(n, len(rows)):
            lagging = cycles[i] - self.lag_deg / 360
            rows[i] = _sum(lagging, self.current_harmonics) * (math.sqrt(2) * self.current_a)
        spoil(rows, first, self.fs_hz, self.faults, WAVE, range(n), cycles, peak)
        if self.noise:
            for i in range(n):
                rows[i] += self.noise * noise(self.seed, i, first, len(t))
        spoil(rows, first, self.fs_hz, self.faults, SAMPLES, range(n))
        return rows

    @property
    def truth(self) -> Truth:
        """RMS, frequency, harmonics, power and unbalance of the steady supply, and the faults."""
        tell = Teller(self.channels, self.fs_hz, self.length)
        steady = tuple(self._steady(tell, self._rms(self.noise)))
        return Truth(steady, tell.faults(self.faults, range(self.phases), self._rms(0.0)))

    def _rms(self, noise_v: float) -> tuple[float, ...]:
        parts = [*self.harmonics.values(), *self.interharmonics.values()]
        u = self.nominal_v * _root(parts)
        found = [math.hypot(u * k, noise_v) for k in self.unbalance]
        if self.current_a is not None:
            found += [self.current_a * _root(self.current_harmonics.values())] * self.phases
        return tuple(found)

    def _steady(self, tell: Teller, rms: tuple[float, ...]) -> list[Reading]:
        voltages = [c.name for c in self.channels[: self.phases]]
        found = [
            tell.steady("rms", "rms", v, c.unit, c.name)
            for c, v in zip(self.channels, rms, strict=True)
        ]
        if not self.drift_hz_per_s and not any(f.stage == TURNS for f in self.faults):
            hz = self.frequency_hz or self.nominal_hz
            found.append(tell.steady("frequency", "frequency", hz, "Hz", voltages[0]))
        for name, factor in zip(voltages, self.unbalance, strict=True):
            found.append(tell.steady("harmonics", "h1", factor * self.nominal_v, "V", name))
            for order, (percent, _) in sorted(self.harmonics.items()):
                found.append(tell.steady("harmonics", f"h{order}", percent, "%", name))
            if not self.interharmonics and not self.noise:  # else it depends on the method
                squares = [p * p for h, (p, _) in self.harmonics.items() if h <= MOST_ORDERS]
                found.append(tell.steady("harmonics", "thds", math.sqrt(sum(squares)), "%", name))
        if self.phases == 3:
            found += self._unbalance(tell, voltages)
        if self.current_a is not None:
            found += self._power(tell, rms)
        return found

    def _unbalance(self, tell: Teller, names: list[str]) -> list[Reading]:
        turn = np.exp(2j * np.pi / 3)
        phasors = np.array(self.unbalance) * turn ** -np.arange(3) * self.nominal_v
        weights = {"u0": (1, 1, 1), "u1": (1, turn, turn**2), "u2": (1, turn**2, turn)}
        # what rounding leaves of a balanced supply is nothing
        size = {q: round(abs(np.dot(w, phasors)) / 3, 9) for q, w in weights.items()}
        values = {"u1": (size["u1"], "V")}
        values |= {q: (100 * size[q] / size["u1"], "%") for q in ("u2", "u0") if size["u1"]}
        return [tell.steady("unbalance", q, v, unit, *names) for q, (v, unit) in values.items()]

    def _power(self, tell: Teller, rms: tuple[float, ...]) -> list[Reading]:
        """P = sum over h of U_h I_h cos(phase of u - phase of i). Source: IEEE 1459-2010."""
        found, n, first = [], self.phases, {1: (100.0, 0.0)}
        orders = first | dict(self.harmonics), first | dict(self.current_harmonics)
        for i, factor in enumerate(self.unbalance):
            p, ui = 0.0, factor * self.nominal_v * self.current_a
            for h in orders[0].keys() & orders[1].keys():
                (up, ua), (ip, ia) = orders[0][h], orders[1][h]
                p += ui * up * ip / 1e4 * math.cos(math.radians(ua - ia + h * self.lag_deg))
            s = rms[i] * rms[n + i]
            q1 = ui * math.sin(math.radians(self.lag_deg))
            names = self.channels[i].name, self.channels[n + i].name
            values = {"p": (p, "W"), "s": (s, "VA"), "q1": (q1, "var"), "pf": (p / s, "1")}
            found += [tell.steady("power", q, v, unit, *names) for q, (v, unit) in values.items()]
        return found


def supply(**settings: object) -> SyntheticSource:
    """A source of `Supply(**settings)`."""
    return SyntheticSource(Supply(**settings))


def _sum(cycles: np.ndarray, parts: Parts) -> np.ndarray:
    """The fundamental of peak 1, and its harmonics."""
    x = sine(cycles)
    for order, (percent, degrees) in parts.items():
        x += percent / 100 * sine(order * cycles + degrees / 360)
    return x


def _root(parts) -> float:
    return math.sqrt(1 + sum((percent / 100) ** 2 for percent, _ in parts))


def _check(s: Supply) -> None:
    highest = s.fs_hz / 2
    hz = s.frequency_hz or s.nominal_hz
    orders = [*s.harmonics, *s.current_harmonics]
    wrong = ""
    if not (isinstance(s.phases, int) and 1 <= s.phases <= 100):
        wrong = f"{s.phases!r} phases"
    elif len(s.unbalance) != s.phases:
        wrong = f"{len(s.unbalance)} factors of unbalance for {s.phases} phases"
    elif not (s.nominal_hz > 0 and 0 < hz < highest):
        wrong = f"a frequency of {hz!r} Hz at {s.fs_hz:g} samples a second"
    elif not (s.nominal_v > 0 and s.noise >= 0 and (s.full_scale_v is None or s.full_scale_v > 0)):
        wrong = f"nominal_v={s.nominal_v}, noise={s.noise}, full_scale_v={s.full_scale_v}"
    elif any(o != int(o) or o < 2 or o * hz >= highest for o in orders):
        wrong = f"harmonics of orders {orders}"
    elif any(not 0 < f < highest for f in s.interharmonics):
        wrong = f"interharmonics at {list(s.interharmonics)} Hz"
    if wrong:
        raise LabError(
            f"make the signal '{s.name}'",
            expected=f"a supply below {highest:g} Hz, half its sample rate, of whole orders from 2",
            got=wrong,
            next_step="sample faster, or correct it",
        )

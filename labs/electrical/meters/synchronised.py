"""Meters whose windows are whole cycles: where the next one starts follows from what was measured.

tracked: the window is resampled to the same number of points for every cycle. The kernel also gives
the fundamental's phasors; when they say that the assumed frequency was wrong, the same window is
asked for again with a better one. That makes a window's answer depend on its own samples.

coherent: fs is exactly a whole number of samples per cycle of the nominal frequency, and the source
keeps to it (a simulation, or an instrument with a clock locked to the supply). Nothing is
resampled, windows lie side by side. That the supply does keep to it is checked in every window.
"""

import math
from dataclasses import dataclass

import numpy as np
from tinygrad import Tensor

from labs.electrical.meters import cycles as on_cycles
from labs.electrical.meters import resample, sync
from labs.electrical.meters.meter import Parameter, Setting, Window
from labs.electrical.readings import Reading
from labs.errors import LabError

# Of nominal: windows are long enough for 42 Hz. 42.5 to 57.5 Hz is what a power-quality instrument
# follows; the rest is room for a first estimate that is a little off.
RANGE = 0.16
SETTLED = 5e-7  # cycles per cycle: 5e-6 of a cycle over 10, a leakage below the gate of 5e-6
BARELY = 1e-4  # more than that after the last pass: the frequency can't be followed
ALIGNED = 2e-5  # cycles from a zero crossing
MOST_SHIFT = 0.02  # cycles that a window is moved: after a phase jump crossings are found in steps
PASSES = 6  # over one window
UNLOCKED = 1e-5  # cycles per cycle that a coherent source may be off
FEWEST_POINTS = 16  # of a cycle

SAMPLING = Parameter(
    "tracked",
    "",
    "tracked: follows the frequency; coherent: the source's clock is locked to the supply",
    choices=("tracked", "coherent"),
)
NO_FUNDAMENTAL = "no steady fundamental within 15% of the nominal frequency"


@dataclass(frozen=True)
class Span:
    """The cycles that a window holds.

    Attributes:
        start: of the first cycle, in samples since the start of the record; with a fraction.
        samples_per_cycle: found in this window.
        is_locked: a steady fundamental was found; else the frequency is the last one known.
        magnitude: of the fundamental, peak.
    """

    start: float
    samples_per_cycle: float
    cycles: int
    is_locked: bool = True
    magnitude: float = math.nan


class Synchronised:
    """What these meters share. A meter adds `measure` (the kernel) and `answer` (the host).

    Args:
        cycles: of a window. align: whether cycles start at zero crossings.
        band: highest multiple of the supply's frequency that the meter measures.
    """

    kind = ""
    quantities: dict[str, str] = {}
    raw = False

    def __init__(
        self,
        setting: Setting,
        cycles: int,
        sampling: str = "tracked",
        align: bool = False,
        band: float = 1.0,
    ) -> None:
        if not setting.nominal_hz:
            raise LabError(
                f"measure {self.kind}",
                expected="a nominal frequency, such as 50 Hz",
                got="none",
                next_step="give the supply's nominal frequency in the specification",
            )
        self.setting, self.cycles, self.align = setting, cycles, align
        self.coherent = sampling == "coherent"
        nominal = setting.fs_hz / setting.nominal_hz
        self.points = round(nominal) if self.coherent else 4 * round(nominal / 4)
        self._check(nominal, band)
        self.margin = 0 if self.coherent else resample.MARGIN
        if self.coherent:
            self.window = self.hop = cycles * self.points
            self.parameters = 0
        else:
            longest = cycles * nominal / (1 - RANGE)
            self.window = math.ceil(longest) + 2 * self.margin + 8
            self.hop, self.parameters = None, 2 * cycles + 1
        self._shortest, self._longest = nominal / (1 + RANGE), nominal / (1 - RANGE)
        self._start, self._spc = float(self.margin), nominal
        self._index = self._passes = 0
        self._is_found = False
        self._tables: dict[str, dict[str, Tensor]] = {}

    # ---- what a meter adds ----

    def measure(self, z: Tensor) -> Tensor:
        """[channel, cycle, point] -> [numbers]."""
        raise NotImplementedError

    def answer(self, numbers: np.ndarray, phasors: np.ndarray, span: Span) -> list[Reading]:
        """What `measure` gave, and the half cycles' phasors, complex [channel, 2 cycles]."""
        raise NotImplementedError

    def tables(self) -> dict[str, np.ndarray]:
        """The constants that `measure` needs on its device, by name."""
        return {}

    def table(self, name: str, device: str) -> Tensor:
        return self._on(device)[name]

    # ---- the meter ----

    def step(self, x: Tensor, parameters: Tensor | None) -> Tensor:
        """[channel, window] -> [4 channels cycles + numbers]: phasors of half cycles, the rest."""
        tables = self._on(x.device)
        if self.coherent:
            z = x.reshape(x.shape[0], self.cycles, self.points)
        else:
            z = resample.resample(
                x, parameters, self.cycles, self.points, tables["_filters"], tables["_steps"]
            )
        phasors = on_cycles.half_cycle_phasors(z, tables["_fundamental"])
        return phasors.reshape(-1).contiguous().cat(self.measure(z).reshape(-1).contiguous())

    def due(self, end: int) -> Window | None:
        if self.coherent:
            index = int(self._start)
            told = ()
        else:
            index = self._index = self._place()
            start = self._start - index
            told = resample.cycle_parameters(start, self._spc, self.cycles, self.points)
        return Window(index, self.window, told) if index + self.window <= end else None

    def read(self, outputs: np.ndarray, window: Window) -> list[Reading]:
        if not window.valid:
            answers = self.answer_invalid(window.reason, self._span(False))
            self._is_found = False
            self._go_on()
            return answers
        split = 4 * len(self.setting.channels) * self.cycles
        parts = np.asarray(outputs[:split], np.float64).reshape(2, -1, 2 * self.cycles)
        phasors = parts[0] + 1j * parts[1]
        found = sync.fit(self._reference(phasors))
        if found is not None and not self._is_followed(found):
            found = None
        if found is not None and self._again(found):
            return []
        if found is None:
            self._is_found = False  # where crossings are has to be found anew
        is_locked = found is not None and (self.coherent or abs(found.turn) <= BARELY)
        span = self._span(is_locked, found.magnitude if is_locked else math.nan)
        answers = self.answer(np.asarray(outputs[split:], np.float64), phasors, span)
        self._go_on()
        return answers

    def finish(self) -> list[Reading]:
        return []

    def answer_invalid(self, reason: str, span: Span) -> list[Reading]:
        """All quantities, invalid."""
        return [self.reading(q, math.nan, span, reason) for q in self.quantities]

    def reading(self, quantity: str, value: float, span: Span, reason: str = "") -> Reading:
        """A reading of the whole span; invalid when there is a reason."""
        end = span.start + span.cycles * span.samples_per_cycle
        return self.reading_of(quantity, value, span.start, end, reason=reason)

    def reading_of(
        self,
        quantity: str,
        value: float,
        start: float,
        end: float,
        valid: bool | None = None,
        reason: str = "",
    ) -> Reading:
        """A reading of samples [start, end), which may have fractions."""
        channels = self.setting.channels
        unit = self.quantities[quantity]
        index, fs_hz = round(start), self.setting.fs_hz
        if not reason and not math.isfinite(value):
            reason, valid = "not a finite number", False
        ok = not reason if valid is None else valid
        return Reading(
            self.kind,
            quantity,
            "+".join(c.name for c in channels),
            float(value) if ok else math.nan,
            channels[0].unit if unit == "=" else unit,
            index,
            round(end) - index,
            index / fs_hz,
            round(end) / fs_hz,
            ok,
            reason,
        )

    # ---- where windows are ----

    def _place(self) -> int:
        """Where the window begins that holds the cycles: it ends soon after the last of them, and
        doesn't move while they are being found."""
        end = self._start + self.cycles * self._spc + self.margin + 1
        if self._passes and self._index + self.window >= end:
            return self._index
        return max(0, self._index, math.ceil(end) - self.window)

    def _is_followed(self, found: sync.Fit) -> bool:
        if self.coherent:
            return abs(found.turn) <= UNLOCKED
        length = self._spc / (1 + found.turn)
        return self._shortest * (1 - RANGE) < length < self._longest * (1 + RANGE)

    def _again(self, found: sync.Fit) -> bool:
        """Whether the window has to be looked at again; then where its cycles are is corrected."""
        self._passes += 1
        if self.coherent:
            ahead = round(found.offset * self._spc) if self.align and not self._is_found else 0
            self._is_found = True
            if ahead < 0:
                ahead += self.points // 2 if self._start + ahead < 0 else 0
            self._start += ahead
            return ahead != 0
        spc = _between(self._shortest, self._spc / (1 + found.turn), self._longest)
        is_settled = abs(found.turn) <= SETTLED
        move = 0.0
        if self.align and abs(found.offset) > ALIGNED:
            move = found.offset
            if self._is_found:
                move = _between(-MOST_SHIFT, move, MOST_SHIFT)
            if self._is_found and self._passes > 1:
                move = 0.0  # one step in each window
        if (is_settled and not move) or self._passes > PASSES:
            self._is_found = True
            return False
        self._spc = spc
        start = self._start + move * spc
        while start < self._index + self.margin:
            start += spc / 2
        self._start = start
        return True

    def _span(self, is_locked: bool, magnitude: float = math.nan) -> Span:
        return Span(self._start, self._spc, self.cycles, is_locked, magnitude)

    def _go_on(self) -> None:
        self._passes = 0
        self._start += self.cycles * self._spc

    def _reference(self, phasors: np.ndarray) -> np.ndarray:
        """Whose phases are followed: the first channel's, or the strongest where it has failed."""
        energy = (np.abs(phasors) ** 2).sum(-1)
        return phasors[0 if energy[0] > energy.max() / 4 else int(energy.argmax())]

    def _on(self, device: str) -> dict[str, Tensor]:
        if device not in self._tables:
            made = self.tables() | {"_fundamental": on_cycles.fundamental_table(self.points)}
            if not self.coherent:
                made["_filters"] = resample.coefficients()
                made["_steps"] = np.arange(self.points, dtype=np.int32)
            self._tables[device] = {n: on_cycles.constant(v, device) for n, v in made.items()}
        return self._tables[device]

    def _check(self, nominal: float, band: float) -> None:
        asked = f"measure {self.kind}"
        if self.points < FEWEST_POINTS:
            raise LabError(
                asked,
                expected=f"at least {FEWEST_POINTS} samples in a cycle",
                got=f"{nominal:.1f}: {self.setting.fs_hz:g} samples/s at "
                f"{self.setting.nominal_hz:g} Hz",
                next_step="record with a higher sample rate",
            )
        if self.coherent and (abs(nominal - self.points) > 1e-9 * nominal or self.points % 2):
            raise LabError(
                f"{asked} with sampling coherent",
                expected="an even number of samples in a cycle",
                got=f"{nominal:.4f}",
                next_step="use sampling: tracked",
            )
        highest = (0.5 if self.coherent else resample.PASSBAND / (1 + RANGE)) * nominal
        if band > highest:
            raise LabError(
                f"{asked} up to {band:g} times {self.setting.nominal_hz:g} Hz",
                expected=f"at most {highest:.1f} times, at {self.setting.fs_hz:g} samples/s",
                got=f"{band:g}",
                next_step="record with a higher sample rate, or measure fewer harmonics",
            )


def _between(lowest: float, value: float, highest: float) -> float:
    return max(lowest, min(value, highest))

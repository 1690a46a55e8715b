"""E7: a pulse or a step: levels, transition durations, width, overshoot, settling.

A pre-compliance implementation of the methods of IEEE 181. Of each window the first transition that
rises through the middle counts, and the first one after it that falls. Instants lie between
samples, by linear interpolation.

Times are of the transition between 10% and 90% of low to high; the width is from middle to middle;
overshoot is in % of high - low; settling is from the middle until the waveform stays within 2% of
the swing around its level, up to the next transition or the window's end.
"""

import math
from collections.abc import Mapping

import numpy as np
from tinygrad import Tensor
from tinygrad.dtype import dtypes

from labs.electrical.meters.fixed import FixedMeter, samples_of
from labs.electrical.meters.levels import (
    falls_through,
    first,
    last,
    rises_through,
    state_levels,
)
from labs.electrical.meters.meter import Kind, Parameter, Setting
from labs.electrical.meters.statistics import NOT_FINITE
from labs.errors import LabError

LEAST = 16  # samples that make a waveform
LEAST_HELD = 3  # samples that make a state: fewer are a transition that was cut off
NONE_RISES, NONE_FALLS = "no rising transition in the window", "no falling transition in the window"
# instants that the kernels find, in the order of their outputs
_INSTANTS = ("rise", "rise_10", "rise_90", "fall", "fall_90", "fall_10", "outside")


class PulseMeter(FixedMeter):
    """Args:
    band: settled within this part of the swing.
    hop_s: from one window to the next (None: one after another).
    """

    def __init__(
        self,
        setting: Setting,
        window_s: float = 0.01,
        hop_s: float | None = None,
        band: float = 0.02,
    ) -> None:
        window = samples_of(window_s, setting, "measure pulse", LEAST)
        hop = samples_of(hop_s, setting, "measure pulse") if hop_s is not None else window
        if not 0 < band < 0.5:
            raise LabError(
                "measure pulse",
                expected="a settling band between 0 and 0.5 of the swing",
                got=f"{band!r}",
                next_step="correct 'band'; 0.02 is usual",
            )
        self.band = band
        super().__init__(KIND, setting, window, hop)

    def step(self, x: Tensor, parameters: Tensor | None = None) -> Tensor:
        """[1, window] -> low, high, lowest, highest, samples of the shorter state, sum, end of the
        state after the transition, how far beyond its level; and for each instant its index and
        the samples on both sides."""
        x = x.reshape(-1)
        n = x.shape[0]
        index = Tensor.arange(n, dtype=dtypes.int32).to(x.device).contiguous()
        levels = state_levels(x)
        low, swing = levels.low, levels.high - levels.low

        def at(part: float) -> Tensor:
            return low + part * swing

        rise = first(rises_through(x, at(0.5)), index)
        falls = falls_through(x, at(0.5))
        after = first(falls & (index > rise), index)
        fall = ((rise >= 0) & (after < 0)).where(first(falls, index), after).contiguous()
        rise_10 = last(rises_through(x, at(0.1)) & (index <= rise), index)
        rise_90 = first(rises_through(x, at(0.9)) & (index >= rise) & (rise >= 0), index)
        fall_90 = last(falls_through(x, at(0.9)) & (index <= fall), index)
        fall_10 = first(falls_through(x, at(0.1)) & (index >= fall) & (fall >= 0), index)
        # the state after the rise, or after the fall where nothing rises
        begin = (rise >= 0).where(rise, fall).contiguous()
        settled = (rise >= 0).where(levels.high, levels.low)
        inside = (x - settled).abs() <= self.band * swing.abs()
        pulse = (rise >= 0) & (fall > rise)
        end = pulse.where(last(inside & (index > rise) & (index <= fall), index), n - 1)
        end = end.contiguous()
        state = (index > begin) & (index <= pulse.where(fall, n - 1))
        outside = last(inside.logical_not() & (index >= begin) & (index <= end), index)
        found = Tensor.stack(rise, rise_10, rise_90, fall, fall_90, fall_10, outside)
        found = found.reshape(len(_INSTANTS), 1)
        before = (index == found).where(x, 0.0).sum(1)
        behind = (index == found + 1).where(x, 0.0).sum(1)
        beyond = (rise >= 0).where(x - levels.high, levels.low - x)
        scalars = Tensor.stack(
            *(levels.low, levels.high, levels.lowest, levels.highest, levels.held, x.sum()),
            end.cast(dtypes.float32),
            state.where(beyond, -math.inf).max(),
        )
        return scalars.cat(found.reshape(-1).cast(dtypes.float32), before, behind)

    def measure(self, outputs: np.ndarray) -> Mapping[str, float | str]:
        low, high, lowest, highest, held, whole, end, beyond = (float(v) for v in outputs[:8])
        if not math.isfinite(whole):
            return dict.fromkeys(KIND.quantities, NOT_FINITE)
        if not high > low or not highest > lowest or held < LEAST_HELD:
            return dict.fromkeys(KIND.quantities, "no two states in the window")
        count = len(_INSTANTS)
        found = outputs[8:].astype(np.float64).reshape(3, count)
        at = {name: _Instant(*(float(v) for v in found[:, i])) for i, name in enumerate(_INSTANTS)}
        swing = high - low

        def crossing(name: str, level: float) -> float:
            return at[name].crosses(low + level * swing)

        fs = self.setting.fs_hz
        rise, fall = crossing("rise", 0.5), crossing("fall", 0.5)
        rises = crossing("rise_90", 0.9) - crossing("rise_10", 0.1)
        drops = crossing("fall_10", 0.1) - crossing("fall_90", 0.9)
        incomplete = "a transition that isn't all in the window"
        answers: dict[str, float | str] = {
            "low": low,
            "high": high,
            "rise_time": NONE_RISES if math.isnan(rise) else _or(rises / fs, incomplete),
            "fall_time": NONE_FALLS if math.isnan(fall) else _or(drops / fs, incomplete),
            "width": (fall - rise) / fs if fall > rise else "no complete pulse in the window",
        }
        if math.isnan(rise) and math.isnan(fall):
            return answers | {"overshoot": "no transition", "settling_time": "no transition"}
        answers["overshoot"] = max(0.0, 100 * beyond / swing)
        begin = fall if math.isnan(rise) else rise
        answers["settling_time"] = self._settling(at["outside"], begin, end, low, high, rise)
        return answers

    def _settling(
        self, outside: "_Instant", begin: float, end: float, low: float, high: float, rise: float
    ) -> float | str:
        if end < 0 or outside.index < 0 or outside.index >= end:
            return "it never settles"
        level, band = (low if math.isnan(rise) else high), self.band * (high - low)
        edge = level + band if outside.before > level else level - band
        return max(0.0, outside.crosses(edge) - begin) / self.setting.fs_hz


class _Instant:
    """Between sample `index` (-1: not found) and the next one."""

    def __init__(self, index: float, before: float, behind: float) -> None:
        self.index, self.before, self.behind = index, before, behind

    def crosses(self, level: float) -> float:
        """When the straight line between the two has that level, in samples; NaN if not found."""
        if self.index < 0:
            return math.nan
        step = self.behind - self.before
        part = (level - self.before) / step if step else 0.0
        return self.index + min(1.0, max(0.0, part))


def _or(value: float, reason: str) -> float | str:
    return reason if math.isnan(value) else value


KIND = Kind(
    name="pulse",
    about="levels, transition times, width, overshoot and settling of a pulse or step",
    roles=("*",),
    quantities={
        "low": "=",
        "high": "=",
        "rise_time": "s",
        "fall_time": "s",
        "width": "s",
        "overshoot": "%",
        "settling_time": "s",
    },
    make=PulseMeter,
    parameters={
        "window_s": Parameter(0.01, "s", "duration of a window", lowest=0),
        "hop_s": Parameter(None, "s", "from one window to the next; else its duration", lowest=0),
        "band": Parameter(0.02, "1", "settled within this part of the swing", 0, 0.5),
    },
)

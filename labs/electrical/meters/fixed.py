"""Meters whose windows are known beforehand: the part of the contract that they share."""

import math
from collections.abc import Mapping

import numpy as np
from tinygrad import Tensor

from labs.electrical.meters.meter import Kind, Setting, Window
from labs.electrical.readings import Reading
from labs.errors import LabError

MOST_SAMPLES = 1 << 24  # of a window: up to here float32 counts exactly


class FixedMeter:
    """Windows of equal length at equal distances, each with the same quantities.

    A subclass gives `step`, and `measure`, which turns its outputs into values; text in the place
    of a value says why there is none.

    Args:
        window, hop: in samples.
    """

    parameters = 0
    raw = False

    def __init__(self, kind: Kind, setting: Setting, window: int, hop: int | None = None) -> None:
        self.kind, self.setting = kind, setting
        self.window, self.hop = window, hop or window
        if not 1 <= self.window <= MOST_SAMPLES or self.hop < 1:
            raise LabError(
                f"measure {kind.name} at {setting.fs_hz:g} Hz",
                expected=f"windows of 1 to {MOST_SAMPLES:,} samples, at least one apart",
                got=f"{self.window:,} samples, {self.hop:,} apart",
                next_step="change the window's duration",
            )
        self._next = 0
        self._channel = "+".join(c.name for c in setting.channels)
        unit = setting.channels[0].unit
        self._units = {q: unit if u == "=" else u for q, u in kind.quantities.items()}

    def step(self, x: Tensor, parameters: Tensor | None = None) -> Tensor:
        raise NotImplementedError

    def measure(self, outputs: np.ndarray) -> Mapping[str, float | str]:
        raise NotImplementedError

    def due(self, end: int) -> Window | None:
        return Window(self._next, self.window) if self._next + self.window <= end else None

    def read(self, outputs: np.ndarray, window: Window) -> list[Reading]:
        self._next = window.index + self.hop
        if not window.valid:
            return [
                self._reading(q, window.reason or "invalid samples", window) for q in self._units
            ]
        values = self.measure(outputs)
        return [self._reading(q, values[q], window) for q in self._units if q in values]

    def finish(self) -> list[Reading]:
        return []

    def _reading(self, quantity: str, value: float | str, window: Window) -> Reading:
        fs, valid = self.setting.fs_hz, not isinstance(value, str)
        return Reading(
            self.kind.name,
            quantity,
            self._channel,
            float(value) if valid else math.nan,
            self._units[quantity],
            window.index,
            window.count,
            window.index / fs,
            (window.index + window.count) / fs,
            valid,
            "" if valid else value,
        )


def samples_of(seconds: float, setting: Setting, asked: str, least: int = 1) -> int:
    """A duration as a whole number of samples.

    Raises:
        LabError: it is no number, or shorter than the fewest samples that are needed.
    """
    known = isinstance(seconds, int | float) and math.isfinite(seconds)
    count = round(seconds * setting.fs_hz) if known else 0
    if count < least:
        raise LabError(
            f"{asked} at {setting.fs_hz:g} Hz",
            expected=f"a duration of at least {least} samples ({least / setting.fs_hz:g} s)",
            got=f"{seconds!r} s",
            next_step="make it longer, or sample faster",
        )
    return count

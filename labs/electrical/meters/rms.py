"""RMS value, peak, mean, and crest factor of windows one after another."""

import math
from collections.abc import Mapping

import numpy as np
from tinygrad import Tensor

from labs.electrical.meters.fixed import FixedMeter, samples_of
from labs.electrical.meters.meter import Kind, Parameter, Setting
from labs.electrical.meters.statistics import (
    LANES,
    NOT_FINITE,
    partial_maxima,
    partial_sums,
    total,
)


class RmsMeter(FixedMeter):
    """rms = sqrt(mean(x^2)); peak = max |x|; crest = peak / rms."""

    def __init__(self, setting: Setting, window_s: float = 0.2) -> None:
        super().__init__(KIND, setting, samples_of(window_s, setting, "measure rms"))

    def step(self, x: Tensor, parameters: Tensor | None = None) -> Tensor:
        """[1, window] -> [4, LANES]: sums of x^2 and of x, maxima of x and of -x."""
        x = x.reshape(-1)
        parts = partial_sums(x * x), partial_sums(x), partial_maxima(x), partial_maxima(-x)
        return Tensor.stack(*parts)

    def measure(self, outputs: np.ndarray) -> Mapping[str, float | str]:
        squares, sums, highest, lowest = outputs.reshape(4, LANES)
        energy = total(squares)
        if not math.isfinite(energy):
            return dict.fromkeys(KIND.quantities, NOT_FINITE)
        rms = math.sqrt(energy / self.window)
        high, low = float(highest.max()), -float(lowest.max())
        peak = max(abs(high), abs(low))
        return {
            "rms": rms,
            "peak": peak,
            "mean": total(sums) / self.window,
            "crest": peak / rms if rms else "no signal: rms is 0",
            "minimum": low,
            "maximum": high,
        }


KIND = Kind(
    name="rms",
    about="RMS value, peak, mean, crest factor and extremes of fixed windows",
    roles=("*",),
    quantities={
        "rms": "=",
        "peak": "=",
        "mean": "=",
        "crest": "1",
        "minimum": "=",
        "maximum": "=",
    },
    make=RmsMeter,
    parameters={"window_s": Parameter(0.2, "s", "duration of a window", lowest=0)},
)

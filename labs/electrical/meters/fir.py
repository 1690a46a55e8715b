"""E5: a low-pass filter in front of RMS and peak, with decimation if asked for.

The history that the filter needs is part of each window, so nothing is carried from one to the
next, and no split of the stream into blocks can change a bit.
"""

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
from labs.electrical.meters.taps import MOST_TAPS, fir, low_pass
from labs.errors import LabError

MOST_DECIMATION = 64


class FirMeter(FixedMeter):
    """RMS and peak of the filtered signal: window_s of it, after taps - 1 samples of history.

    Args:
        cutoff_hz: None: 0.4 times the sample rate after decimation.
    """

    def __init__(
        self,
        setting: Setting,
        cutoff_hz: float | None = None,
        taps: int = 64,
        decimate: int = 1,
        window_s: float = 0.2,
    ) -> None:
        if not (isinstance(decimate, int) and 1 <= decimate <= MOST_DECIMATION):
            raise LabError(
                "decimate a signal",
                expected=f"a whole number from 1 to {MOST_DECIMATION}",
                got=f"{decimate!r}",
                next_step="correct 'decimate'",
            )
        cutoff_hz = cutoff_hz or 0.4 * setting.fs_hz / decimate
        self.taps, self.decimate = low_pass(cutoff_hz, setting.fs_hz, taps), decimate
        hop = samples_of(window_s, setting, "measure fir", least=decimate)
        hop -= hop % decimate  # else the kept samples would shift from window to window
        super().__init__(KIND, setting, hop + taps - 1, hop)

    def step(self, x: Tensor, parameters: Tensor | None = None) -> Tensor:
        """[1, window] -> [3, LANES]: sums of y^2, maxima of y and of -y."""
        y = fir(x.reshape(-1), self.taps, self.decimate)
        return Tensor.stack(partial_sums(y * y), partial_maxima(y), partial_maxima(-y))

    def measure(self, outputs: np.ndarray) -> Mapping[str, float | str]:
        squares, highest, lowest = outputs.reshape(3, LANES)
        energy = total(squares)
        if not math.isfinite(energy):
            return dict.fromkeys(KIND.quantities, NOT_FINITE)
        return {
            "rms": math.sqrt(energy / (self.hop // self.decimate)),
            "peak": max(float(highest.max()), float(lowest.max())),
        }


KIND = Kind(
    name="fir",
    about="RMS and peak behind a linear-phase low-pass filter, decimated if asked for",
    roles=("*",),
    quantities={"rms": "=", "peak": "="},
    make=FirMeter,
    parameters={
        "cutoff_hz": Parameter(None, "Hz", "half amplitude; else 0.4 of the rate kept", lowest=0),
        "taps": Parameter(64, "1", "length of the filter", lowest=2, highest=MOST_TAPS),
        "decimate": Parameter(1, "1", "keep one sample of so many", 1, MOST_DECIMATION),
        "window_s": Parameter(0.2, "s", "filtered signal in one reading", lowest=0),
    },
)

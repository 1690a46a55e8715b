"""E0: counts in, and in one pass a filter, RMS, peak, a mask, and the RMS of each half cycle.

The channel's scale is in the taps: counts are filtered as they come, and what leaves the filter is
in the channel's unit. The filtered window stays in a cache for what is found in it.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from tinygrad import Tensor

from labs.electrical.meters.fixed import FixedMeter, samples_of
from labs.electrical.meters.mask import margins
from labs.electrical.meters.meter import Kind, Parameter, Setting
from labs.electrical.meters.polyline import check_points, limits
from labs.electrical.meters.statistics import (
    LANES,
    NOT_FINITE,
    partial_maxima,
    partial_sums,
    total,
)
from labs.electrical.meters.taps import MOST_TAPS, constant, fir, low_pass

PART_S = 0.01  # half a cycle of 50 Hz, where the specification names no frequency


class CompositeMeter(FixedMeter):
    """The filtered signal in windows of whole half cycles, and of one trace of the mask.

    Args:
        cutoff_hz: None: 0.4 times the sample rate.
        points: of the mask, as of kind "mask"; none: no margin. It begins with each window.
    """

    raw = True

    def __init__(
        self,
        setting: Setting,
        cutoff_hz: float | None = None,
        taps: int = 64,
        window_s: float = 0.2,
        points: Sequence[Sequence[float]] = (),
    ) -> None:
        channel, fs = setting.channels[0], setting.fs_hz
        h = low_pass(cutoff_hz or 0.4 * fs, fs, taps)
        self.taps, self.offset = h * channel.scale, float(h.sum() * channel.offset)
        part_s = 0.5 / setting.nominal_hz if setting.nominal_hz else PART_S
        wanted = samples_of(window_s, setting, "measure composite")
        self.part = min(wanted, samples_of(part_s, setting, "measure composite"))
        hop = wanted - wanted % self.part
        self.lower = self.upper = np.empty(0)
        if len(points):
            self.lower, self.upper = (m[:hop] for m in limits(check_points(points), fs))
        super().__init__(KIND, setting, hop + taps - 1, hop)

    def step(self, x: Tensor, parameters: Tensor | None = None) -> Tensor:
        """[1, window] counts -> sums of y^2 of each part, maxima of |y|, of margins: [.., LANES]"""
        y = self.filtered(x)
        squares = y.reshape(-1, self.part)
        found = [partial_sums(squares * squares), partial_maxima(y.maximum(-y)).reshape(1, LANES)]
        if len(self.lower):
            trace = y[: len(self.lower)]
            lower, upper = constant(self.lower, x), constant(self.upper, x)
            found.append(partial_maxima(margins(trace, lower, upper)).reshape(1, LANES))
        return Tensor.cat(*found)

    def filtered(self, x: Tensor) -> Tensor:
        """[1, window] counts -> [hop] in the channel's unit."""
        y = fir(x.reshape(-1), self.taps)
        return (y + self.offset).contiguous() if self.offset else y

    def measure(self, outputs: np.ndarray) -> Mapping[str, float | str]:
        rows = outputs.reshape(-1, LANES)
        parts = self.hop // self.part
        squares = rows[:parts].sum(1, dtype=np.float64)
        if not np.isfinite(squares).all():
            return dict.fromkeys(KIND.quantities, NOT_FINITE)
        values: dict[str, float | str] = {
            "rms": math.sqrt(total(squares) / self.hop),
            "peak": float(rows[parts].max()),
            "urms_minimum": math.sqrt(float(squares.min()) / self.part),
            "urms_maximum": math.sqrt(float(squares.max()) / self.part),
        }
        if len(self.lower):
            values["margin"] = float(rows[parts + 1].max())
        return values


KIND = Kind(
    name="composite",
    about="filter, RMS, peak, mask and the RMS of half cycles in one pass over counts",
    roles=("*",),
    quantities={
        "rms": "=",
        "peak": "=",
        "margin": "=",
        "urms_minimum": "=",
        "urms_maximum": "=",
    },
    make=CompositeMeter,
    parameters={
        "cutoff_hz": Parameter(None, "Hz", "half amplitude; else 0.4 of the rate", lowest=0),
        "taps": Parameter(64, "1", "length of the filter", lowest=2, highest=MOST_TAPS),
        "window_s": Parameter(0.2, "s", "filtered signal in one reading", lowest=0),
        "points": Parameter((), "", "mask from each window's start: [time_s, lower, upper]"),
    },
)

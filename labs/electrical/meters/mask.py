"""E6: traces against a mask.

    margin = max(max(x - upper), max(lower - x)) over a trace

Below 0: all of the trace is inside, that far from the nearest limit. Above 0: outside by as much. 0
touches a limit, which is allowed. A NaN is outside of every mask.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from tinygrad import Tensor
from tinygrad.dtype import dtypes

from labs.electrical.meters.fixed import FixedMeter, samples_of
from labs.electrical.meters.meter import Kind, Parameter, Setting
from labs.electrical.meters.polyline import check_points, limits
from labs.electrical.meters.statistics import (
    LANES,
    NOT_FINITE,
    partial_maxima,
    partial_sums,
)
from labs.electrical.meters.taps import constant


def margins(x: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
    """How far each sample is outside, in its unit; below 0: inside.

    The largest of them leaves NaN out, as tinygrad's maximum does: count those that are outside,
    or ask a sum, before a margin is believed.
    """
    return (x - upper).maximum(lower - x)


def is_outside(x: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
    """NaN is outside; tinygrad's <= is "not >", which NaN would pass."""
    return (x > upper) | (x < lower) | (x != x)


class MaskMeter(FixedMeter):
    """Traces of the mask's length, `period_s` apart (None: one after another).

    Args:
        points: [time s, lower, upper] of each point of the polyline.
    """

    def __init__(
        self,
        setting: Setting,
        points: Sequence[Sequence[float]] = (),
        period_s: float | None = None,
    ) -> None:
        self.points = check_points(points)
        self.lower, self.upper = limits(self.points, setting.fs_hz)
        length = len(self.lower)
        hop = samples_of(period_s, setting, "measure mask") if period_s is not None else length
        super().__init__(KIND, setting, length, hop)

    def step(self, x: Tensor, parameters: Tensor | None = None) -> Tensor:
        """[1, window] -> [3, LANES]: largest margins, samples outside, the first one outside.

        The last as window - index, so that it is a maximum; 0 where none is outside.
        """
        x = x.reshape(-1)
        lower, upper = constant(self.lower, x), constant(self.upper, x)
        outside = is_outside(x, lower, upper)
        left = constant(np.arange(self.window, 0, -1), x)
        return Tensor.stack(
            partial_maxima(margins(x, lower, upper)),
            partial_sums(outside.cast(dtypes.float32)),
            partial_maxima(outside.where(left, 0.0)),
        )

    def measure(self, outputs: np.ndarray) -> Mapping[str, float | str]:
        margin, outside, first = outputs.reshape(3, LANES)
        worst, count, left = float(margin.max()), int(outside.sum()), int(first.max())
        values: dict[str, float | str] = {
            # with a number outside, the margin is above 0; with a NaN outside it need not be
            "margin": NOT_FINITE if (count and worst <= 0) or not math.isfinite(worst) else worst,
            "violations": count,
        }
        if count:
            values["first_violation"] = (self.window - left) / self.setting.fs_hz
        return values


KIND = Kind(
    name="mask",
    about="traces against a polyline of lower and upper limits; a margin above 0 is outside",
    roles=("*",),
    quantities={"margin": "=", "violations": "1", "first_violation": "s"},
    make=MaskMeter,
    parameters={
        "points": Parameter((), "", "list of [time_s, lower, upper]; null is no limit"),
        "period_s": Parameter(None, "s", "from one trace to the next; else its length", lowest=0),
    },
)

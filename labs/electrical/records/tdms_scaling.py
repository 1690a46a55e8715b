"""What the values of a TDMS channel mean: the `nptdms` package's scalings, kept within bounds."""

import math
from collections.abc import Mapping
from typing import Any

from nptdms.scaling import DaqMxScalerScaling, LinearScaling, get_scaling

_MOST_SCALES, _MOST_IN_SCALE = 64, 100_000  # a few are usual; a table may be long


def scaling_of(*properties: Mapping[str, Any]) -> Any:
    """The package's, unless the file asks for absurdly many: it would make them first."""
    for said in properties:
        for key, number in said.items():
            most = _MOST_SCALES if key == "NI_Number_Of_Scales" else _MOST_IN_SCALE
            sized = key.startswith("NI_Scale[") and key.endswith("_Size")
            if (most == _MOST_SCALES or sized) and not 0 <= int(number) <= most:
                raise ValueError(f"{key} is {number}")
    return get_scaling(*properties)


def linear(scaling: Any) -> tuple[float, float]:
    """Factor and offset of a scaling that is one; NaN if it isn't."""
    if scaling is None:
        return 1.0, 0.0
    steps = getattr(scaling, "scalings", [scaling])
    steps = [s for s in steps if not isinstance(s, DaqMxScalerScaling)]
    if len(steps) == 1 and isinstance(steps[0], LinearScaling):
        return float(steps[0].slope), float(steps[0].intercept)
    return math.nan, math.nan

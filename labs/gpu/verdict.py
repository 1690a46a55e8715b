"""What bounds a computation: the rule, and the words for it. Numbers in, words out.

The rule, in this order:
1. launch: at least half of what a program waits for is not its kernels, but launching them.
2. memory: its intensity lies below the ridge point's interval.
3. compute: its intensity lies above that interval.
4. not resolved: inside the interval, or a roof is missing.

The verdict names the roof that is over a computation, not why it is as far below it as it is: one
that reaches a tenth of its roof is held back by its code, which `fraction` shows.
"""

from dataclasses import dataclass

from labs.bench.statistics import Interval
from labs.units import format_intensity, format_interval, format_percent, format_quantity

MEMORY, COMPUTE, LAUNCH, NOT_RESOLVED = "memory", "compute", "launch", "not resolved"
LAUNCH_SHARE = 0.5
FAR_BELOW = 0.25  # of the roof: the code, not the roof, decides
ABOVE = 1.05  # of the roof: beyond what noise explains


@dataclass(frozen=True)
class Verdict:
    """A word of the rule above and the numbers it rests on."""

    bound_by: str
    evidence: str


def judge(
    intensity: float | None,
    ridge: tuple[float, Interval | None] | None,
    launch_share: float | None,
) -> Verdict:
    """Apply the rule.

    Args:
        intensity: FLOP for each byte of compulsory traffic, in FLOP/B; 0 without arithmetic.
        ridge: the ridge point in FLOP/B with its interval; None when a roof is missing.
        launch_share: launching in relation to the wall time of a call, 0 to 1; None if unknown.

    Example:
        >>> judge(0.25, (6.0, None), 0.02).bound_by
        'memory'
    """
    if launch_share is not None and launch_share >= LAUNCH_SHARE:
        share = format_percent(min(launch_share, 1.0), 2)
        return Verdict(LAUNCH, f"launching takes {share} of the time that a program waits")
    if intensity is None:
        return Verdict(NOT_RESOLVED, "the kernels' bytes are unknown")
    if intensity == 0:
        return Verdict(MEMORY, "it moves bytes and calculates nothing")
    if ridge is None:
        return Verdict(NOT_RESOLVED, "a roof is missing, so there is no ridge point")
    point, interval = ridge
    low, high = (interval.low, interval.high) if interval else (point, point)
    where = format_intensity(point)
    if interval:
        where += f" {format_interval(low, high, lambda value: format_quantity(value, ''))}"
    mine = format_intensity(intensity)
    if intensity < low:
        return Verdict(MEMORY, f"{mine}, left of the ridge at {where}")
    if intensity > high:
        return Verdict(COMPUTE, f"{mine}, right of the ridge at {where}")
    return Verdict(NOT_RESOLVED, f"{mine}, within the interval of the ridge at {where}")


def remark(fraction: float | None, bound_by: str) -> str:
    """What a reader must know about a fraction of a roof; empty when it speaks for itself."""
    if fraction is None or bound_by == LAUNCH:
        return ""
    if fraction > ABOVE:
        return "above the roof: its data stay in a cache, or a roof was measured too low"
    if fraction < FAR_BELOW:
        return "far below the roof: its code is what holds it back"
    return ""

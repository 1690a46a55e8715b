"""What a meter answers with: one value with its unit and the samples that it was found in."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Reading:
    """One value of one quantity.

    Attributes:
        kind: the meter's kind, such as "harmonics".
        quantity: what was measured, such as "thds" or "h5"; `meters.KINDS` has them all.
        channel: name of the channel, or several joined by "+".
        value: in `unit`; NaN when `valid` is False.
        unit: as in `meters.KINDS`: V, A, Hz, s, %, W, ... or "1" for counts and ratios.
        index: of the first sample that it was computed from, since the start of the record.
        count: how many samples it was computed from.
        t_start_s, t_end_s: of those samples, in seconds since the start of the record.
        valid: False: the value must not be used, and `reason` says why (gap, NaN, clipped, ...).
    """

    kind: str
    quantity: str
    channel: str
    value: float
    unit: str
    index: int
    count: int
    t_start_s: float
    t_end_s: float
    valid: bool = True
    reason: str = ""

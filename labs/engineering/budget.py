"""How a time budget becomes rounds: pure arithmetic over what a first look has seen.

A visit to a case costs its warm-up and at least MIN_SAMPLES calls; a round visits every case. As
many rounds as fit are made, at most MOST_ROUNDS; where not even FEWEST fit, the costliest cases are
left out, each with the reason, until they do.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from labs.bench.sampler import Settings
from labs.units import format_seconds

MIN_SAMPLES = 3
FEWEST_ROUNDS = 6  # with fewer there is no distribution-free interval over rounds
MOST_ROUNDS = 20
ENOUGH_ROUNDS = 10  # from here on longer rounds are worth more than further ones
ROUND_TIMES_S = (0.1, 0.05, 0.025)  # of one visit's samples, best first
_CALLS_BEFORE = 2  # of a visit: one warm-up, one to choose loops
_SHORTEST_WARMUP_S = 0.005
_WARMUP_CAP_SHARE = 1.0  # of a visit's time: calls that never settle cost no more than samples
SHARE_OF_ONE_CASE = 0.03  # of the budget: more than that in one case starves the others


@dataclass(frozen=True)
class Schedule:
    """What the budget allows.

    Args:
        kept: keys of the cases to measure, in their order.
        left_out: key -> reason.
        rounds, round_time_s: for all of them.
        expected_s: of all rounds together.
    """

    kept: tuple[object, ...]
    left_out: Mapping[object, str]
    rounds: int
    round_time_s: float
    expected_s: float


def settings_for(round_time_s: float, precision: float = 0.02) -> Settings:
    """The sampler's settings for short visits: the spread between rounds makes the interval."""
    return Settings(
        warmup_time_s=max(_SHORTEST_WARMUP_S, round_time_s / 10),
        warmup_calls=1,
        warmup_cap_s=_WARMUP_CAP_SHARE * round_time_s,
        round_time_s=round_time_s,
        min_samples=MIN_SAMPLES,
        precision=precision,
    )


def visit_s(call_s: float, round_time_s: float) -> float:
    """Seconds that one visit to a case takes, at most about."""
    warmup = max(_SHORTEST_WARMUP_S, round_time_s / 10, call_s)
    return warmup + call_s * (_CALLS_BEFORE - 1) + max(round_time_s + call_s, MIN_SAMPLES * call_s)


def longest_call_s(budget_s: float) -> float:
    """A call that takes longer than this would, in FEWEST_ROUNDS, take more than its share."""
    return SHARE_OF_ONE_CASE * budget_s / (FEWEST_ROUNDS * (MIN_SAMPLES + _CALLS_BEFORE))


def schedule(
    call_s: Mapping[object, float], available_s: float, *, rounds: int | None = None
) -> Schedule:
    """Rounds for cases of known cost.

    Args:
        call_s: case -> seconds of one call, from the first look.
        available_s: for all rounds together.
        rounds: exactly so many, whatever they take; None to choose.
    """
    left_out: dict[object, str] = {}
    kept = list(call_s)
    shortest = ROUND_TIMES_S[-1]
    if rounds is None:
        for key in sorted(call_s, key=lambda k: -call_s[k]):
            total = sum(visit_s(call_s[k], shortest) for k in kept) * FEWEST_ROUNDS
            if total <= available_s or len(kept) == 1:
                break
            kept.remove(key)
            share = visit_s(call_s[key], shortest) * FEWEST_ROUNDS
            left_out[key] = (
                f"{FEWEST_ROUNDS} rounds of calls of {format_seconds(call_s[key], 2)} would take "
                f"{format_seconds(share, 2)}: the budget has no room for them"
            )
    costs = {t: _round_s([call_s[k] for k in kept], t) for t in ROUND_TIMES_S}
    if rounds is not None:
        chosen = next((t for t in ROUND_TIMES_S if costs[t] * rounds <= available_s), shortest)
        count = rounds
    else:
        fits = {t: int(available_s / costs[t]) if costs[t] else MOST_ROUNDS for t in costs}
        chosen = next((t for t in ROUND_TIMES_S if fits[t] >= ENOUGH_ROUNDS), shortest)
        count = max(FEWEST_ROUNDS, min(MOST_ROUNDS, fits[chosen]))
    return Schedule(tuple(kept), left_out, count, chosen, costs[chosen] * count)


def _round_s(calls: Sequence[float], round_time_s: float) -> float:
    return sum(visit_s(c, round_time_s) for c in calls)

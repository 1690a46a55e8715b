"""Compute: other options for the kernels than tinygrad's heuristic chooses."""

from typing import Any

from labs.errors import LabError
from labs.gpu.advice.model import NotAdvised, Recommendation, Trial
from labs.gpu.advice.situation import Situation, jitted
from labs.units import format_percent, format_seconds

AREA = "compute"
# a kernel that reaches this share of what the roofs allow has little left to find
_GOOD = 0.8
SEARCH_S = 15.0


def advise_search(situation: Situation, bound_s: float | None) -> Recommendation | NotAdvised:
    """Options found by searching on the device, when the roofs leave room.

    Args:
        bound_s: the least time that the measured roofs allow for the workload's own work; None when
            it isn't known.
    """
    s = situation
    if s.device_s is None:
        return NotAdvised(AREA, "search", "the device time of a call is not known")
    evidence = [f"the device is busy for {format_seconds(s.device_s)}"]
    if bound_s:
        share = bound_s / s.device_s
        if share >= _GOOD:
            reached = f"it reaches {format_percent(share)} of what the measured roofs allow"
            return NotAdvised(AREA, "search", reached)
        evidence.append(
            f"the measured roofs would allow {format_seconds(bound_s)}: it reaches "
            f"{format_percent(share)} of that"
        )
    return Recommendation(
        AREA,
        "search",
        "Search tinygrad's kernel options on this device (PerformanceOptimizer) in the place of "
        "its heuristic.",
        tuple(evidence),
        s.gain_of(s.device_s / bound_s) if bound_s else None,
        "(device time + launches) / (least time that the measured roofs allow + launches)"
        if bound_s
        else "not derived: no roof was measured",
        lambda: _search_trial(s),
        expected_is_limit=True,
    )


def _search_trial(s: Situation) -> Trial:
    from labs.gpu.optimizer import PerformanceOptimizer

    work = s.subject.workload
    optimizer = PerformanceOptimizer(s.device, budget_s=SEARCH_S)
    found = optimizer.optimize(work)
    if not found.kept:
        raise LabError(
            f"find better options for '{work.name}' on {s.device}",
            got=f"{found.search_s:.0f} s of search found none that is resolved to be faster",
        )
    functions: dict[str, Any] = {"heuristic": jitted(work.compute, s.subject.tensors)}
    with optimizer.applied():
        functions["searched options"] = jitted(work.compute, s.subject.tensors)
    answers = dict.fromkeys(functions, s.subject.answer)
    note = (
        f"Searched for {found.search_s:.0f} s, outside the clock; the options are saved: "
        "PerformanceOptimizer(device).applied() uses them."
    )
    return Trial(s.device, functions, answers, work.rtol, work.atol, note)

"""recommend(): what this device's measurements advise for a workload.

Each rule looks at facts that were measured here (`labs.gpu.advice.situation`), and either makes a
Recommendation with its evidence and expected gain, or says why it doesn't apply.
"""

from collections.abc import Callable, Iterable
from typing import Any

from labs.errors import LabError
from labs.gpu.advice.model import AREAS, NotAdvised, Recommendation, Recommendations
from labs.gpu.advice.rules_algorithm import advise_algorithms
from labs.gpu.advice.rules_compute import advise_search
from labs.gpu.advice.rules_launches import advise_batch, advise_jit
from labs.gpu.advice.rules_management import advise_resident, advise_reuse
from labs.gpu.advice.rules_memory import advise_fuse, advise_half, advise_layout
from labs.gpu.advice.situation import Situation
from labs.gpu.bounds import bound_seconds
from labs.gpu.roof_data import Roofs
from labs.gpu.subject import Subject, prepare_subject

Advice = Recommendation | NotAdvised

# algorithms are about fields of work, not about the workload: asked for by name
DEFAULT_AREAS = tuple(a for a in AREAS if a != "algorithm")

_RULES: dict[str, tuple[tuple[str, Callable[[Situation], Advice]], ...]] = {
    "memory": (("fuse", advise_fuse), ("layout", advise_layout), ("half", advise_half)),
    "compute": (
        (
            "search",
            lambda s: advise_search(s, bound_seconds(s.subject.workload, s.kernels, s.roofs)),
        ),
    ),
    "launches": (("jit", advise_jit), ("batch", advise_batch)),
    "memory management": (("resident", advise_resident), ("reuse", advise_reuse)),
}


def recommend(
    workload: Any,
    device: str,
    *,
    areas: Iterable[str] = DEFAULT_AREAS,
    roofs: Roofs | None = None,
    samples: int = 1 << 16,
) -> Recommendations:
    """Advice for a workload on a device, largest expected gain first.

    Args:
        workload: a Workload, its spec ("matmul:n=512"), `as_workload(function, ...)`, or a Subject.
        device: where it runs.
        areas: of AREAS; "algorithm" times five pairs of formulations besides the workload.
        roofs: `labs.gpu.roofs.measure_roofs(device)`, for limits of what can be gained.
        samples: length of the signals for "algorithm".

    Raises:
        LabError: an unknown area, device or workload.

    Example:
        >>> advice = recommend("softmax:n=512", "CL")
        >>> advice["jit"].apply().statement()
    """
    wanted = tuple(areas)
    unknown = [a for a in wanted if a not in AREAS]
    if unknown:
        raise LabError(
            f"recommend something about {unknown[0]!r}",
            expected=f"areas among {', '.join(AREAS)}",
            got=repr(unknown[0]),
            next_step="leave areas out for all but algorithms",
        )
    subject = workload if isinstance(workload, Subject) else prepare_subject(workload, device)
    situation = Situation(subject, roofs)
    found: list[Advice] = []
    for area in wanted:
        found += [_ask(area, name, rule, situation) for name, rule in _RULES.get(area, ())]
        if area == "algorithm":
            found += advise_algorithms(subject.device, samples)
    made = [a for a in found if isinstance(a, Recommendation)]
    made.sort(key=lambda r: (r.expected_is_limit, -(r.expected_gain or 0)))
    silent = tuple(a for a in found if isinstance(a, NotAdvised))
    return Recommendations(subject.name, subject.device, tuple(made), silent)


def _ask(area: str, name: str, rule: Callable[[Situation], Advice], situation: Situation) -> Advice:
    try:
        return rule(situation)
    except Exception as error:  # a rule that fails on a device must not silence the others
        first = (str(error).splitlines() or [""])[0]
        return NotAdvised(area, name, f"it can't be judged here ({type(error).__name__}: {first})")

"""Recommendations out of a run's results: rules, each of which shows the numbers it stands on.

A rule speaks only where the numbers are far apart, and says nothing where they aren't. What it
expects is a limit that follows from the same numbers, not a promise: `labs.gpu.recommendations`
applies changes to a workload of the reader's own and measures what they gained.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from labs.bench.compare import FASTER, compare
from labs.bench.names import case_label, workload_of
from labs.bench.results import Measurement, ResultSet
from labs.engineering.efficiency import efficiency, roofs_of
from labs.units import format_percent, format_ratio, format_seconds

# A rule speaks from these on: choices, wide enough that a busy machine doesn't set them off.
LAUNCH_SHARE = 0.5  # of a case's time
EAGER_FACTOR = 3.0
COPY_FACTOR = 2.0
FIRST_CALL_S = 0.2
FEWEST_CASES = 3
SMALL_BYTES = 64 << 10  # a case that moves less shows the launch and little else
COPY_BYTES = 1 << 20  # a smaller copy shows no rate
LOW_EFFICIENCY = 0.3


@dataclass(frozen=True)
class Advice:
    """One recommendation.

    Args:
        area: launches, compute, memory, transfer, device or measurement.
        action: what to do, one sentence.
        evidence: the numbers of this run that say so.
        expected: what it can gain at most, in words; empty when the numbers don't tell.
    """

    area: str
    action: str
    evidence: str
    expected: str = ""


def advise(results: ResultSet, device: str) -> tuple[Advice, ...]:
    """What the results of a run recommend for one of its devices."""
    found = (rule(results, device) for rule in _RULES)
    return tuple(advice for advice in found if advice is not None)


def _launches(results: ResultSet, device: str) -> Advice | None:
    """Kernels so short that launching them is most of the time."""
    wall = _wall(results, device)
    floor = _smallest(wall, "add")
    if floor is None:
        return None
    others = [m for m in wall if _is_jit(m) and m is not floor and _is_real(m)]
    bound = [m for m in others if floor.median_s / m.median_s > LAUNCH_SHARE]
    if len(bound) < FEWEST_CASES:
        return None
    most = max(bound, key=lambda m: m.flop or 0)
    share = format_percent(min(1.0, floor.median_s / most.median_s), 2)
    return Advice(
        "launches",
        "Give each call more work: batch several small operations into one tensor",
        f"an addition of next to nothing takes {format_seconds(floor.median_s)}; that is {share} "
        f"of {case_label(most.name)}, and more than half of {len(bound)} of {len(others)} cases",
        "as many times as calls are merged, until the work itself shows",
    )


def _eager(results: ResultSet, device: str) -> Advice | None:
    """Python's scheduling at each call, against replaying a captured one."""
    wall = _wall(results, device)
    eager, jit = _smallest(wall, "create"), _smallest(wall, "add")
    if eager is None or jit is None or eager.median_s < EAGER_FACTOR * jit.median_s:
        return None
    return Advice(
        "launches",
        "Capture repeated steps with TinyJit: eagerly, Python schedules every call anew",
        f"{case_label(eager.name)} made eagerly takes {format_seconds(eager.median_s)}, a captured "
        f"{case_label(jit.name)} {format_seconds(jit.median_s)}",
        f"up to {format_ratio(eager.median_s / jit.median_s, 2)} for calls with little work",
    )


def _transfer(results: ResultSet, device: str) -> Advice | None:
    """Copying costs more than computing on what was copied."""
    wall = _wall(results, device)
    add = next((m for m in wall if m.name.startswith("add/n=1000/")), None)
    there = _largest(wall, "to_device")
    back = _largest(wall, "to_host")
    if add is None or there is None or back is None or there.min_bytes < COPY_BYTES:
        return None
    matrix = 1000 * 1000 * 4
    copies_s = 2 * matrix / there.bytes_per_s + matrix / back.bytes_per_s
    if copies_s < COPY_FACTOR * add.median_s:
        return None
    return Advice(
        "transfer",
        "Keep data on the device between operations, and copy back only what is looked at",
        f"copying two 1000 x 1000 matrices there and one back takes {format_seconds(copies_s)} at "
        f"the rates measured here, adding them {format_seconds(add.median_s)}",
        f"{format_ratio(1 + copies_s / add.median_s, 2)} for a single addition",
    )


def _elsewhere(results: ResultSet, device: str) -> Advice | None:
    """Another device of the same run that is faster, resolved, at several cases."""
    better: dict[str, list[tuple[float, str]]] = {}
    shared = 0
    for name in dict.fromkeys(m.name for m in results.select(device=device)):
        group = {m.device: m for m in results.select(name=name) if not m.modelled}
        mine = group.pop(device, None)
        if mine is None or not group or mine.clock != "wall" or not _is_real(mine):
            continue
        shared += 1
        best = min(group.values(), key=lambda m: m.median_s)
        verdict = compare(mine, best)
        if verdict.word == FASTER:
            better.setdefault(best.device, []).append((verdict.speedup, case_label(name)))
    if not better:
        return None
    parts = []
    for other, cases in sorted(better.items(), key=lambda item: -len(item[1])):
        speedup, label = max(cases)
        parts.append(f"{other} at {len(cases)} (most at {label}: {format_ratio(speedup, 2)})")
    return Advice(
        "device",
        "Choose the device by the workload: another one here is faster at some",
        f"of {shared} cases that both have, faster and resolved are {', '.join(parts)}",
        f"{format_ratio(max(s for cases in better.values() for s, _ in cases), 2)} at the most",
    )


def _first_call(results: ResultSet, device: str) -> Advice | None:
    """Compilation in the first call."""
    rows = [m for m in _wall(results, device) if m.first_call_s and _is_jit(m)]
    worst = max(rows, key=lambda m: m.first_call_s, default=None)
    if worst is None or worst.first_call_s < FIRST_CALL_S:
        return None
    return Advice(
        "launches",
        "Call each step once before time counts: the first call schedules and compiles",
        f"the first {case_label(worst.name)} took {format_seconds(worst.first_call_s)}, later ones "
        f"{format_seconds(worst.median_s)}",
    )


def _search(results: ResultSet, device: str) -> Advice | None:
    """Arithmetic far below what the device was seen to do."""
    mine = list(results.select(device=device))
    reached = efficiency(
        roofs_of(results, device),
        [m for m in mine if m.clock == "device"],
        [m for m in mine if m.clock == "wall"],
        "arithmetic",
    )
    if reached.value is None or reached.is_modelled or reached.value > LOW_EFFICIENCY:
        return None
    return Advice(
        "compute",
        "Search for better options of its kernels: labs.gpu's PerformanceOptimizer, or BEAM=2",
        f"its best matmul reaches {reached.text()} {reached.source}",
        f"at most {format_ratio(1 / reached.value, 2)}",
    )


def _throttled(results: ResultSet, device: str) -> Advice | None:
    taken = sum(m.retaken for m in results.select(device=device))
    if not taken:
        return None
    return Advice(
        "measurement",
        "Cool the GPU, or lower its power cap, before times are compared",
        f"it slowed itself down: {taken} samples were thrown away and taken again",
    )


_RULES: tuple[Callable[[ResultSet, str], Advice | None], ...] = (
    _elsewhere,
    _search,
    _launches,
    _eager,
    _transfer,
    _first_call,
    _throttled,
)


def _wall(results: ResultSet, device: str) -> list[Measurement]:
    return [m for m in results.select(device=device) if m.clock == "wall" and not m.modelled]


def _is_real(m: Measurement) -> bool:
    """Whether the case is large enough to say more than what a launch costs."""
    return (m.min_bytes or 0) > SMALL_BYTES and workload_of(m.name) not in ("to_device", "to_host")


def _is_jit(m: Measurement) -> bool:
    copies = workload_of(m.name) in ("to_device", "to_host")
    return not m.name.endswith("/eager") and not copies


def _pick(pick, rows: list[Measurement], workload: str) -> Measurement | None:
    found = [m for m in rows if workload_of(m.name) == workload]
    return pick(found, key=lambda m: m.min_bytes or 0) if found else None


_smallest, _largest = partial(_pick, min), partial(_pick, max)

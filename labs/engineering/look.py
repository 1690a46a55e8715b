"""The first look: each case is prepared, checked and called twice, to know what a round will cost.

A case that would take too long is not even tried: its time is predicted from the largest one of its
section that was, in proportion to the work. What was prepared here is what the rounds then time.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np
import psutil

from labs import backends, devices, toolchain
from labs.bench.execution import Execution, prepare
from labs.bench.results import Failure
from labs.bench.runner import Event, failure_of
from labs.bench.sampler import Cancelled
from labs.bench.workload import Workload
from labs.devices.sensors import HOST
from labs.engineering import suite
from labs.engineering.suite import SuiteCase
from labs.engineering.targets import Target
from labs.units import format_bytes, format_seconds

toolchain.activate()

from labs.bench.clocks import is_modelled

INTERPRETED_DEVICES = ("PYTHON",)
_SAFETY = 1.5  # a prediction may be off by so much before a case is given up untried
# A tiny call takes as long as the machine's mood wants, unless it is slow without any doubt.
_TINY_BYTES, _TELLING_IF_TINY_S = 64 << 10, 0.05
_SLOW_FOR_BYTES = "exp"  # element-wise, but its arithmetic may dominate: it tells nothing of others
_LOOK_CALLS, _LOOK_S = 5, 0.02  # calls, or seconds of them, whose best is taken
# of a section that has nothing smaller to predict from: its arithmetic goes as matmul's does
_LIKE = {"convolution": "matmul", "attention": "matmul", "linear": "matmul"}
_MEMORY_SHARE_OF_ONE, _MEMORY_SHARE_OF_ALL = 0.05, 0.4  # of what is available at the start

Key = tuple[str, str]  # name of the case, name of the target


@dataclass
class Look:
    """What the first look has found; it grows while it lasts.

    Args:
        calls_s: seconds of one call, of what is worth measuring; too_slow_s: of what isn't.
        executions: ready to be timed.
        left_out: why a case isn't measured.
    """

    calls_s: dict[Key, float] = field(default_factory=dict)
    too_slow_s: dict[Key, float] = field(default_factory=dict)
    executions: dict[Key, Execution] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    left_out: dict[Key, str] = field(default_factory=dict)


def kind_of(target: Target) -> str:
    """Which suite suits a target."""
    backends.register()  # the course's own devices can be opened
    if is_modelled(target.device):
        return suite.MODELLED
    base = target.device.split(":")[0]
    return suite.INTERPRETED if base in INTERPRETED_DEVICES else suite.WALL


def take_a_look(
    targets: Sequence[Target],
    *,
    size: str,
    longest_call_s: float,
    deadline: float,
    seed: int,
    sections: Sequence[str] = suite.SECTIONS,
    lost: dict[str, str] | None = None,
    notify: Callable[[Event], object] = lambda event: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Look:
    """Prepares what is worth measuring.

    Args:
        longest_call_s: cases whose call takes longer are left out.
        deadline: of time.monotonic(); what was not looked at by then is left out.
        cancelled: asked before each case.
        lost: target -> why it can't be used any more; its cases become failures.

    Raises:
        Cancelled: when `cancelled` says so.
    """
    look = Look()
    plan = _order(targets, size, sections)
    memory = _Memory(psutil.virtual_memory().available, {t.name: _own_memory(t) for t in targets})
    for number, (case, target) in enumerate(plan):
        key = (case.name, target.name)
        text = f"first look at {case.what} {case.shape} on {target.name}"
        notify(Event(number, len(plan), text, target.name))
        if cancelled():
            raise Cancelled
        if target.name in (lost or {}):
            look.failures.append(Failure(*key, lost[target.name], "DeviceError"))
            continue
        reason = "" if time.monotonic() < deadline else "the time for the first look was over"
        reason = (
            reason or _too_long(look, case, target, longest_call_s) or memory.refuses(case, target)
        )
        if reason:
            look.left_out[key] = reason
            continue
        _try(look, case, target, seed)
        if look.calls_s.get(key, 0) > longest_call_s:
            look.too_slow_s[key] = took_s = look.calls_s.pop(key)
            del look.executions[key]
            look.left_out[key] = (
                f"one call takes {format_seconds(took_s, 2)}, too long for the budget"
            )
        elif key in look.executions:
            memory.take(case, target)
    return look


def prepare_case(case: SuiteCase, target: Target, seed: int) -> Execution:
    """A case ready to be timed, checked against numpy; variants are compiled by their renderer."""
    if case.is_transfer:
        from labs.engineering.transfers import prepare_transfer

        return prepare_transfer(case.what, case.elements, target.device, seed)
    workload = replace(case.workload, reference=lambda *arrays: _reference(case, seed))
    with target.compiling():
        ready = prepare(workload, target.device, case.clock, case.mode, seed)
        if not target.is_variant:
            return ready
        name = _renderer_name(target.device)
    return replace(ready, run=_compiling(ready.run, target, case), renderer=name)


def _order(
    targets: Sequence[Target], size: str, sections: Sequence[str]
) -> list[tuple[SuiteCase, Target]]:
    """Case by case over all targets, so that an early end leaves all with the same small cases.

    Tiny ones and those of devices that have a suite of their own come first.
    """
    suites = {t: suite.suite_for(kind_of(t), size, variant=t.is_variant) for t in targets}
    cases = dict.fromkeys(c for t in targets for c in suites[t] if c.section in sections)
    pairs = [(c, t) for c in cases for t in targets if c in suites[t]]
    tiny = set(suite.suite_for(suite.INTERPRETED))
    return sorted(pairs, key=lambda pair: kind_of(pair[1]) == suite.WALL and pair[0] not in tiny)


def _try(look: Look, case: SuiteCase, target: Target, seed: int) -> None:
    key = (case.name, target.name)
    try:
        ready = prepare_case(case, target, seed)
        look.calls_s[key] = _best_call_s(ready)
        look.executions[key] = ready
    except Exception as error:  # a driver may raise anything
        look.failures.append(failure_of(*key, error))


def _best_call_s(ready: Execution) -> float:
    best, began = float("inf"), time.perf_counter()
    for _ in range(_LOOK_CALLS):
        start = time.perf_counter()
        ready.run()
        ready.sync()
        now = time.perf_counter()
        best = min(best, now - start)
        if now - began > _LOOK_S:
            break
    return best


def _too_long(look: Look, case: SuiteCase, target: Target, longest_call_s: float) -> str:
    """Why a case is not tried, from smaller ones on the same target; empty when it is.

    A call takes a launch and time in proportion to its work: t = floor + rate x work, where the
    floor is the shortest call of the target. The same workload tells most, then one of its section.
    """
    seen = {**look.calls_s, **look.too_slow_s}
    mine = ((name, seconds) for (name, where), seconds in seen.items() if where == target.name)
    calls = {suite.case_named(name): seconds for name, seconds in mine}
    floor_s = min(calls.values(), default=0.0)
    telling = [c for c in calls if 0 < c.work < case.work and _is_telling(c, calls[c])]
    like = _LIKE.get(case.section, "")
    same = [c for c in telling if c.what == case.what]
    known = same or [c for c in telling if c.section == case.section and c.what != _SLOW_FOR_BYTES]
    known = known or [c for c in telling if c.section == like]
    if not known:
        return ""
    smaller = max(known, key=lambda c: c.work)
    predicted = floor_s + (calls[smaller] - floor_s) * case.work / smaller.work
    if predicted <= _SAFETY * longest_call_s:
        return ""
    return (
        f"one call would take about {format_seconds(predicted, 2)} (from {smaller.what} "
        f"{smaller.shape}), too long for the budget"
    )


def _is_telling(case: SuiteCase, call_s: float) -> bool:
    """Whether a case's time says anything about larger ones."""
    return case.min_bytes > _TINY_BYTES or call_s >= _TELLING_IF_TINY_S


class _Memory:
    """What the kept cases may take together, so that a laptop doesn't swap and a GPU isn't full.

    Args:
        available: of the host, in bytes; every case takes from it, for its inputs' copies.
        own: target -> bytes of its device's memory; None where that isn't known.
    """

    def __init__(self, available: int, own: Mapping[str, int | None]) -> None:
        self.limits = {HOST: available} | {name: size for name, size in own.items() if size}
        self.taken = dict.fromkeys(self.limits, 0.0)

    def refuses(self, case: SuiteCase, target: Target) -> str:
        needed = case.memory_bytes
        for place in (HOST, target.name):
            limit = self.limits.get(place)
            if limit is None:
                continue
            if needed > _MEMORY_SHARE_OF_ONE * limit:
                why = "more than its share of"
            elif self.taken[place] + needed > _MEMORY_SHARE_OF_ALL * limit:
                why = "too much beside the other cases for"
            else:
                continue
            where = "available here" if place == HOST else f"of {place}"
            have = format_bytes(limit)
            return f"it needs {format_bytes(needed)}, {why} the {have} of memory {where}"
        return ""

    def take(self, case: SuiteCase, target: Target) -> None:
        for place in (HOST, target.name):
            if place in self.taken:
                self.taken[place] += case.memory_bytes


def _own_memory(target: Target) -> int | None:
    base = target.device.split(":")[0]
    found = devices.discover([base])[base].capabilities
    return found.max_memory if found is not None else None


@lru_cache(maxsize=2)  # several devices in a row ask for the same one
def _reference(case: SuiteCase, seed: int) -> np.ndarray:
    workload: Workload = case.workload
    return workload.reference(*workload.inputs(np.random.default_rng(seed)))


def _compiling(run: Callable[[], object], target: Target, case: SuiteCase) -> Callable[[], object]:
    """An eager call compiles, or looks up, its kernels each time: with the target's renderer."""
    if case.mode != "eager":
        return run

    def inside() -> object:
        with target.compiling():
            return run()

    return inside


def _renderer_name(device: str) -> str:
    from tinygrad import Device

    return type(Device[device].renderer).__name__

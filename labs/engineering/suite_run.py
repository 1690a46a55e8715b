"""One run of the suite in this process: look, plan, interleaved rounds, then roofs and energy.

`isolated.py` puts it into a process of its own. With a path it is saved after every round, with the
plan that the look led to; a run that was interrupted goes on from there without looking again.
"""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import labs
from labs import backends
from labs.bench.execution import Execution
from labs.bench.files import load_results, save_results
from labs.bench.plan import QUICK, QUICK_SETTINGS, Case, Plan
from labs.bench.results import Failure, ResultSet
from labs.bench.runner import Event, run_plan
from labs.bench.sampler import Cancelled, Settings
from labs.engineering import budget, extras, suite
from labs.engineering.look import Look, prepare_case, take_a_look
from labs.engineering.targets import Target, parse_target
from labs.errors import ResultError

SUITE = "engineering"  # what a plan in a file is recognised by
BUDGET_OVER = "ended by its budget"  # a stop reason: every case has been visited, fewer times
_LOOK_SHARE = 0.45  # of the budget, at most
_EXTRAS_SHARE = 0.15  # of it for roofs and energy, when they are measured
_SPARE = 0.93  # of what is left: rounds take a little longer than the look says


@dataclass(frozen=True)
class Request:
    """What was asked for, as plain data, so that it can travel to another process or host.

    Args:
        targets: names of devices and variants ("CPU", "CPU:LLVM"), known to be usable.
        size: "full" or "small".
        sections: of the suite.
        budget_s: seconds for everything.
        rounds: exactly so many; None: as many as the budget allows.
        seed: of inputs and order.
        roofs, energy: whether to measure the devices' roofs, and energy where it can be read.
        lost: target -> why it can't be used any more (its process died).
    """

    targets: tuple[str, ...]
    size: str = "full"
    sections: tuple[str, ...] = suite.SECTIONS
    budget_s: float = 270.0
    rounds: int | None = None
    seed: int = 0
    roofs: bool = True
    energy: bool = True
    lost: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class SuitePlan(Plan):
    """A plan of this suite, which also remembers what it was made for, and what it left out."""

    asked: Mapping[str, object] = field(default_factory=dict)
    left_out: Sequence[Sequence[str]] = ()

    def as_data(self) -> Mapping[str, object]:
        rows = [list(row) for row in self.left_out]
        return {**super().as_data(), **self.asked, "suite": SUITE, "left_out": rows}


def run_suite(
    request: Request,
    *,
    path: str | Path | None = None,
    notify: Callable[[Event], object] = lambda event: None,
    cancel: Callable[[], bool] = lambda: False,
) -> ResultSet:
    """Measures the suite in this process.

    Returns:
        Everything measured, failures, and in `plan["left_out"]` what was not tried and why.

    Raises:
        ResultError: when the file at `path` belongs to another run.
    """
    backends.register()
    began = time.monotonic()
    deadline = began + request.budget_s
    path = Path(path) if path is not None else None
    earlier = load_results(path) if path is not None and path.exists() else None
    try:
        if earlier is None:
            plan, failures, steps = _planned(request, deadline, notify, cancel)
        else:
            plan, failures, steps = _continued(request, earlier, path), earlier.failures, 0
    except Cancelled:
        return ResultSet((), (), {}, "cancelled", _asked(request))
    spare_s = _extras_s(request) if earlier is None else 0.0
    run = _Run(request, plan, tuple(failures), path, notify, cancel, steps)
    return run.complete(deadline - spare_s)


class _Run:
    """Carries a plan out and adds what belongs to the run as a whole."""

    def __init__(self, request, plan, failures, path, notify, cancel, steps) -> None:
        self.request, self.plan, self.failures, self.path = request, plan, failures, path
        self.notify, self.cancel, self.steps = notify, cancel, steps
        self.total = steps + len(plan.cases) * (1 + plan.rounds)
        self.over = False

    def complete(self, deadline: float) -> ResultSet:
        path = self.path
        if path is not None and not path.exists():
            # what the look found to fail is in the file before the first round
            save_results(ResultSet((), self.failures, *_first(self.plan)), path)
        with extras.watched_sensors() as sensors:
            results = run_plan(
                self.plan, path=path, notify=self._say, cancel=partial(self._stop, deadline)
            )
        if path is None:
            results = replace(results, failures=(*self.failures, *results.failures))
        if self.over and results.stop_reason == "cancelled":
            results = replace(results, stop_reason=BUDGET_OVER)
        facts: dict[str, Any] = {"course_version": labs.__version__, "sensors": sensors}
        alive = _alive(self.plan)
        facts |= {
            "hardware": extras.hardware(alive),
            "caches": extras.caches(alive),
            "datasheets": extras.datasheets(alive),
        }
        if results.stop_reason in ("complete", BUDGET_OVER):
            facts |= self._extras()
        results = replace(results, environment=dict(results.environment) | facts)
        if path is not None:
            save_results(results, path)
        self.notify(Event(self.total, self.total, results.stop_reason))
        return results

    def _say(self, event: Event) -> None:
        done = min(self.steps + event.done, self.total - 1)  # the bar ends when all is done
        self.notify(Event(done, self.total, event.text, event.device))

    def _stop(self, deadline: float) -> bool:
        if self.cancel():
            return True
        self.over = time.monotonic() > deadline and self.request.rounds is None
        return self.over

    def _extras(self) -> dict[str, Any]:
        alive = _alive(self.plan)
        until = time.monotonic() + max(_extras_s(self.request), 5.0)
        facts: dict[str, Any] = {}
        if self.request.energy:
            facts["energy"] = extras.energy(alive, until, self._tell, self.cancel)
        if self.request.roofs:
            facts["roofs"] = extras.roofs(alive, until, self._tell, self.cancel)
        return facts

    def _tell(self, text: str, device: str) -> None:
        self.notify(Event(self.total - 1, self.total, text, device))


def _planned(
    request: Request, deadline: float, notify, cancel
) -> tuple[SuitePlan, list[Failure], int]:
    steps = 0

    def looking(event: Event) -> None:
        nonlocal steps
        steps = event.total
        rounds = request.rounds or budget.ENOUGH_ROUNDS  # the bar's length isn't known before
        notify(Event(event.done, event.total * (2 + rounds), event.text, event.device))

    targets = [parse_target(name) for name in request.targets]
    look = take_a_look(
        targets,
        size=request.size,
        sections=request.sections,
        longest_call_s=budget.longest_call_s(request.budget_s),
        deadline=time.monotonic() + _LOOK_SHARE * request.budget_s,
        seed=request.seed,
        lost=dict(request.lost),
        notify=looking,
        cancelled=cancel,
    )
    left_s = deadline - time.monotonic() - _extras_s(request)
    chosen = budget.schedule(look.calls_s, _SPARE * max(left_s, 1.0), rounds=request.rounds)
    left_out = {**look.left_out, **chosen.left_out}
    plan = SuitePlan(
        cases=tuple(_case(key, request, look) for key in chosen.kept),
        rounds=chosen.rounds,
        cache="warm",
        clock="wall",
        seed=request.seed,
        settings=_settings(chosen.round_time_s),
        asked=_asked(request),
        left_out=tuple((*key, reason) for key, reason in left_out.items()),
    )
    return plan, look.failures, steps


def _continued(request: Request, earlier: ResultSet, path: Path) -> SuitePlan:
    """The plan of a file, to go on with."""
    data, asked = earlier.plan, _asked(request)
    differing = {k for k in asked if data.get(k) != asked[k]}
    if data.get("suite") != SUITE or differing:
        got = "another suite's results" if data.get("suite") != SUITE else ""
        got = got or ", ".join(f"{k}={data.get(k)!r}" for k in sorted(differing))
        raise ResultError(
            f"continue the run in '{path}'",
            expected=", ".join(f"{k}={asked[k]!r}" for k in sorted(differing)) or "this suite",
            got=f"the file has {got}",
            next_step="choose another path; the file was left as it is",
        )
    return SuitePlan(
        cases=tuple(_case((name, device), request, None) for name, device in data["cases"]),
        rounds=data["rounds"],
        cache="warm",
        clock="wall",
        seed=data["seed"],
        settings=Settings(**data["settings"]),
        asked=asked,
        left_out=data["left_out"],
    )


def _case(key: tuple[str, str], request: Request, look: Look | None) -> Case:
    name, where = key
    found = suite.case_named(name)
    return Case(
        name=name,
        device=where,
        label=f"{found.what} {found.shape} on {where}",
        prepare=partial(_prepare, found, parse_target(where), request.seed, look),
        flop=found.flop,
        min_bytes=found.min_bytes or None,
        facts={"shape": found.shape, "mode": found.mode, "seed": request.seed},
    )


def _prepare(case, target: Target, seed: int, look: Look | None) -> Execution:
    """What the look has prepared; anew when the run is continued from a file."""
    ready = look.executions.pop((case.name, target.name), None) if look is not None else None
    return ready or prepare_case(case, target, seed)


def _asked(request: Request) -> dict[str, object]:
    return {
        "targets": list(request.targets),
        "size": request.size,
        "sections": list(request.sections),
    }


def _first(plan: SuitePlan) -> tuple[Mapping[str, object], str, Mapping[str, object]]:
    """Environment, stop reason and plan of a file whose first round is still to come."""
    from labs.bench.environment import host_environment

    return host_environment() | {"run_id": os.urandom(16).hex()}, "unfinished", plan.as_data()


def _settings(round_time_s: float) -> Settings:
    return QUICK_SETTINGS if os.environ.get(QUICK) == "1" else budget.settings_for(round_time_s)


def _extras_s(request: Request) -> float:
    return _EXTRAS_SHARE * request.budget_s if request.roofs else 0.0


def _alive(plan: SuitePlan) -> tuple[Target, ...]:
    names = dict.fromkeys(case.device for case in plan.cases)
    return tuple(parse_target(name) for name in names)

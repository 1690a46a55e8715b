"""Measures every workload on every device in interleaved rounds, so that a change of the machine's
mood meets all of them alike.

First each case is prepared and checked; a case that fails becomes a `Failure`, and the others go
on. Then each round visits all cases, in an order of its own. Ctrl-C or cancel() ends the run and
keeps what it has; with a path it is saved after each round and continued from there.
"""

import errno
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from random import Random

from labs.bench.files import load_results, save_results
from labs.bench.plan import Case, Plan, Workloads, make_plan
from labs.bench.results import Failure, Measurement, ResultSet, Round
from labs.bench.sampler import Cancelled, Hooks, Settings, sample_round
from labs.errors import LabError, MeasurementError, ResultError

Progress = Callable[[int, int, str], object]
Cancel = Callable[[], bool]


@dataclass(frozen=True)
class Event:
    """What is about to happen: `done` of `total` visits are over, `text` says which one is next."""

    done: int
    total: int
    text: str
    device: str = ""


def measure(
    workloads: Workloads,
    devices: str | Iterable[str],
    *,
    rounds: int = 20,
    round_time_s: float = 0.25,
    cache: str = "warm",
    clock: str = "wall",
    mode: str = "jit",
    seed: int = 0,
    precision: float = 0.02,
    settings: Settings | None = None,
    path: str | Path | None = None,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> ResultSet:
    """Measures every workload on every device.

    Args:
        workloads: Workloads, specs such as "matmul:n=512", or suite names such as "quick".
        devices: tinygrad's names, usable on this machine.
        rounds: visits to each case; the interval comes from the spread between them.
        round_time_s: seconds at most for the samples of one round, with a warm-up of at least 0.4
            and at most 10 times as long before it.
        cache: "warm", or "cold": caches are flushed before each sample of one call.
        clock: "wall" (call to synchronized) or "device" (kernels only, by the device's own clock).
        mode: "jit" replays captured kernels, "eager" includes Python's scheduling at each call.
        seed: of the inputs, and of the order of the cases.
        precision: a round stops early when its median's interval is this narrow, relatively.
        settings: all of the sampler's settings, in the place of round_time_s and precision.
        path: result file, saved after each round. When it exists and holds the same plan, the run
            continues from it; cases that failed in it stay failed.
        progress: called with (done, total, text) before each visit and at the end.
        cancel: asked between samples; True ends the run and keeps what was measured.

    Returns:
        All measurements and failures; `stop_reason` says whether the run came to its end.

    Raises:
        DeviceError: for an unknown or unusable device, before anything is measured.
        MeasurementError: for an unknown workload, clock, cache or mode, or nothing to measure.
        ResultError: when the file at `path` can't be read, or belongs to another plan or host.

    Example:
        >>> measure("quick", ["CPU", "CL"], rounds=5, round_time_s=0.1)
    """
    plan = make_plan(
        workloads,
        devices,
        rounds=rounds,
        round_time_s=round_time_s,
        cache=cache,
        clock=clock,
        mode=mode,
        seed=seed,
        precision=precision,
        settings=settings,
    )

    def notify(event: Event) -> None:
        if progress is not None:
            progress(event.done, event.total, event.text)

    return run_plan(plan, path=path, notify=notify, cancel=cancel)


def run_plan(
    plan: Plan,
    *,
    path: str | Path | None = None,
    notify: Callable[[Event], object] = lambda event: None,
    cancel: Cancel | None = None,
) -> ResultSet:
    """Carries out a checked plan; see `measure`."""
    return _Run(plan, Path(path) if path is not None else None, notify, cancel).complete()


@dataclass
class _State:
    """What has become of a case so far."""

    case: Case
    measurement: Measurement | None = None  # its rounds are added at the end
    rounds: dict[int, Round] = field(default_factory=dict)
    hooks: Hooks | None = None
    failed: bool = False


class _Run:
    """The state of one run: mutable, and gone when it returns."""

    def __init__(
        self,
        plan: Plan,
        path: Path | None,
        notify: Callable[[Event], object],
        cancel: Cancel | None,
    ) -> None:
        # imported late: opening tinygrad takes a second, which reading results should not cost
        from labs.bench.environment import host_environment

        self.plan, self.path, self.notify, self.cancel = plan, path, notify, cancel
        self.states = [_State(case) for case in plan.cases]
        self.environment = host_environment() | {"run_id": uuid.uuid4().hex}
        self.failures: list[Failure] = []
        self.stop_reason = "unfinished"  # what a file says whose run was killed
        self.done, self.total = 0, len(self.states) * (1 + plan.rounds)

    def complete(self) -> ResultSet:
        if self.path is not None and self.path.exists():
            self._continue_from(load_results(self.path))
        self._save()  # a path that can't be written to is found out before the first round
        try:
            for state in self.states:
                self._step(f"preparing {state.case.label}", state)
                if not state.failed and len(state.rounds) < self.plan.rounds:
                    self._guarded(state, self._prepare)
            for index in range(self.plan.rounds):
                self._round(index)
                self._save()
            self.stop_reason = "complete"
        except KeyboardInterrupt:
            self.stop_reason = "interrupted"
        except Cancelled:
            self.stop_reason = "cancelled"
        self._save()
        self.notify(Event(self.done, self.total, self.stop_reason))
        return self._results()

    def _round(self, index: int) -> None:
        order = list(self.states)
        Random(f"{self.plan.seed}/{index}").shuffle(order)  # the same when a run is continued
        for position, state in enumerate(order):
            self._step(f"round {index + 1} of {self.plan.rounds}: {state.case.label}", state)
            if not state.failed and index not in state.rounds:
                self._guarded(state, partial(self._visit, index=index, position=position))

    def _prepare(self, state: _State) -> None:
        from labs.bench.cache import last_level_cache, make_flush
        from labs.bench.environment import device_environment, throttle_check

        plan, case, before = self.plan, state.case, state.measurement
        ready = case.prepare()
        facts = self.environment | device_environment(case.device) | dict(case.facts)
        flush = None
        if plan.cache == "cold":
            cache, flush = last_level_cache(case.device), make_flush(case.device)
            facts["last_level_cache"] = f"{cache.bytes} B ({cache.source})"
        state.measurement = Measurement(
            name=case.name,
            device=case.device,
            renderer=ready.renderer,
            clock="wall" if ready.device_time is None else "device",
            cache=plan.cache,
            rounds=(),
            first_call_s=before.first_call_s if before else ready.first_call_s,
            flop=case.flop,
            min_bytes=case.min_bytes,
            verification=ready.verification,
            environment=facts,
            modelled=ready.modelled,
            overhead_s=ready.overhead_s,
            run_id=str(self.environment["run_id"]),
        )
        state.hooks = Hooks(
            run=ready.run,
            sync=ready.sync,
            device_time=ready.device_time,
            flush=flush,
            throttled=throttle_check(case.device),
            cancelled=self.cancel,
        )

    def _visit(self, state: _State, index: int, position: int) -> None:
        from labs.bench.environment import round_environment

        before = round_environment(state.case.device)
        loops = next((r.loops for r in state.rounds.values()), None)
        taken = sample_round(state.hooks, self.plan.settings, loops)
        state.rounds[index] = Round(
            **vars(taken), index=index, position=position, environment=before
        )

    def _guarded(self, state: _State, action: Callable[[_State], None]) -> None:
        """A case that fails leaves the run with a Failure; what it measured before is kept."""
        try:
            action(state)
        except Cancelled:
            raise
        except Exception as error:  # a driver may raise anything
            self.failures.append(failure_of(state.case.name, state.case.device, error))
            state.failed = True

    def _step(self, text: str, state: _State) -> None:
        if self.cancel is not None and self.cancel():
            raise Cancelled
        self.notify(Event(self.done, self.total, text, state.case.device))
        self.done += 1

    def _results(self) -> ResultSet:
        measured = [
            replace(state.measurement, rounds=tuple(r for _, r in sorted(state.rounds.items())))
            for state in self.states
            if state.rounds
        ]
        return ResultSet(
            tuple(measured),
            tuple(self.failures),
            self.environment,
            self.stop_reason,
            self.plan.as_data(),
        )

    def _save(self) -> None:
        if self.path is not None:
            save_results(self._results(), self.path)

    def _continue_from(self, earlier: ResultSet) -> None:
        self._require_same(earlier)
        self.environment["run_id"] = earlier.environment["run_id"]
        self.failures = list(earlier.failures)
        failed = {(f.name, f.device) for f in self.failures}
        found = {(m.name, m.device): m for m in earlier.measurements}
        for state in self.states:
            key = (state.case.name, state.case.device)
            state.failed = key in failed
            if key in found:
                state.measurement = found[key]
                state.rounds = {r.index: r for r in found[key].rounds}
        # a round broken off is no interleaved round: its pairs would be hours apart
        for index in range(self.plan.rounds):
            alive = [state for state in self.states if not state.failed]
            if not all(index in state.rounds for state in alive):
                for state in alive:
                    state.rounds.pop(index, None)

    def _require_same(self, earlier: ResultSet) -> None:
        plan = self.plan.as_data()
        differing = [k for k in plan if plan[k] != earlier.plan.get(k)]
        before, now = earlier.environment.get("hostname"), self.environment.get("hostname")
        if not differing and before == now:
            return
        got = ", ".join(f"{k}={earlier.plan.get(k)!r}" for k in differing)
        raise ResultError(
            f"continue the run in '{self.path}'",
            expected="the same plan on the same host: "
            + (", ".join(f"{k}={plan[k]!r}" for k in differing) or f"host {now}"),
            got=f"the file has {got}" if differing else f"the file is from host {before}",
            next_step="choose another path; the file was left as it is",
        )


def failure_of(name: str, device: str, error: Exception) -> Failure:
    """What is kept of an error in a case; running out of memory says what to do about it."""
    # the CPU device lets mmap's OSError through, other allocators raise MemoryError
    no_memory = isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM
    if no_memory:
        error = MeasurementError(
            f"measure '{name}' on {device}",
            expected="a size that fits into the device's memory",
            got=f"{type(error).__name__}: {error}",
            next_step="choose a smaller size, or measure fewer workloads in one run",
        )
    text = str(error) if isinstance(error, LabError) else f"{type(error).__name__}: {error}"
    return Failure(name, device, text, type(error).__name__)

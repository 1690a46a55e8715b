"""The search for one kernel's options: always on from the best that is known, until time is up.

Best-first: the fastest candidate that has neighbours left gives the next few to try. They are
compiled side by side, then timed one by one while no compiler runs. The search starts from
tinygrad's heuristic, from the plain loops and from a few tiles, so it can add to each and take
away. The fastest few are timed again, in turns, at the end: the best of hundreds of noisy times is
otherwise the luckiest one.
"""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random

from labs import toolchain
from labs.gpu.tuning.candidate import Candidate
from labs.gpu.tuning.farm import Farm, Refused
from labs.gpu.tuning.moves import Opts, copies, neighbours, tiles
from labs.gpu.tuning.trial import Trial, TrialFailed

toolchain.activate()

from tinygrad.codegen.opt.postrange import Scheduler
from tinygrad.uop.ops import UOp

_FINALISTS = 4
_FINAL_ROUNDS = 5
_BATCH_PER_WORKER = 2
_SIDEWAYS = 4  # of so many candidates, one comes from the second best


@dataclass(frozen=True)
class Found:
    """What a search came to.

    Args:
        opts: the fastest choice that gave the right result; the heuristic's when none was faster.
        seconds, heuristic_s: of one launch, timed in turns at the end, by the device's clock.
        tried: candidates that were timed; refused: that couldn't be compiled or launched, with one
            reason for each kind.
        wrong: candidates that gave another result, which are never kept.
        stop_reason: "time", "exhausted" (nothing was left to try) or "cancelled".
    """

    opts: Opts
    seconds: float
    heuristic_s: float
    tried: int
    refused: int
    reasons: tuple[str, ...]
    wrong: int
    spent_s: float
    stop_reason: str

    @property
    def gain(self) -> float:
        return self.heuristic_s / self.seconds


@dataclass
class _State:
    """A candidate that was timed; `left` are its neighbours that weren't tried yet."""

    seconds: float
    opts: Opts
    candidate: Candidate
    left: Iterator[Opts] | None = field(default=None)


class _Search:
    def __init__(self, ast: UOp, loops: Scheduler, trial: Trial, farm: Farm, seed: int) -> None:
        self.ast, self.loops, self.trial, self.farm = ast, loops, trial, farm
        self.random = Random(seed)
        self.states: list[_State] = []
        self.seen: set[Opts] = set()
        self.bodies: set[str] = set()
        self.tried, self.refused, self.wrong = 0, 0, 0
        self.reasons: dict[str, str] = {}
        # UOps of code for each copy of the innermost statement: what is sure to be too long isn't
        # even written
        self.least_per_copy = 0.0

    def visit(self, batch: list[Opts], stop: Callable[[], bool]) -> None:
        """Compile and time these."""
        ready: list[Candidate] = []
        for result in self.farm.compile(self.ast, batch, stop):
            if isinstance(result, Refused):
                self._refuse(result.reason)
            elif result.body not in self.bodies:
                self.bodies.add(result.body)
                ready.append(result)
                self._learn_length(result)
        for candidate in ready:
            if stop():
                return
            try:
                seconds = self.trial.seconds(candidate, self.best_s())
            except TrialFailed as failure:
                self._refuse(str(failure))
                continue
            self.tried += 1
            self.states.append(_State(seconds, candidate.opts, candidate))
        self._forget()

    def next_batch(self, size: int) -> list[Opts]:
        """Neighbours of the best, and now and then of the second best."""
        batch: list[Opts] = []
        while len(batch) < size:
            alive = [s for s in sorted(self.states, key=lambda s: s.seconds) if s.left is not _NONE]
            if not alive:
                break
            sideways = len(alive) > 1 and self.random.randrange(_SIDEWAYS) == 0
            state = alive[1 if sideways else 0]
            if state.left is None:
                state.left = neighbours(self.loops, state.opts, self.random)
            opts = next(state.left, None)
            if opts is None:
                state.left = _NONE
            elif opts not in self.seen:
                self.seen.add(opts)
                if copies(self.loops, opts) * self.least_per_copy <= self.farm.limit:
                    batch.append(opts)
        return batch

    def best_s(self) -> float:
        return min((s.seconds for s in self.states), default=math.inf)

    def finalists(self) -> list[_State]:
        return sorted(self.states, key=lambda s: s.seconds)[:_FINALISTS]

    def _learn_length(self, candidate: Candidate) -> None:
        each = candidate.statements / copies(self.loops, candidate.opts)
        self.least_per_copy = min(self.least_per_copy or each, each)

    def _refuse(self, reason: str) -> None:
        self.refused += 1
        self.reasons.setdefault(reason.split(":")[0], reason)

    def _forget(self) -> None:
        """Compiled code of what isn't among the best goes; its time and neighbours stay."""
        for state in sorted(self.states, key=lambda s: s.seconds)[2 * _FINALISTS :]:
            if state is not self.states[0]:  # the heuristic's: it is compared at the end
                state.candidate = None
            if state.seconds > 4 * self.best_s():
                state.left = _NONE  # far from the best: not worth its neighbours


_NONE: Iterator[Opts] = iter(())


def search_kernel(
    ast: UOp,
    heuristic: Opts,
    loops: Scheduler,
    trial: Trial,
    farm: Farm,
    budget_s: float,
    *,
    seed: int = 0,
    cancel: Callable[[], bool] = lambda: False,
    notify: Callable[[float, int], object] = lambda best_s, tried: None,
) -> Found:
    """Search until the time is up.

    Args:
        heuristic: the options tinygrad chose; loops: the kernel before any option.
        budget_s: wall-clock seconds, the final comparison included.
        notify: called with the best time so far and the number of candidates timed.

    Raises:
        TrialFailed: not even the heuristic's kernel can be compiled and launched.
    """
    start = time.perf_counter()
    search = _Search(ast, loops, trial, farm, seed)

    def out_of_time() -> bool:
        return cancel() or time.perf_counter() - start > 0.92 * budget_s

    first = [o for o in dict.fromkeys(((), *tiles(loops))) if o != heuristic]
    search.seen |= {heuristic, *first}
    search.visit([heuristic], cancel)
    base = search.states[0] if search.states else None
    if base is None:
        raise TrialFailed("; ".join(search.reasons.values()) or "cancelled")
    search.visit(first, out_of_time)
    stop_reason = "time"
    while not out_of_time():
        batch = search.next_batch(_BATCH_PER_WORKER * farm.width)
        if not batch:
            stop_reason = "exhausted"
            break
        search.visit(batch, out_of_time)
        notify(search.best_s(), search.tried)
    if cancel():
        stop_reason = "cancelled"
    best, seconds, base_s = _final(search, base)
    return Found(
        best.opts,
        seconds,
        base_s,
        search.tried,
        search.refused,
        tuple(search.reasons.values()),
        search.wrong,
        time.perf_counter() - start,
        stop_reason,
    )


def _final(search: _Search, base: _State) -> tuple[_State, float, float]:
    """The fastest few and the heuristic's, timed in turns; wrong ones fall out."""
    rivals = []
    for state in search.finalists():
        if state is base:
            continue
        try:
            search.trial.check(state.candidate)
            rivals.append(state)
        except TrialFailed as failure:
            search.wrong += 1
            search.reasons.setdefault("wrong", str(failure))
    best = {id(s): math.inf for s in (base, *rivals)}
    for _ in range(_FINAL_ROUNDS):
        for state in (base, *rivals):
            best[id(state)] = min(best[id(state)], search.trial.seconds(state.candidate))
    winner = min((base, *rivals), key=lambda s: best[id(s)])
    return winner, best[id(winner)], best[id(base)]

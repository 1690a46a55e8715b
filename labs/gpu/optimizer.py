"""PerformanceOptimizer: better options for a workload's kernels, searched, verified and kept.

    optimizer = PerformanceOptimizer("CPU", budget_s=20)
    print(optimizer.optimize("softmax:n=2048"))
    with optimizer.applied():
        x.softmax().realize()

Each kernel gets its share of the time by how long it runs. What the search finds is measured once
more, fresh and interleaved with tinygrad's heuristic, on the whole workload, whose answer is
compared with numpy's; only what is resolved to be faster there is kept and saved.
"""

import datetime
import math
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from labs import bench, toolchain
from labs.bench.clocks import is_modelled
from labs.bench.compare import FASTER
from labs.bench.plan import require_positive, resolve_devices
from labs.bench.workload import Workload
from labs.bench.workloads import parse_workload
from labs.errors import MeasurementError
from labs.gpu.kernels import backend_of, loops_of
from labs.gpu.measured import measure_choices
from labs.gpu.notation import option_texts
from labs.gpu.schedules import Schedule, Schedules, default_path, place_of
from labs.gpu.tuning.farm import Farm
from labs.gpu.tuning.search import Found, search_kernel
from labs.gpu.tuning.trial import Bench, KernelUse, TrialFailed
from labs.tables import Table, TableView
from labs.units import format_interval, format_percent, format_ratio, format_seconds

toolchain.activate()

from tinygrad import Device
from tinygrad.codegen.opt import Opt

HEURISTIC, OPTIMISED = "heuristic", "optimised"
BUDGET_S = 20.0
# a kernel that takes less of the workload's time can't change it by more than the 2% that count
_WORTHWHILE = 0.02
_LEAST_S = 2.0  # for one kernel: a handful of candidates
_WORTH_KEEPING = 1.03  # gain of a single kernel in the search's own, rougher timing
# One candidate: tinygrad's code generator takes about a second for 2000 UOps (measured on 2 cores);
# compilers take more than linear time, and some candidates minutes.
_COMPILE_TIMEOUT_S, _CODE_LIMIT = 8.0, 2000
_ROUNDS, _ROUND_TIME_S = 10, 0.1

Progress = Callable[[int, int, str], object]
Cancel = Callable[[], bool]


@dataclass(frozen=True)
class KernelResult:
    """What the search came to for one kernel.

    Args:
        share: of the workload's time before; heuristic, opts: the options before and after, as
            text; found: the search, or None with the `reason` why there was none.
        kept: whether the options are faster and used.
    """

    name: str
    key: str
    share: float
    heuristic: tuple[str, ...]
    opts: tuple[str, ...]
    found: Found | None
    kept: bool
    reason: str = ""


@dataclass(frozen=True, repr=False)
class Optimized(TableView):
    """A workload before and after.

    Args:
        before, after: of one interleaved run, after the search; None when there was nothing to
            compare.
        comparison: after against before; kept: whether it was resolved to be faster, and saved.
        search_s: seconds of searching; stop_reason: "time", "exhausted" or "cancelled".
        remarks: what a reader must know, such as a wrong answer that was thrown away.
    """

    workload: str
    device: str
    kernels: tuple[KernelResult, ...]
    before: bench.Measurement | None
    after: bench.Measurement | None
    comparison: bench.Comparison | None
    kept: bool
    search_s: float
    stop_reason: str
    remarks: tuple[str, ...] = ()
    schedules: tuple[Schedule, ...] = field(default=(), repr=False)

    @property
    def speedup(self) -> float:
        """Of what is used from now on: 1 when nothing was kept."""
        return self.comparison.speedup if self.kept and self.comparison else 1.0

    @property
    def modelled(self) -> bool:
        return self.before is not None and self.before.modelled

    def table(self) -> Table:
        rows = tuple(_kernel_row(k) for k in self.kernels)
        columns = ("kernel", "share", "heuristic's options", "options found", "gain alone")
        columns += ("candidates", "kept")
        return Table(self._headline(), columns, rows, self._note())

    def _headline(self) -> str:
        if self.comparison is None:
            return f"{self.workload} on {self.device}: nothing was found that is faster"
        interval = self.comparison.interval
        ends = (interval.low, interval.high) if interval else (None, None)
        word = "model" if self.modelled else self.before.clock + " time"
        verdict = "kept" if self.kept else "not kept: not resolved to be faster"
        return (
            f"{self.workload} on {self.device}: {format_seconds(self.before.median_s)} -> "
            f"{format_seconds(self.after.median_s)} ({word}), "
            f"{format_ratio(self.comparison.speedup)} "
            f"{format_interval(*ends, format_ratio)}, {verdict}"
        )

    def _note(self) -> str:
        notes = [f"Searched for {self.search_s:.1f} s, ended by: {self.stop_reason}."]
        if self.comparison is not None:
            notes.append(
                f"Before and after: {self.comparison.rounds} interleaved rounds of the whole "
                f"workload after the search; verified: {self.after.verification}."
            )
        notes.append("Gain alone: of that kernel in the search's own timing, best of a few.")
        if self.modelled:
            notes.append("Times are a model's, not measured.")
        return " ".join((*notes, *self.remarks))


class PerformanceOptimizer:
    """Searches options for one device.

    Args:
        device: a device of this machine.
        budget_s: seconds of search for each workload; the final comparison takes about 5 more.
        path: the file of saved schedules; `labs.gpu.schedules.default_path()` when None.
        progress: called with (seconds spent, seconds in all, what is done).
        cancel: asked all the time; True ends the search, and nothing new is kept.
        workers: compile processes; as many as there are processors (at most 8) when None.

    Raises:
        DeviceError: an unknown or unusable device.
    """

    def __init__(
        self,
        device: str = "CPU",
        *,
        budget_s: float = BUDGET_S,
        path: str | Path | None = None,
        rounds: int = _ROUNDS,
        round_time_s: float = _ROUND_TIME_S,
        seed: int = 0,
        progress: Progress | None = None,
        cancel: Cancel | None = None,
        workers: int | None = None,
    ) -> None:
        require_positive("budget_s", budget_s)
        (self.device,) = resolve_devices(device)
        self.budget_s, self.seed = budget_s, seed
        self.path = Path(path) if path is not None else default_path()
        self.rounds, self.round_time_s = rounds, round_time_s
        self.workers = workers
        self._progress, self._cancel = progress, cancel or (lambda: False)

    def optimize(self, workload: Workload | str) -> Optimized:
        """Search, verify, measure before and after, and save what is faster.

        Raises:
            MeasurementError: the workload is wrong or can't be run with the heuristic's options.
            ResultError: the file of schedules is no such file, or can't be written.
        """
        work = parse_workload(workload) if isinstance(workload, str) else workload
        Schedules.load(self.path)  # a file that can't be used is found out before the search
        start = time.perf_counter()
        kernels, choice, stopped = self._search(work, start)
        search_s = time.perf_counter() - start
        if not choice or stopped == "cancelled":
            remarks = tuple(k.reason for k in kernels if k.reason and k.found is None)
            results = tuple(_as_result(k, kept=False) for k in kernels)
            return Optimized(
                *(work.spec, self.device, results, None, None, None, False),
                *(search_s, stopped, remarks),
            )
        self._say(self.budget_s, "comparing with the heuristic")
        before, after, problem = self._compare(work, choice)
        comparison = None
        if before is not None and after is not None:
            comparison = bench.compare(before, after, implementations=True)
        kept = comparison is not None and comparison.word == FASTER
        results = tuple(_as_result(k, kept=kept and k.key in choice) for k in kernels)
        new: tuple[Schedule, ...] = ()
        if kept:
            new = tuple(
                self._schedule(k, work, comparison, after) for k in results if k.kept and k.found
            )
            # read again: another process may have saved while this one searched
            Schedules.load(self.path).updated(*new).save()
        self._say(self.budget_s, "done")
        return Optimized(
            *(work.spec, self.device, results, before, after, comparison, kept),
            *(search_s, stopped, tuple(filter(None, (problem,))), new),
        )

    def applied(self) -> AbstractContextManager[None]:
        """Inside, this process compiles with all schedules saved in the file.

        Raises:
            ResultError: the file is no file of schedules.
        """
        return Schedules.load(self.path).apply()

    # ---- the steps ----

    def _search(self, work: Workload, start: float):
        try:
            desk = Bench(work, self.device, self.seed)
            uses = {u.key: u for u in desk.uses()}
        except MeasurementError:
            raise
        except Exception as error:  # what a compiler or a driver raises for this workload
            raise MeasurementError(
                f"optimise '{work.spec}' on {self.device}",
                expected="a workload that runs with tinygrad's own options",
                got=f"{type(error).__name__}: {error}",
                next_step="run it once by itself on that device, or choose a smaller size",
            ) from error
        total = sum(u.seconds for u in uses.values())
        shares = {key: u.seconds / total for key, u in uses.items()}
        worth = {k: s for k, s in shares.items() if s >= _WORTHWHILE}
        results, choice, reasons = [], {}, []
        backend = backend_of(self.device)
        with Farm(
            Device[self.device].renderer,
            timeout_s=_COMPILE_TIMEOUT_S,
            limit=_CODE_LIMIT,
            workers=self.workers,
        ) as farm:
            for key, trial in desk.trials():
                use = uses[key]
                if key not in worth:
                    results.append(_kernel(use, shares[key], None, "too short to matter"))
                    continue
                left = self.budget_s - (time.perf_counter() - start)
                budget = max(_LEAST_S, left * worth[key] / sum(worth.values()))
                del worth[key]
                found = self._search_one(use, trial, farm, backend, budget, start)
                results.append(_kernel(use, shares[key], *found))
                if found[0] is not None:
                    reasons.append(found[0].stop_reason)
                    if found[0].gain >= _WORTH_KEEPING and found[0].opts != use.heuristic:
                        choice[key] = found[0].opts
                if self._cancel():
                    break
        stopped = next((r for r in ("cancelled", "time") if r in reasons), "exhausted")
        if self._cancel():
            stopped = "cancelled"
        return results, choice, stopped

    def _search_one(
        self, use: KernelUse, trial, farm: Farm, backend, budget_s: float, start: float
    ) -> tuple[Found | None, str]:
        def notify(best_s: float, tried: int) -> None:
            what = f"{use.name}: best {format_seconds(best_s)} of {tried} candidates"
            self._say(time.perf_counter() - start, what)

        self._say(time.perf_counter() - start, f"{use.name}: starting")
        try:
            loops = loops_of(use.ast, backend.renderer)
            found = search_kernel(
                *(use.ast, use.heuristic, loops, trial, farm, budget_s),
                seed=self.seed,
                cancel=self._cancel,
                notify=notify,
            )
        except TrialFailed as failure:
            return None, f"{use.name} could not be searched: {failure}"
        return found, farm.note

    def _compare(self, work: Workload, choice: dict[str, tuple[Opt, ...]]):
        modelled = is_modelled(self.device)
        results = measure_choices(
            work,
            {HEURISTIC: {}, OPTIMISED: choice},
            device=self.device,
            clock="device" if modelled else "wall",
            rounds=self.rounds,
            round_time_s=self.round_time_s,
            seed=self.seed + 1,  # other inputs than those of the search
            cancel=self._cancel,
        )
        failed = {f.name.split("/")[0]: f for f in results.failures}
        if HEURISTIC in failed:
            raise MeasurementError(
                f"optimise '{work.spec}' on {self.device}",
                expected="a workload whose answer is right with tinygrad's own options",
                got=failed[HEURISTIC].error,
                next_step="compare it with its reference, then optimise it",
            )
        found = {m.workload: m for m in results}
        problem = ""
        if OPTIMISED in failed:
            problem = f"The options found were thrown away: {failed[OPTIMISED].error}"
        return found.get(HEURISTIC), found.get(OPTIMISED), problem

    def _schedule(
        self,
        kernel: KernelResult,
        work: Workload,
        comparison: bench.Comparison,
        after: bench.Measurement,
    ) -> Schedule:
        interval = comparison.interval
        return Schedule(
            kernel=kernel.key,
            name=kernel.name,
            place=place_of(self.device),
            opts=kernel.opts,
            workload=work.spec,
            before_s=kernel.found.heuristic_s,
            after_s=kernel.found.seconds,
            gain=comparison.speedup,
            interval=(interval.low, interval.high) if interval else None,
            verification=after.verification,
            date=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            modelled=after.modelled,
        )

    def _say(self, spent_s: float, text: str) -> None:
        if self._progress is not None:
            total = math.ceil(self.budget_s)
            self._progress(min(total, round(spent_s)), total, text)


def find_options(
    workload: Workload | str,
    device: str,
    key: str,
    budget_s: float,
    *,
    seed: int = 0,
    workers: int | None = None,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> tuple[Opt, ...]:
    """The fastest options that a search finds for one kernel of a workload; nothing is saved.

    Raises:
        MeasurementError: the workload has no such kernel, or it can't be searched.
    """
    work = parse_workload(workload) if isinstance(workload, str) else workload
    desk = Bench(work, device, seed)
    use = next((u for u in desk.uses() if u.key == key), None)
    found, reason = None, "no such kernel"
    if use is not None:
        start = time.perf_counter()

        def notify(best_s: float, tried: int) -> None:
            if progress is not None:
                text = f"searching: best {format_seconds(best_s)} of {tried} candidates"
                progress(round(time.perf_counter() - start), math.ceil(budget_s), text)

        trial = next(t for k, t in desk.trials() if k == key)
        renderer = backend_of(device).renderer
        farm = Farm(
            Device[device].renderer,
            timeout_s=_COMPILE_TIMEOUT_S,
            limit=_CODE_LIMIT,
            workers=workers,
        )
        try:
            with farm:
                found = search_kernel(
                    *(use.ast, use.heuristic, loops_of(use.ast, renderer), trial, farm, budget_s),
                    seed=seed,
                    cancel=cancel or (lambda: False),
                    notify=notify,
                )
        except TrialFailed as failure:
            reason = str(failure)
    if found is None:
        raise MeasurementError(
            f"search options for '{work.spec}' on {device}",
            expected="a kernel that compiles and runs",
            got=reason,
            next_step="optimise another workload, or choose options by hand",
        )
    return found.opts


def _kernel(use: KernelUse, share: float, found: Found | None, reason: str) -> KernelResult:
    heuristic = option_texts(use.heuristic)
    opts = heuristic if found is None else option_texts(found.opts)
    return KernelResult(use.name, use.key, share, heuristic, opts, found, False, reason)


def _as_result(kernel: KernelResult, *, kept: bool) -> KernelResult:
    return KernelResult(**{**vars(kernel), "kept": kept})


def _kernel_row(k: KernelResult) -> tuple[object, ...]:
    found = k.found
    return (
        k.name,
        format_percent(k.share, 2),
        "\n".join(k.heuristic) or "none",
        ("\n".join(k.opts) or "none") if found else None,
        format_ratio(found.gain) if found else None,
        f"{found.tried} timed, {found.refused} refused" if found else k.reason,
        "yes" if k.kept else "no",
    )

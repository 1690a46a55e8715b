"""The matmul ladder: one product, one kernel option more on every rung, measured side by side.

    matmul_ladder("CPU", n=512)

Nothing but tinygrad's options changes from rung to rung, so what the rungs differ in is what an
option is worth on this device. A rung that a device can't have is listed with the reason.
"""

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from labs import bench, toolchain
from labs.bench.plan import require_choice, require_positive, resolve_devices
from labs.bench.runner import Cancel, Progress
from labs.bench.sampler import Settings
from labs.errors import LabError, MeasurementError
from labs.gpu.kernels import KernelAst, backend_of, kernels_of, loops_of
from labs.gpu.measured import measure_choices
from labs.gpu.options import OptionKernel, write
from labs.gpu.roof_data import Roofs
from labs.gpu.rungs import NAMES, WORDS, Plan, plan_rungs
from labs.tables import Table, TableView
from labs.units import (
    format_flop_per_s,
    format_intensity,
    format_interval,
    format_percent,
    format_ratio,
)

toolchain.activate()

ROUNDS, ROUND_TIME_S = 10, 0.1


@dataclass(frozen=True)
class Rung:
    """One rung.

    Args:
        name: one of `labs.gpu.rungs.NAMES`; words: what it changes.
        opts: its options as text; None when there is no such rung here, with the `reason`.
        kernel: its source and counts; measurement: None when it wasn't measured.
        before: the rung it adds its options to (for tinygrad's choice and the search: the fastest
            rung by hand); step, total: the measured gain over that one, and over "none".
        attainable_flop_per_s: the roof above it, by the compulsory bytes; None without roofs.
    """

    name: str
    words: str
    opts: tuple[str, ...] | None
    reason: str = ""
    kernel: OptionKernel | None = field(default=None, repr=False)
    measurement: bench.Measurement | None = None
    before: str = ""
    step: bench.Comparison | None = None
    total: bench.Comparison | None = None
    attainable_flop_per_s: float | None = None

    @property
    def flop_per_s(self) -> float | None:
        return None if self.measurement is None else self.measurement.flop_per_s

    @property
    def intensity_accessed(self) -> float | None:
        """FLOP per byte of all loads and stores, counted from the code."""
        return None if self.kernel is None else self.kernel.counts.intensity_accessed

    @property
    def roof_fraction(self) -> float | None:
        """Of what the roofline allows; None without roofs."""
        rate, roof = self.flop_per_s, self.attainable_flop_per_s
        return rate / roof if rate and roof else None


@dataclass(frozen=True, repr=False)
class Ladder(TableView):
    """All rungs in order, those that this device can't have with the reason.

    Args:
        workload: spec of the product; intensity: its FLOP per compulsory byte.
        results: what was measured, interleaved.
    """

    workload: str
    device: str
    clock: str
    intensity: float
    rungs: tuple[Rung, ...]
    results: bench.ResultSet = field(repr=False)
    roofs: Roofs | None = field(default=None, repr=False)

    def __iter__(self) -> Iterator[Rung]:
        return iter(self.rungs)

    def __len__(self) -> int:
        return len(self.rungs)

    def __getitem__(self, name: str) -> Rung:
        return next(r for r in self.rungs if r.name == name)

    @property
    def measured(self) -> tuple[Rung, ...]:
        return tuple(r for r in self.rungs if r.measurement is not None)

    @property
    def best(self) -> Rung | None:
        return max(self.measured, key=lambda r: r.flop_per_s, default=None)

    @property
    def modelled(self) -> bool:
        return any(r.measurement.modelled for r in self.measured)

    def table(self) -> Table:
        rows = tuple(_row(r) for r in self.rungs)
        columns = ("rung", "options", "throughput", "95% interval", "step", "over none")
        columns += ("FLOP per byte accessed", "results in registers", "of the roof")
        what = "model" if self.modelled else f"{self.clock} time"
        note = (
            "Step: time of the rung that this one adds to / time of this one; for tinygrad's own "
            "choices: of the fastest by hand. FLOP per byte accessed and "
            "results in registers are counted from the code, for one work item. Of the roof: by "
            f"compulsory bytes, {format_intensity(self.intensity)}."
        )
        if self.modelled:
            note += " The times come from a model, not from doing the work."
        return Table(f"{self.workload} on {self.device}, {what}", columns, rows, note)


def matmul_ladder(
    device: str = "CPU",
    n: int = 512,
    dtype: str = "float32",
    *,
    clock: str = "device",
    rungs: Sequence[str] | None = None,
    search_s: float | None = None,
    roofs: Roofs | None = None,
    rounds: int = ROUNDS,
    round_time_s: float = ROUND_TIME_S,
    seed: int = 0,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
    measure: Callable[..., bench.ResultSet] = measure_choices,
) -> Ladder:
    """Measure the ladder of the product of two n x n matrices.

    Args:
        device: a device of this machine. EDGE's time is modelled, and says so.
        clock: "device" (the kernel alone) or "wall".
        rungs: names of those to measure, when all would take too long: "none" is slow at large n.
        search_s: seconds for the last rung, a search; None leaves it out.
        roofs: of `labs.gpu.roofs.measure_roofs`, to say how far below the roof each rung is.
        measure: `measure_choices`, or `measure_choices_isolated` for a process of its own.
        The others are those of `labs.bench.measure`.

    Returns:
        Every rung with source, counts and measured throughput, verified against numpy; a rung that
        fails has the reason instead, and the others go on.

    Raises:
        DeviceError: an unknown or unusable device; MeasurementError: an impossible size or dtype.

    Example:
        >>> matmul_ladder("CPU", 256)["upcast"].step.word
        'faster'
    """
    require_choice("clock", clock, bench.results.CLOCKS)
    (where,) = resolve_devices(device)
    for name in rungs or ():
        require_choice("rungs", name, NAMES)
    work = bench.parse_workload(f"matmul:n={n},dtype={dtype}")
    plans, written, kernel = _written(work, where)
    choices = {name: {} if p.opts is None else {kernel.key: p.opts} for name, p in plans.items()}
    if search_s is not None:
        found = _searched(work, where, kernel, search_s, seed, progress, cancel)
        if isinstance(found, str):
            written["search"] = Rung("search", WORDS["search"], None, found)
        else:
            choices["search"] = {kernel.key: found}
            written["search"] = _write(Plan("search", found), kernel, where)
    else:
        reason = "not asked for: search_s gives it some seconds"
        written["search"] = Rung("search", WORDS["search"], None, reason)
    results = measure(
        work,
        {
            name: choices[name]
            for name in NAMES
            if name in choices and written[name].kernel and name in (rungs or NAMES)
        },
        device=where,
        clock=clock,
        rounds=rounds,
        settings=_settings(round_time_s),
        seed=seed,
        progress=progress,
        cancel=cancel,
    )
    climbed = _compared([written[name] for name in NAMES], results, work, dtype, roofs)
    intensity = work.flop / work.min_bytes
    return Ladder(work.spec, where, clock, intensity, climbed, results, roofs)


def _settings(round_time_s: float) -> Settings:
    """Few samples a round: the plain loops are a hundred times slower than the best rung, and what
    the interval is made of is the spread between rounds."""
    require_positive("round_time_s", round_time_s)
    return Settings(
        warmup_time_s=0.4 * round_time_s,
        warmup_calls=1,
        warmup_cap_s=10 * round_time_s,
        round_time_s=round_time_s,
        min_samples=2,
    )


def _written(work: bench.Workload, device: str):
    """The rungs as code: those that are measured as plans, and all of them as Rungs."""
    found = kernels_of(work, device)
    if len(found) != 1:
        raise MeasurementError(
            f"climb the ladder of '{work.spec}' on {device}",
            expected="a product that is one kernel, so that one list of options is all of it",
            got=f"{len(found)} kernels: tinygrad splits a sum this long",
            next_step="choose another n",
        )
    kernel = found[0]
    loops = loops_of(kernel.ast, backend_of(device).renderer)
    if len(loops.full_shape) != 3:
        raise MeasurementError(
            f"climb the ladder of '{work.spec}' on {device}",
            expected="rows, columns and a sum: three loops",
            got=f"{len(loops.full_shape)} loops",
            next_step="choose n of at least 2",
        )
    plans, written = {}, {}
    for plan in plan_rungs(loops, f"'{work.spec}' on {device}"):
        if not plan.possible:
            written[plan.name] = Rung(plan.name, WORDS[plan.name], None, plan.reason)
            continue
        written[plan.name] = _write(plan, kernel, device)
        if written[plan.name].kernel is not None:
            plans[plan.name] = plan
    return plans, written, kernel


def _write(plan: Plan, kernel: KernelAst, device: str) -> Rung:
    try:
        made = write(kernel, plan.opts, backend_of(device))
    except LabError as error:  # a rung that can't be written leaves the others alone
        return Rung(plan.name, WORDS[plan.name], None, error.got)
    return Rung(plan.name, WORDS[plan.name], made.opts, kernel=made, before=plan.base)


def _searched(work, device, kernel, search_s, seed, progress, cancel):
    """The options of the search's winner, or why there are none."""
    from labs.gpu.optimizer import find_options  # it is asked for rarely, and starts processes

    try:
        return find_options(
            *(work, device, kernel.key, search_s), seed=seed, progress=progress, cancel=cancel
        )
    except LabError as error:
        return error.got


def _compared(rungs, results, work, dtype, roofs) -> tuple[Rung, ...]:
    measured = {m.workload: m for m in results}
    failed = {f.name.split("/")[0]: f.error for f in results.failures}
    base = measured.get("none")
    by_hand = [m for m in results if m.workload not in ("heuristic", "search")]
    fastest = min(by_hand, key=lambda m: m.median_s, default=None)
    done = []
    for rung in rungs:
        m = measured.get(rung.name)
        facts = dict(vars(rung))
        if rung.name in failed:
            facts["reason"] = f"failed: {failed[rung.name]}"
        elif m is None and not rung.reason:
            done_with = results.stop_reason
            facts["reason"] = (
                "not asked for" if done_with == "complete" else f"the run was {done_with}"
            )
        if m is not None:
            facts["measurement"] = m
            pair = functools.partial(bench.compare, candidate=m, implementations=True)
            before = measured.get(rung.before, None if m is base or rung.before else fastest)
            if before is not None:
                facts["before"], facts["step"] = before.workload, pair(before)
            facts["total"] = pair(base) if base is not None and m is not base else None
            if roofs is not None and roofs.modelled == m.modelled:
                tensor = bool(rung.opts) and rung.opts[0].startswith("TC")
                roof = roofs.attainable(work.flop / work.min_bytes, dtype, tensor)
                facts["attainable_flop_per_s"] = roof
        done.append(Rung(**facts))
    return tuple(done)


def _row(r: Rung) -> tuple[object, ...]:
    opts = "\n".join(r.opts or ()) if r.opts else ("none" if r.opts is not None else r.reason)
    if r.measurement is None:
        said = opts if r.opts is None else f"{opts}\n{r.reason.splitlines()[0]}"
        return (r.name, said, *[None] * 7)
    ends = r.measurement.flop_per_s_interval
    interval = format_interval(ends.low, ends.high, format_flop_per_s) if ends else None
    return (
        r.name,
        opts,
        format_flop_per_s(r.flop_per_s) + (" (model)" if r.measurement.modelled else ""),
        interval,
        _gain(r.step, f" over {r.before}"),
        _gain(r.total),
        format_intensity(r.intensity_accessed),
        r.kernel.counts.accumulators,
        format_percent(r.roof_fraction) if r.roof_fraction else None,
    )


def _gain(comparison: bench.Comparison | None, over: str = "") -> str | None:
    if comparison is None:
        return None
    text = format_ratio(comparison.speedup) + over
    return text if comparison.word != "not resolved" else f"{text} (not resolved)"

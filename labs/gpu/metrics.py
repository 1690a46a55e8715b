"""GPUOptimizationMetrics: six numbers about a workload on a device, each with its origin.

Nothing here is a default: a number is measured on the device, derived from the compiled kernel, or
comes from a model and says so; where none of these can be had, there is None and the reason.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from labs import toolchain
from labs.bench.clocks import is_modelled
from labs.errors import LabError
from labs.gpu.advice.situation import Situation
from labs.gpu.bounds import flop_roof, memory_roof
from labs.gpu.capability import CAPABILITIES
from labs.gpu.compiled import CompiledKernel, cuda_multiprocessors, heaviest
from labs.gpu.counters import Counters, count_launches, hit_rate
from labs.gpu.launch import LaunchFit
from labs.gpu.metric import DERIVED, MEASURED, MODEL, Metric, missing
from labs.gpu.nsight import L1_HIT_RATE, LOAD_USED, WARPS_POSSIBLE
from labs.gpu.occupancy import Occupancy, Waves, occupancy, waves
from labs.gpu.roof_data import Roofs
from labs.gpu.subject import Subject, prepare_subject
from labs.tables import Table, TableView
from labs.units import (
    format_bytes,
    format_bytes_per_s,
    format_flop,
    format_flop_per_s,
    format_percent,
    format_quantity,
    format_seconds,
)

toolchain.activate()

FIELDS = (
    "memory_bandwidth_utilization",
    "compute_utilization",
    "kernel_launch_overhead",
    "memory_coalescing_efficiency",
    "occupancy_percentage",
    "cache_hit_rate",
)
_WORDS = {
    "memory_bandwidth_utilization": "memory bandwidth, of the measured roof",
    "compute_utilization": "arithmetic, of the measured roof",
    "kernel_launch_overhead": "launch overhead, a kernel",
    "memory_coalescing_efficiency": "coalescing, of the fewest sectors",
    "occupancy_percentage": "occupancy",
    "cache_hit_rate": "cache hit rate",
}


@dataclass(frozen=True, repr=False)
class GPUOptimizationMetrics(TableView):
    """Six metrics of one workload on one device.

    Args:
        memory_bandwidth_utilization: compulsory bytes per second of device time, in % of the memory
            roof measured on this device.
        compute_utilization: operations per second, in % of the arithmetic roof of the dtype.
        kernel_launch_overhead: seconds a captured launch takes beside the kernel itself.
        memory_coalescing_efficiency: fewest sectors possible / sectors touched by the accesses of
            the heaviest kernel, in %.
        occupancy_percentage: active warps in % of the warp slots: achieved where a profiler counted
            it, else theoretical, which `how` tells apart ("measured", "derived").
        cache_hit_rate: of the last-level cache (L2) where it was counted; of the first level where
            it comes from the model. In %.
        kernel: the heaviest kernel, which the last three are about.
        theoretical: the occupancy that follows from registers, shared memory and block size.
        waves: how its grid fills the GPU.
        counters: what a profiler counted, or why it didn't.
    """

    workload: str
    device: str
    kernel: str
    memory_bandwidth_utilization: Metric
    compute_utilization: Metric
    kernel_launch_overhead: Metric
    memory_coalescing_efficiency: Metric
    occupancy_percentage: Metric
    cache_hit_rate: Metric
    theoretical: Occupancy | None = None
    waves: Waves | None = None
    counters: Counters | None = None

    def __iter__(self) -> Iterator[tuple[str, Metric]]:
        return ((name, getattr(self, name)) for name in FIELDS)

    def table(self) -> Table:
        rows = tuple(
            (_WORDS[name], _value(m), m.how or "not available", m.evidence or m.reason)
            for name, m in self
        )
        title = f"{self.workload} on {self.device}"
        note = f"Coalescing, occupancy and hit rate are of the heaviest kernel, {self.kernel}."
        return Table(title, ("metric", "value", "how", "evidence, or why not"), rows, note)


def collect_metrics(
    workload: Any,
    device: str,
    roofs: Roofs | None = None,
    *,
    launches: LaunchFit | None = None,
    profile: bool = True,
    cache: str = "warm",
) -> GPUOptimizationMetrics:
    """Measure or derive all six for a workload.

    Args:
        workload: a Workload, its spec ("matmul:n=512"), `as_workload(function, ...)`, a Subject or
            a Situation (which keeps what it has measured).
        device: where it runs.
        roofs: `labs.gpu.roofs.measure_roofs(device)`; left out, utilizations are not available.
        launches: `labs.gpu.launch.measure_launches(device)`; left out, one tiny kernel is timed.
        profile: ask the device's profiler, when it has one (Nsight Compute takes half a minute).
        cache: of the profiled run: "warm" or "cold".

    Raises:
        LabError: an unknown device or workload.

    Example:
        >>> collect_metrics("matmul:n=1024", "CUDA", measure_roofs("CUDA")).occupancy_percentage
    """
    situation = _situation(workload, device, roofs)
    subject = situation.subject
    kernels = situation.kernels
    kernel = heaviest(kernels)
    modelled = is_modelled(subject.device)
    if modelled and not getattr(roofs, "modelled", True):
        clock = f"{subject.device}'s clock is a model: its times are in no ratio with measured ones"
    elif situation.device_s is None:
        clock = next(k.no_time for k in kernels if k.seconds is None)
    else:
        clock = ""
    counters = _counters(situation, cache) if profile else None
    theoretical, why = _theoretical(kernel)
    return GPUOptimizationMetrics(
        workload=subject.name,
        device=subject.device,
        kernel=kernel.name,
        memory_bandwidth_utilization=_bandwidth(situation, clock),
        compute_utilization=_compute(situation, clock),
        kernel_launch_overhead=_launch(situation, launches),
        memory_coalescing_efficiency=_coalescing(situation, kernel, counters),
        occupancy_percentage=_occupancy(theoretical, why, counters),
        cache_hit_rate=_hit_rate(situation, kernel, counters),
        theoretical=theoretical,
        waves=_waves(kernel, theoretical),
        counters=counters,
    )


def _situation(workload: Any, device: str, roofs: Roofs | None) -> Situation:
    if isinstance(workload, Situation):
        return workload
    subject = workload if isinstance(workload, Subject) else prepare_subject(workload, device)
    return Situation(subject, roofs)


def _counters(situation: Situation, cache: str) -> Counters:
    try:
        return count_launches(situation.subject.compute, cache=cache)
    except LabError as error:
        return Counters(situation.device, "", reason=error.got or error.asked)


def _bandwidth(s: Situation, no_clock: str) -> Metric:
    if no_clock:
        return missing("%", no_clock)
    roof, why = memory_roof(s.roofs)
    if roof is None:
        return missing("%", why)
    size = s.subject.workload.min_bytes or s.kernel_bytes
    rate = size / s.device_s
    evidence = (
        f"{format_bytes(size)}, each byte once, in {format_seconds(s.device_s)} of device time: "
        f"{format_bytes_per_s(rate)}; the measured roof is {format_bytes_per_s(roof)}"
    )
    if rate > roof:
        evidence += "; above it, because caches serve a part"
    return Metric(100 * rate / roof, "%", _clock_kind(s), evidence)


def _compute(s: Situation, no_clock: str) -> Metric:
    if no_clock:
        return missing("%", no_clock)
    work = s.subject.workload
    on_matrix = any(k.uses_matrix_units for k in s.kernels)
    roof, said = flop_roof(s.roofs, work.dtype, on_matrix)
    if roof is None:
        return missing("%", said)
    flop = work.flop or sum(k.flop for k in s.kernels)
    rate = flop / s.device_s
    evidence = (
        f"{format_flop(flop)} in {format_seconds(s.device_s)} of device time: "
        f"{format_flop_per_s(rate)}; the measured roof for {said} is "
        f"{format_flop_per_s(roof)}"
    )
    return Metric(100 * rate / roof, "%", _clock_kind(s), evidence)


def _clock_kind(s: Situation) -> str:
    """A modelled time against a modelled roof is a model; a measured one never meets those."""
    return MODEL if is_modelled(s.device) else MEASURED


def _launch(s: Situation, launches: LaunchFit | None) -> Metric:
    if launches is not None:
        line = launches.line("TinyJit")
        if line.per_kernel_s is not None:
            evidence = (
                f"one more kernel in a captured call, the slope over {len(line.points)} calls of "
                f"{line.points[0].kernels} to {line.points[-1].kernels} kernels"
            )
            return Metric(line.per_kernel_s, "s", MEASURED, evidence)
    evidence = "a captured call of one tiny kernel, to its end, by the wall clock"
    return Metric(s.launch_s, "s", MEASURED, evidence)


def _coalescing(s: Situation, kernel: CompiledKernel, counters: Counters | None) -> Metric:
    try:
        analysis = s.access
    except LabError as error:
        return missing("%", f"the accesses can't be read: {error.got or error.asked}")
    found = analysis.kernels[min(kernel.index, len(analysis.kernels) - 1)]
    if found.coalescing is None:
        return missing("%", found.reason or "the kernel makes no access to global memory")
    counted = [a for a in found.accesses if a.space == "global" and a.sectors]
    touched = sum(a.sectors * a.requests for a in counted)
    evidence = (
        f"{touched:,.0f} sectors of {analysis.sector_bytes} B are touched by {len(counted)} "
        f"accesses, from the index expressions of {found.name}; {analysis.source}"
    )
    launch = counters.heaviest if counters else None
    if launch is not None and launch.get(LOAD_USED) is not None:
        used = format_percent(launch.get(LOAD_USED) / 100)
        evidence += f"; {counters.source} counted {used} of each loaded sector used"
    return Metric(100 * found.coalescing, "%", DERIVED, evidence)


def _theoretical(kernel: CompiledKernel) -> tuple[Occupancy | None, str]:
    target = kernel.resources.target.removeprefix("sm_").rstrip("af")
    name = f"{target[:-1]}.{target[-1:]}"
    if kernel.resources.registers is None:
        return None, kernel.resources.reason("registers") or "the registers are not known"
    if name not in CAPABILITIES:
        return None, f"the limits of {kernel.resources.target} are not in the table"
    if kernel.threads is None:
        return None, "the launch has no block size"
    return occupancy(kernel.resources, name, kernel.threads), ""


def _occupancy(theory: Occupancy | None, why: str, counters: Counters | None) -> Metric:
    achieved = counters.achieved_occupancy if counters else None
    if achieved is not None:
        possible = counters.heaviest.get(WARPS_POSSIBLE)
        limit = "" if possible is None else f", of {format_percent(possible / 100)} possible"
        evidence = f"achieved, counted by {counters.source}{limit}"
        if theory is not None:
            evidence += f"; theoretical {format_percent(theory.fraction)}, by {theory.limiter}"
        return Metric(100 * achieved, "%", MEASURED, evidence)
    if theory is None:
        return missing("%", why)
    evidence = (
        f"theoretical: {theory.registers} registers a thread, {theory.threads} threads and "
        f"{format_bytes(theory.shared_bytes)} of shared memory a block; limited by {theory.limiter}"
    )
    return Metric(theory.percent, "%", DERIVED, evidence)


def _waves(kernel: CompiledKernel, theory: Occupancy | None) -> Waves | None:
    if theory is None or not theory.active_blocks or not kernel.device.startswith("CUDA"):
        return None
    return waves(kernel.blocks, cuda_multiprocessors(kernel.device), theory.active_blocks)


def _hit_rate(s: Situation, kernel: CompiledKernel, counters: Counters | None) -> Metric:
    launch = counters.heaviest if counters else None
    rate = None if launch is None else hit_rate(launch)
    if rate is not None:
        evidence = f"last-level cache, counted by {counters.source}, caches {counters.cache}"
        first = launch.get(L1_HIT_RATE)
        if first is not None:
            evidence += f"; first level {format_percent(first / 100)}"
        return Metric(100 * rate, "%", MEASURED, evidence)
    uncounted = counters.reason if counters else "not profiled"
    metric, why = _modelled_hit_rate(s, kernel)
    if metric is None:
        return missing("%", f"{uncounted}; no model either: {why}")
    return Metric(metric.value, "%", MODEL, f"{metric.evidence}. Not counted: {uncounted}")


def _modelled_hit_rate(s: Situation, kernel: CompiledKernel) -> tuple[Metric | None, str]:
    from labs.gpu.access import address_stream, cache_levels, gpu_levels, simulate_cache

    try:
        stream = address_stream(s.subject.compute, s.device, kernel=kernel.index, live=True)
        arch = kernel.resources.target
        levels = gpu_levels(arch) if arch.startswith("sm_") else cache_levels(s.device)
        if not levels:
            return None, "the caches of this device are not listed"
        result = simulate_cache(stream, levels)
    except LabError as error:
        return None, error.got or error.asked
    first = result.levels[0]
    if first.hit_rate is None:
        return None, "the kernel asks nothing of a cache"
    rest = ", ".join(
        f"{r.level.name} {format_percent(r.hit_rate)}"
        for r in result.levels
        if r.hit_rate is not None
    )
    evidence = f"a simulation of {first.level.name} and what follows: {rest}; {result.taken}"
    return Metric(100 * first.hit_rate, "%", MODEL, evidence), ""


def _value(metric: Metric) -> str | None:
    if metric.value is None or not math.isfinite(metric.value):
        return None
    if metric.unit == "s":
        return format_seconds(metric.value)
    return format_quantity(metric.value, metric.unit)

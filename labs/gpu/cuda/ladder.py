"""The hand-written ladder, measured: each rung tried, verified, timed in interleaved rounds."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from labs.bench.compare import Comparison, compare
from labs.bench.plan import Case, Plan, make_settings, require_positive
from labs.bench.results import Measurement, ResultSet
from labs.bench.runner import run_plan
from labs.gpu.cubin import read_kernel
from labs.gpu.cuda.launch import capability, compile_launch
from labs.gpu.cuda.matmul import RUNGS, SIMPLE, TENSOR_CORES, matmul_launch
from labs.gpu.cuda.rungs import rung as rung_text
from labs.gpu.cuda.trial import TIME_LIMIT_S, try_rungs
from labs.gpu.resources import KernelResources
from labs.tables import Table, TableView
from labs.units import format_flop_per_s, format_interval, format_ratio

if TYPE_CHECKING:  # opens tinygrad
    from labs.gpu.cuda.cases import Inputs

_NAME = "matmul by "


@dataclass(frozen=True)
class Step:
    """One rung of a measured ladder.

    Args:
        measurement: None when it was left out, with the reason in `failure`.
        gain: over the rung below that was measured.
        against: over the reference (cuBLAS), when there is one; below 1 it is slower.
        resources: of the compiled kernel.
    """

    rung: str
    measurement: Measurement | None
    failure: str = ""
    gain: Comparison | None = None
    against: Comparison | None = None
    resources: KernelResources | None = None


@dataclass(frozen=True, repr=False)
class CudaLadder(TableView):
    """The ladder on this GPU; `results` holds all samples."""

    device: str
    shape: tuple[int, int, int]
    dtype: str
    steps: tuple[Step, ...]
    results: ResultSet

    def table(self) -> Table:
        rows = []
        for step in self.steps:
            title, speed = rung_text(step.rung).title, step.measurement
            if speed is None:
                rows.append((step.rung, title, *[None] * 5, step.failure.partition("\n")[0]))
                continue
            interval = speed.flop_per_s_interval
            used = step.resources
            rows.append(
                (
                    step.rung,
                    title,
                    format_flop_per_s(speed.flop_per_s),
                    format_interval(interval.low, interval.high, format_flop_per_s)
                    if interval
                    else None,
                    format_ratio(step.gain.speedup) if step.gain else None,
                    format_ratio(step.against.speedup) if step.against else None,
                    used.registers if used else None,
                    "",
                )
            )
        m, n, k = self.shape
        columns = ("rung", "what", "speed", "95% interval", "gain over the rung below")
        columns += ("over the reference", "registers", "remark")
        return Table(
            f"Matmul {m} x {n} x {k}, {self.dtype}, on {self.device}", columns, tuple(rows)
        )


def cuda_ladder(
    n: int = 4096,
    dtype: str = "float16",
    rungs: Iterable[str] | None = None,
    *,
    device: str = "CUDA",
    rounds: int = 10,
    round_time_s: float = 0.1,
    time_limit_s: float = TIME_LIMIT_S,
    others: "Callable[[Inputs], Iterable[Case]] | None" = None,
    progress: Callable[[int, int, str], object] | None = None,
    cancel: Callable[[], bool] | None = None,
) -> CudaLadder:
    """Climbs the ladder: square matrices of n x n.

    A rung that doesn't compile, takes too many resources, answers wrongly or hangs is left out with
    its reason; the others go on.

    Args:
        rungs: those to climb; all that have this dtype when None.
        time_limit_s: for a rung's trial in a process of its own.
        others: inputs -> more cases in the same rounds, such as a library's product. The first is
            the reference that every rung is compared with.

    Raises:
        DeviceError: without an NVIDIA GPU.
    """
    from labs.gpu.cuda.cases import product_case, product_inputs

    require_positive("rounds", rounds)
    able = capability(device)
    chosen = tuple(rungs if rungs is not None else _rungs_for(dtype))
    shape = (n, n, n)
    failures = {name: _cannot(name, shape, dtype, able) for name in chosen}
    possible = [name for name in chosen if not failures[name]]
    failures |= try_rungs(
        possible,
        shape,
        dtype,
        device=device,
        time_limit_s=time_limit_s,
        progress=progress,
        cancel=cancel,
    )
    inputs = product_inputs(shape, dtype, device, np.random.default_rng(1))
    cases = [product_case(name, inputs) for name in possible if not failures[name]]
    extra = list(others(inputs)) if others is not None else []
    cases += extra
    settings = make_settings(round_time_s, 0.02)
    plan = Plan(tuple(cases), int(rounds), "warm", "device", 0, settings)
    results = run_plan(
        plan,
        notify=lambda e: progress(e.done, e.total, e.text) if progress else None,
        cancel=cancel,
    )
    reference = extra[0].name if extra else ""
    return _ladder(device, shape, dtype, chosen, failures, results, able, reference)


def _rungs_for(dtype: str) -> tuple[str, ...]:
    return {"float32": SIMPLE, "float16": RUNGS}.get(dtype, TENSOR_CORES)


def _cannot(name: str, shape: tuple[int, int, int], dtype: str, able: tuple[int, int]) -> str:
    """Why a rung can't even be tried; empty when it can."""
    from labs.errors import LabError

    try:
        compile_launch(matmul_launch(name, *shape, dtype), able)
    except LabError as error:
        return str(error)
    return ""


def _ladder(device, shape, dtype, chosen, failures, results, able, reference) -> CudaLadder:
    found = {m.workload: m for m in results.measurements}
    broken = {f.name.partition("/")[0]: f.error for f in results.failures}
    other = next((m for m in results.measurements if m.name == reference), None)
    steps: list[Step] = []
    below = None
    for name in chosen:
        key = f"{_NAME}{name}"
        speed = found.get(key)
        if speed is None:
            why = failures.get(name) or broken.get(key) or f"not measured: {results.stop_reason}"
            steps.append(Step(name, None, why))
            continue
        launch = matmul_launch(name, *shape, dtype)
        cubin = compile_launch(launch, able)
        step = Step(name, speed, resources=read_kernel(cubin, launch.entry or launch.kernel))
        if below is not None:
            step = replace(step, gain=compare(below, speed, implementations=True))
        if other is not None:
            step = replace(step, against=compare(other, speed, implementations=True))
        steps.append(step)
        below = speed
    return CudaLadder(device, shape, dtype, tuple(steps), results)

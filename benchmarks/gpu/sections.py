"""The parts of the GPU benchmark; each returns rows for the results file."""

from collections.abc import Callable
from dataclasses import dataclass

import explained
import numpy as np
import pytorch
from generated import product_case as tinygrad_product
from generated import stream_case as tinygrad_stream

from labs.bench.compare import compare
from labs.bench.plan import Plan, make_settings
from labs.bench.results import Measurement
from labs.bench.runner import run_plan
from labs.gpu.cuda.cases import stream_case
from labs.gpu.cuda.ladder import cuda_ladder
from labs.gpu.recorded import Row, measured_row

DEVICE = "CUDA"
STREAM_ELEMENTS = 1 << 28  # 1 GiB of float32
TRANSPOSE_SIDE = 16384
# (n, dtype, rungs): the slowest rungs would take minutes at 8192
LADDERS = (
    (4096, "float32", ("naive", "coalesced", "shared", "register", "vector")),
    (8192, "float16", ("vector", "mma", "wgmma", "hopper")),
    (8192, "bfloat16", ("mma", "wgmma", "hopper")),
)
_TITLES = {"copy": "copy", "add_one": "x + 1", "add": "x + y", "sum": "sum", "transpose": "x.T"}


@dataclass(frozen=True)
class Settings:
    rounds: int
    round_time_s: float
    beam: int
    progress: Callable[[int, int, str], object]


def streams(settings: Settings) -> list[Row]:
    """Streaming kernels of 1 GiB and the transpose, beside PyTorch's copy of the same run."""
    rng = np.random.default_rng(0)
    x, y = (rng.standard_normal(STREAM_ELEMENTS, dtype=np.float32) for _ in range(2))
    rows = []
    for name, title in _TITLES.items():
        n = TRANSPOSE_SIDE if name == "transpose" else STREAM_ELEMENTS
        arrays = (x, y) if name == "add" else (x,)
        makers = [("by hand", stream_case)]
        if name != "copy":  # tinygrad has no copy on one device that is a kernel
            makers.insert(0, ("tinygrad", tinygrad_stream))
        if pytorch.usable():
            makers.append(("PyTorch", pytorch.stream_case))
        cases = [make(name, n, DEVICE, arrays) for _, make in makers]
        if pytorch.usable() and name != "copy":
            cases.append(pytorch.stream_case("copy", STREAM_ELEMENTS, DEVICE, (x,)))
        found = _run(cases, settings)
        copy = found.get("copy by PyTorch")
        work = f"{title}, {'16384 x 16384' if name == 'transpose' else '1 GiB'} float32"
        for by, _ in makers:
            speed = found.get(f"{name} by {by.removeprefix('by ')}")
            if isinstance(speed, str) or speed is None:
                rows.append(Row(work, by, failure=speed or "not measured"))
                continue
            facts = {}
            if isinstance(copy, Measurement):
                share = speed.bytes_per_s / copy.bytes_per_s
                facts["of PyTorch's copy, percent of its GB/s"] = 100 * share
            rows.append(measured_row(speed, work, by, "GB/s", facts=facts))
        if not pytorch.usable():
            rows.append(Row(work, "PyTorch", failure=pytorch.MISSING))
    return rows


def matmuls(settings: Settings) -> list[Row]:
    """The hand-written ladders beside cuBLAS and tinygrad's generated kernels."""
    rows = []
    for n, dtype, rungs in LADDERS:

        def others(inputs):
            if pytorch.usable():
                yield pytorch.product_case(inputs)
            yield tinygrad_product(inputs)
            if settings.beam:
                yield tinygrad_product(inputs, settings.beam)

        ladder = cuda_ladder(
            n,
            dtype,
            rungs,
            device=DEVICE,
            rounds=settings.rounds,
            round_time_s=settings.round_time_s,
            others=others,
            progress=settings.progress,
        )
        work = f"matmul {n} {dtype}"
        for step in ladder.steps:
            by = f"by hand: {step.rung}"
            if step.measurement is None:
                rows.append(Row(work, by, failure=step.failure))
                continue
            used = step.resources
            facts = {"registers": used.registers, "stack bytes": used.stack_bytes}
            if step.gain is not None:
                facts["gain over the rung below"] = step.gain.speedup
            rows.append(
                measured_row(step.measurement, work, by, "TFLOP/s", step.against, "PyTorch", facts)
            )
        names = {m.workload: m for m in ladder.results.measurements}
        reference = names.get("matmul by PyTorch")
        for by in ("tinygrad", f"tinygrad BEAM={settings.beam}", "PyTorch"):
            speed = names.get(f"matmul by {by}")
            if speed is None:
                continue
            against = None
            if reference is not None and speed is not reference:
                against = compare(reference, speed, implementations=True)
            facts = {"first call with search, s": speed.first_call_s} if "BEAM" in by else {}
            rows.append(measured_row(speed, work, by, "TFLOP/s", against, "PyTorch", facts))
        rows += [
            Row(work, f.name.partition("/")[0].removeprefix("matmul by "), failure=f.error)
            for f in ladder.results.failures
            if not f.name.startswith(tuple(f"matmul by {r}/" for r in rungs))
        ]
        if not pytorch.usable():
            rows.append(Row(work, "PyTorch", failure=pytorch.MISSING))
    return rows


def _run(cases, settings: Settings) -> dict[str, Measurement | str]:
    timing = make_settings(settings.round_time_s, 0.02)
    results = run_plan(
        Plan(tuple(cases), settings.rounds, "warm", "device", 0, timing),
        notify=lambda event: settings.progress(event.done, event.total, event.text),
    )
    found: dict[str, Measurement | str] = {m.workload: m for m in results.measurements}
    return found | {f.name.partition("/")[0]: f.error for f in results.failures}


SECTIONS: dict[str, Callable[[Settings], list[Row]]] = {
    "streams": streams,
    "matmul": matmuls,
    "roofs": explained.roofs,
    "launch": explained.launches,
    "access": explained.access,
    "metrics": explained.metrics,
    "options": explained.options,
    "compute": explained.compute,
}

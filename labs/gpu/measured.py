"""One workload with several choices of options, measured side by side; every answer is verified.

The clock is the device's own when that can time kernels, since a kernel is what options change;
EDGE's is a model, and its results say so. Rounds are interleaved, as everywhere.
"""

import time
from collections.abc import Mapping
from functools import partial

import numpy as np

from labs import toolchain
from labs.bench.clocks import Timer, is_modelled, wall_overhead_s
from labs.bench.execution import Execution, verify
from labs.bench.plan import (
    Case,
    Plan,
    make_settings,
    require_choice,
    require_positive,
    resolve_devices,
)
from labs.bench.results import CLOCKS, ResultSet
from labs.bench.runner import Cancel, Progress, run_plan
from labs.bench.sampler import Settings
from labs.bench.workload import Workload
from labs.bench.workloads import parse_workload
from labs.gpu.fixed import fixed_options

toolchain.activate()

from tinygrad import Context, Device, Tensor, TinyJit
from tinygrad.codegen.opt import Opt

# kernel_key -> its options; kernels that aren't named are left to tinygrad's heuristic
Choice = Mapping[str, tuple[Opt, ...]]


def measure_choices(
    workload: Workload | str,
    choices: Mapping[str, Choice],
    *,
    device: str = "CPU",
    clock: str = "device",
    rounds: int = 20,
    round_time_s: float = 0.25,
    precision: float = 0.02,
    seed: int = 0,
    settings: Settings | None = None,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> ResultSet:
    """Time a workload under several choices of options in interleaved rounds.

    Args:
        choices: label -> options of its kernels; an empty choice is tinygrad's heuristic.
        clock: "device" (kernels only) or "wall" (a TinyJit's call to synchronized).
        The others are those of `labs.bench.measure`.

    Returns:
        One measurement for each choice, named by its label; a choice that fails to compile, gives
        a wrong answer or can't be launched is a failure with its reason, and the others go on.
    """
    require_choice("clock", clock, CLOCKS)
    require_positive("rounds", rounds)
    (where,) = resolve_devices(device)
    work = parse_workload(workload) if isinstance(workload, str) else workload
    arrays = work.inputs(np.random.default_rng(seed))
    answer = np.asarray(work.reference(*arrays))
    tensors = tuple(Tensor(a, device=where).realize() for a in arrays)
    cases = tuple(
        Case(
            name=f"{label.replace('/', ' per ')}/{work.shape}/{work.dtype}/warm/{clock}",
            device=where,
            label=f"{label} on {where}",
            prepare=partial(_prepare, work, choice, tensors, answer, where, clock, label),
            flop=work.flop,
            min_bytes=work.min_bytes,
            facts={"workload": work.spec},
        )
        for label, choice in choices.items()
    )
    settings = settings or make_settings(round_time_s, precision)
    plan = Plan(cases, int(rounds), "warm", clock, int(seed), settings)
    return run_plan(
        plan,
        notify=lambda e: progress(e.done, e.total, e.text) if progress else None,
        cancel=cancel,
    )


def _prepare(
    work: Workload,
    choice: Choice,
    tensors: tuple[Tensor, ...],
    answer: np.ndarray,
    device: str,
    clock: str,
    label: str,
) -> Execution:
    sync = Device[device].synchronize
    start = time.perf_counter()
    # tinygrad's own compile pool waits for ever for a device class that its workers can't import
    with fixed_options(choice, device), Context(PARALLEL=0):
        if clock == "device":
            result = work.compute(*tensors)
            timer = Timer(result, device)
            timer()
            run, device_time, overhead_s = timer, timer, None
        else:
            step = TinyJit(lambda *inputs: work.compute(*inputs).contiguous().realize())
            for _ in range(3):  # the second call captures, the third replays
                result = step(*tensors)
            run, device_time = (lambda: step(*tensors)), None
            overhead_s = wall_overhead_s(sync, time.perf_counter)
    sync()
    first_call_s = time.perf_counter() - start
    what = f"'{work.name}/{work.shape}/{work.dtype}' with '{label}' on {device}"
    return Execution(
        device=device,
        renderer=type(Device[device].renderer).__name__,
        run=run,
        sync=sync,
        device_time=device_time,
        first_call_s=first_call_s,
        verification=verify(what, result, answer, work.rtol, work.atol),
        modelled=clock == "device" and is_modelled(device),
        overhead_s=overhead_s,
    )

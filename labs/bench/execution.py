"""A workload on a device, ready to be timed: inputs copied, first call taken, answer checked.

Everything slow or wrong happens here, outside the clock: making inputs, copying them, compiling,
and comparing with numpy. A wrong answer is never timed.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import psutil

from labs import toolchain

toolchain.activate()

from tinygrad import Device, Tensor, TinyJit

from labs.bench.clocks import Timer, is_modelled, wall_overhead_s
from labs.bench.results import NOT_VERIFIED
from labs.bench.workloads import Workload
from labs.errors import MeasurementError
from labs.units import format_bytes

# numpy's arrays, the device's copy of them, and float64 copies for the reference
_MEMORY_FACTOR = 4
_HOST_MEMORY_SHARE = 0.9


@dataclass(frozen=True)
class Execution:
    """What the sampler's hooks are made of.

    Args:
        run: enqueues one call; `sync` waits for it.
        device_time: one call, timed by the device, in seconds; None with the wall clock.
        first_call_s: the first call with scheduling and compilation, wall clock.
        overhead_s: an empty sample of the wall clock; None with the device clock.
    """

    device: str
    renderer: str
    run: Callable[[], object]
    sync: Callable[[], object]
    device_time: Callable[[], float] | None
    first_call_s: float
    verification: str
    modelled: bool
    overhead_s: float | None


def prepare(workload: Workload, device: str, clock: str, mode: str, seed: int) -> Execution:
    """Copies the inputs, takes the first call, and checks the answer.

    Args:
        clock: "wall" or "device".
        mode: "jit" replays a captured TinyJit; "eager" schedules anew at each call. The device
            clock times the kernels alone, so the two are the same to it.

    Raises:
        MeasurementError: when it doesn't fit into memory, the answer is wrong, or the device has no
            clock.
    """
    _require_memory(workload, device)
    arrays = workload.inputs(np.random.default_rng(seed))
    tensors = tuple(Tensor(a, device=device).realize() for a in arrays)
    sync = Device[device].synchronize
    sync()

    def compute() -> Tensor:
        return workload.compute(*tensors)

    def check(result: Tensor) -> str:
        what = f"'{workload.name}/{workload.shape}/{workload.dtype}' on {device}"
        return verify(what, result, want, workload.rtol, workload.atol)

    want = workload.reference(*arrays)

    if clock == "device":
        start = time.perf_counter()
        timer = Timer(compute(), device)
        timer()
        first_call_s = time.perf_counter() - start
        verification = check(timer.result)
        run, overhead_s = timer, None
    else:
        timer, overhead_s = None, wall_overhead_s(sync, time.perf_counter)
        jitted = TinyJit(lambda *inputs: workload.compute(*inputs).realize())
        run = (lambda: jitted(*tensors)) if mode == "jit" else (lambda: compute().realize())
        start = time.perf_counter()
        result = run()
        sync()
        first_call_s = time.perf_counter() - start
        verification = check(result)
        if mode == "jit":  # the second call captures, the third replays: that one is timed later
            run()
            verification = check(run())
    return Execution(
        device=device,
        renderer=type(Device[device].renderer).__name__,
        run=run,
        sync=sync,
        device_time=timer,
        first_call_s=first_call_s,
        verification=verification,
        modelled=clock == "device" and is_modelled(device),
        overhead_s=overhead_s,
    )


def prepare_call(
    function: Callable[[], object],
    name: str,
    device: str,
    expected: np.ndarray | None,
    rtol: float,
    atol: float,
) -> Execution:
    """The same for a function of no arguments: what it returns is realized, and synchronized with.

    Raises:
        MeasurementError: when its tensors are on another device (their time would not be in the
            sample), or differ from `expected`.
    """
    sync = Device[device].synchronize

    def run() -> list[Tensor]:
        result = function()
        items = result if isinstance(result, (tuple, list)) else [result]
        tensors = [item for item in items if isinstance(item, Tensor)]
        if tensors:
            tensors[0].realize(*tensors[1:])
        return tensors

    overhead_s = wall_overhead_s(sync, time.perf_counter)
    start = time.perf_counter()
    tensors = run()
    sync()
    first_call_s = time.perf_counter() - start
    elsewhere = {str(t.device) for t in tensors} - {device}
    if elsewhere:
        raise MeasurementError(
            f"measure '{name}' on {device}",
            expected=f"results on {device}: the clock stops when that device is done",
            got=f"results on {', '.join(sorted(elsewhere))}",
            next_step=f"pass device='{min(elsewhere)}'",
        )
    verification = NOT_VERIFIED
    if expected is not None and tensors:
        verification = verify(f"'{name}' on {device}", tensors[0], expected, rtol, atol)
    return Execution(
        device=device,
        renderer=type(Device[device].renderer).__name__,
        run=run,
        sync=sync,
        device_time=None,
        first_call_s=first_call_s,
        verification=verification,
        modelled=False,
        overhead_s=overhead_s,
    )


def verify(what: str, result: Tensor, want: np.ndarray, rtol: float, atol: float) -> str:
    """Compares with the right answer; says how far off the result is, or raises when too far."""
    if str(result.device).split(":")[0] == "NULL":
        return f"{NOT_VERIFIED}: NULL computes nothing"
    got, want, asked = result.numpy(), np.asarray(want), f"check {what}"
    if got.shape != want.shape:
        raise MeasurementError(
            asked,
            expected=f"a result of shape {want.shape}",
            got=f"shape {got.shape}",
            next_step="compare what is computed with its reference",
        )
    error = np.abs(got.astype(np.float64) - want)
    allowed = atol + rtol * np.abs(want)
    wrong = ~(error <= allowed)  # this way round NaN is wrong
    if wrong.any():
        # a NaN is the worst; else the largest excess
        excess = np.where(np.isnan(error), np.inf, error - allowed)
        where = np.unravel_index(np.argmax(excess), got.shape)
        raise MeasurementError(
            asked,
            expected=f"{want[where]:.6g} at index {tuple(map(int, where))}, from numpy, "
            f"within {float(np.broadcast_to(allowed, got.shape)[where]):.2g}",
            got=f"{got[where]:.6g}; {int(wrong.sum())} of {wrong.size} values are off",
            next_step="a wrong kernel is not timed: run the expression on CPU and on this device "
            "and compare",
        )
    return f"numpy, largest error {error.max(initial=0.0):.1e}"


def _require_memory(workload: Workload, device: str) -> None:
    needed = _MEMORY_FACTOR * (workload.min_bytes or 0)
    available = psutil.virtual_memory().available * _HOST_MEMORY_SHARE
    if needed > available:
        raise MeasurementError(
            f"measure '{workload.name}/{workload.shape}/{workload.dtype}' on {device}",
            expected=f"at most {format_bytes(available)} of memory (what is available now)",
            got=f"about {format_bytes(needed)} for the inputs, their copy, and numpy's reference",
            next_step="choose a smaller size",
        )

"""tinygrad's own generated kernels as cases of the harness, with and without BEAM."""

import math
import time

import numpy as np
from tinygrad import Context, Device

from labs.bench.clocks import Timer
from labs.bench.execution import Execution
from labs.bench.plan import Case
from labs.errors import MeasurementError
from labs.gpu.cuda.cases import Inputs, check_stream, on_device
from labs.gpu.cuda.stream import stream_bytes
from labs.gpu.cuda.verify import check_product


def product_case(inputs: Inputs, beam: int = 0) -> Case:
    """`a @ b`, by the heuristic or by a BEAM search of this width (minutes, outside the clock)."""
    m, n, k = inputs.shape
    by = f"tinygrad BEAM={beam}" if beam else "tinygrad"

    def prepare() -> Execution:
        start = time.perf_counter()
        with Context(BEAM=beam):
            timer = Timer(inputs.tensors[0] @ inputs.tensors[1], inputs.device)
        timer()
        first_call_s = time.perf_counter() - start
        result = timer.result
        got = (result.float() if inputs.dtype == "bfloat16" else result).numpy()
        check = check_product(got, *inputs.arrays, inputs.dtype)
        if not check.passed:
            raise MeasurementError(f"check {by}", expected="the product", got=str(check))
        return _execution(timer, inputs.device, first_call_s, str(check))

    return Case(
        f"matmul by {by}/m={m},n={n},k={k}/{inputs.dtype}/warm/device",
        inputs.device,
        f"{by}, {inputs.dtype}",
        prepare,
        flop=2.0 * m * n * k,
        min_bytes=float((m * k + k * n + m * n) * (4 if inputs.dtype == "float32" else 2)),
    )


def stream_case(name: str, n: int, device: str, arrays: tuple[np.ndarray, ...]) -> Case:
    """x + 1, x + y, the sum, or the transpose, as tinygrad writes it."""

    def prepare() -> Execution:
        tensors = [on_device(a, device) for a in arrays]
        x, y = tensors[0], tensors[-1]
        side = math.isqrt(x.numel())
        start = time.perf_counter()
        timer = Timer(
            {
                "add_one": lambda: x + 1,
                "add": lambda: x + y,
                "sum": lambda: x.sum(),
                "transpose": lambda: x.reshape(side, side).T.contiguous(),
            }[name](),
            device,
        )
        timer()
        first_call_s = time.perf_counter() - start
        told = check_stream(name, timer.result.numpy(), arrays)
        return _execution(timer, device, first_call_s, told)

    return Case(
        f"{name} by tinygrad/n={n}/float32/warm/device",
        device,
        f"{name}, tinygrad",
        prepare,
        min_bytes=float(stream_bytes(name, n)),
    )


def _execution(timer: Timer, device: str, first_call_s: float, told: str) -> Execution:
    return Execution(
        device=device,
        renderer=type(Device[device].renderer).__name__,
        run=timer,
        sync=Device[device].synchronize,
        device_time=timer,
        first_call_s=first_call_s,
        verification=told,
        modelled=False,
        overhead_s=None,
    )

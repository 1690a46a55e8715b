"""PyTorch's own kernels as cases of the harness: the same work, timed the same way."""

import time
from collections.abc import Callable

import numpy as np

from labs.bench.execution import Execution
from labs.bench.plan import Case
from labs.errors import MeasurementError
from labs.gpu.cuda.cases import Inputs, calls_for, check_stream
from labs.gpu.cuda.stream import stream_bytes
from labs.gpu.cuda.verify import check_product

try:
    import torch
except ImportError:  # every table then lacks this column, and says so
    torch = None

MISSING = "PyTorch is not installed, or sees no GPU"


def usable() -> bool:
    """Whether PyTorch is there and sees a GPU."""
    return torch is not None and torch.cuda.is_available()


def versions() -> dict[str, str]:
    """What was compared with."""
    return {"pytorch": torch.__version__, "cuda_of_pytorch": torch.version.cuda} if usable() else {}


def product_case(inputs: Inputs) -> Case:
    """torch.matmul, which calls cuBLAS; float32 stays float32 (no TF32)."""
    m, n, k = inputs.shape

    def prepare() -> Execution:
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction = False
        torch.backends.cuda.matmul.allow_fp16_reduced_precision_reduction = False
        dtype = getattr(torch, inputs.dtype)
        a, b = (torch.from_numpy(x).cuda().to(dtype) for x in inputs.arrays)
        out = torch.full((m, n), float("nan"), device="cuda", dtype=dtype)
        start = time.perf_counter()
        torch.matmul(a, b, out=out)
        torch.cuda.synchronize()
        first_call_s = time.perf_counter() - start
        check = check_product(out.float().cpu().numpy(), *inputs.arrays, inputs.dtype)
        if not check.passed:
            raise MeasurementError("check torch.matmul", expected="the product", got=str(check))
        return _execution(lambda: torch.matmul(a, b, out=out), first_call_s, str(check))

    return Case(
        f"matmul by PyTorch/m={m},n={n},k={k}/{inputs.dtype}/warm/device",
        inputs.device,
        f"PyTorch, {inputs.dtype}",
        prepare,
        flop=2.0 * m * n * k,
        min_bytes=float((m * k + k * n + m * n) * (4 if inputs.dtype == "float32" else 2)),
    )


def stream_case(name: str, n: int, device: str, arrays: tuple[np.ndarray, ...]) -> Case:
    """PyTorch's copy_, add, sum, or copy_ of a transposed view."""

    def prepare() -> Execution:
        tensors = [torch.from_numpy(a).cuda() for a in arrays]
        x, y = tensors[0], tensors[-1]
        side = n if name == "transpose" else 1
        shape = {"sum": (), "transpose": (side, side)}.get(name, (n,))
        out = torch.full(shape, float("nan"), device="cuda")
        run = {
            "copy": lambda: out.copy_(x),
            "add_one": lambda: torch.add(x, 1, out=out),
            "add": lambda: torch.add(x, y, out=out),
            "sum": lambda: torch.sum(x, dim=0, out=out),
            "transpose": lambda: out.copy_(x.view(side, side).t()),
        }[name]
        start = time.perf_counter()
        run()
        torch.cuda.synchronize()
        first_call_s = time.perf_counter() - start
        told = check_stream(name, out.cpu().numpy(), arrays)
        return _execution(run, first_call_s, told)

    return Case(
        f"{name} by PyTorch/n={n}/float32/warm/device",
        device,
        f"{name}, PyTorch",
        prepare,
        min_bytes=float(stream_bytes(name, n)),
    )


def _execution(run: Callable[[], object], first_call_s: float, told: str) -> Execution:
    def device_time(calls: int) -> float:
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        for _ in range(calls):
            run()
        end.record()
        end.synchronize()
        return begin.elapsed_time(end) / 1e3 / calls

    device_time(1)
    calls = calls_for(device_time(1))
    return Execution(
        device="CUDA",
        renderer="PyTorch",
        run=run,
        sync=torch.cuda.synchronize,
        device_time=lambda: device_time(calls),
        first_call_s=first_call_s,
        verification=told,
        modelled=False,
        overhead_s=None,
    )

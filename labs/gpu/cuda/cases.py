"""The hand-written kernels as cases for the harness: prepared, verified, timed by CUDA events."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from labs import toolchain

toolchain.activate()

from tinygrad import Device, Tensor, dtypes

from labs.bench.execution import Execution
from labs.bench.plan import Case
from labs.errors import MeasurementError
from labs.gpu.compiled import cuda_multiprocessors
from labs.gpu.cuda.launch import LoadedKernel
from labs.gpu.cuda.matmul import matmul_launch
from labs.gpu.cuda.stream import stream_bytes, stream_launch
from labs.gpu.cuda.verify import ProductCheck, check_product

if TYPE_CHECKING:
    from collections.abc import Mapping

# a sample of back-to-back launches lasts about this long: pauses between launches don't show
_SAMPLE_S = 5e-3
_MOST_CALLS = 50
_TENSOR_DTYPES = {
    "float32": dtypes.float32,
    "float16": dtypes.float16,
    "bfloat16": dtypes.bfloat16,
}


@dataclass(frozen=True)
class Inputs:
    """Two random matrices: as numpy has them, and on the device."""

    dtype: str
    device: str
    arrays: tuple[np.ndarray, np.ndarray] = field(repr=False)
    tensors: tuple[Tensor, Tensor] = field(repr=False)

    @property
    def shape(self) -> tuple[int, int, int]:
        """m, n, k."""
        (m, k), n = self.arrays[0].shape, self.arrays[1].shape[1]
        return m, n, k


@dataclass(frozen=True)
class Product:
    """A rung that was run once: its kernel, how long the first call took, whether it was right."""

    kernel: LoadedKernel
    first_call_s: float
    check: ProductCheck


def product_inputs(
    shape: tuple[int, int, int], dtype: str, device: str, rng: np.random.Generator
) -> Inputs:
    """Normal random factors of an (m, n, k) product, rounded to dtype on both sides alike."""
    m, n, k = shape
    arrays = [rng.standard_normal(s, dtype=np.float32) for s in ((m, k), (k, n))]
    if dtype == "float16":
        arrays = [a.astype(np.float16) for a in arrays]
    elif dtype == "bfloat16":  # numpy has none: cut to its 16 upper bits, which it holds exactly
        arrays = [(a.view(np.uint32) & 0xFFFF0000).view(np.float32) for a in arrays]
    tensors = [Tensor(a, device=device).cast(_TENSOR_DTYPES[dtype]).realize() for a in arrays]
    return Inputs(dtype, device, tuple(arrays), tuple(tensors))


def run_rung(rung: str, inputs: Inputs, tuning: "Mapping[str, int] | None" = None) -> Product:
    """Compiles a rung for these inputs, runs it once and checks the answer."""
    m, n, k = inputs.shape
    count = cuda_multiprocessors(inputs.device)
    launch = matmul_launch(
        rung, m, n, k, inputs.dtype, multiprocessors=count, tuning=dict(tuning or {})
    )
    start = time.perf_counter()
    result = filled((m, n), inputs.dtype, inputs.device)
    kernel = LoadedKernel(launch, result, *inputs.tensors)
    kernel(wait=True)
    first_call_s = time.perf_counter() - start
    got = (result.float() if inputs.dtype == "bfloat16" else result).numpy()
    return Product(kernel, first_call_s, check_product(got, *inputs.arrays, inputs.dtype))


def filled(shape: tuple[int, ...], dtype: str, device: str) -> Tensor:
    """A realized tensor of NaN: what a kernel doesn't write stays wrong."""
    tensor = Tensor.full(shape, float("nan"), dtype=_TENSOR_DTYPES[dtype], device=device)
    return tensor.contiguous().realize()


def product_case(rung: str, inputs: Inputs) -> Case:
    """A rung as a case of the harness; a wrong answer is never timed."""
    m, n, k = inputs.shape

    def prepare() -> Execution:
        product = run_rung(rung, inputs)
        if not product.check.passed:
            raise MeasurementError(
                f"measure rung '{rung}', {m} x {n} x {k}, {inputs.dtype}",
                expected="the product, within rounding",
                got=str(product.check),
                next_step="a wrong kernel is not timed: look for a missing barrier first",
            )
        return _execution(product.kernel, inputs.device, product.first_call_s, str(product.check))

    return Case(
        name=f"matmul by {rung}/m={m},n={n},k={k}/{inputs.dtype}/warm/device",
        device=inputs.device,
        label=f"{rung}, {inputs.dtype}",
        prepare=prepare,
        flop=2.0 * m * n * k,
        min_bytes=float((m * k + k * n + m * n) * (4 if inputs.dtype == "float32" else 2)),
    )


def stream_case(name: str, n: int, device: str, arrays: tuple[np.ndarray, ...]) -> Case:
    """A streaming kernel as a case.

    Args:
        n: elements; of the transpose: rows and columns.
        arrays: the inputs, float32: one, or two for "add".
    """

    def prepare() -> Execution:
        launch = stream_launch(name, n, multiprocessors=cuda_multiprocessors(device))
        tensors = [on_device(a, device) for a in arrays]
        start = time.perf_counter()
        count = {"sum": 1, "transpose": n * n}.get(name, n)
        result = filled((count,), "float32", device)
        kernel = LoadedKernel(launch, result, *tensors)
        kernel(wait=True)
        first_call_s = time.perf_counter() - start
        told = check_stream(name, result.numpy(), arrays)
        if name == "sum":  # once more: it has to leave its counter as it found it
            kernel(wait=True)
            check_stream(name, result.numpy(), arrays)
        return _execution(kernel, device, first_call_s, told)

    return Case(
        name=f"{name} by hand/n={n}/float32/warm/device",
        device=device,
        label=f"{name}, by hand",
        prepare=prepare,
        flop=None,
        min_bytes=float(stream_bytes(name, n)),
    )


def check_stream(name: str, got: np.ndarray, arrays: tuple[np.ndarray, ...]) -> str:
    """Compares a streaming kernel's result with numpy's.

    Raises:
        MeasurementError: when it is off.
    """
    x = arrays[0]
    want = {
        "copy": lambda: x,
        "add_one": lambda: x + np.float32(1),
        "add": lambda: x + arrays[-1],
        "sum": lambda: x.sum(dtype=np.float64),
        "transpose": lambda: x.reshape(int(x.size**0.5), -1).T,
    }[name]()
    error = float(np.abs(got.reshape(np.shape(want)).astype(np.float32) - want).max())
    # a sum of n random terms, each rounded by up to 2^-24 of a partial sum of about sqrt(n)
    allowed = 1e-6 * x.size**0.5 * 8 if name == "sum" else 0.0
    if not error <= allowed:
        raise MeasurementError(
            f"check '{name}'",
            expected=f"numpy's answer within {allowed:.2g}",
            got=f"off by {error:.2g}",
            next_step="a wrong kernel is not timed",
        )
    return f"numpy, largest error {error:.1e}"


_copies: dict[tuple[int, str], tuple[np.ndarray, Tensor]] = {}


def on_device(array: np.ndarray, device: str) -> Tensor:
    """A large input is copied once for all the kernels that read it; the last two are kept."""
    key = (id(array), device)
    if key not in _copies:
        while len(_copies) >= 2:
            _copies.pop(next(iter(_copies)))
        # the array is kept with its copy: another array could get its id otherwise
        _copies[key] = (array, Tensor(array, device=device).realize())
    return _copies[key][1]


def _execution(kernel: LoadedKernel, device: str, first_call_s: float, told: str) -> Execution:
    kernel(wait=True)
    calls = calls_for(kernel(wait=True))
    return Execution(
        device=device,
        renderer="hand-written CUDA",
        run=kernel,
        sync=Device[device].synchronize,
        device_time=lambda: kernel.seconds_per_call(calls),
        first_call_s=first_call_s,
        verification=told,
        modelled=False,
        overhead_s=None,
    )


def calls_for(seconds: float) -> int:
    """How many launches one sample takes between its two events."""
    return int(min(max(_SAMPLE_S / seconds, 1), _MOST_CALLS))


Prepare = Callable[[], Execution]

"""What is measured: each workload with its inputs, its computation, and numpy's answer.

`WORKLOADS["matmul"](n=500)` makes one; `SUITES` holds the sets used in the notebooks. A workload
says how much work it is (`flop`) and how much traffic it can't avoid (`min_bytes`: every input and
output byte once), both counted by hand and not taken from what a compiler made of it.

A workload of your own is a `Workload(...)` with the same fields; the harness asks for nothing else.
"""

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from labs.bench.backend_workloads import BACKEND_SUITE, BACKEND_WORKLOADS
from labs.bench.network_workloads import NETWORK_WORKLOADS
from labs.bench.workload import RTOL, Workload, normal, wide
from labs.errors import MeasurementError

if TYPE_CHECKING:
    from tinygrad import Tensor


def elementwise(
    name: str,
    compute: Callable[..., "Tensor"],
    reference: Callable[..., np.ndarray],
    arity: int,
    *,
    n: int = 1000,
    dtype: str = "float32",
) -> Workload:
    """An operation on `arity` matrices of n x n: one FLOP per element, whatever the operation."""
    itemsize = np.dtype(dtype).itemsize
    return Workload(
        name,
        f"n={n}",
        dtype,
        lambda rng: tuple(normal(rng, (n, n), dtype) for _ in range(arity)),
        compute,
        reference,
        rtol=RTOL[dtype],
        atol=RTOL[dtype],
        flop=n * n,
        min_bytes=(arity + 1) * n * n * itemsize,
    )


def matmul(*, n: int = 500, dtype: str = "float32") -> Workload:
    """The product of two n x n matrices: 2 n^3 FLOP."""
    return Workload(
        "matmul",
        f"n={n}",
        dtype,
        lambda rng: (normal(rng, (n, n), dtype), normal(rng, (n, n), dtype)),
        lambda a, b: a @ b,
        lambda a, b: wide(a) @ wide(b),
        rtol=RTOL[dtype],
        atol=RTOL[dtype] * math.sqrt(n),
        flop=2 * n**3,
        min_bytes=3 * n * n * np.dtype(dtype).itemsize,
    )


def reduction(
    name: str,
    compute: Callable[..., "Tensor"],
    reference: Callable[..., np.ndarray],
    *,
    n: int = 1000,
    dtype: str = "float32",
) -> Workload:
    """All n x n elements to one: n^2 FLOP. Inputs lie in [0, 1), so that sums don't cancel."""
    return Workload(
        name,
        f"n={n}",
        dtype,
        lambda rng: (rng.random((n, n)).astype(dtype),),
        compute,
        reference,
        rtol=RTOL[dtype],
        atol=0.0,
        flop=n * n,
        min_bytes=(n * n + 1) * np.dtype(dtype).itemsize,
    )


def linear(
    *, batch: int = 128, inputs: int = 784, outputs: int = 256, dtype: str = "float32"
) -> Workload:
    """A layer: x @ w + b. 2 batch x inputs x outputs FLOP for the product, one more per output."""
    itemsize = np.dtype(dtype).itemsize
    return Workload(
        "linear",
        f"batch={batch},inputs={inputs},outputs={outputs}",
        dtype,
        lambda rng: (
            normal(rng, (batch, inputs), dtype),
            normal(rng, (inputs, outputs), dtype),
            normal(rng, (outputs,), dtype),
        ),
        lambda x, w, b: x @ w + b,
        lambda x, w, b: wide(x) @ wide(w) + wide(b),
        rtol=RTOL[dtype],
        atol=RTOL[dtype] * math.sqrt(inputs),
        flop=2 * batch * inputs * outputs + batch * outputs,
        min_bytes=(batch * inputs + inputs * outputs + outputs + batch * outputs) * itemsize,
    )


WORKLOADS: Mapping[str, Callable[..., Workload]] = {
    "add": partial(elementwise, "add", lambda a, b: a + b, lambda a, b: wide(a) + wide(b), 2),
    "mul": partial(elementwise, "mul", lambda a, b: a * b, lambda a, b: wide(a) * wide(b), 2),
    "relu": partial(elementwise, "relu", lambda a: a.relu(), lambda a: np.maximum(a, 0), 1),
    "exp": partial(elementwise, "exp", lambda a: a.exp(), lambda a: np.exp(wide(a)), 1),
    "matmul": matmul,
    "sum": partial(reduction, "sum", lambda a: a.sum(), lambda a: wide(a).sum()),
    "mean": partial(reduction, "mean", lambda a: a.mean(), lambda a: wide(a).mean()),
    "max": partial(reduction, "max", lambda a: a.max(), lambda a: a.max()),
    "linear": linear,
    **BACKEND_WORKLOADS,
    **NETWORK_WORKLOADS,
}

SUITES: Mapping[str, tuple[Workload, ...]] = {
    # for devices that interpret each operation, such as PYTHON
    "tiny": (
        WORKLOADS["add"](n=16),
        WORKLOADS["matmul"](n=8),
        WORKLOADS["sum"](n=16),
        WORKLOADS["linear"](batch=2, inputs=8, outputs=4),
    ),
    "quick": (
        WORKLOADS["add"](n=256),
        WORKLOADS["matmul"](n=128),
        WORKLOADS["sum"](n=256),
        WORKLOADS["linear"](batch=16, inputs=784, outputs=64),
    ),
    "day4": (
        WORKLOADS["add"](n=1000),
        WORKLOADS["matmul"](n=500),
        WORKLOADS["sum"](n=1000),
        WORKLOADS["linear"](batch=128, inputs=784, outputs=256),
    ),
    # what a backend of our own is held against tinygrad's CPU device on
    "backends": (
        WORKLOADS["add"](n=2048),
        WORKLOADS["exp"](n=2048),
        WORKLOADS["sum"](n=2048),
        *(WORKLOADS["matmul"](n=n) for n in (256, 512, 1024)),
        *BACKEND_SUITE,
    ),
}


def parse_workload(spec: str) -> Workload:
    """A workload from its spec: "matmul", "matmul:n=512" or "linear:batch=32,dtype=float16".

    Raises:
        MeasurementError: for an unknown workload, size or dtype, or a size that isn't whole.
    """
    name, _, rest = spec.partition(":")
    if name not in WORKLOADS:
        raise MeasurementError(
            f"measure the workload '{spec}'",
            expected=f"one of {', '.join(WORKLOADS)}, optionally with sizes, as in 'matmul:n=512'",
            got=f"'{name}'",
            next_step="name one of those; a workload of your own is passed as a Workload",
        )
    settings: dict[str, object] = {}
    try:
        for part in filter(None, rest.split(",")):
            key, value = part.split("=")
            settings[key.strip()] = value.strip() if key.strip() == "dtype" else _size(value)
        return WORKLOADS[name](**settings)
    except (ValueError, TypeError, KeyError) as error:
        sizes = [part.split("=")[0] for part in WORKLOADS[name]().shape.split(",")]
        known = ", ".join(f"{size}=..." for size in sizes)
        raise MeasurementError(
            f"measure the workload '{spec}'",
            expected=f"'{name}' with {known} (whole numbers above 0), dtype={_dtypes(name)}",
            got=f"'{rest}'",
            next_step=f"write it as '{WORKLOADS[name]().spec}'",
        ) from error


def _dtypes(name: str) -> str:
    usual = WORKLOADS[name]().dtype
    return "|".join(RTOL) if usual in RTOL else usual


def _size(text: str) -> int:
    if (size := int(text)) < 1:
        raise ValueError(f"a size of {size}")
    return size

"""Workloads that only move memory: what a memory roof is measured with.

Bytes are counted as STREAM counts them: each array once. A processor that fetches a line before it
overwrites it moves up to half as much again, so its wires are busier than the roof says.
Source: McCalpin, "Memory bandwidth and machine balance in current high performance computers"
(1995).
"""

import numpy as np

from labs import toolchain
from labs.bench.workload import Workload

toolchain.activate()

from tinygrad import Tensor
from tinygrad.uop.ops import KernelInfo, UOp

_BLOCK = (
    1 << 16
)  # random numbers are made once and repeated: making more is slower than moving them
SCALE = 3.0


def copy_workload(n: int, dtype: str = "float32") -> Workload:
    """b = a over n elements: no arithmetic, twice the array in bytes."""

    def compute(a: Tensor) -> Tensor:
        # a kernel of its own: as a tensor expression a copy is nothing, and no kernel would run
        return Tensor.empty(n, dtype=a.dtype, device=a.device).custom_kernel(a, fxn=_copy)[0]

    size = np.dtype(dtype).itemsize
    return Workload(
        "copy", f"n={n}", dtype, lambda rng: (_numbers(rng, n, dtype),), compute, lambda a: a,
        rtol=0.0, atol=0.0, flop=None, min_bytes=2 * n * size,
    )  # fmt: skip


def triad_workload(n: int, dtype: str = "float32") -> Workload:
    """c = a + s b over n elements: 2 FLOP and three times its size in bytes an element."""
    size = np.dtype(dtype).itemsize
    return Workload(
        "triad",
        f"n={n}",
        dtype,
        lambda rng: (_numbers(rng, n, dtype), _numbers(rng, n, dtype)),
        lambda a, b: a + SCALE * b,
        lambda a, b: a + np.array(SCALE, dtype) * b,
        rtol=1e-2 if dtype == "float16" else 1e-5,
        atol=1e-2 if dtype == "float16" else 1e-5,
        flop=2 * n,
        min_bytes=3 * n * size,
    )


def _numbers(rng: np.random.Generator, n: int, dtype: str) -> np.ndarray:
    return np.resize(rng.standard_normal(min(n, _BLOCK)).astype(dtype), n)


def _copy(out: UOp, a: UOp) -> UOp:
    i = UOp.range(out.max_numel(), 0)
    return out[i].store(a[i]).end(i).sink(arg=KernelInfo(name="copy"))

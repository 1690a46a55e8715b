"""Workloads of neural networks and of memory: real attention, and a matrix being made."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from labs.bench.workload import RTOL, Workload, normal, wide


def attention(
    *, batch: int = 32, sequence: int = 64, width: int = 512, dtype: str = "float32"
) -> Workload:
    """softmax(q k^T / sqrt(width)) v: two products of 2 x batch x sequence^2 x width FLOP, and 6
    for each score (scale, and the 5 of a softmax).

    Source: Vaswani et al., Attention Is All You Need (2017), section 3.2.1.
    """
    shape = (batch, sequence, width)
    return Workload(
        "attention",
        f"batch={batch},sequence={sequence},width={width}",
        dtype,
        lambda rng: tuple(normal(rng, shape, dtype) for _ in range(3)),
        lambda q, k, v: q.scaled_dot_product_attention(k, v),
        _attention,
        rtol=10 * RTOL[dtype],
        atol=10 * RTOL[dtype],
        flop=batch * sequence * sequence * (4 * width + 6),
        min_bytes=4 * batch * sequence * width * np.dtype(dtype).itemsize,
    )


def _attention(q: np.ndarray, k: np.ndarray, v: np.ndarray) -> np.ndarray:
    scores = wide(q) @ wide(k).transpose(0, 2, 1) / np.sqrt(q.shape[-1])
    e = np.exp(scores - scores.max(-1, keepdims=True))
    return (e / e.sum(-1, keepdims=True)) @ wide(v)


def create(*, n: int = 1000, dtype: str = "float32") -> Workload:
    """A new n x n matrix filled with a number: memory from the allocator and a kernel that writes
    it. Measure it eagerly: a jit would write into the same matrix again."""
    return Workload(
        "create",
        f"n={n}",
        dtype,
        lambda rng: (normal(rng, (1,), dtype),),
        lambda value: value.reshape(1, 1).expand(n, n).contiguous(),
        lambda value: np.full((n, n), value[0]),
        rtol=0.0,
        atol=0.0,
        flop=None,
        min_bytes=(n * n + 1) * np.dtype(dtype).itemsize,
    )


NETWORK_WORKLOADS: Mapping[str, Callable[..., Workload]] = MappingProxyType(
    {"attention": attention, "create": create}
)

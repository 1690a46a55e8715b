"""The workloads on which ELECTRICAL is held against tinygrad's CPU device, beside the plain ones.

Several are signal processing as an electrical test does it: a filter, an effective value at every
sample, the distance to a mask. Sizes are chosen so that every lane of a vector has work; what
happens at odd sizes is the conformance suite's business.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from labs.bench.workload import RTOL, Workload, normal, wide

TAPS = 64  # of the filter: a usual length for a low-pass in front of a decimation


def chain(*, n: int = 2048, dtype: str = "float32") -> Workload:
    """A chain of element-wise steps that becomes one kernel: 9 FLOP an element."""
    return Workload(
        "chain",
        f"n={n}",
        dtype,
        lambda rng: (normal(rng, (n, n), dtype), normal(rng, (n, n), dtype)),
        lambda a, b: ((a * b + a).relu() * 0.5 + b * b - a).abs(),
        lambda a, b: _chain(wide(a), wide(b)),
        rtol=RTOL[dtype],
        atol=RTOL[dtype],
        flop=9 * n * n,
        min_bytes=3 * n * n * _size(dtype),
    )


def _chain(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.abs(np.maximum(a * b + a, 0) * 0.5 + b * b - a)


def softmax(*, n: int = 2048, dtype: str = "float32") -> Workload:
    """exp(x - max) / sum over each of n rows; an exp counts as one FLOP: 5 an element."""
    return Workload(
        "softmax",
        f"n={n}",
        dtype,
        lambda rng: (normal(rng, (n, n), dtype),),
        lambda a: a.softmax(-1),
        lambda a: _softmax(wide(a)),
        rtol=RTOL[dtype],
        atol=RTOL[dtype] / 1000,
        flop=5 * n * n,
        min_bytes=2 * n * n * _size(dtype),
    )


def _softmax(a: np.ndarray) -> np.ndarray:
    e = np.exp(a - a.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def layernorm(*, rows: int = 2048, n: int = 1024, dtype: str = "float32") -> Workload:
    """Each row to mean 0 and variance 1: 8 FLOP an element. eps is tinygrad's, 1e-5."""
    return Workload(
        "layernorm",
        f"rows={rows},n={n}",
        dtype,
        lambda rng: (normal(rng, (rows, n), dtype),),
        lambda a: a.layernorm(),
        lambda a: _layernorm(wide(a)),
        rtol=10 * RTOL[dtype],
        atol=10 * RTOL[dtype],
        flop=8 * rows * n,
        min_bytes=2 * rows * n * _size(dtype),
    )


def _layernorm(a: np.ndarray) -> np.ndarray:
    centred = a - a.mean(-1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5)


def conv3x3(
    *, batch: int = 8, channels: int = 16, size: int = 64, outputs: int = 32, dtype: str = "float32"
) -> Workload:
    """A padded 3x3 convolution: 2 x 9 FLOP for each pair of input and output channel and pixel."""
    return Workload(
        "conv3x3",
        f"batch={batch},channels={channels},size={size},outputs={outputs}",
        dtype,
        lambda rng: (
            normal(rng, (batch, channels, size, size), dtype),
            normal(rng, (outputs, channels, 3, 3), dtype),
        ),
        lambda x, w: x.conv2d(w, padding=1),
        _conv3x3,
        rtol=10 * RTOL[dtype],
        atol=100 * RTOL[dtype],
        flop=2 * 9 * batch * channels * outputs * size * size,
        min_bytes=_size(dtype)
        * (batch * (channels + outputs) * size * size + 9 * channels * outputs),
    )


def _conv3x3(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    padded = np.pad(wide(x), ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
    return np.einsum("bcyxij,ocij->boyx", windows, wide(w), optimize=True)


def fir64(*, n: int = 1 << 20, dtype: str = "float32") -> Workload:
    """A 64-tap FIR filter over n samples, with the 63 before them: 128 FLOP a sample."""
    return Workload(
        "fir64",
        f"n={n}",
        dtype,
        lambda rng: (normal(rng, (n + TAPS - 1,), dtype), normal(rng, (TAPS,), dtype)),
        # conv2d correlates: the taps in reverse make it the filter
        lambda x, h: x.reshape(1, 1, 1, -1).conv2d(h.flip(0).reshape(1, 1, 1, TAPS)).reshape(-1),
        lambda x, h: np.convolve(wide(x), wide(h), "valid"),
        rtol=10 * RTOL[dtype],
        atol=10 * RTOL[dtype],
        flop=2 * TAPS * n,
        min_bytes=_size(dtype) * (2 * n + 2 * TAPS - 1),
    )


def sliding_rms(*, n: int = 1 << 18, window: int = 256, dtype: str = "float32") -> Workload:
    """The effective value of the last `window` samples, at every sample."""
    return Workload(
        "sliding_rms",
        f"n={n},window={window}",
        dtype,
        lambda rng: (normal(rng, (n + window - 1,), dtype),),
        lambda x: x.reshape(1, 1, 1, -1).square().avg_pool2d((1, window), stride=1).sqrt(),
        lambda x: _sliding_rms(wide(x), window).reshape(1, 1, 1, -1),
        rtol=10 * RTOL[dtype],
        atol=RTOL[dtype],
        flop=(2 * window + 2) * n,
        min_bytes=_size(dtype) * (2 * n + window - 1),
    )


def _sliding_rms(x: np.ndarray, window: int) -> np.ndarray:
    total = np.concatenate([[0.0], np.cumsum(x * x)])
    return np.sqrt((total[window:] - total[:-window]) / window)


def mask_margin(*, traces: int = 1024, n: int = 1024, dtype: str = "float32") -> Workload:
    """How far each trace is outside of its mask, at worst: max(x - upper, lower - x)."""
    return Workload(
        "mask_margin",
        f"traces={traces},n={n}",
        dtype,
        lambda rng: (
            normal(rng, (traces, n), dtype),
            (normal(rng, (n,), dtype) - 3).astype(dtype),
            (normal(rng, (n,), dtype) + 3).astype(dtype),
        ),
        lambda x, lower, upper: (x - upper).maximum(lower - x).max(-1),
        lambda x, lower, upper: np.maximum(wide(x) - upper, lower - wide(x)).max(-1),
        rtol=RTOL[dtype],
        atol=10 * RTOL[dtype],
        flop=4 * traces * n,
        min_bytes=_size(dtype) * (traces * n + 2 * n + traces),
    )


def int8_matmul(*, n: int = 512, dtype: str = "int8") -> Workload:
    """The product of two int8 matrices, summed in int32; a FLOP is an integer operation here."""
    if dtype != "int8":
        raise ValueError(f"int8_matmul of {dtype}")
    return Workload(
        "int8_matmul",
        f"n={n}",
        dtype,
        lambda rng: tuple(rng.integers(-127, 128, (n, n)).astype(np.int8) for _ in range(2)),
        lambda a, b: a.matmul(b, dtype="int32"),
        lambda a, b: a.astype(np.int64) @ b.astype(np.int64),
        rtol=0.0,
        atol=0.0,
        flop=2 * n**3,
        min_bytes=2 * n * n + 4 * n * n,  # int8 in, int32 out
    )


def transpose(*, n: int = 2048, dtype: str = "float32") -> Workload:
    """A matrix copied with rows and columns exchanged: no arithmetic, twice its bytes."""
    return Workload(
        "transpose",
        f"n={n}",
        dtype,
        lambda rng: (normal(rng, (n, n), dtype),),
        lambda a: a.T.contiguous(),
        lambda a: a.T,
        rtol=0.0,
        atol=0.0,
        flop=None,
        min_bytes=2 * n * n * _size(dtype),
    )


def _size(dtype: str) -> int:
    return np.dtype(dtype).itemsize


BACKEND_WORKLOADS: Mapping[str, Callable[..., Workload]] = MappingProxyType(
    {
        "chain": chain,
        "softmax": softmax,
        "layernorm": layernorm,
        "conv3x3": conv3x3,
        "fir64": fir64,
        "sliding_rms": sliding_rms,
        "mask_margin": mask_margin,
        "int8_matmul": int8_matmul,
        "transpose": transpose,
    }
)
BACKEND_SUITE = tuple(make() for make in BACKEND_WORKLOADS.values())

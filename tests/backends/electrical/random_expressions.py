"""Random tensor expressions, the same on any device: what no list of cases would think of."""

from dataclasses import dataclass

import numpy as np
from tinygrad import Tensor, dtypes

SHAPES = [(), (1,), (7,), (16,), (33,), (64,), (4, 16), (5, 9), (2, 3, 32), (17, 48), (3, 1, 20)]
FLOATS = (dtypes.float32, dtypes.float16, dtypes.float64)
INTEGERS = (dtypes.int32, dtypes.int8, dtypes.uint8, dtypes.int16, dtypes.uint32, dtypes.int64)


@dataclass(frozen=True)
class Expression:
    """Steps as (name, arguments); `inputs` are numpy arrays, all of one shape and dtype."""

    inputs: tuple[np.ndarray, ...]
    steps: tuple[tuple, ...]

    def on(self, device: str) -> np.ndarray:
        tensors = [Tensor(a, device=device).realize() for a in self.inputs]
        x, y = tensors[0], tensors[1]
        for name, *arguments in self.steps:
            x = _wrapped(STEPS[name](x, y, *arguments))
        return x.contiguous().realize().numpy()


def make_expression(seed: int) -> Expression:
    """The expression of this number."""
    rng = np.random.default_rng(seed)
    shape = SHAPES[rng.integers(len(SHAPES))]
    kinds = FLOATS if rng.random() < 0.6 else INTEGERS
    kind = kinds[rng.integers(len(kinds))]
    numpy_kind = np.dtype(kind.fmt) if kind is not dtypes.float16 else np.dtype(np.float16)
    if dtypes.is_float(kind):
        arrays = [rng.standard_normal(shape).astype(numpy_kind) for _ in range(2)]
    else:
        low = 0 if dtypes.is_unsigned(kind) else -50
        arrays = [rng.integers(low, 51, shape).astype(numpy_kind) for _ in range(2)]
    names = list(STEPS)
    steps = []
    for _ in range(int(rng.integers(2, 7))):
        name = names[rng.integers(len(names))]
        if name in ("cast",):
            steps.append(
                (name, str((FLOATS + INTEGERS)[rng.integers(9)].name), int(rng.integers(9)))
            )
        else:
            steps.append((name, int(rng.integers(1 << 16))))
    return Expression(tuple(np.asarray(a) for a in arrays), tuple(steps))


def _axis(x: Tensor, n: int) -> int | None:
    return n % x.ndim if x.ndim else None


def _flip(x, y, n):
    return x.flip(_axis(x, n)) if x.ndim else x


def _permute(x, y, n):
    return x.permute(tuple(np.random.default_rng(n).permutation(x.ndim).tolist())) if x.ndim else x


def _shrink(x, y, n):
    rng = np.random.default_rng(n)
    limits = []
    for size in x.shape:
        start = int(rng.integers(0, size))
        limits.append((start, int(rng.integers(start + 1, size + 1))))
    return x.shrink(tuple(limits)) if x.ndim else x


def _pad(x, y, n):
    rng = np.random.default_rng(n)
    sides = tuple((int(rng.integers(0, 4)), int(rng.integers(0, 4))) for _ in x.shape)
    return x.pad(sides) if x.ndim else x


def _stretch(x, y, n):
    return x.reshape(*x.shape, 1).expand(*x.shape, 1 + n % 5) if x.ndim < 4 else x


def _reduce(x, y, n):
    axis = _axis(x, n)
    if x.ndim and n % 3 == 0:
        return x.max(axis)
    return x.sum(axis) if x.ndim else x.sum()


def _with_other(operation):
    def step(x, y, n):
        if x.shape == y.shape:
            return operation(x, y.cast(x.dtype))
        return operation(x, x.flip(_axis(x, n)) if x.ndim else x)

    return step


def _wrapped(x: Tensor) -> Tensor:
    """Narrow integers overflow where they are stored: inside an expression C keeps 32 bits."""
    return x.contiguous() if dtypes.is_int(x.dtype) and x.dtype.itemsize < 4 else x


def _cast(x, y, name, _):
    kind = next(d for d in FLOATS + INTEGERS if d.name == name)
    if dtypes.is_float(x.dtype) and dtypes.is_int(kind):
        # what an out-of-range float becomes is nobody's promise; neither is NaN
        x = x.isnan().where(0, x).clip(0, 100)
    return x.cast(kind)


STEPS = {
    "add": _with_other(lambda a, b: a + b),
    "sub": _with_other(lambda a, b: a - b),
    "mul": _with_other(lambda a, b: a * b),
    "max": _with_other(lambda a, b: a.maximum(b)),
    "where": _with_other(lambda a, b: (a < b).where(a, b + 1)),
    "compare": _with_other(lambda a, b: ((a > b) | (a == b)).cast(a.dtype) + a),
    "relu": lambda x, y, n: x.relu(),
    "half": lambda x, y, n: x * (n % 4),
    "square": lambda x, y, n: x.square() if dtypes.is_float(x.dtype) else x,
    "exp": lambda x, y, n: x.clip(-5, 5).exp() if dtypes.is_float(x.dtype) else x + 1,
    "sqrt": lambda x, y, n: x.abs().sqrt() if dtypes.is_float(x.dtype) else x // 3,
    "sin": lambda x, y, n: x.sin() if x.dtype is dtypes.float32 else x,
    "flip": _flip,
    "permute": _permute,
    "shrink": _shrink,
    "pad": _pad,
    "stretch": _stretch,
    "reduce": _reduce,
    "realize": lambda x, y, n: x.contiguous(),
    "cast": _cast,
    "shift": lambda x, y, n: (x << (n % 3)) if dtypes.is_unsigned(x.dtype) else x,
    "xor": lambda x, y, n: (x ^ (n % 7)) if dtypes.is_int(x.dtype) else x,
}

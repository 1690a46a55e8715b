"""One computation of one size: its inputs, its tensor expression, numpy's answer, its cost."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:  # importing tinygrad opens settings that labs.toolchain must prepare first
    from tinygrad import Tensor

Arrays = tuple[np.ndarray, ...]

# Relative tolerance against a float64 reference. A dot product of n float32 terms is off by about
# sqrt(n) rounding errors of 6e-8; tinygrad accumulates float16 in float32, and rounds at the end.
RTOL = {"float16": 5e-3, "float32": 1e-4, "float64": 1e-9}


@dataclass(frozen=True)
class Workload:
    """One computation of one size.

    Args:
        name: what it computes ("matmul").
        shape: its size as it appears in benchmark names ("n=500").
        dtype: of the inputs, as numpy names it.
        inputs: random generator -> arrays. They are made and copied outside the clock.
        compute: tensors in the order of `inputs` -> the lazy result.
        reference: the same arrays -> the right answer, in numpy.
        rtol, atol: how far off the answer may be.
        flop: floating-point operations of one call; None when that is no useful number.
        min_bytes: compulsory traffic of one call: each input and output byte once.
    """

    name: str
    shape: str
    dtype: str
    inputs: Callable[[np.random.Generator], Arrays]
    compute: Callable[..., "Tensor"]
    reference: Callable[..., np.ndarray]
    rtol: float = 1e-4
    atol: float = 1e-6
    flop: float | None = None
    min_bytes: float | None = None

    @property
    def spec(self) -> str:
        """Name and size in one word, readable by `parse_workload`: "matmul:n=500,dtype=float32"."""
        return f"{self.name}:{self.shape},dtype={self.dtype}"


def normal(rng: np.random.Generator, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    """Random numbers around zero, of about one in size."""
    return rng.standard_normal(shape).astype(dtype)


def wide(array: np.ndarray) -> np.ndarray:
    """In float64, for a reference that is more exact than what it judges."""
    return array.astype(np.float64)

"""Sums and extremes of a window, in a form that is exact enough on any device and vectors well.

A window is folded into rows of LANES samples and reduced over the rows; the LANES partial results
are combined on the host, in float64. Each sum then has 1/LANES of the terms, and of the error.
"""

import numpy as np
from tinygrad import Tensor

LANES = 64  # four of the widest vectors


def fold(x: Tensor, fill: float = 0.0) -> Tensor:
    """[..., n] -> [..., rows, LANES]; what is missing in the last row is `fill`."""
    n = x.shape[-1]
    rows = -(-n // LANES)
    if rows * LANES != n:
        x = x.pad((*[None] * (x.ndim - 1), (0, rows * LANES - n)), value=fill)
    return x.reshape(*x.shape[:-1], rows, LANES)


def partial_sums(x: Tensor) -> Tensor:
    """[..., n] -> [..., LANES] sums."""
    return fold(x).sum(-2)


def partial_maxima(x: Tensor) -> Tensor:
    """[..., n] -> [..., LANES] maxima. NaN is not found here: a sum has it."""
    return fold(x, -np.inf).max(-2)


def total(partial: np.ndarray) -> float:
    return float(partial.sum(dtype=np.float64))


NOT_FINITE = "NaN or infinite samples"

"""Sums and extremes of a window, in a form that is exact enough on any device and vectors well.

A window is folded into rows of LANES samples and reduced over the rows; the LANES partial results
are combined on the host, in float64. Each sum then has 1/LANES of the terms, and of the error.
"""

import numpy as np
from tinygrad import Tensor

LANES = 64  # four of the widest vectors


def partial_sums(x: Tensor) -> Tensor:
    """[..., n] -> [..., LANES] sums, in memory of their own."""
    whole, rest = _folded(x, 0.0)
    return rest.contiguous() if whole is None else (whole.sum(-2) + rest).contiguous()


def partial_maxima(x: Tensor) -> Tensor:
    """[..., n] -> [..., LANES] maxima. NaN is not found here: a sum has it."""
    whole, rest = _folded(x, -np.inf)
    return rest.contiguous() if whole is None else whole.max(-2).maximum(rest).contiguous()


def _folded(x: Tensor, fill: float) -> tuple[Tensor | None, Tensor | float]:
    """[..., rows, LANES], and the samples that don't fill a row, with `fill` for what is missing.

    Apart, because a condition in the loop over the rows would cost more than the rest does.
    """
    n = x.shape[-1]
    whole = n - n % LANES
    lead = [(0, size) for size in x.shape[:-1]]
    rows = x.shrink((*lead, (0, whole))).reshape(*x.shape[:-1], -1, LANES) if whole else None
    if whole == n:
        return rows, fill
    rest = x.shrink((*lead, (whole, n)))
    return rows, rest.pad((*[None] * len(lead), (0, LANES - n % LANES)), value=fill)


def total(partial: np.ndarray) -> float:
    return float(partial.sum(dtype=np.float64))


NOT_FINITE = "NaN or infinite samples"

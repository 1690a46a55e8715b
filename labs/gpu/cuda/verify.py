"""Whether a product of large matrices is right, without computing all of it in float64.

Two questions, both of the whole result: rows picked at random in every band of 16, completely, and
the sum of all columns with random signs (R. Freivalds, "Probabilistic machines can use less running
time", IFIP 1977): C @ v against A @ (B @ v). One wrong element shows in its row's sum.
"""

from dataclasses import dataclass

import numpy as np

BAND = 16
# The relative error of one element, in units of the elements' spread. float16 and bfloat16 round
# the result once, by 2^-11 and 2^-8 of its size, and elements reach six times the spread.
TOLERANCES = {"float32": 1e-4, "float16": 5e-3, "bfloat16": 3e-2}
_SUM_FACTOR = 2.0  # errors of one size with random signs add up to sqrt(n), n of them


@dataclass(frozen=True)
class ProductCheck:
    """How far off a product is, in units of the spread (standard deviation) of its elements.

    Args:
        row_error: the largest error of an element of the rows that were compared.
        sum_error: the largest error of a row's sum with random signs.
        rows: how many rows were compared.
        tolerance: for an element; for a sum of n elements 2 sqrt(n) times as much.
    """

    row_error: float
    sum_error: float
    rows: int
    columns: int
    tolerance: float

    @property
    def passed(self) -> bool:
        """NaN doesn't pass."""
        limit = _SUM_FACTOR * np.sqrt(self.columns) * self.tolerance
        return bool(self.row_error <= self.tolerance and self.sum_error <= limit)

    def __str__(self) -> str:
        return (
            f"numpy: {self.rows} rows off by {self.row_error:.1e}, all rows' signed sums by "
            f"{self.sum_error:.1e} of the elements' spread"
        )


def check_product(
    got: np.ndarray, a: np.ndarray, b: np.ndarray, dtype: str, *, seed: int = 0
) -> ProductCheck:
    """Compares a product with its factors.

    Args:
        got: (m, n), in any float dtype; a: (m, k); b: (k, n).
        dtype: in which the product was rounded, for the tolerance.
        seed: of the rows and the signs.
    """
    rng = np.random.default_rng(seed)
    a, b = a.astype(np.float32), b.astype(np.float32)
    m, n = got.shape
    # at most one row in each band, and at most 512: their product is the costly part
    picked = np.arange(0, m, BAND)
    picked = np.minimum(picked + rng.integers(BAND, size=picked.size), m - 1)
    if picked.size > 512:
        picked = np.sort(rng.choice(picked, 512, replace=False))
    want = a[picked].astype(np.float64) @ b.astype(np.float64) if n <= 1024 else a[picked] @ b
    spread = float(want.std()) or 1.0
    row_error = float(np.abs(got[picked].astype(np.float64) - want).max()) / spread
    signs = rng.choice(np.array([-1.0, 1.0]), n)
    wide = b.astype(np.float64) @ signs
    sums = got.astype(np.float64) @ signs - a.astype(np.float64) @ wide
    sum_error = float(np.abs(sums).max()) / spread
    return ProductCheck(row_error, sum_error, picked.size, n, TOLERANCES[dtype])

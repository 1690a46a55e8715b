"""All bins of a window's spectrum as two matrix products, for what needs every bin (E8).

tinygrad has no Fourier transform. With N = A B samples, n = B a + b and k = c + A d,

    X[c + A d] = sum over b of W_B^(b d) W_N^(b c) sum over a of x[B a + b] W_A^(a c)

is a product with a matrix of A x A, a turn of every number, and a product with one of B x B:
about N (A + B) multiplications in the place of N^2.

Source: Cooley and Tukey, Math. Comp. 19 (1965); here with one step.
"""

import math

import numpy as np
from tinygrad import Tensor

from labs.electrical.meters.taps import constant
from labs.errors import LabError

LARGEST_FACTOR = 1024


def factors(n: int) -> tuple[int, int]:
    """A and B, as near to each other as can be.

    Raises:
        LabError: the smallest such factor is too large, as for a prime.
    """
    a = next(d for d in range(math.isqrt(n), 0, -1) if n % d == 0)
    if n // a > LARGEST_FACTOR:
        raise LabError(
            f"transform a window of {n:,} samples",
            expected=f"a product of two numbers up to {LARGEST_FACTOR}",
            got=f"{a} x {n // a}",
            next_step="use another window, such as a power of two up to 1,048,576",
        )
    return a, n // a


def power_spectrum(x: Tensor) -> Tensor:
    """Real samples [n] -> squared magnitudes |X[k]|^2 of bins 0 .. n - 1, float32 [n]."""
    n = x.shape[0]
    a, b = factors(n)
    rows = x.reshape(a, b)
    ca, sa = (constant(m, x) for m in _waves(a, a, a))
    re, im = (ca @ rows).contiguous(), (sa @ rows).contiguous()  # [c, b]
    turn_re, turn_im = (constant(m, x) for m in _waves(a, b, n))
    re, im = re * turn_re - im * turn_im, re * turn_im + im * turn_re
    cb, sb = (constant(m, x) for m in _waves(b, b, b))
    re, im = re.contiguous(), im.contiguous()
    real, imaginary = re @ cb - im @ sb, re @ sb + im @ cb  # [c, d]
    return (real * real + imaginary * imaginary).transpose().reshape(n)


def _waves(rows: int, columns: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    """cos and -sin of 2 pi i j / n: the product is reduced first, so that no digit is lost."""
    turns = np.outer(np.arange(rows), np.arange(columns)) % n * (2 * np.pi / n)
    return np.cos(turns), -np.sin(turns)

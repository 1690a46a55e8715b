"""Group "transcendental": exponentials, logarithms, circular functions, and what is made of them.

tinygrad decomposes EXP2, LOG2 and SIN into elementary operations when a renderer hasn't got them,
so the tolerances allow for its polynomials, not only for a vendor's library.
"""

import math

import numpy as np

from labs.backends.conformance.case import Cases
from labs.backends.conformance.cases.elementwise import Operation, float_case
from labs.backends.conformance.values import as_dtype, positive

CASES = Cases("transcendental")


def unit(dtype, shape, rng):
    """Numbers between -0.95 and 0.95."""
    return as_dtype(rng.uniform(-0.95, 0.95, shape), dtype)


def _gelu(x: np.ndarray) -> np.ndarray:
    return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


OPERATIONS = (
    Operation("exp2", lambda x: x.exp2(), np.exp2, ulps=16),
    Operation("exp", lambda x: x.exp(), np.exp, ulps=16),
    Operation("log2", lambda x: x.log2(), np.log2, positive, ulps=8, floor=1),
    Operation("log", lambda x: x.log(), np.log, positive, ulps=8, floor=1),
    Operation("log10", lambda x: x.log10(), np.log10, positive, ulps=8, floor=1),
    Operation("sin", lambda x: x.sin(), np.sin, ulps=8, floor=1),
    Operation("cos", lambda x: x.cos(), np.cos, ulps=8, floor=1),
    Operation("tan", lambda x: x.tan(), np.tan, unit, ulps=16, floor=1),
    Operation("tanh", lambda x: x.tanh(), np.tanh, ulps=16, floor=1),
    Operation("sigmoid", lambda x: x.sigmoid(), lambda x: 1 / (1 + np.exp(-x)), ulps=32),
    Operation("softplus", lambda x: x.softplus(), lambda x: np.logaddexp(x, 0), ulps=16, floor=1),
    Operation("silu", lambda x: x.silu(), lambda x: x / (1 + np.exp(-x)), ulps=32),
    Operation("gelu", lambda x: x.gelu(), _gelu, ulps=16, floor=1),
    Operation("atan", lambda x: x.atan(), np.arctan, ulps=16, floor=1),
    Operation("sinh", lambda x: x.sinh(), np.sinh, ulps=32, floor=1),
    Operation("cosh", lambda x: x.cosh(), np.cosh, ulps=32),
)
IN_HALF = ("exp2", "exp", "log2", "sin", "sigmoid")
SINGLE_ONLY = ("atan", "sin/large")  # tinygrad's own float64 version is no better than float32

for _op in OPERATIONS:
    for _dtype in ("float16", "float32", "float64"):
        if _dtype == "float16" and _op.name not in IN_HALF:
            continue
        if _dtype == "float64" and _op.name in SINGLE_ONLY:
            continue
        CASES.add(f"{_op.name}/{_dtype}", float_case(_op, _dtype), dtypes=(_dtype,))


def wide(dtype, shape, rng):
    """Numbers over many orders of magnitude."""
    return as_dtype(2.0 ** rng.uniform(-100, 100, shape), dtype)


def angles(dtype, shape, rng):
    return as_dtype(rng.uniform(-300, 300, shape), dtype)


def exponents(dtype, shape, rng):
    return as_dtype(rng.uniform(-80, 80, shape), dtype)


for _op in (
    # the error of x*log2(e) is multiplied by x
    Operation("exp/large", lambda x: x.exp(), np.exp, exponents, ulps=128),
    Operation("log/wide", lambda x: x.log(), np.log, wide, ulps=8, floor=1),
    Operation("sin/large", lambda x: x.sin(), np.sin, angles, ulps=16, floor=1),
    Operation("sqrt/wide", lambda x: x.sqrt(), np.sqrt, wide, ulps=2),
):
    for _dtype in ("float32", "float64"):
        if _dtype == "float32" or _op.name not in SINGLE_ONLY:
            CASES.add(f"{_op.name}/{_dtype}", float_case(_op, _dtype), dtypes=(_dtype,))

"""Group "unary": one input, one output, exactly rounded or nearly so."""

import numpy as np

from labs.backends.conformance.case import Cases
from labs.backends.conformance.cases.elementwise import Operation, float_case
from labs.backends.conformance.values import as_dtype, positive

CASES = Cases("unary")


def halves(dtype, shape, rng):
    """Multiples of a quarter, so that ties and whole numbers are among them."""
    return as_dtype(rng.integers(-40, 41, shape) / 4, dtype)


OPERATIONS = (
    Operation("neg", lambda x: -x, lambda x: -x),
    Operation("abs", lambda x: x.abs(), np.abs),
    Operation("sqrt", lambda x: x.sqrt(), np.sqrt, positive),
    Operation("rsqrt", lambda x: x.rsqrt(), lambda x: 1 / np.sqrt(x), positive),
    Operation("reciprocal", lambda x: x.reciprocal(), lambda x: 1 / x),
    Operation("square", lambda x: x.square(), np.square),
    Operation("trunc", lambda x: x.trunc(), np.trunc, halves),
    Operation("floor", lambda x: x.floor(), np.floor, halves),
    Operation("ceil", lambda x: x.ceil(), np.ceil, halves),
    Operation("round", lambda x: x.round(), np.round, halves),
    Operation("sign", lambda x: x.sign(), np.sign, halves),
    Operation("relu", lambda x: x.relu(), lambda x: np.maximum(x, 0)),
    Operation("leaky-relu", lambda x: x.leaky_relu(0.25), lambda x: np.where(x < 0, x * 0.25, x)),
    Operation("hardtanh", lambda x: x.hardtanh(), lambda x: np.clip(x, -1, 1)),
)

for _op in OPERATIONS:
    for _dtype in ("float16", "bfloat16", "float32", "float64"):
        if _dtype == "bfloat16" and _op.name in ("rsqrt", "hardtanh", "leaky-relu", "square"):
            continue  # tinygrad computes it in float32: the others have shown that
        CASES.add(f"{_op.name}/{_dtype}", float_case(_op, _dtype), dtypes=(_dtype,))

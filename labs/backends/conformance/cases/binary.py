"""Group "binary": two and three inputs in floating point."""

import numpy as np

from labs.backends.conformance.case import Cases
from labs.backends.conformance.cases.elementwise import Operation, float_case
from labs.backends.conformance.values import positive

CASES = Cases("binary")

OPERATIONS = (
    Operation("add", lambda a, b: a + b, np.add, inputs=2, ulps=8),
    Operation("sub", lambda a, b: a - b, np.subtract, inputs=2, ulps=8),
    Operation("mul", lambda a, b: a * b, np.multiply, inputs=2),
    Operation("div", lambda a, b: a / b, np.divide, inputs=2),
    Operation("maximum", lambda a, b: a.maximum(b), np.maximum, inputs=2),
    Operation("minimum", lambda a, b: a.minimum(b), np.minimum, inputs=2),
    # the exponent's rounding error is multiplied by the logarithm
    Operation("pow", lambda a, b: a.pow(b), np.power, positive, inputs=2, ulps=64),
    Operation("copysign", lambda a, b: a.copysign(b), np.copysign, inputs=2),
    Operation(
        "where",
        lambda a, b, c: (a < 0).where(b, c),
        lambda a, b, c: np.where(a < 0, b, c),
        inputs=3,
    ),
    Operation(
        "clamp-between",
        lambda a: a.clamp(-1.5, 2.0),
        lambda a: np.clip(a, -1.5, 2.0),
    ),
    Operation(
        "multiply-add-positive",
        lambda a, b, c: a * b + c,
        lambda a, b, c: a * b + c,
        positive,
        inputs=3,
    ),
    Operation(
        "polynomial-positive",
        lambda x: ((x * 0.5 + 1) * x + 2) * x + 3,
        lambda x: ((x * 0.5 + 1) * x + 2) * x + 3,
        positive,
    ),
)

for _op in OPERATIONS:
    for _dtype in ("float16", "bfloat16", "float32", "float64"):
        if _dtype == "bfloat16" and _op.name not in ("add", "mul", "div", "where"):
            continue
        if _dtype == "float16" and _op.name == "pow":
            continue  # tinygrad's exp2(b*log2(a)) in float16 has no accuracy to speak of
        CASES.add(f"{_op.name}/{_dtype}", float_case(_op, _dtype), dtypes=(_dtype,))

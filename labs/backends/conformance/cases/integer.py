"""Group "integer": exact arithmetic of each width and sign, wrapping around at its ends."""

import numpy as np

from labs.backends.conformance.case import Cases
from labs.backends.conformance.cases.elementwise import Operation, exact_case
from labs.backends.conformance.values import INTEGERS, any_integers, integer_edges

CASES = Cases("integer")


def divisors(dtype, shape, rng):
    """Anything but zero, and not -1: the most negative number has no positive counterpart."""
    values = any_integers(dtype, shape, rng)
    small = rng.integers(2, 50, shape).astype(dtype)
    values = np.where(rng.random(shape) < 0.5, small, values)
    bad = (values == 0) | (values.astype(np.int64) == -1)
    return np.where(bad, np.array(3, dtype), values).astype(dtype)


def _both(make_second):
    """Makes a pair of inputs in one array of twice the size."""
    return lambda dtype, shape, rng: np.stack(
        [any_integers(dtype, shape, rng), make_second(dtype, shape, rng)]
    )


OPERATIONS = (
    Operation("add", lambda a, b: a + b, np.add, any_integers, 2),
    Operation("sub", lambda a, b: a - b, np.subtract, any_integers, 2),
    Operation("mul", lambda a, b: a * b, np.multiply, any_integers, 2),
    Operation("maximum", lambda a, b: a.maximum(b), np.maximum, any_integers, 2),
    Operation("minimum", lambda a, b: a.minimum(b), np.minimum, any_integers, 2),
    Operation("neg", lambda a: -a, np.negative, any_integers),
    Operation("floor-div", lambda p: p[0] // p[1], lambda p: p[0] // p[1], _both(divisors)),
    Operation("mod", lambda p: p[0] % p[1], lambda p: p[0] % p[1], _both(divisors)),
    Operation(
        "trunc-div",
        lambda p: p[0].div(p[1], rounding_mode="trunc"),
        lambda p: (np.sign(p[0]) * np.sign(p[1])) * (np.abs(p[0]) // np.abs(p[1])),
        lambda d, shape, rng: _small_pairs(d, shape, rng),
    ),
    Operation("mul-add", lambda a, b: a * b + a, lambda a, b: a * b + a, any_integers, 2),
)


def _small_pairs(dtype, shape, rng):
    low = 0 if dtype.startswith("u") else -100
    pairs = rng.integers(low, 101, (2, *shape)).astype(dtype)
    pairs[1][pairs[1] == 0] = 7
    return pairs


for _op in OPERATIONS:
    for _dtype in INTEGERS:
        CASES.add(f"{_op.name}/{_dtype}", exact_case(_op, _dtype), dtypes=(_dtype,))


def _constant_division(dtype: str, divisor: int):
    """Division by a constant is turned into multiplications and shifts: worth its own look."""

    def run(s) -> None:
        from labs.backends.conformance.compare import exact

        edges = integer_edges(dtype)
        values = np.concatenate([edges, any_integers(dtype, (90,), s.rng(f"{dtype}{divisor}"))])
        x = s.tensor(values)
        exact((x // divisor).numpy(), values // np.array(divisor, dtype))
        exact((x % divisor).numpy(), values % np.array(divisor, dtype))

    return run


for _dtype in ("int8", "uint8", "int32", "uint32", "int64", "uint64"):
    for _divisor in (3, 7, 16):
        CASES.add(
            f"by-constant/{_divisor}/{_dtype}",
            _constant_division(_dtype, _divisor),
            dtypes=(_dtype,),
        )

"""Group "bitwise": AND, OR, XOR, NOT and shifts of each width and sign."""

import numpy as np

from labs.backends.conformance.case import Cases
from labs.backends.conformance.cases.elementwise import Operation, exact_case
from labs.backends.conformance.compare import exact
from labs.backends.conformance.values import INTEGERS, any_integers, ordinary

CASES = Cases("bitwise")

OPERATIONS = (
    Operation("and", lambda a, b: a & b, np.bitwise_and, any_integers, 2),
    Operation("or", lambda a, b: a | b, np.bitwise_or, any_integers, 2),
    Operation("xor", lambda a, b: a ^ b, np.bitwise_xor, any_integers, 2),
    Operation("not", lambda a: ~a, np.invert, any_integers),
    Operation("shift-left-3", lambda a: a << 3, lambda a: a << np.array(3, a.dtype), any_integers),
    Operation("shift-right-3", lambda a: a >> 3, lambda a: a >> np.array(3, a.dtype), any_integers),
)

for _op in OPERATIONS:
    for _dtype in INTEGERS:
        CASES.add(f"{_op.name}/{_dtype}", exact_case(_op, _dtype), dtypes=(_dtype,))

for _op in OPERATIONS[:3]:
    _bools = Operation(_op.name, _op.ours, _op.reference, ordinary, 2)
    CASES.add(f"{_op.name}/bool", exact_case(_bools, "bool"))


@CASES.case("not/bool")
def _not(s) -> None:
    values = np.array([True, False, True])
    exact(s.tensor(values).logical_not().numpy(), ~values)


def _by_tensor(dtype: str):
    def run(s) -> None:
        width = np.dtype(dtype).itemsize * 8
        values = any_integers(dtype, (width,), s.rng(dtype))
        shifts = np.arange(width, dtype=dtype)
        x, y = s.tensor(values), s.tensor(shifts)
        exact((x << y).numpy(), values << shifts)
        exact((x >> y).numpy(), values >> shifts)

    return run


for _dtype in ("uint32", "uint64"):
    CASES.add(f"shift-by-tensor/{_dtype}", _by_tensor(_dtype), dtypes=(_dtype,))

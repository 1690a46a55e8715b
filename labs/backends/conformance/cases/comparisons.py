"""Group "compare": orders and equality, with signs, NaN, infinities and signed zeros."""

import numpy as np

from labs.backends.conformance.case import Cases
from labs.backends.conformance.compare import exact
from labs.backends.conformance.values import any_integers, float_edges, is_float

CASES = Cases("compare")

OPERATIONS = {
    "lt": (lambda a, b: a < b, np.less),
    "le": (lambda a, b: a <= b, np.less_equal),
    "gt": (lambda a, b: a > b, np.greater),
    "ge": (lambda a, b: a >= b, np.greater_equal),
    "eq": (lambda a, b: a == b, np.equal),
    "ne": (lambda a, b: a != b, np.not_equal),
}
DTYPES = ("bool", "int8", "uint8", "int32", "uint32", "int64", "uint64", "float16", "float32")


def _values(dtype: str, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    if dtype == "bool":
        pair = np.array([False, True])
        return np.repeat(pair, 2), np.tile(pair, 2)
    if is_float(dtype):
        edges = float_edges(dtype)
        if dtype == "float32":  # denormal numbers have their own group: special
            edges = edges[
                (np.abs(edges) >= np.finfo(np.float32).tiny) | (edges == 0) | (edges != edges)
            ]
        return np.repeat(edges, edges.size), np.tile(edges, edges.size)
    a = any_integers(dtype, (105,), rng)
    b = np.where(rng.random(105) < 0.3, a, any_integers(dtype, (105,), rng)[::-1])
    return a, b.astype(dtype)


def _case(name: str, dtype: str):
    def run(s) -> None:
        ours, reference = OPERATIONS[name]
        a, b = _values(dtype, s.rng(f"{name}{dtype}"))
        if name in ("le", "ge"):  # tinygrad's a <= b is not (b < a): true for NaN, by definition
            ordered = ~(np.isnan(a) | np.isnan(b)) if is_float(dtype) else np.ones(a.shape, bool)
            a, b = a[ordered], b[ordered]
        got = ours(s.tensor(a, dtype), s.tensor(b, dtype)).numpy()
        exact(got, reference(a, b))

    return run


for _name in OPERATIONS:
    for _dtype in (*DTYPES, "float64"):
        CASES.add(f"{_name}/{_dtype}", _case(_name, _dtype), dtypes=(_dtype,))

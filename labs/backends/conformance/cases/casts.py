"""Group "cast": each dtype to each other one, for values where the answer is defined.

Float to integer truncates; integer to float and float to float round to the nearest, ties to even;
integer to integer keeps the low bits; to bool is "not zero".
"""

import numpy as np
from tinygrad import dtypes

from labs.backends.conformance.case import Cases
from labs.backends.conformance.compare import exact
from labs.backends.conformance.subject import Subject
from labs.backends.conformance.values import (
    ALL,
    EPSILON,
    TINY,
    any_integers,
    as_dtype,
    is_float,
)

CASES = Cases("cast")


def _inputs(source: str, target: str, rng: np.random.Generator) -> np.ndarray:
    if source == "bool":
        return np.array([True, False, True, True, False])
    if not is_float(source):
        values = any_integers(source, (97,), rng)
        return _in_float_range(values, target) if is_float(target) else values
    if target == "bool":
        return as_dtype(np.array([0.0, -0.0, 0.5, -0.25, 1.0, 1e-3, -3.0, np.inf, np.nan]), source)
    if is_float(target):
        return _between_neighbours(source, target, rng)
    limits = np.iinfo(target)
    low, high = max(limits.min, -30000), min(limits.max, 30000)  # float16 holds as much
    values = as_dtype(rng.uniform(low, high, 90), source).astype(np.float64)
    near = [v + d for v in (0, 1, 2, 5, 100) for d in (0.25, 0.5, 0.75)]
    signed = near if limits.min == 0 else [*near, *(-v for v in near)]
    values = as_dtype(np.array([*values, *signed]), source)
    as64 = values.astype(np.float64)
    return values[(as64 > limits.min - 1) & (as64 < limits.max + 1) & (as64 >= min(low, 0))]


def _in_float_range(values: np.ndarray, target: str) -> np.ndarray:
    if target != "float16":
        return values
    return values[np.abs(values.astype(np.float64)) < 65500]


def _between_neighbours(source: str, target: str, rng: np.random.Generator) -> np.ndarray:
    """Numbers that lie between two of the target's, some of them exactly half way."""
    base = rng.uniform(1.0, 2.0, 40)
    eps = EPSILON[target]
    grid = np.floor(base / eps) * eps
    parts = [grid, grid + eps / 2, grid + eps * 0.25, grid + eps * 0.75, -grid - eps / 2]
    scaled = np.concatenate([p * 2.0**k for p in parts for k in (0, 5, -6)])
    special = np.array([0.0, -0.0, np.inf, -np.inf, np.nan])
    values = as_dtype(np.concatenate([scaled, special]), source)
    size = np.abs(values.astype(np.float64))
    return values[(size == 0) | (size >= TINY[target]) | np.isnan(size)]


def _reference(values: np.ndarray, target: str) -> np.ndarray:
    with np.errstate(all="ignore"):
        if target == "bfloat16":
            return as_dtype(values.astype(np.float32), "bfloat16")
        return values.astype(target)


def _case(source: str, target: str):
    def run(s: Subject) -> None:
        values = _inputs(source, target, s.rng(f"{source}{target}"))
        got = s.tensor(values, source).cast(getattr(dtypes, target)).numpy()
        exact(got, _reference(values, target))

    return run


for _source in ALL:
    for _target in ALL:
        if _source != _target:
            CASES.add(f"{_source}/{_target}", _case(_source, _target), dtypes=(_source, _target))


def _bitcast_case(source: str, target: str):
    def run(s: Subject) -> None:
        values = any_integers(target, (64,), s.rng(target)).view(source)
        values = values[~np.isnan(values)]
        x = s.tensor(values) if values.size % 2 == 0 else s.tensor(values[:-1])
        exact(x.bitcast(getattr(dtypes, target)).contiguous().numpy(), x.numpy().view(target))

    return run


for _source, _target in (("float32", "int32"), ("float16", "uint16"), ("float64", "int64")):
    CASES.add(f"bits/{_source}", _bitcast_case(_source, _target), dtypes=(_source, _target))


@CASES.case("chain")
def _chain(s: Subject) -> None:
    """The narrowing in the middle isn't optimised away."""
    values = np.array([300, -1, 128, 511], np.int32)
    exact(s.tensor(values).cast(dtypes.uint8).cast(dtypes.int32).numpy(), values & 0xFF)

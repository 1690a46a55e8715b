"""Input values by dtype: ordinary ones, and the edges where arithmetic goes wrong.

Everything is a numpy array. numpy has no bfloat16: such values are float32 arrays that hold only
numbers which bfloat16 can hold.
"""

import numpy as np

INTEGERS = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64")
FLOATS = ("float16", "bfloat16", "float32", "float64")
ALL = ("bool", *INTEGERS, *FLOATS)
# distance from 1 to the next number
EPSILON = {"float16": 2.0**-10, "bfloat16": 2.0**-7, "float32": 2.0**-23, "float64": 2.0**-52}
# the smallest normal number
TINY = {"float16": 2.0**-14, "bfloat16": 2.0**-126, "float32": 2.0**-126, "float64": 2.0**-1022}


def numpy_dtype(dtype: str) -> np.dtype:
    """The numpy dtype that carries values of the named tinygrad dtype."""
    return np.dtype("float32" if dtype == "bfloat16" else dtype)


def is_float(dtype: str) -> bool:
    return dtype in FLOATS


def to_bfloat16(values: np.ndarray) -> np.ndarray:
    """float32 numbers rounded to the nearest bfloat16, ties to even; NaN stays NaN."""
    values = np.asarray(values, np.float32)
    bits = values.view(np.uint32).astype(np.uint64)
    rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000
    result = rounded.astype(np.uint32).view(np.float32)
    return np.where(np.isnan(values), np.float32(np.nan), result).astype(np.float32)


def as_dtype(values: np.ndarray, dtype: str) -> np.ndarray:
    """Values that fit, as an array of the dtype."""
    if dtype == "bfloat16":
        return to_bfloat16(np.asarray(values, np.float32))
    return np.asarray(values).astype(numpy_dtype(dtype))


def ordinary(dtype: str, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Numbers of everyday size: floats between -4 and 4 and not near zero, small integers."""
    if dtype == "bool":
        return rng.integers(0, 2, shape).astype(bool)
    if not is_float(dtype):
        low = 0 if dtype.startswith("u") else -20
        return rng.integers(low, 21, shape).astype(dtype)
    size = rng.uniform(0.05, 4.0, shape) * rng.choice([-1.0, 1.0], shape)
    return as_dtype(size, dtype)


def positive(dtype: str, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """As ordinary, without the sign."""
    return as_dtype(np.abs(ordinary(dtype, shape, rng).astype(np.float64)), dtype)


def any_integers(dtype: str, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Integers over the dtype's whole range; the first ones are its edges."""
    limits = np.iinfo(dtype)
    values = rng.integers(limits.min, limits.max, shape, dtype=dtype, endpoint=True)
    flat = values.reshape(-1)
    edges = integer_edges(dtype)[: flat.size]
    flat[: edges.size] = edges
    return values


def integer_edges(dtype: str) -> np.ndarray:
    """The ends of the range, and the numbers around zero."""
    limits = np.iinfo(dtype)
    around = (limits.min, limits.min + 1, -1, 0, 1, limits.max - 1, limits.max)
    return np.array(sorted({n for n in around if limits.min <= n <= limits.max}), dtype=dtype)


def float_edges(dtype: str) -> np.ndarray:
    """Signed zeros, denormals, the ends of the range, infinities and NaN."""
    tiny, eps = TINY[dtype], EPSILON[dtype]
    denormal = tiny * eps
    largest = {
        "float16": 65504.0,
        "bfloat16": 3.3895313892515355e38,
        "float32": float(np.finfo(np.float32).max),
        "float64": float(np.finfo(np.float64).max),
    }[dtype]
    sizes = [0.0, denormal, tiny / 2, tiny, 0.5, 1.0, 1.0 + eps, 2.0, largest, np.inf]
    return as_dtype(np.array([*sizes, *(-s for s in sizes), np.nan]), dtype)

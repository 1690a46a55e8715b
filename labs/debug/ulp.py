"""How many representable numbers lie between two: the distance that a dtype itself measures in.

Source: IEEE 754-2019, 3.4: with the sign apart, the bits of a floating-point number, read as an
integer, grow with its size, so the difference of two such integers counts the numbers between.
"""

import numpy as np

from labs.backends.conformance.values import to_bfloat16

NO_DISTANCE = np.uint64(2**64 - 1)  # one of the two is NaN and the other is not
_BITS = {"float16": 16, "bfloat16": 16, "float32": 32, "float64": 64}


def ulp_distances(got: np.ndarray, expected: np.ndarray, dtype: str) -> np.ndarray:
    """The distance of each pair, as uint64.

    Args:
        got, expected: of the same shape; for bfloat16 float32 arrays.
        dtype: a name such as "float16", "bfloat16", "int32", "bool"; both are rounded to it first.

    Returns:
        0 for equal numbers, for two NaNs and for zeros of different sign; NO_DISTANCE for a NaN
        beside a number. The largest number and infinity are neighbours.

    Example:
        >>> int(ulp_distances(np.float32(1), np.nextafter(np.float32(1), np.float32(2)), "float32"))
        1
    """
    if dtype not in _BITS:
        return _whole(got, expected)
    with np.errstate(over="ignore", invalid="ignore"):
        a, b = _places(got, dtype), _places(expected, dtype)
    distance = np.maximum(a, b) - np.minimum(a, b)
    nans = np.isnan(np.asarray(got, np.float64)), np.isnan(np.asarray(expected, np.float64))
    distance = np.where(nans[0] & nans[1], np.uint64(0), distance)
    return np.where(nans[0] ^ nans[1], NO_DISTANCE, distance)


def _places(values: np.ndarray, dtype: str) -> np.ndarray:
    """Where each number stands in the order of all of them; both zeros on the same place."""
    bits = _BITS[dtype]
    if dtype == "bfloat16":
        words = (to_bfloat16(np.asarray(values)).view(np.uint32) >> np.uint32(16)).astype(np.uint64)
    else:
        words = np.asarray(values).astype(dtype).view(f"uint{bits}").astype(np.uint64)
    middle = np.uint64(1 << (bits - 1))
    size = words & (middle - np.uint64(1))
    return np.where(words & middle, middle - size, middle + size)


def _whole(got: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Integers: their difference, which may need one bit more than they have."""
    a, b = np.asarray(got), np.asarray(expected)
    if a.dtype.kind == "b" or b.dtype.kind == "b":
        return (a != b).astype(np.uint64)
    larger, smaller = np.where(a > b, a, b), np.where(a > b, b, a)
    # the wrap of 64 bits is the right answer: 0 <= larger - smaller < 2**64
    return larger.astype(np.uint64) - smaller.astype(np.uint64)

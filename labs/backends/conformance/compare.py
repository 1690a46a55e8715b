"""Holds a device's answer against the reference: how far apart they may be, and how to say so.

Tolerances are counted in units of the dtype's epsilon, so that one number serves all dtypes.
"""

import numpy as np

from labs.backends.conformance.case import Wrong
from labs.backends.conformance.values import EPSILON, TINY

ULPS = 4.0  # one correctly rounded operation is within 0.5; tinygrad may reassociate a few


def close(
    got: np.ndarray,
    want: np.ndarray,
    dtype: str,
    *,
    ulps: float = ULPS,
    scale: np.ndarray | float | None = None,
) -> None:
    """Raise Wrong unless |got - want| <= ulps * epsilon * scale everywhere.

    Args:
        want: the reference, in float64.
        scale: the size of the numbers that went into the result; default the result itself. For a
            sum it is the sum of absolute values, as cancellation magnifies the relative error.
    """
    with np.errstate(all="ignore"):
        got64, want = np.asarray(got, np.float64), np.asarray(want, np.float64)
        _same_shape(got64, want)
        size = np.abs(want) if scale is None else np.abs(np.asarray(scale, np.float64))
        allowed = ulps * EPSILON[dtype] * np.broadcast_to(size, want.shape) + TINY[dtype]
        allowed = np.where(np.isfinite(want), allowed, -1.0)  # infinity is not "about" anything
        largest = (2 - EPSILON[dtype]) * 2.0 ** _top_exponent(dtype)
        # beyond the dtype's range the answer is an infinity, or the largest number
        limited = np.clip(want, -largest, largest)
        overflow = (
            np.isfinite(want)
            & (np.abs(want) > largest * (1 - ulps * EPSILON[dtype]))
            & (np.sign(got64) == np.sign(want))
        )
        good = (
            (np.isnan(got64) & np.isnan(want))
            | (got64 == want)
            | (np.abs(got64 - limited) <= allowed)
            | (overflow & (np.abs(got64) >= largest * (1 - ulps * EPSILON[dtype])))
        )
    if not good.all():
        raise Wrong(_difference(got64, want, ~good, f"within {ulps:g} epsilon of {dtype}"))


def exact(got: np.ndarray, want: np.ndarray) -> None:
    """Raise Wrong unless all elements are equal; NaN equals NaN, and -0.0 equals 0.0."""
    got, want = np.asarray(got), np.asarray(want)
    _same_shape(got, want)
    good = got == want
    if got.dtype.kind == "f" and want.dtype.kind == "f":
        good |= np.isnan(got) & np.isnan(want)
    if not np.all(good):
        raise Wrong(_difference(got, want, ~np.asarray(good), "exactly equal"))


def same_sign_of_zero(got: np.ndarray, want: np.ndarray) -> None:
    """As exact, and a negative zero is not a positive one."""
    exact(got, want)
    got, want = np.asarray(got), np.asarray(want)
    bad = (np.signbit(got) != np.signbit(want)) & ~np.isnan(want)
    if bad.any():
        raise Wrong(_difference(got, want, bad, "equal with the sign of zero"))


def same_bytes(got: bytes | memoryview, want: bytes | memoryview) -> None:
    """Raise Wrong unless both are the same bytes."""
    exact(np.frombuffer(got, np.uint8), np.frombuffer(want, np.uint8))


def _top_exponent(dtype: str) -> int:
    return {"float16": 15, "bfloat16": 127, "float32": 127, "float64": 1023}[dtype]


def _same_shape(got: np.ndarray, want: np.ndarray) -> None:
    if got.shape != want.shape:
        raise Wrong(f"the shape is {got.shape}, expected {want.shape}")


def _difference(got: np.ndarray, want: np.ndarray, bad: np.ndarray, rule: str) -> str:
    count, total = int(np.count_nonzero(bad)), bad.size
    lines = [f"{count} of {total} elements are not {rule}"]
    for index in np.argwhere(np.atleast_1d(bad))[:3]:
        where = tuple(int(i) for i in index)
        values = (np.atleast_1d(a)[where] for a in (got, want))
        lines.append("at {}: got {}, expected {}".format(where, *(v.item() for v in values)))
    return "; ".join(lines)

"""What judges say with: comparisons whose messages name shape, dtype, place, expected and got.

Plain data in (see encode), `Wrong` out. Types are compared exactly before values are.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from labs.grading.judges import Wrong
from labs.grading.short import short

# about ten times the rounding of one operation, so that another order of summation passes
_RTOL = {np.dtype(np.float16): 1e-2, np.dtype(np.float32): 1e-5, np.dtype(np.float64): 1e-12}
_SCALAR_RTOL = 1e-9


def expect_type(
    name: str, got: object, types: type | Sequence[type], question: tuple | None = None
) -> None:
    """`got` has exactly one of these types: True is not an int here.

    Raises:
        Wrong: it has another one.
    """
    allowed = (types,) if isinstance(types, type) else tuple(types)
    if type(got) not in allowed:
        names = " or ".join(_type_name(t) for t in allowed)
        raise Wrong(
            f"{name}: expected {names}, got {_type_name(type(got))}: {short(got)}", question
        )


def expect_equal(name: str, got: object, want: object, question: tuple | None = None) -> None:
    """Same types and same values, all the way down.

    Raises:
        Wrong: naming the first place that differs.
    """
    trouble = _difference(name, got, want)
    if trouble:
        raise Wrong(trouble, question)


def expect_close(
    name: str,
    got: object,
    want: object,
    rtol: float | None = None,
    atol: float | None = None,
    question: tuple | None = None,
) -> None:
    """Same type, shape and dtype, and values within rounding.

    Args:
        name: what is compared.
        got, want: two numbers (a whole number passes for a real one) or two arrays.
        rtol: relative tolerance; from the dtype when not given.
        atol: absolute tolerance; rtol times the largest expected value when not given, so that
            small results of large cancelling terms pass.
        question: the inputs, for the message.

    Raises:
        Wrong: naming shape, dtype, or the first differing index with both values.
    """
    if not isinstance(want, np.ndarray):
        expect_type(name, got, (float, int), question)
        rtol, number = _SCALAR_RTOL if rtol is None else rtol, float(want)
        if not _is_close(float(got), number, rtol, atol or 0.0):
            raise Wrong(f"{name}: expected {number!r}, got {got!r} (rtol {rtol:g})", question)
        return
    trouble = _array_form(name, got, want)
    if trouble:
        raise Wrong(trouble, question)
    if want.size == 0:
        return
    rtol = _RTOL.get(want.dtype, 0.0) if rtol is None else rtol
    finite = np.abs(want[np.isfinite(want)])
    atol = rtol * float(finite.max(initial=0.0)) if atol is None else atol
    wrong = ~np.isclose(got, want, rtol=rtol, atol=atol, equal_nan=True)
    if wrong.any():
        tolerance = f"rtol {rtol:g}, atol {atol:.3g}"
        raise Wrong(_array_difference(name, got, want, wrong, tolerance), question)


def _difference(name: str, got: Any, want: Any) -> str:
    """What differs first, or an empty text."""
    if isinstance(want, np.ndarray):
        return _equal_arrays(name, got, want)
    if type(got) is not type(want):
        kinds = f"expected {_type_name(type(want))}, got {_type_name(type(got))}"
        return f"{name}: {kinds}: {short(got)}"
    if isinstance(want, (list, tuple)):
        if len(got) != len(want):
            return f"{name}: expected {len(want)} items, got {len(got)}: {short(got)}"
        parts = (_difference(f"{name}[{i}]", g, w) for i, (g, w) in enumerate(zip(got, want)))  # noqa: B905
        return next((p for p in parts if p), "")
    if isinstance(want, dict):
        if missing := [k for k in want if k not in got]:
            return f"{name}: missing {', '.join(map(repr, missing))}; got {short(got)}"
        if extra := [k for k in got if k not in want]:
            return f"{name}: not asked for: {', '.join(map(repr, extra))}"
        parts = (_difference(f"{name}[{k!r}]", got[k], want[k]) for k in want)
        return next((p for p in parts if p), "")
    same = got == want or (isinstance(want, float) and math.isnan(want) and math.isnan(got))
    return "" if same else f"{name}: expected {short(want)}, got {short(got)}"


def _equal_arrays(name: str, got: Any, want: np.ndarray) -> str:
    if trouble := _array_form(name, got, want):
        return trouble
    wrong = np.asarray(got != want)
    if want.dtype.kind in "fc":
        wrong &= ~(np.isnan(got) & np.isnan(want))
    return _array_difference(name, got, want, wrong, "exactly") if wrong.any() else ""


def _array_form(name: str, got: Any, want: np.ndarray) -> str:
    wanted = f"an array of shape {want.shape}, dtype {want.dtype}"
    if type(got) is not np.ndarray:
        return f"{name}: expected {wanted}, got {_type_name(type(got))}: {short(got)}"
    if got.shape != want.shape:
        return f"{name}: expected shape {want.shape}, got shape {got.shape} (dtype {got.dtype})"
    if got.dtype != want.dtype:
        return f"{name}: expected dtype {want.dtype}, got dtype {got.dtype} (shape {got.shape})"
    return ""


def _array_difference(
    name: str, got: np.ndarray, want: np.ndarray, wrong: np.ndarray, tolerance: str
) -> str:
    index = tuple(int(i) for i in np.argwhere(wrong)[0])
    at = str(list(index)) if index else ""
    count = int(wrong.sum())
    return (
        f"{name} (shape {want.shape}, dtype {want.dtype}): {count:,} of {wrong.size:,} values "
        f"differ ({tolerance}). First at {name}{at}: expected {want[index]!s}, got {got[index]!s}"
    )


def _is_close(got: float, want: float, rtol: float, atol: float) -> bool:
    if math.isnan(want) or math.isnan(got):
        return math.isnan(want) and math.isnan(got)
    return math.isclose(got, want, rel_tol=rtol, abs_tol=atol)


def _type_name(kind: type) -> str:
    return {type(None): "None", str: "text (str)", np.ndarray: "an array"}.get(kind, kind.__name__)

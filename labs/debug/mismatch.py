"""Two arrays that should be the same: where they first differ, how much, and in which pattern."""

import math
from dataclasses import dataclass, field

import numpy as np

from labs import units
from labs.debug.errors import DebugError
from labs.debug.patterns import pattern_hints
from labs.debug.ulp import NO_DISTANCE, ulp_distances
from labs.tables import Table, TableView

_FLOATS = ("float16", "bfloat16", "float32", "float64")


@dataclass(frozen=True, repr=False, eq=False)
class Mismatch(TableView):
    """Where two arrays differ.

    Args:
        index: of the first wrong element, in the order of memory.
        absolute_error, relative_error: of that element; None where no number says it (NaN,
            infinity, an expected zero).
        ulp_distance: representable numbers between the two; None for NaN beside a number.
        worst_index: of the element that is the most ulp away (a NaN counts as the farthest).
        count, total: wrong elements, and all.
        hints: what the positions and values of the wrong elements have in common; may be empty.
        rule: what was allowed.
        wrong: True where an element is wrong.
    """

    index: tuple[int, ...]
    got: object
    expected: object
    absolute_error: float | None
    relative_error: float | None
    ulp_distance: int | None
    worst_index: tuple[int, ...]
    worst_ulp_distance: int | None
    count: int
    total: int
    hints: tuple[str, ...]
    dtype: str
    rule: str
    wrong: np.ndarray = field(repr=False)

    @property
    def fraction(self) -> float:
        """Wrong elements of all, 0 to 1."""
        return self.count / self.total

    @property
    def shape(self) -> tuple[int, ...]:
        return self.wrong.shape

    def table(self) -> Table:
        rows = (
            ("first wrong element", str(list(self.index))),
            ("got", _number(self.got)),
            ("expected", _number(self.expected)),
            ("absolute error", _error(self.absolute_error)),
            ("relative error", _error(self.relative_error)),
            ("distance", _ulp_text(self.ulp_distance)),
            (
                "largest distance",
                f"{_ulp_text(self.worst_ulp_distance)} at {list(self.worst_index)}",
            ),
            ("wrong elements", f"{self.count:,} of {self.total:,} ({_percent(self.fraction)})"),
            ("pattern", "\n".join(self.hints) or "none seen"),
        )
        title = f"Not the same: {self.dtype} of shape {self.shape}"
        return Table(title, ("what", "value"), rows, f"Allowed: {self.rule}.")


def first_mismatch(
    got: object,
    expected: object,
    rtol: float | None = None,
    atol: float | None = None,
    ulp: float | None = None,
    *,
    dtype: str | None = None,
    signed_zero: bool = False,
) -> Mismatch | None:
    """The first element that is not as expected, and what all wrong ones have in common.

    Args:
        got, expected: arrays, numbers or realized or lazy Tensors of the same shape. Without any
            tolerance every element has to be equal.
        rtol, atol: right is |got - expected| <= atol + rtol * |expected|.
        ulp: right is at most so many representable numbers away. With rtol or atol too, either
            will do.
        dtype: of the values, for bfloat16 in a float32 array; else that of `got`.
        signed_zero: -0.0 is not 0.0.

    Returns:
        None when all are right. NaN equals NaN; an infinity equals only itself.

    Raises:
        DebugError: different shapes, nothing to compare, or a tolerance that is no number >= 0.

    Example:
        >>> first_mismatch([1.0, 2.0], [1.0, 2.5]).index
        (1,)
    """
    check_tolerances("Find the first mismatch", rtol=rtol, atol=atol, ulp=ulp)
    got, got_dtype = as_array(got)
    expected, expected_dtype = as_array(expected)
    if got.shape != expected.shape:
        raise DebugError(
            "Find the first mismatch",
            expected=f"two arrays of one shape: {expected.shape}",
            got=f"one of shape {got.shape}",
            next_step="compare the shapes first; reshape or transpose the one that is right",
        )
    kind = dtype or _common(got_dtype, expected_dtype)
    if got.size == 0:
        return None
    wrong = wrong_elements(got, expected, kind, rtol or 0.0, atol or 0.0, ulp or 0.0, signed_zero)
    if not wrong.any():
        return None
    rule = _rule(rtol, atol, ulp, signed_zero)
    return describe_mismatch(got, expected, wrong, kind, rule)


def wrong_elements(
    got: np.ndarray,
    expected: np.ndarray,
    dtype: str,
    rtol: float,
    atol: float | np.ndarray,
    ulp: float,
    signed_zero: bool = False,
) -> np.ndarray:
    """True where an element is out of every tolerance."""
    distance = ulp_distances(got, expected, dtype)
    right = distance == 0
    if ulp:
        right |= distance <= ulp
        if dtype in _FLOATS:  # infinity is one step from the largest number, and still wrong
            right &= (np.isinf(got) == np.isinf(expected)) | (distance == 0)
    if rtol or np.any(atol):
        with np.errstate(all="ignore"):
            a, b = np.asarray(got, np.float64), np.asarray(expected, np.float64)
            near = np.abs(a - b) <= atol + rtol * np.abs(b)
        right |= near & np.isfinite(b)
    if signed_zero and dtype in _FLOATS:
        right &= (np.signbit(got) == np.signbit(expected)) | np.isnan(expected)
    return ~right


def as_array(values: object) -> tuple[np.ndarray, str]:
    """Values as numpy holds them, and the name of their dtype: bfloat16 travels as float32."""
    if hasattr(values, "numpy") and hasattr(values, "dtype") and hasattr(values, "uop"):
        from tinygrad import dtypes  # a Tensor: tinygrad is loaded already

        if values.dtype == dtypes.bfloat16:
            return values.cast(dtypes.float32).numpy(), "bfloat16"
        values = values.numpy()
    array = np.asarray(values)
    if array.dtype.name == "bfloat16":  # of the package ml_dtypes
        return array.astype(np.float32), "bfloat16"
    if array.dtype.kind not in "biuf":
        raise DebugError(
            "Find the first mismatch",
            expected="numbers or truth values",
            got=f"an array of dtype {array.dtype}",
            next_step="give arrays or Tensors of a number dtype; compare real and imaginary parts",
        )
    return array, array.dtype.name


def describe_mismatch(
    got: np.ndarray, expected: np.ndarray, wrong: np.ndarray, dtype: str, rule: str
) -> Mismatch:
    """What there is to say about these wrong elements; at least one of them is."""
    distance = ulp_distances(got, expected, dtype)
    first = tuple(int(i) for i in np.unravel_index(int(np.argmax(wrong)), wrong.shape))
    far = int(np.argmax(np.where(wrong, distance, np.uint64(0))))
    worst = tuple(int(i) for i in np.unravel_index(far, wrong.shape))
    a, b = got[first].item(), expected[first].item()
    absolute = abs(a - b) if math.isfinite(a) and math.isfinite(b) else None
    relative = absolute / abs(b) if absolute is not None and b else None
    return Mismatch(
        index=first,
        got=a,
        expected=b,
        absolute_error=absolute,
        relative_error=relative,
        ulp_distance=_ulp(distance[first]),
        worst_index=worst,
        worst_ulp_distance=_ulp(distance[worst]),
        count=int(np.count_nonzero(wrong)),
        total=wrong.size,
        hints=pattern_hints(got, expected, wrong),
        dtype=dtype,
        rule=rule,
        wrong=wrong,
    )


def _common(a: str, b: str) -> str:
    """The coarser of two float dtypes: what the finer one has beyond it can't be expected."""
    if a in _FLOATS and b in _FLOATS:
        order = ("bfloat16", "float16", "float32", "float64")
        return min(a, b, key=order.index)
    return a if a in _FLOATS or b not in _FLOATS else b


def check_tolerances(asked: str, **given: float | None) -> None:
    """Raises DebugError for one that is no number >= 0."""
    for name, value in given.items():
        bad = value is not None and (
            isinstance(value, bool) or not isinstance(value, (int, float)) or not value >= 0
        )
        if bad:
            raise DebugError(
                asked,
                expected=f"{name} a number >= 0, or nothing",
                got=repr(value),
                next_step=f"leave {name} out",
            )


def _rule(rtol: float | None, atol: float | None, ulp: float | None, signed_zero: bool) -> str:
    parts = []
    if rtol or atol:
        parts.append(f"an error of {atol or 0:.3g} + {rtol or 0:.3g} times the expected value")
    if ulp:
        parts.append(f"{ulp:g} ulp")
    return (" or ".join(parts) or "nothing but equal numbers") + (
        ", zeros of the same sign" if signed_zero else ""
    )


def _ulp(distance: np.uint64) -> int | None:
    return None if distance == NO_DISTANCE else int(distance)


def _ulp_text(distance: int | None) -> str:
    return "no number of ulp (NaN)" if distance is None else f"{distance:,} ulp"


def _number(value: object) -> str:
    return repr(value) if isinstance(value, (bool, int)) else f"{value:.9g}"


def _error(value: float | None) -> str | None:
    return None if value is None else f"{value:.3g}"


def _percent(fraction: float) -> str:
    return units.format_percent(fraction)

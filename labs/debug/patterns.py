"""What wrong elements have in common, read from their positions and values alone.

A hint is a fact about the data ("only the last row"), not a verdict; several may hold at once.
"""

import math

import numpy as np

_WIDTHS = (32, 16, 8, 4, 2)  # elements in a vector, or in a group of a few threads
_SHIFTS = (1, -1, 2, -2, 4, -4)
_MOST = 3  # hints


def pattern_hints(got: np.ndarray, expected: np.ndarray, wrong: np.ndarray) -> tuple[str, ...]:
    """At most three facts, the most telling first."""
    if wrong.size < 2 or wrong.ndim == 0:
        return ()
    where = np.flatnonzero(wrong)
    found = [
        *_moved(got, expected),
        *_positions(wrong, where),
        *_values(got.reshape(-1)[where], expected.reshape(-1)[where], wrong.size),
    ]
    return tuple(found[:_MOST])


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    with np.errstate(all="ignore"):
        finite = np.abs(b[np.isfinite(b)].astype(np.float64))
        slack = 1e-6 * float(finite.max(initial=0.0))
        return a.size > 0 and bool(np.allclose(a, b, rtol=1e-3, atol=slack, equal_nan=True))


def _moved(got: np.ndarray, expected: np.ndarray) -> list[str]:
    """The right values in the wrong places."""
    flat, want = got.reshape(-1), expected.reshape(-1)
    varied = np.unique(want[: 1 << 16]).size > 2  # in a constant array every place is like another
    if not varied:
        return []
    found = []
    if got.ndim == 2 and min(got.shape) > 1 and _same(flat, expected.T.reshape(-1)):
        found.append("transposed: the rows of the result are the columns of what is expected")
    for shift in _SHIFTS:
        if flat.size <= 2 * abs(shift):
            continue
        a, b = (flat[shift:], want[:-shift]) if shift > 0 else (flat[:shift], want[-shift:])
        if _same(a, b):
            way = "later" if shift > 0 else "earlier"
            found.append(f"shifted: each value stands {abs(shift)} {way} than expected")
            break
    if not found and _same(flat, want[::-1]):
        found.append("reversed: the last value comes first")
    return found


def _positions(wrong: np.ndarray, where: np.ndarray) -> list[str]:
    if wrong.all():
        return ["every element"]
    found = [] if wrong.ndim < 2 else _slices(wrong)
    total, count = wrong.size, where.size
    if count == where[-1] - where[0] + 1:  # one run
        if where[-1] == total - 1:
            start = int(where[0])
            width = next((w for w in _WIDTHS if total % w and total - total % w == start), None)
            text = f"the tail: the last {count} of {total}"
            if width:
                text += f", those after the last multiple of {width}"
            found.append(text)
        elif where[0] == 0:
            found.append(f"the beginning: the first {count} of {total}")
        elif count > 1:
            found.append(f"one run: elements {int(where[0])} to {int(where[-1])} in memory")
    elif count > 2:
        steps = np.diff(where)
        step = math.gcd(*(int(s) for s in np.unique(steps)[:1024]))
        first = int(where[0]) % step if step else 0
        if step > 1 and count == len(range(first, total, step)):
            place = f"{step}k + {first}" if first else f"{step}k"
            found.append(f"every element {place} in memory")
    return found


def _slices(wrong: np.ndarray) -> list[str]:
    """Axes along which only one slice is wrong, such as the last row."""
    found = []
    for axis in range(wrong.ndim):
        length = wrong.shape[axis]
        others = tuple(a for a in range(wrong.ndim) if a != axis)
        hit = np.flatnonzero(wrong.any(axis=others))
        if length < 2 or hit.size != 1:
            continue
        name = {0: "row", 1: "column"}.get(axis, "slice") if wrong.ndim == 2 else "slice"
        place = int(hit[0])
        which = {0: "first", length - 1: "last"}.get(place, f"number {place}")
        whole = bool(np.take(wrong, place, axis=axis).all())
        at = f" along axis {axis}" if name == "slice" else ""
        found.append(f"only {'' if whole else 'in '}the {which} {name}{at}".replace("  ", " "))
    return found


def _values(got: np.ndarray, expected: np.ndarray, total: int) -> list[str]:
    """What the wrong values themselves say; all of them, one after another."""
    found = []
    with np.errstate(all="ignore"):
        a, b = got.astype(np.float64), expected.astype(np.float64)
        finite = np.isfinite(a) & np.isfinite(b)
        if np.isnan(a).all():
            found.append("all wrong values are NaN")
        elif np.isinf(a).all():
            found.append("all wrong values are infinite")
        elif not a.any():
            found.append("all wrong values are zero")
        elif a.size > 2 and (a == a[0]).all() and not (b == b[0]).all():
            found.append(f"all wrong values are the same: {got[0]}")
        elif finite.all() and (a == -b).all():
            found.append("the sign is wrong, the size is right")
        elif finite.all() and a.size > 2:
            found += _relation(a, b)
        if np.isnan(b).all():
            found.append("only where NaN is expected")
        elif np.isinf(b).all():
            found.append("only where an infinity is expected")
        elif a.size > 2 and a.size < total and (b < 0).all():
            found.append("only where a negative value is expected")
    return found


def _relation(a: np.ndarray, b: np.ndarray) -> list[str]:
    if b.all():
        ratio = a / b
        if abs(ratio[0] - 1) > 1e-3 and _same(ratio, np.full_like(ratio, ratio[0])):
            return [f"each is {ratio[0]:.4g} times what is expected"]
    offset = a - b
    if np.abs(offset[0]) > 0 and np.ptp(offset) <= 1e-3 * np.abs(offset[0]):
        return [f"each is off by the same {offset[0]:.4g}"]
    if (np.abs(a) < np.abs(b)).all():
        return ["each is too near to zero"]
    if (np.abs(a) > np.abs(b)).all():
        return ["each is too far from zero"]
    return []

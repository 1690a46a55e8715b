"""Group "special": NaN, infinities, signed zeros, denormal numbers, and overflow.

What -ffast-math and flush-to-zero destroy. Where tinygrad's own definition leaves the answer open
(the maximum of a number and NaN), nothing is asked.
"""

import numpy as np

from labs.backends.conformance.case import Cases, check
from labs.backends.conformance.compare import close, exact, same_sign_of_zero
from labs.backends.conformance.subject import Subject
from labs.backends.conformance.values import EPSILON, TINY, as_dtype, float_edges

CASES = Cases("special")
DTYPES = ("float16", "float32", "float64")
NAN, INF = np.nan, np.inf


def _table(name: str, ours, pairs, signed: bool = False) -> None:
    """Cases for a function of one input by a table of (input, answer)."""
    for dtype in DTYPES:

        def run(s: Subject, dtype=dtype) -> None:
            values = as_dtype(np.array([p[0] for p in pairs]), dtype)
            want = as_dtype(np.array([p[1] for p in pairs]), dtype)
            got = ours(s.tensor(values, dtype)).numpy()
            (same_sign_of_zero if signed else exact)(got, want)

        CASES.add(f"{name}/{dtype}", run, dtypes=(dtype,))


_table("exp", lambda x: x.exp(), [(INF, INF), (-INF, 0), (NAN, NAN), (0.0, 1), (-0.0, 1)])
_table("log", lambda x: x.log(), [(INF, INF), (0, -INF), (-1, NAN), (NAN, NAN), (1, 0)])
_table("sqrt", lambda x: x.sqrt(), [(INF, INF), (0, 0), (-1, NAN), (NAN, NAN), (4, 2)])
_table("sin", lambda x: x.sin(), [(INF, NAN), (-INF, NAN), (NAN, NAN), (0, 0)])
_table(
    "reciprocal",
    lambda x: x.reciprocal(),
    [(INF, 0.0), (-INF, -0.0), (0.0, INF), (-0.0, -INF), (NAN, NAN)],
    signed=True,
)
_table(
    "multiply-keeps-zeros",
    lambda x: x * 3,
    [(0.0, 0.0), (-0.0, -0.0), (INF, INF), (-INF, -INF), (NAN, NAN)],
    signed=True,
)
_table("neg", lambda x: -x, [(0.0, -0.0), (-0.0, 0.0), (INF, -INF), (NAN, NAN)], signed=True)
_table("add-zero", lambda x: x + 0.5 - 0.5, [(INF, INF), (-INF, -INF), (NAN, NAN), (1, 1)])
_table("trunc", lambda x: x.trunc(), [(INF, INF), (-INF, -INF), (NAN, NAN), (-2.5, -2)])


def _predicate(name: str, ours, reference) -> None:
    for dtype in DTYPES:

        def run(s: Subject, dtype=dtype) -> None:
            values = float_edges(dtype)
            exact(ours(s.tensor(values, dtype)).numpy(), reference(values))

        CASES.add(f"{name}/{dtype}", run, dtypes=(dtype,))


_predicate("isnan", lambda x: x.isnan(), np.isnan)
_predicate("isinf", lambda x: x.isinf(), np.isinf)
_predicate("isfinite", lambda x: x.isfinite(), np.isfinite)
_predicate("differs-from-itself", lambda x: x != x, lambda x: x != x)


def _arithmetic(dtype: str):
    def run(s: Subject) -> None:
        """Every pair of edges, added, subtracted, multiplied and divided."""
        edges = float_edges(dtype)
        normal = edges[(np.abs(edges) >= TINY[dtype]) | (edges == 0) | np.isnan(edges)]
        a, b = np.repeat(normal, normal.size), np.tile(normal, normal.size)
        x, y = s.tensor(a, dtype), s.tensor(b, dtype)
        with np.errstate(all="ignore"):
            close((x + y).numpy(), a.astype(np.float64) + b, dtype, ulps=2)
            close((x * y).numpy(), a.astype(np.float64) * b, dtype, ulps=2)
            # 0/0 and inf/inf are NaN, x/0 is an infinity
            close((x / y).numpy(), a.astype(np.float64) / b, dtype, ulps=4)

    return run


for _dtype in ("float16", "float32"):
    CASES.add(f"arithmetic/{_dtype}", _arithmetic(_dtype), dtypes=(_dtype,))


def _nonfinite(dtype: str):
    def run(s: Subject) -> None:
        """inf-inf, 0*inf and NaN in any place give NaN."""
        a = as_dtype(np.array([INF, -INF, 0.0, NAN, 1.0, INF]), dtype)
        b = as_dtype(np.array([INF, -INF, INF, 1.0, NAN, 0.0]), dtype)
        x, y = s.tensor(a, dtype), s.tensor(b, dtype)
        with np.errstate(all="ignore"):
            exact((x - y).numpy(), a - b)
            exact((x * y).numpy(), a * b)

    return run


for _dtype in DTYPES:
    CASES.add(f"nan-arises/{_dtype}", _nonfinite(_dtype), dtypes=(_dtype,))


def _denormal(dtype: str):
    def run(s: Subject) -> None:
        """Numbers below the smallest normal one are not zero, and neither are results there."""
        tiny, step = TINY[dtype], TINY[dtype] * EPSILON[dtype]
        values = np.array([step, 3 * step, tiny / 2, tiny - step, -step, -tiny / 4])
        x = s.tensor(values, dtype)
        exact((x * 2).numpy().astype(np.float64), values * 2)
        exact((x + x).numpy().astype(np.float64), values * 2)
        normal = s.tensor(np.array([tiny, tiny * 2, -tiny]), dtype)
        exact((normal * 0.5).numpy().astype(np.float64), np.array([tiny / 2, tiny, -tiny / 2]))
        check((x != 0).numpy().all(), "a denormal number equals zero")

    return run


for _dtype in DTYPES:
    CASES.add(f"denormal/{_dtype}", _denormal(_dtype), dtypes=(_dtype,))


def _overflow(dtype: str):
    def run(s: Subject) -> None:
        big = float_edges(dtype)
        big = big[np.isfinite(big)].max()
        x = s.tensor(np.array([big, -big]), dtype)
        exact((x * 2).numpy(), np.array([INF, -INF]))
        exact((x * 0.5 * 2).numpy().astype(np.float64), np.array([big, -big], np.float64))

    return run


for _dtype in DTYPES:
    CASES.add(f"overflow/{_dtype}", _overflow(_dtype), dtypes=(_dtype,))


@CASES.case("sum-of-nan")
def _sum(s: Subject) -> None:
    """One NaN, or infinities of both signs, make a sum NaN; one infinity an infinity."""
    rows = np.ones((4, 33), np.float32)
    rows[1, 17], rows[2, 5] = NAN, INF
    rows[3, 3], rows[3, 30] = INF, -INF
    exact(s.tensor(rows).sum(1).numpy(), np.array([33, NAN, INF, NAN], np.float32))


@CASES.case("max-of-infinities")
def _max(s: Subject) -> None:
    rows = np.array([[-INF, -INF, -5], [INF, 1, 2], [-INF, -INF, -INF]], np.float32)
    exact(s.tensor(rows).max(1).numpy(), rows.max(1))
    exact(s.tensor(rows).min(1).numpy(), rows.min(1))


@CASES.case("max-of-nan")
def _max_nan(s: Subject) -> None:
    check(np.isnan(s.tensor(np.full(9, NAN, np.float32)).max().numpy()), "the NaN is gone")


@CASES.case("matmul-nan")
def _matmul(s: Subject) -> None:
    a, b = np.ones((5, 7), np.float32), np.ones((7, 3), np.float32)
    a[2, 3], b[1, 2] = NAN, INF
    exact((s.tensor(a) @ s.tensor(b)).numpy(), np.where(np.isnan(a @ b), NAN, a @ b))


@CASES.case("where-hides-nan")
def _where(s: Subject) -> None:
    """What a condition doesn't choose has no influence."""
    x = s.tensor(np.array([NAN, 1.0, INF, -1.0], np.float32))
    got = x.isfinite().where(x, 0.0).numpy()
    exact(got, np.array([0, 1, 0, -1], np.float32))


@CASES.case("softmax-of-large")
def _softmax(s: Subject) -> None:
    x = np.array([[1000.0, 999.0, -1000.0], [-INF, 0.0, 0.0]], np.float32)
    with np.errstate(all="ignore"):
        e = np.exp(x.astype(np.float64) - x.max(1, keepdims=True))
    close(s.tensor(x).softmax(1).numpy(), e / e.sum(1, keepdims=True), "float32", ulps=32)

"""Group "reduce": sums, products, extremes and their positions, over any axis."""

import numpy as np
from tinygrad import dtypes

from labs.backends.conformance.case import Cases
from labs.backends.conformance.compare import close, exact
from labs.backends.conformance.subject import Subject
from labs.backends.conformance.values import as_dtype, is_float, ordinary

CASES = Cases("reduce")
SHAPE = (5, 33, 3)
AXES = {"all": None, "first": 0, "middle": 1, "last": 2, "two": (0, 2)}


def _float_sum(dtype: str, axis):
    def run(s: Subject) -> None:
        values = ordinary(dtype, SHAPE, s.rng(f"sum{dtype}"))
        as64 = values.astype(np.float64)
        got = s.tensor(values, dtype).sum(axis).numpy()
        close(got, as64.sum(axis), dtype, ulps=8, scale=np.abs(as64).sum(axis))

    return run


def _integer_sum(dtype: str, axis):
    def run(s: Subject) -> None:
        values = ordinary(dtype, SHAPE, s.rng(f"sum{dtype}"))
        exact(s.tensor(values, dtype).sum(axis).numpy().astype(np.int64), values.sum(axis))

    return run


for _dtype in (
    "float32",
    "float16",
    "bfloat16",
    "float64",
    "int32",
    "int8",
    "uint8",
    "int64",
    "bool",
):
    for _name, _axis in AXES.items():
        if _dtype not in ("float32", "int32") and _name not in ("all", "middle"):
            continue
        _make = _float_sum if is_float(_dtype) else _integer_sum
        CASES.add(f"sum/{_dtype}/{_name}", _make(_dtype, _axis), dtypes=(_dtype,))


def _extreme(dtype: str, which: str, axis):
    def run(s: Subject) -> None:
        values = ordinary(dtype, SHAPE, s.rng(f"{which}{dtype}"))
        exact(getattr(s.tensor(values, dtype), which)(axis).numpy(), getattr(values, which)(axis))

    return run


for _dtype in (
    "float32",
    "float16",
    "bfloat16",
    "float64",
    "int32",
    "uint32",
    "int8",
    "uint8",
    "bool",
):
    for _which in ("max", "min"):
        for _name, _axis in AXES.items():
            if _name not in ("all", "middle") and _dtype != "float32":
                continue
            if _which == "min" and _name != "middle":
                continue
            CASES.add(
                f"{_which}/{_dtype}/{_name}", _extreme(_dtype, _which, _axis), dtypes=(_dtype,)
            )


def _position(which: str, dtype: str, axis):
    def run(s: Subject) -> None:
        """Of several equal ones the first counts."""
        values = s.rng(f"{which}{dtype}").integers(0, 6, (7, 19)).astype(dtype)
        got = getattr(s.tensor(values), which)(axis).numpy()
        exact(got, getattr(np, which)(values, axis))

    return run


for _which in ("argmax", "argmin"):
    for _dtype in ("float32", "int32", "uint8"):
        for _axis in (None, 0, 1):
            CASES.add(
                f"{_which}/{_dtype}/{'all' if _axis is None else _axis}",
                _position(_which, _dtype, _axis),
                dtypes=(_dtype,),
            )


def _prod(dtype: str):
    def run(s: Subject) -> None:
        rng = s.rng(f"prod{dtype}")
        if is_float(dtype):
            values = as_dtype(rng.uniform(0.7, 1.4, (6, 17)), dtype)
            close(
                s.tensor(values, dtype).prod(1).numpy(),
                values.astype(np.float64).prod(1),
                dtype,
                ulps=34,
            )
        else:
            values = rng.integers(1, 5, (6, 9)).astype(dtype)
            got = s.tensor(values, dtype).prod(1).numpy().astype(np.int64)
            exact(got, values.astype(np.int64).prod(1))

    return run


for _dtype in ("float32", "float64", "int32", "int64"):
    CASES.add(f"prod/{_dtype}", _prod(_dtype), dtypes=(_dtype,))


def _float_statistic(name: str, ours, reference, ulps: float = 32):
    for dtype in ("float32", "float64"):

        def run(s: Subject, dtype=dtype) -> None:
            values = ordinary(dtype, (9, 41), s.rng(name))
            want = reference(values.astype(np.float64))
            close(ours(s.tensor(values)).numpy(), want, dtype, ulps=ulps, scale=np.abs(want) + 1)

        CASES.add(f"{name}/{dtype}", run, dtypes=(dtype,))


_float_statistic("mean", lambda x: x.mean(1), lambda x: x.mean(1))
_float_statistic("var", lambda x: x.var(1), lambda x: x.var(1, ddof=1), 128)
_float_statistic("std", lambda x: x.std(0), lambda x: x.std(0, ddof=1), 128)
_float_statistic("logsumexp", lambda x: x.logsumexp(1), lambda x: np.log(np.exp(x).sum(1)))


def _softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


_float_statistic("softmax", lambda x: x.softmax(1), _softmax)
_float_statistic("log-softmax", lambda x: x.log_softmax(1), lambda x: np.log(_softmax(x)))
_float_statistic(
    "layernorm",
    lambda x: x.layernorm(),
    lambda x: (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 1e-5),
    128,
)
_float_statistic("norm", lambda x: x.square().sum(1).sqrt(), lambda x: np.sqrt((x**2).sum(1)))


def _length(length: int):
    def run(s: Subject) -> None:
        values = np.arange(1, length + 1, dtype=np.int32)
        exact(s.tensor(values).sum().numpy(), values.sum())
        exact(s.tensor(values).max().numpy(), length)

    return run


for _n in (1, 2, 3, 4, 7, 8, 13, 16, 31, 33, 100, 257):
    CASES.add(f"length/{_n}", _length(_n))


@CASES.case("large/sum")
def _large_sum(s: Subject) -> None:
    values = s.rng("large").integers(-50, 51, s.pick(1 << 20, 1 << 15)).astype(np.int32)
    exact(s.tensor(values).sum().numpy(), values.sum())


@CASES.case("large/float-sum")
def _large_float(s: Subject) -> None:
    values = s.rng("large").random(s.pick(1 << 20, 1 << 14)).astype(np.float32)
    as64 = values.astype(np.float64)
    # one running sum of n terms may be off by n/2 epsilon; pairwise or vector sums by far less
    close(s.tensor(values).sum().numpy(), as64.sum(), "float32", ulps=2000)


@CASES.case("large/rows")
def _rows(s: Subject) -> None:
    values = s.rng("rows").integers(-9, 10, (s.pick(700, 70), s.pick(1100, 110))).astype(np.int32)
    exact(s.tensor(values).sum(1).numpy(), values.sum(1))
    exact(s.tensor(values).max(0).numpy(), values.max(0))


@CASES.case("of-permuted")
def _permuted(s: Subject) -> None:
    values = np.arange(5 * 6 * 7, dtype=np.int32).reshape(5, 6, 7)
    got = s.tensor(values).permute(2, 0, 1)[:, ::-1].sum(2).numpy()
    exact(got, values.transpose(2, 0, 1)[:, ::-1].sum(2))


@CASES.case("of-padded")
def _padded(s: Subject) -> None:
    values = -np.arange(1, 13, dtype=np.float32).reshape(3, 4)
    exact(
        s.tensor(values).pad(((1, 1), (2, 0))).max(1).numpy(),
        np.pad(values, ((1, 1), (2, 0))).max(1),
    )


@CASES.case("of-a-broadcast")
def _broadcast(s: Subject) -> None:
    values = np.arange(6, dtype=np.int32).reshape(6, 1)
    exact(s.tensor(values).expand(6, 11).sum(1).numpy(), values[:, 0] * 11)


@CASES.case("wraps-in-its-dtype")
def _wraps(s: Subject) -> None:
    """A sum of int32 is an int32 sum, and goes around."""
    values = np.full(3, 2**30, np.int32)
    exact(s.tensor(values).sum().numpy(), np.int64(3 * 2**30 - 2**32))


@CASES.case("any-all")
def _any(s: Subject) -> None:
    values = np.array([[True, False], [False, False], [True, True]])
    exact(s.tensor(values).any(1).numpy(), values.any(1))
    exact(s.tensor(values).all(1).numpy(), values.all(1))


@CASES.case("accumulator-dtype", dtypes=("float16",))
def _accumulator(s: Subject) -> None:
    """float16 sums are accumulated in float32 by default, and as asked for otherwise."""
    values = np.full(4096, 0.5, np.float16)
    exact(s.tensor(values).sum(dtype=dtypes.float32).numpy(), np.float32(2048))

"""Group "scan": cumulative sums and products, sorting: kernels with many small loops."""

import numpy as np

from labs.backends.conformance.case import Cases
from labs.backends.conformance.compare import close, exact
from labs.backends.conformance.subject import Subject

CASES = Cases("scan")


def _cumsum(length: int, dtype: str):
    def run(s: Subject) -> None:
        values = s.rng("cumsum").integers(-9, 10, length).astype(dtype)
        exact(s.tensor(values).cumsum().numpy(), values.cumsum())

    return run


for _n in (1, 2, 17, 100, 300):
    CASES.add(f"cumsum/{_n}/int32", _cumsum(_n, "int32"))
for _dtype in ("float32", "float64", "int64"):
    CASES.add(f"cumsum/65/{_dtype}", _cumsum(65, _dtype), dtypes=(_dtype,))


@CASES.case("cumsum/rows")
def _rows(s: Subject) -> None:
    values = s.rng("rows").integers(-9, 10, (5, 23)).astype(np.int32)
    exact(s.tensor(values).cumsum(1).numpy(), values.cumsum(1))
    exact(s.tensor(values).cumsum(0).numpy(), values.cumsum(0))


@CASES.case("cumsum/large")
def _large(s: Subject) -> None:
    values = s.rng("large").integers(-9, 10, s.pick(3000, 700)).astype(np.int32)
    exact(s.tensor(values).cumsum().numpy(), values.cumsum())


@CASES.case("cumprod")
def _cumprod(s: Subject) -> None:
    values = s.rng("prod").uniform(0.8, 1.25, 31).astype(np.float32)
    want = values.astype(np.float64).cumprod()
    close(s.tensor(values).cumprod(0).numpy(), want, "float32", ulps=64)


@CASES.case("cummax")
def _cummax(s: Subject) -> None:
    values = s.rng("max").integers(-50, 51, 40).astype(np.float32)
    exact(s.tensor(values).cummax(0)[0].numpy(), np.maximum.accumulate(values))


def _sort(dtype: str, length: int):
    def run(s: Subject) -> None:
        values = s.rng(f"sort{dtype}{length}").integers(0, 40, length).astype(dtype)
        got, order = s.tensor(values).sort()
        exact(got.numpy(), np.sort(values))
        exact(order.numpy(), np.argsort(values, kind="stable"))

    return run


CASES.add("sort/float32/7", _sort("float32", 7))
CASES.add("sort/int32/16", _sort("int32", 16))


@CASES.case("sort/descending")
def _descending(s: Subject) -> None:
    values = s.rng("descending").permutation(12).astype(np.float32)
    exact(s.tensor(values).sort(descending=True)[0].numpy(), np.sort(values)[::-1])


@CASES.case("topk")
def _topk(s: Subject) -> None:
    values = s.rng("topk").permutation(16).astype(np.float32)
    got, where = s.tensor(values).topk(3)
    exact(got.numpy(), np.array([15, 14, 13], np.float32))
    exact(values[where.numpy()], np.array([15, 14, 13], np.float32))

"""Group "indexing": loads whose index is itself loaded: gather, scatter, take, embeddings."""

import numpy as np
from tinygrad import Tensor

from labs.backends.conformance.case import Cases
from labs.backends.conformance.compare import exact
from labs.backends.conformance.subject import Subject

CASES = Cases("indexing")


def _take(dtype: str, index: str):
    def run(s: Subject) -> None:
        values = np.arange(60).reshape(12, 5).astype(dtype)
        where = s.rng(f"{dtype}{index}").integers(0, 12, 17).astype(index)
        exact(s.tensor(values)[s.tensor(where)].numpy(), values[where])

    return run


for _dtype in ("float32", "int8", "uint8", "float16", "float64", "int64"):
    CASES.add(f"take/{_dtype}", _take(_dtype, "int32"), dtypes=(_dtype,))
for _index in ("int8", "uint8", "int64", "uint32"):
    CASES.add(f"take-by/{_index}", _take("float32", _index), dtypes=(_index,))


@CASES.case("take/negative")
def _negative(s: Subject) -> None:
    values = np.arange(20, dtype=np.int32)
    where = np.array([-1, -20, 0, 19, -5], np.int32)
    exact(s.tensor(values)[s.tensor(where)].numpy(), values[where])


@CASES.case("take/two-axes")
def _two(s: Subject) -> None:
    values = np.arange(35, dtype=np.int32).reshape(5, 7)
    rows, columns = np.array([0, 4, 2], np.int32), np.array([6, 0, 3], np.int32)
    exact(s.tensor(values)[s.tensor(rows), s.tensor(columns)].numpy(), values[rows, columns])


@CASES.case("gather")
def _gather(s: Subject) -> None:
    values = np.arange(42, dtype=np.float32).reshape(6, 7)
    for axis in (0, 1):
        where = s.rng("gather").integers(0, 6, (6, 7)).astype(np.int32)
        got = s.tensor(values).gather(axis, s.tensor(where)).numpy()
        exact(got, np.take_along_axis(values, where, axis))


@CASES.case("scatter")
def _scatter(s: Subject) -> None:
    values, source = np.zeros((4, 6), np.float32), np.arange(12, dtype=np.float32).reshape(4, 3)
    where = np.array([[0, 2, 5], [1, 3, 4], [5, 4, 0], [2, 1, 3]], np.int32)
    want = values.copy()
    np.put_along_axis(want, where, source, 1)
    exact(s.tensor(values).scatter(1, s.tensor(where), s.tensor(source)).numpy(), want)


@CASES.case("scatter/sum")
def _scatter_sum(s: Subject) -> None:
    where = np.array([[0, 0, 1, 1, 1, 3]], np.int32)
    source = np.array([[1, 2, 4, 8, 16, 32]], np.float32)
    got = s.tensor(np.ones((1, 4), np.float32)).scatter_reduce(
        1, s.tensor(where), s.tensor(source), reduce="sum"
    )
    exact(got.numpy(), np.array([[4, 29, 1, 33]], np.float32))


@CASES.case("one-hot")
def _one_hot(s: Subject) -> None:
    where = np.array([3, 0, 2, 2], np.int32)
    exact(s.tensor(where).one_hot(5).numpy(), np.eye(5)[where])


@CASES.case("embedding")
def _embedding(s: Subject) -> None:
    table = np.arange(80, dtype=np.float32).reshape(20, 4)
    words = np.array([[3, 19, 0], [7, 7, 1]], np.int32)
    exact(s.tensor(table)[s.tensor(words)].numpy(), table[words])


@CASES.case("masked-fill")
def _masked(s: Subject) -> None:
    values = np.arange(21, dtype=np.float32).reshape(3, 7)
    mask = values % 3 == 0
    got = s.tensor(values).masked_fill(s.tensor(mask), -1.0).numpy()
    exact(got, np.where(mask, -1, values))


@CASES.case("assign/by-index")
def _assign(s: Subject) -> None:
    x = s.tensor(np.zeros((6, 4), np.int32))
    x[s.tensor(np.array([1, 4], np.int32))] = s.tensor(np.full((2, 4), 5, np.int32))
    want = np.zeros((6, 4), np.int32)
    want[[1, 4]] = 5
    exact(x.numpy(), want)


@CASES.case("assign/by-slice")
def _slice(s: Subject) -> None:
    x = s.tensor(np.zeros((6, 8), np.int32))
    x[1:5:2, 2:6] = 3
    want = np.zeros((6, 8), np.int32)
    want[1:5:2, 2:6] = 3
    exact(x.numpy(), want)


@CASES.case("nonzero")
def _nonzero(s: Subject) -> None:
    values = np.array([0, 3, 0, 0, 5, 1], np.int32)
    exact(s.tensor(values).nonzero().numpy()[:, 0], values.nonzero()[0])


@CASES.case("large")
def _large(s: Subject) -> None:
    rows = s.pick(5000, 300)
    values = np.arange(rows * 3, dtype=np.int32).reshape(rows, 3)
    where = s.rng("large").permutation(rows).astype(np.int32)[: rows // 2]
    exact(s.tensor(values)[s.tensor(where)].numpy(), values[where])


@CASES.case("of-computed-index")
def _computed(s: Subject) -> None:
    values = np.arange(30, dtype=np.float32)
    where = (Tensor.arange(10).clone(device=s.name) * 3 + 1).clip(0, 29)
    exact(s.tensor(values)[where].numpy(), values[np.arange(10) * 3 + 1])

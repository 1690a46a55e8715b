"""Group "symbolic": one kernel for many sizes, with the size as an argument."""

import numpy as np
from tinygrad import Tensor, Variable

from labs.backends.conformance.case import Cases, check
from labs.backends.conformance.compare import exact
from labs.backends.conformance.subject import Subject

CASES = Cases("symbolic")
LENGTHS = (1, 2, 5, 9, 10)


def _length(n: int, name: str = "i"):
    return Variable(name, 1, 10).bind(n)


@CASES.case("sum")
def _sum(s: Subject) -> None:
    values = np.arange(1, 11, dtype=np.int32)
    x = s.tensor(values)
    for n in LENGTHS:
        got = x[: _length(n)].sum().item()
        check(got == values[:n].sum(), f"at length {n}: got {got}, expected {values[:n].sum()}")


@CASES.case("max-of-rows")
def _max(s: Subject) -> None:
    values = s.rng("rows").integers(-50, 50, (10, 7)).astype(np.int32)
    x = s.tensor(values)
    for n in LENGTHS:
        exact(x[: _length(n)].max(0).numpy(), values[:n].max(0))


@CASES.case("elementwise")
def _elementwise(s: Subject) -> None:
    values = np.arange(10, dtype=np.float32)
    x = s.tensor(values)
    for n in LENGTHS:
        got = (x[: _length(n)] * 2 + 1).contiguous()[:n].numpy()
        exact(got, values[:n] * 2 + 1)


@CASES.case("two-lengths")
def _two(s: Subject) -> None:
    values = np.arange(100, dtype=np.int32).reshape(10, 10)
    x = s.tensor(values)
    for n, m in ((1, 10), (10, 1), (3, 7), (7, 3)):
        got = x[: _length(n), : _length(m, "j")].sum().item()
        want = values[:n, :m].sum()
        check(got == want, f"at {n} x {m}: got {got}, expected {want}")


@CASES.case("matmul")
def _matmul(s: Subject) -> None:
    a = s.rng("a").integers(-4, 5, (6, 10)).astype(np.float32)
    b = s.rng("b").integers(-4, 5, (10, 5)).astype(np.float32)
    x, y = s.tensor(a), s.tensor(b)
    for n in LENGTHS:
        v = _length(n)
        exact((x[:, :v] @ y[:v]).numpy(), a[:, :n] @ b[:n])


@CASES.case("offset")
def _offset(s: Subject) -> None:
    """Where a part starts is an argument, too."""
    values = np.arange(40, dtype=np.int32)
    x = s.tensor(values)
    for start in (1, 4, 10):
        v = _length(start, "start")
        exact((x[v : v + 5] * 1).reshape(5).contiguous().numpy(), values[start : start + 5])


@CASES.case("value-in-arithmetic")
def _value(s: Subject) -> None:
    values = np.arange(6, dtype=np.int32)
    for n in LENGTHS:
        got = (s.tensor(values) * Tensor(_length(n)).to(s.name)).numpy()
        exact(got, values * n)


@CASES.case("order-of-arguments")
def _order(s: Subject) -> None:
    """Three numbers reach the kernel in the right order."""
    values = np.arange(1000, dtype=np.int32).reshape(10, 10, 10)
    x = s.tensor(values)
    for a, b, c in ((2, 3, 4), (4, 3, 2), (10, 1, 5)):
        part = x[: _length(a, "a"), : _length(b, "b"), : _length(c, "c")]
        want = values[:a, :b, :c].sum()
        got = part.sum().item()
        check(got == want, f"at {a} x {b} x {c}: got {got}, expected {want}")


@CASES.case("softmax")
def _softmax(s: Subject) -> None:
    values = np.zeros((3, 10), np.float32)
    x = s.tensor(values)
    for n in (2, 4, 8):
        got = x[:, : _length(n)].softmax(1).sum(1).numpy()
        exact(got, np.ones(3, np.float32))


@CASES.case("no-recompiling")
def _recompiling(s: Subject) -> None:
    """A new length doesn't make a new kernel."""
    from tinygrad.codegen import to_program_cache

    x = s.tensor(np.arange(10, dtype=np.float32))
    (x[: _length(3)] - 0.5).sum().item()
    known = len(to_program_cache)
    (x[: _length(8)] - 0.5).sum().item()
    check(len(to_program_cache) == known, "a second length was compiled anew")

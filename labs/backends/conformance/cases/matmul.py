"""Group "matmul": products of matrices and vectors, of several dtypes and layouts."""

import numpy as np
from tinygrad import Tensor, dtypes

from labs.backends.conformance.case import Cases
from labs.backends.conformance.compare import close, exact
from labs.backends.conformance.subject import Subject
from labs.backends.conformance.values import ordinary

CASES = Cases("matmul")


def _product(m: int, k: int, n: int, dtype: str):
    def run(s: Subject) -> None:
        rng = s.rng(f"{m}{k}{n}{dtype}")
        a, b = ordinary(dtype, (m, k), rng), ordinary(dtype, (k, n), rng)
        a64, b64 = a.astype(np.float64), b.astype(np.float64)
        got = (s.tensor(a, dtype) @ s.tensor(b, dtype)).numpy()
        close(got, a64 @ b64, dtype, ulps=4, scale=np.abs(a64) @ np.abs(b64))

    return run


for _m, _k, _n in (
    (1, 1, 1),
    (2, 3, 4),
    (5, 7, 3),
    (16, 16, 16),
    (17, 33, 9),
    (1, 40, 8),
    (64, 64, 64),
):
    CASES.add(f"{_m}x{_k}x{_n}/float32", _product(_m, _k, _n, "float32"))
for _dtype in ("float16", "bfloat16", "float64"):
    for _m, _k, _n in ((5, 7, 3), (16, 16, 16)):
        CASES.add(f"{_m}x{_k}x{_n}/{_dtype}", _product(_m, _k, _n, _dtype), dtypes=(_dtype,))


def _whole(dtype: str, size: tuple[int, int, int]):
    def run(s: Subject) -> None:
        rng = s.rng(dtype)
        a = rng.integers(-3 if dtype[0] != "u" else 0, 4, size[:2]).astype(dtype)
        b = rng.integers(-3 if dtype[0] != "u" else 0, 4, size[1:]).astype(dtype)
        want = a.astype(np.int64) @ b.astype(np.int64)
        got = s.tensor(a).matmul(s.tensor(b), dtype=dtypes.int32).numpy()
        exact(got, want)

    return run


for _dtype in ("int8", "uint8", "int32"):
    CASES.add(f"whole/{_dtype}", _whole(_dtype, (13, 21, 10)), dtypes=(_dtype,))


@CASES.case("large/float32")
def _large(s: Subject) -> None:
    n = s.pick(256, 64)
    _product(n, n, n, "float32")(s)


@CASES.case("odd/float32")
def _odd(s: Subject) -> None:
    n = s.pick(131, 37)
    _product(n, n + 2, n - 4, "float32")(s)


@CASES.case("transposed")
def _transposed(s: Subject) -> None:
    rng = s.rng("transposed")
    a = rng.integers(-5, 6, (12, 9)).astype(np.float32)
    b = rng.integers(-5, 6, (14, 12)).astype(np.float32)
    exact((s.tensor(a).T @ s.tensor(b).T).numpy(), a.T @ b.T)


@CASES.case("batched")
def _batched(s: Subject) -> None:
    rng = s.rng("batched")
    a = rng.integers(-5, 6, (3, 2, 6, 5)).astype(np.float32)
    b = rng.integers(-5, 6, (2, 5, 7)).astype(np.float32)
    exact((s.tensor(a) @ s.tensor(b)).numpy(), a @ b)


@CASES.case("vector")
def _vector(s: Subject) -> None:
    rng = s.rng("vector")
    a = rng.integers(-5, 6, (23, 31)).astype(np.float32)
    x, y = (rng.integers(-5, 6, n).astype(np.float32) for n in (31, 23))
    exact((s.tensor(a) @ s.tensor(x)).numpy(), a @ x)
    exact((s.tensor(y) @ s.tensor(a)).numpy(), y @ a)
    exact(s.tensor(x).dot(s.tensor(x)).numpy(), x @ x)


@CASES.case("with-bias-and-relu")
def _linear(s: Subject) -> None:
    rng = s.rng("linear")
    x, w, b = (rng.integers(-5, 6, n).astype(np.float32) for n in ((11, 16), (16, 10), (10,)))
    got = s.tensor(x).linear(s.tensor(w), s.tensor(b)).relu().numpy()
    exact(got, np.maximum(x @ w + b, 0))


@CASES.case("chain")
def _chain(s: Subject) -> None:
    rng = s.rng("chain")
    a, b, c = (rng.integers(-3, 4, (9, 9)).astype(np.float32) for _ in range(3))
    exact((s.tensor(a) @ s.tensor(b) @ s.tensor(c)).numpy(), a @ b @ c)


@CASES.case("einsum")
def _einsum(s: Subject) -> None:
    rng = s.rng("einsum")
    a = rng.integers(-3, 4, (4, 5, 6)).astype(np.float32)
    b = rng.integers(-3, 4, (6, 5, 3)).astype(np.float32)
    got = Tensor.einsum("ijk,kjl->il", s.tensor(a), s.tensor(b)).numpy()
    exact(got, np.einsum("ijk,kjl->il", a, b))


@CASES.case("attention")
def _attention(s: Subject) -> None:
    rng = s.rng("attention")
    q, k, v = (rng.normal(size=(2, 3, 10, 8)).astype(np.float32) for _ in range(3))
    scores = q.astype(np.float64) @ k.transpose(0, 1, 3, 2) / np.sqrt(8)
    e = np.exp(scores - scores.max(-1, keepdims=True))
    want = e / e.sum(-1, keepdims=True) @ v
    got = s.tensor(q).scaled_dot_product_attention(s.tensor(k), s.tensor(v)).numpy()
    close(got, want, "float32", ulps=64, scale=np.abs(want) + 1)


@CASES.case("unoptimised")
def _unoptimised(s: Subject) -> None:
    """Without tinygrad's kernel optimisations: plain loops, no vectors."""
    from tinygrad import Context

    a = np.arange(30, dtype=np.float32).reshape(5, 6)
    b = np.arange(42, dtype=np.float32).reshape(6, 7)
    with Context(NOOPT=1):
        got = (s.tensor(a) @ s.tensor(b)).numpy()
    exact(got, a @ b)

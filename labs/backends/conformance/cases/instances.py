"""Group "instances": "X" and "X:1" are two devices, and work together."""

import numpy as np
from tinygrad import Tensor, TinyJit

from labs.backends.conformance.case import Cases
from labs.backends.conformance.compare import exact, same_bytes
from labs.backends.conformance.subject import Subject, read, write

CASES = Cases("instances")


@CASES.case("memory-apart")
def _apart(s: Subject) -> None:
    s.open_second()
    sizes = (1, 16, 100, 4096, 10_000)
    mine = [s.buffer(n) for n in sizes]
    other = [s.buffer(n, s.second) for n in sizes]
    for k, (a, b) in enumerate(zip(mine, other, strict=True)):
        write(a, bytes([k + 1]) * a.nbytes)
        write(b, bytes([k + 101]) * b.nbytes)
    for k, (a, b) in enumerate(zip(mine, other, strict=True)):
        same_bytes(read(a), bytes([k + 1]) * a.nbytes)
        same_bytes(read(b), bytes([k + 101]) * b.nbytes)


@CASES.case("freed-memory-stays-apart")
def _freed(s: Subject) -> None:
    """What one instance has freed isn't given out by the other while it is used again."""
    s.open_second()
    buffer = s.buffer(5000)
    write(buffer, b"\x01" * 5000)
    buffer.deallocate()
    other, mine = s.buffer(5000, s.second), s.buffer(5000)
    write(other, b"\x02" * 5000)
    write(mine, b"\x03" * 5000)
    same_bytes(read(other), b"\x02" * 5000)
    same_bytes(read(mine), b"\x03" * 5000)


@CASES.case("compute-on-both")
def _compute(s: Subject) -> None:
    s.open_second()
    values = np.arange(17, dtype=np.float32)
    a, b = (Tensor(values * k, device=d) for k, d in ((1, s.name), (2, s.second)))
    for _ in range(3):
        a, b = (a + 1).contiguous().realize(), (b * 2).contiguous().realize()
    exact(a.numpy(), values + 3)
    exact(b.numpy(), values * 16)


@CASES.case("result-lives-on-its-own")
def _lives(s: Subject) -> None:
    s.open_second()
    there = (Tensor(np.arange(5, dtype=np.int32), device=s.second) + 1).realize()
    assert there.device == s.second, f"the result is on {there.device}"
    exact(there.numpy(), np.arange(5) + 1)


@CASES.case("mixed-chain")
def _mixed(s: Subject) -> None:
    s.open_second()
    x = s.tensor(np.arange(8, dtype=np.float32))
    for k in range(6):
        x = (x + 1).contiguous().realize().to(s.second if k % 2 == 0 else s.name).realize()
    exact(x.numpy(), np.arange(8) + 6)


def _shard(s: Subject, values: np.ndarray, axis: int | None) -> Tensor:
    s.open_second()
    return Tensor(values, device=s.name).shard((s.name, s.second), axis).realize()


@CASES.case("shard/elementwise")
def _elementwise(s: Subject) -> None:
    values = np.arange(24, dtype=np.float32).reshape(6, 4)
    exact((_shard(s, values, 0) * 2 + 1).numpy(), values * 2 + 1)
    exact((_shard(s, values, 1) - 1).numpy(), values - 1)


@CASES.case("shard/sum")
def _sum(s: Subject) -> None:
    values = np.arange(24, dtype=np.int32).reshape(6, 4)
    x = _shard(s, values, 0)
    exact(x.sum().numpy(), values.sum())
    exact(x.sum(0).numpy(), values.sum(0))
    exact(x.sum(1).numpy(), values.sum(1))


@CASES.case("shard/matmul")
def _matmul(s: Subject) -> None:
    rng = s.rng("shard")
    a = rng.integers(-4, 5, (6, 8)).astype(np.float32)
    b = rng.integers(-4, 5, (8, 4)).astype(np.float32)
    exact((_shard(s, a, 0) @ _shard(s, b, None)).numpy(), a @ b)
    exact((_shard(s, a, 1) @ _shard(s, b, 0)).numpy(), a @ b)


@CASES.case("shard/and-back")
def _back(s: Subject) -> None:
    values = np.arange(20, dtype=np.float32).reshape(4, 5)
    exact(_shard(s, values, 0).to(s.name).numpy(), values)


@CASES.case("shard/jit")
def _jit(s: Subject) -> None:
    s.open_second()
    function = TinyJit(lambda x: ((x + 1).contiguous() * 2).realize())
    for k in range(5):
        values = np.arange(8, dtype=np.float32) * (k + 1)
        exact(function(_shard(s, values, 0)).numpy(), (values + 1) * 2)


@CASES.case("jit-on-each")
def _each(s: Subject) -> None:
    s.open_second()
    for device in (s.name, s.second):
        function = TinyJit(lambda x: (x * 3 - 1).realize())
        for k in range(4):
            values = np.arange(6, dtype=np.float32) + k
            exact(function(s.tensor(values, device=device)).numpy(), values * 3 - 1)

"""Group "synchronize": nothing is read, overwritten or freed before the kernels have run.

Each case starts a kernel that takes a while and acts at once. On a device that computes before it
returns these can't fail; on one that launches and returns they are where it goes wrong.
"""

import numpy as np
from tinygrad import Tensor, TinyJit, dtypes

from labs.backends.conformance.case import Cases, Skipped
from labs.backends.conformance.compare import exact
from labs.backends.conformance.subject import Subject, read, write

CASES = Cases("synchronize")
ROUNDS = 4


def _slow(s: Subject):
    """A jitted function that takes a while: products of matrices of small whole numbers."""

    @TinyJit
    def work(a: Tensor, b: Tensor) -> Tensor:
        return ((a @ b) @ b).contiguous().realize()

    return work


def _inputs(s: Subject, round_: int) -> tuple[np.ndarray, np.ndarray]:
    n = s.pick(192, 48)
    a = ((np.arange(n * n).reshape(n, n) * (round_ + 1)) % 5).astype(np.float32)
    b = np.eye(n, k=1, dtype=np.float32) + np.eye(n, dtype=np.float32)
    return a, b


@CASES.case("idle")
def _idle(s: Subject) -> None:
    for _ in range(3):
        s.device.synchronize()


@CASES.case("read-after-launch")
def _read(s: Subject) -> None:
    work = _slow(s)
    for k in range(ROUNDS):
        a, b = _inputs(s, k)
        exact(work(s.tensor(a), s.tensor(b)).numpy(), a @ b @ b)


@CASES.case("read-memory-after-synchronize")
def _memory(s: Subject) -> None:
    """After synchronize() the result is in the device's memory, as `_as_buffer` shows it."""
    if not hasattr(s.allocator, "_as_buffer"):
        raise Skipped("the allocator has no _as_buffer")
    work = _slow(s)
    for k in range(ROUNDS):
        a, b = _inputs(s, k)
        out = work(s.tensor(a), s.tensor(b)).uop.base.buffer
        s.device.synchronize()
        shown = out.as_memoryview(force_zero_copy=True, no_sync=True)
        got = np.frombuffer(bytes(shown), np.float32)[: a.size].reshape(a.shape)
        exact(got, a @ b @ b)


@CASES.case("raw-copyout-after-synchronize")
def _raw(s: Subject) -> None:
    work = _slow(s)
    for k in range(ROUNDS):
        a, b = _inputs(s, k)
        out = work(s.tensor(a), s.tensor(b)).uop.base.buffer
        s.device.synchronize()
        got = np.empty(a.shape, np.float32)
        s.allocator._copyout(memoryview(got).cast("B"), out._buf)
        s.device.synchronize()
        exact(got, a @ b @ b)


@CASES.case("overwrite-input")
def _overwrite(s: Subject) -> None:
    """A copy into a kernel's input waits for the kernel."""
    work = _slow(s)
    for k in range(ROUNDS):
        a, b = _inputs(s, k)
        x, y = s.tensor(a), s.tensor(b)
        out = work(x, y)
        write(x.uop.base.buffer, b"\x00" * a.nbytes)
        exact(out.numpy(), a @ b @ b)


@CASES.case("free-input")
def _free(s: Subject) -> None:
    """Freed memory isn't given to somebody else while a kernel is still reading it."""
    work = _slow(s)
    for k in range(ROUNDS):
        a, b = _inputs(s, k)
        x = s.tensor(a)
        out = work(x, s.tensor(b))
        x.uop.base.buffer.deallocate()
        other = s.buffer(a.nbytes)
        write(other, b"\x00" * a.nbytes)
        exact(out.numpy(), a @ b @ b)


@CASES.case("launch-after-copy")
def _after_copy(s: Subject) -> None:
    """A kernel sees what was copied in before it."""
    x = s.tensor(np.zeros(5000, np.int32))
    for k in range(ROUNDS):
        write(x.uop.base.buffer, np.full(5000, k, np.int32).tobytes())
        exact((x + 1).numpy(), np.full(5000, k + 1))


@CASES.case("order-of-launches")
def _order(s: Subject) -> None:
    work = _slow(s)
    a, b = _inputs(s, 1)
    x = s.tensor(a)
    for _ in range(3):
        x = work(x.clone().realize(), s.tensor(b))
        x = (x % 7).contiguous().realize()
    want = a
    for _ in range(3):
        want = (want @ b @ b) % 7
    exact(x.numpy(), want)


@CASES.case("copy-to-another-device")
def _copy_away(s: Subject) -> None:
    work = _slow(s)
    for k in range(ROUNDS):
        a, b = _inputs(s, k)
        exact(work(s.tensor(a), s.tensor(b)).to("PYTHON").numpy(), a @ b @ b)


@CASES.case("second-instance")
def _second(s: Subject) -> None:
    """A copy from one instance to the other waits for the first."""
    s.open_second()
    work = _slow(s)
    for k in range(ROUNDS):
        a, b = _inputs(s, k)
        out = work(s.tensor(a), s.tensor(b)).to(s.second)
        exact((out + 1).numpy(), a @ b @ b + 1)


@CASES.case("bytes-after-launch")
def _bytes(s: Subject) -> None:
    x = s.tensor(np.arange(s.pick(1 << 20, 1 << 16), dtype=np.int32))
    out = (x.cast(dtypes.float32).sqrt().cast(dtypes.int32) + 1).contiguous().realize()
    got = np.frombuffer(read(out.uop.base.buffer), np.int32)
    exact(got, np.sqrt(np.arange(got.size, dtype=np.float32)).astype(np.int32) + 1)

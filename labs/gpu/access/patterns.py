"""Access patterns as workloads: real kernels, one memory pattern each, that run on any device.

Each reads n elements in its own order and writes n side by side, so what differs between them is
where the reads go. Bytes are not in the workload: they are counted from the kernel that a device
really compiles (`traffic.py`), because an optimiser may change the pattern.
"""

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from labs.bench.workload import Workload
from labs.errors import MeasurementError

if TYPE_CHECKING:
    from tinygrad import Tensor

_DTYPES = ("float16", "float32", "float64")
_GATHER_LIMIT = 2**31  # indices are int32


def copy(*, n: int = 1 << 20, dtype: str = "float32") -> Workload:
    """out[i] = x[i]: what the others are held against."""
    return _workload("copy", n, dtype, n, lambda x: x.clone(), lambda x: x)


def sequential(*, n: int = 1 << 20, dtype: str = "float32") -> Workload:
    """out[i] = x[i] + 1: neighbours read neighbours."""
    return _workload("sequential", n, dtype, n, lambda x: x + 1, lambda x: x + 1)


def strided(*, n: int = 1 << 20, stride: int = 8, dtype: str = "float32") -> Workload:
    """out[i] = x[stride * i] + 1: of each stretch of `stride` elements one is used."""
    _positive("stride", stride, "the distance between the elements that neighbours read")
    return _workload(
        "strided",
        n,
        dtype,
        n * stride,
        lambda x: x[::stride] + 1,
        lambda x: x[::stride] + 1,
        shape=f"n={n},stride={stride}",
    )


def misaligned(*, n: int = 1 << 20, offset: int = 1, dtype: str = "float32") -> Workload:
    """out[i] = x[i + offset] + 1: side by side, but not from the start of a sector."""
    _whole("offset", offset, 0, "the number of elements that are left out in front")
    return _workload(
        "misaligned",
        n,
        dtype,
        n + offset,
        lambda x: x[offset : n + offset] + 1,
        lambda x: x[offset : n + offset] + 1,
        shape=f"n={n},offset={offset}",
    )


def transposed(*, n: int = 1 << 20, dtype: str = "float32") -> Workload:
    """out[c, r] = x[r, c] + 1 of a matrix of n elements, as square as n allows."""
    rows, columns = _matrix(n)
    return _workload(
        "transposed",
        n,
        dtype,
        n,
        lambda x: x.reshape(rows, columns).T + 1,
        lambda x: x.reshape(rows, columns).T + 1,
    )


def broadcast(*, n: int = 1 << 20, dtype: str = "float32") -> Workload:
    """out[r, c] = x[r] + 1 of a matrix of n elements: a whole row reads one element."""
    rows, columns = _matrix(n)
    return _workload(
        "broadcast",
        n,
        dtype,
        rows,
        lambda x: x.reshape(rows, 1).expand(rows, columns) + 1,
        lambda x: np.repeat((x + 1)[:, None], columns, axis=1),
    )


def gather(*, n: int = 1 << 20, dtype: str = "float32", seed: int = 0) -> Workload:
    """out[i] = x[p[i]] with a random permutation p, itself read from memory.

    tinygrad makes x[p] of Tensors from a sum over all of x, which its optimiser takes back only
    for small tables; so this kernel is written in UOps, and optimised like any other.
    """
    _size(n, dtype)
    if n >= _GATHER_LIMIT:
        raise _refuse("n", n, f"a whole number below {_GATHER_LIMIT}: indices are int32")

    def inputs(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        order = np.random.default_rng(seed).permutation(n).astype(np.int32)
        return _numbers(rng, n, dtype), order

    return Workload(
        "gather", f"n={n}", dtype, inputs, _gathered, lambda x, p: x[p], rtol=0, atol=0, flop=0
    )


PATTERNS: Mapping[str, Callable[..., Workload]] = {
    "copy": copy,
    "sequential": sequential,
    "misaligned": misaligned,
    "strided": strided,
    "transposed": transposed,
    "gather": gather,
    "broadcast": broadcast,
}


def pattern(name: str, **settings: Any) -> Workload:
    """One of PATTERNS by name, with its size and settings.

    Args:
        settings: n (elements read and written), dtype; stride of "strided", offset in elements of
            "misaligned".

    Raises:
        MeasurementError: an unknown pattern or setting, or a value that makes no sense.

    Example:
        >>> pattern("strided", n=4096, stride=2).spec
        'strided:n=4096,stride=2,dtype=float32'
    """
    if name not in PATTERNS:
        raise MeasurementError(
            f"make the access pattern {name!r}",
            expected=f"one of {', '.join(PATTERNS)}",
            got=repr(name),
            next_step="name one of those",
        )
    try:
        return PATTERNS[name](**settings)
    except TypeError as error:
        raise MeasurementError(
            f"make the access pattern {name!r}",
            expected="n and dtype; stride for 'strided', offset for 'misaligned'",
            got=", ".join(f"{k}={v!r}" for k, v in settings.items()),
            next_step=f"leave out what {name!r} doesn't have",
        ) from error


def input_bytes(workload: Workload) -> int:
    """Bytes that a pattern's inputs and output take on the device, from its own description."""
    parts = dict(part.split("=") for part in workload.shape.split(","))
    n, itemsize = int(parts["n"]), np.dtype(workload.dtype).itemsize
    index = 4 * n if workload.name == "gather" else 0
    read = n * int(parts.get("stride", 1)) + int(parts.get("offset", 0))
    return (n + read) * itemsize + index


def _workload(
    name: str,
    n: int,
    dtype: str,
    read: int,
    compute: "Callable[[Tensor], Tensor]",
    reference: Callable[[np.ndarray], np.ndarray],
    shape: str = "",
) -> Workload:
    _size(n, dtype)
    # x + 1 is rounded once, here as there; float16 may be computed wider and rounded then
    rtol = 1e-3 if dtype == "float16" else 1e-6
    return Workload(
        name,
        shape or f"n={n}",
        dtype,
        lambda rng: (_numbers(rng, read, dtype),),
        compute,
        reference,
        rtol=rtol,
        atol=0.0,
        flop=0 if name == "copy" else n,
    )


def _gathered(table: "Tensor", order: "Tensor") -> "Tensor":
    from tinygrad import Tensor

    out = Tensor.empty(order.numel(), dtype=table.dtype, device=table.device)
    return out.custom_kernel(table, order, fxn=_gather_kernel)[0]


def _gather_kernel(out: Any, table: Any, order: Any) -> Any:
    from tinygrad import dtypes
    from tinygrad.uop.ops import KernelInfo, UOp

    i = UOp.range(out.numel(), 0)
    value = table.flatten()[order.flatten()[i].cast(dtypes.weakint)]
    return out.flatten()[i].store(value).end(i).sink(arg=KernelInfo(name="gather"))


def _numbers(rng: np.random.Generator, n: int, dtype: str) -> np.ndarray:
    kind = np.float64 if dtype == "float64" else np.float32
    return rng.random(n, dtype=kind).astype(dtype, copy=False)


def _matrix(n: int) -> tuple[int, int]:
    """Rows and columns of n elements, as near to a square as whole numbers are."""
    _whole("n", n, 1, "the number of elements")
    rows = next(r for r in range(math.isqrt(n), 0, -1) if n % r == 0)
    return rows, n // rows


def _size(n: int, dtype: str) -> None:
    _whole("n", n, 1, "the number of elements")
    if dtype not in _DTYPES:
        raise _refuse("dtype", dtype, f"one of {', '.join(_DTYPES)}")


def _positive(name: str, value: int, meaning: str) -> None:
    _whole(name, value, 1, meaning)


def _whole(name: str, value: int, least: int, meaning: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise _refuse(name, value, f"a whole number from {least} on: {meaning}")


def _refuse(name: str, value: object, expected: str) -> MeasurementError:
    return MeasurementError(
        f"make an access pattern with {name}={value!r}",
        expected=expected,
        got=repr(value),
        next_step=f"choose another {name}",
    )

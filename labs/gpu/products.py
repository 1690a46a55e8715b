"""Ways to compute a matrix product: in blocks, fused with what follows, in whole numbers, mixed.

Each is a Workload of the harness, so each is checked against numpy before it is timed. All start
from the same two random matrices: what lower precision costs is measured against their product in
float64.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from labs import toolchain
from labs.bench.workload import RTOL, Workload, normal, wide
from labs.errors import MeasurementError
from labs.gpu.kernel_work import compile_workload

toolchain.activate()

from tinygrad import Device, Tensor, dtypes
from tinygrad.uop.ops import Ops

SCALES = ("tensor", "row")
_INT8_MAX = 127  # symmetric: -128 is left out, so that a sign can be turned around


@dataclass(frozen=True)
class Product:
    """One way to compute it.

    Args:
        way: "standard", "blocked", ...
        workload: what is timed.
        exact: inputs as the workload gets them -> the product of the unrounded matrices, float64.
        note: what makes it different, in a few words.
    """

    way: str
    workload: Workload
    exact: np.ndarray
    note: str


def standard(n: int, seed: int = 0) -> Product:
    """a @ b in float32, one kernel."""
    a, b, exact = _matrices(n, seed)
    work = _workload("matmul", n, "float32", (a, b), lambda a, b: a @ b, exact)
    return Product("standard", work, exact, "one kernel")


def blocked(n: int, block: int, seed: int = 0) -> Product:
    """The product in blocks of block x block over rows, columns and the summed index.

    Both matrices are packed so that a block lies in one piece (padded with zeros where the block
    doesn't divide n). Then, for one block of the summed index after the other, each block of the
    result gets the product of its two blocks added, which stay in a cache meanwhile.

    Raises:
        MeasurementError: for a block below 1.
    """
    if not isinstance(block, int) or block < 1:
        raise MeasurementError(
            "compute a product in blocks",
            expected="a block of at least 1 x 1",
            got=f"block={block!r}",
            next_step="pass block=64",
        )
    a, b, exact = _matrices(n, seed)
    count = -(-n // block)
    padded = count * block

    def packed(x: Tensor, order: tuple[int, ...]) -> Tensor:
        x = x.pad(((0, padded - n), (0, padded - n)))
        return x.reshape(count, block, count, block).permute(*order).contiguous()

    def compute(a: Tensor, b: Tensor) -> Tensor:
        left = packed(a, (2, 0, 1, 3))  # summed block, block of rows, row, summed index
        right = packed(b, (0, 2, 1, 3))  # summed block, block of columns, summed index, column
        total = None
        for k in range(count):
            part = left[k].unsqueeze(1) @ right[k].unsqueeze(0)
            total = (part if total is None else total + part).contiguous()
        return total.permute(0, 2, 1, 3).reshape(padded, padded)[:n, :n].contiguous()

    work = _workload(f"blocked {block} matmul", n, "float32", (a, b), compute, exact)
    words = f"blocks of {block}, packed" + (f", padded to {padded}" if padded != n else "")
    return Product("blocked", work, exact, words)


def layer(n: int, *, fused: bool, seed: int = 0) -> Product:
    """relu(a @ b + bias), as one kernel, or with each step's result written to memory."""
    a, b, exact = _matrices(n, seed)
    bias = normal(np.random.default_rng(seed + 1), (n,), "float32")

    def step(x: Tensor) -> Tensor:
        return x if fused else x.contiguous()

    def compute(a: Tensor, b: Tensor, bias: Tensor) -> Tensor:
        return step(step(a @ b) + bias).relu()

    exact = np.maximum(exact + wide(bias), 0)
    way = "fused" if fused else "unfused"
    work = _workload(f"{way} layer", n, "float32", (a, b, bias), compute, exact, extra=n * n * 2)
    return Product(way, work, exact, "matmul + bias + relu")


def quantized(n: int, *, scales: str = "tensor", seed: int = 0) -> Product:
    """int8 inputs, products summed in int32, scaled back to float32 at the end.

    Quantised beforehand, symmetrically: q = round(x / s) with s = max |x| / 127, of the whole
    matrix ("tensor"), or of each row of a and each column of b ("row").

    Raises:
        MeasurementError: for other scales.
    """
    if scales not in SCALES:
        raise MeasurementError(
            f"quantise with scales={scales!r}",
            expected=f"one of {', '.join(SCALES)}",
            got=repr(scales),
            next_step="choose scales from that list",
        )
    a, b, exact = _matrices(n, seed)
    one = scales == "tensor"
    scale_a = _scale(a, None if one else 1)
    scale_b = _scale(b, None if one else 0)
    qa, qb = (np.rint(x / s).astype(np.int8) for x, s in ((a, scale_a), (b, scale_b)))

    def compute(qa: Tensor, qb: Tensor, scale_a: Tensor, scale_b: Tensor) -> Tensor:
        total = qa.cast(dtypes.int32) @ qb.cast(dtypes.int32)
        return total.cast(dtypes.float32) * scale_a * scale_b

    whole = qa.astype(np.float64) @ qb.astype(np.float64)  # exact: below 2**53
    want = whole * wide(scale_a) * wide(scale_b)
    inputs = (qa, qb, scale_a, scale_b)
    work = _workload(f"int8 matmul by {scales}", n, "int8", inputs, compute, want)
    words = f"int8 in, int32 sums, scale per {scales}"
    return Product("quantized", work, exact, words)


def mixed(n: int, device: str, seed: int = 0) -> Product:
    """float16 inputs, products summed in float32.

    On matrix units that take float16 the product is left to them. Elsewhere the inputs are widened
    when they are loaded: tinygrad would round each product to float16 before it adds.
    """
    a, b, exact = _matrices(n, seed)
    half = tuple(x.astype(np.float16) for x in (a, b))
    cores = {(c.dtype_in, c.dtype_out) for c in Device[device].renderer.tensor_cores}
    on_cores = (dtypes.half, dtypes.float) in cores

    def compute(a: Tensor, b: Tensor) -> Tensor:
        if on_cores:
            return a.matmul(b, dtype=dtypes.float32)
        return a.cast(dtypes.float32) @ b.cast(dtypes.float32)

    want = wide(half[0]) @ wide(half[1])
    work = _workload("mixed matmul", n, "float16", half, compute, want, rtol=1e-3)
    return Product("mixed", work, exact, "float16 in, float32 sums")


def accumulation(workload: Workload, device: str) -> tuple[str, str]:
    """What the largest kernel of a product loads and what it sums in, as (dtype, dtype) names.

    Read from the compiled kernel's UOps: the dtype of its matrix operations or additions, and of
    the largest buffer that is loaded.

    Raises:
        MeasurementError: when no kernel sums anything.
    """
    linear = compile_workload(workload, device)
    programs = [c.src[0] for c in linear.src if c.src[0].op is Ops.PROGRAM]
    for program in sorted(programs, key=lambda p: -len(p.src[1].src)):
        values = _stored_values(program.src[1].src)
        sums = {u.dtype for u in values if u.op is Ops.WMMA}
        sums = sums or {u.dtype for u in values if u.op in (Ops.ADD, Ops.MULACC)}
        read = [b for u in values if u.op is Ops.LOAD and (b := u.buf_uop).op is Ops.PARAM]
        if sums and read:
            largest = max(read, key=lambda u: u.max_numel())
            return _name(largest.dtype), ", ".join(sorted(_name(d) for d in sums))
    raise MeasurementError(
        f"find what '{workload.spec}' sums in",
        expected="a kernel with a sum",
        got="none",
        next_step="look at its source with labs.lowering.lower",
    )


def _stored_values(uops) -> set:
    """What is calculated from loaded values to be stored; where it lies in memory left out."""
    todo = [u.src[1] for u in uops if u.op is Ops.STORE]
    found = set()
    while todo:
        u = todo.pop()
        if u not in found:
            found.add(u)
            todo += () if u.op is Ops.LOAD else u.src
    return found


def _name(dtype) -> str:
    usual = {"signed char": "int8", "char": "int8", "int": "int32", "half": "float16"}
    return usual.get(
        dtype.name, {"float": "float32", "double": "float64"}.get(dtype.name, dtype.name)
    )


@lru_cache(maxsize=2)  # all ways of one size share them
def _matrices(n: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two float32 matrices and their product in float64."""
    if not isinstance(n, int) or n < 1:
        raise MeasurementError(
            "multiply matrices",
            expected="a size of at least 1",
            got=f"n={n!r}",
            next_step="pass n=128",
        )
    rng = np.random.default_rng(seed)
    a, b = normal(rng, (n, n), "float32"), normal(rng, (n, n), "float32")
    return a, b, wide(a) @ wide(b)


def _scale(x: np.ndarray, axis: int | None) -> np.ndarray:
    largest = np.abs(x).max(axis=axis, keepdims=True)
    return (np.where(largest == 0, 1, largest) / _INT8_MAX).astype(np.float32)


def _workload(name, n, dtype, inputs, compute, want, *, extra=0, rtol=RTOL["float32"]) -> Workload:
    return Workload(
        name,
        f"n={n}",
        dtype,
        lambda rng: inputs,
        compute,
        lambda *arrays: want,
        rtol=rtol,
        atol=rtol * n**0.5,
        flop=2 * n**3 + extra,
        min_bytes=sum(x.nbytes for x in inputs) + 4 * n * n,
    )

"""A kernel that does nothing but multiply and add: what an arithmetic roof is measured with.

Each element goes through `steps` times x = x * a + b, in registers. Many elements advance side by
side, so that no step waits for the one before it, and a loaded byte is used for hundreds of
operations. a and b are read from memory, so that no compiler can know them; they are chosen (a = 1)
so that the result, x + steps * b, counts the steps exactly: a step left out is a wrong answer.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from labs import toolchain
from labs.bench.workload import Workload

toolchain.activate()

from tinygrad import Device, Tensor, dtypes
from tinygrad.dtype import AddrSpace
from tinygrad.uop.ops import AxisType, KernelInfo, UOp

# Steps of one element. float16 holds whole numbers up to 2048 exactly, which bounds its count.
STEPS = {"float16": 1024, "float32": 2048, "float64": 2048, "int32": 2048, "int8": 2048}
DTYPES = tuple(STEPS)
_START = 512  # the elements begin as 0 to 511, so float16 ends at 1535


@dataclass(frozen=True)
class Shape:
    """How the chains are laid out over a device.

    Args:
        form: "rows": a loop over an array of `chains` elements, which a C compiler turns into its
            widest vectors; "registers": `chains` scalars in each work-item.
        chains: elements that advance side by side in one thread.
        unrolled: steps in the body of the loop.
        local: work-items of a group (1: none).
    """

    form: str
    chains: int
    unrolled: int
    local: int = 1

    @property
    def label(self) -> str:
        group = f" x {self.local} work-items" if self.local > 1 else ""
        return f"{self.chains} chains in {self.form}{group}, {self.unrolled} steps unrolled"


def shapes_for(device: str, is_gpu: bool | None) -> tuple[Shape, ...]:
    """Layouts worth trying on a device: the fastest of them is its roof."""
    if not Device[device].renderer.has_local:
        return (Shape("rows", 128, 8),)
    if is_gpu is False:  # OpenCL and WebGPU on a processor: vectors across elements or work-items
        return (Shape("rows", 128, 8), Shape("registers", 64, 4, 8), Shape("registers", 16, 8, 8))
    return (Shape("registers", 4, 16, 256), Shape("registers", 8, 16, 128))


def chain_workload(device: str, dtype: str, n: int, shape: Shape, steps: int = 0) -> Workload:
    """The chain over n elements as a workload of the harness.

    Args:
        device: decides how the elements are shared out (threads, groups).
        n: elements, rounded up to what the layout divides.
        steps: for each element; STEPS[dtype] when 0.
    """
    steps = steps or STEPS[dtype]
    threads = _threads(device)
    block = shape.chains * (shape.local if threads == 1 else threads)
    n = -(-n // block) * block
    kernel = _kernel(device, n, shape, steps, getattr(dtypes, dtype), threads)
    itemsize = np.dtype(dtype).itemsize

    def compute(x: Tensor, ab: Tensor) -> Tensor:
        out = Tensor.empty(n, dtype=x.dtype, device=x.device)
        return out.custom_kernel(x, ab, fxn=kernel)[0]

    return Workload(
        "multiply-add chain",
        f"n={n},steps={steps}",
        dtype,
        lambda rng: (rng.integers(0, _START, n).astype(dtype), _factors(dtype)),
        compute,
        lambda x, ab: _result(x, ab, steps),
        rtol=0.0,
        atol=0.0,
        flop=2 * n * steps,
        min_bytes=(2 * n + 2) * itemsize,
    )


def _factors(dtype: str) -> np.ndarray:
    # an odd factor makes a whole number wander through all values; a float only counts
    return np.array([5, 3] if dtype.startswith("int") else [1, 1], dtype)


def _result(x: np.ndarray, ab: np.ndarray, steps: int) -> np.ndarray:
    if x.dtype.kind == "f":
        return x.astype(np.float64) + float(ab[1]) * steps
    # whole numbers wrap around; as there are few different ones, each is followed once
    lowest = int(np.iinfo(np.int8).min) if x.dtype == np.int8 else 0
    table = np.arange(lowest, lowest + _START).astype(x.dtype)
    with np.errstate(over="ignore"):
        for _ in range(steps):
            table = table * ab[0] + ab[1]
    return table[x.astype(np.int64) - lowest]


def _threads(device: str) -> int:
    """Threads that the renderer shares a kernel's outer loop out to."""
    renderer = Device[device].renderer
    return int(renderer.global_max[0]) if renderer.has_threads and renderer.global_max else 1


def _kernel(device: str, n: int, shape: Shape, steps: int, dtype, threads: int) -> Callable:
    """The kernel in tinygrad's own operations (an unofficial seam: Tensor.custom_kernel)."""
    rows = n // shape.chains

    def build(out: UOp, x: UOp, ab: UOp) -> UOp:
        if threads > 1:
            outer = UOp.range(threads, 0, AxisType.THREAD)
            inner = UOp.range(rows // threads, 1, AxisType.LOOP)
            row, ends = outer * (rows // threads) + inner, (outer, inner)
        elif not Device[device].renderer.has_local:
            row = UOp.range(rows, 0, AxisType.LOOP)
            ends = (row,)
        elif shape.local > 1:
            group = UOp.range(rows // shape.local, 0, AxisType.GLOBAL)
            item = UOp.range(shape.local, 1, AxisType.LOCAL)
            row, ends = group * shape.local + item, (group, item)
        else:
            row = UOp.range(rows, 0, AxisType.GLOBAL)
            ends = (row,)
        body = _rows if shape.form == "rows" else _registers
        stores = body(out, x, ab, row, ends, shape, steps, dtype)
        name = f"chain_{shape.chains}_{steps}"
        return stores.end(*ends).sink(arg=KernelInfo(name=name, opts_to_apply=()))

    return build


def _rows(out, x, ab, row, ends, shape: Shape, steps: int, dtype) -> UOp:
    """Loops over an array of the thread's own: load, advance `unrolled` steps at a time, store."""
    u = shape.chains
    first, lane, last = (UOp.range(u, 3 + i, AxisType.LOOP) for i in range(3))
    again = UOp.range(steps // shape.unrolled, 2, AxisType.LOOP)
    kept = UOp.placeholder((u,), dtype, 0, AddrSpace.REG)
    kept = kept.after(kept.after(*ends)[first].store(x[row * u + first]).end(first))
    now = kept.after(again)
    value = now[lane]
    for _ in range(shape.unrolled):
        value = value * ab[0] + ab[1]
    kept = kept.after(now[lane].store(value).end(lane).end(again))
    return out[row * u + last].store(kept[last]).end(last)


def _registers(out, x, ab, row, ends, shape: Shape, steps: int, dtype) -> UOp:
    """The same with each chain written out, for work-items that keep them in registers."""
    u = shape.chains
    again = UOp.range(steps // shape.unrolled, 2, AxisType.REDUCE)
    kept = UOp.placeholder((u,), dtype, 0, AddrSpace.REG)
    kept = kept.after(UOp.group(*(kept[i].store(x[row * u + i]) for i in range(u))))
    now = kept.after(again)
    values = [now[i] for i in range(u)]
    for _ in range(shape.unrolled):
        values = [value * ab[0] + ab[1] for value in values]
    kept = kept.after(UOp.group(*(now[i].store(v) for i, v in enumerate(values))).end(again))
    return UOp.group(*(out[row * u + i].store(kept[i]) for i in range(u)))

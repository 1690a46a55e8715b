"""Histograms: how often each value comes, exactly.

As one comparison for each value and sample a histogram of 4096 values costs 4096 operations a
sample. A loop that adds 1 to a place in memory costs one, and tinygrad's operations can say it: a
kernel of its own, the same on every device. It runs in one thread, which is what a meter has.

Source: measured, 65,536 samples of 12 bits, one thread of ELECTRICAL; benchmarks/electrical.
"""

from tinygrad import Tensor
from tinygrad.dtype import dtypes
from tinygrad.uop.ops import AxisType, KernelInfo, UOp


def count_codes(codes: Tensor, size: int) -> Tensor:
    """How often each of 0 .. size - 1 comes among `codes`, int32 [n] -> int32 [size].

    Whatever lies outside counts as the nearest of them.
    """
    inside = codes.clip(0, size - 1).contiguous()
    counts = Tensor.empty(size, dtype=dtypes.int32, device=codes.device)
    return counts.custom_kernel(inside, fxn=_count)[0]


def _count(counts: UOp, codes: UOp) -> UOp:
    place = UOp.range(counts.max_numel(), 0)
    cleared = counts.after(counts.index(place).store(UOp.const(0, dtypes.int32)).end(place))
    n = UOp.range(codes.max_numel(), 1, AxisType.REDUCE)
    cell = cleared.after(n).index(codes.index(n).load())
    done = cell.store(cell.load() + UOp.const(1, dtypes.int32)).end(n)
    return done.sink(arg=KernelInfo(name="histogram", opts_to_apply=()))

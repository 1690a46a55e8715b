"""The roofs of a device as single numbers, and the least time they allow for a workload's work."""

from collections.abc import Sequence

from labs.bench.workload import Workload
from labs.gpu.compiled import CompiledKernel
from labs.gpu.roof_data import Roofs

_NO_ROOFS = "no roof was measured: pass roofs=measure_roofs(device)"


def memory_roof(roofs: Roofs | None) -> tuple[float | None, str]:
    """The measured memory roof in B/s, or None and why."""
    if roofs is None:
        return None, _NO_ROOFS
    roof = roofs.memory
    return (None, _why(roofs, "memory")) if roof is None else (roof.value, "")


def flop_roof(
    roofs: Roofs | None, dtype: str, matrix_units: bool = False
) -> tuple[float | None, str]:
    """The measured arithmetic roof in FLOP/s with the dtype it was measured in; or None and why.

    A dtype without a roof of its own is held against another's (`Roofs.compute` says which).
    """
    if roofs is None:
        return None, _NO_ROOFS
    roof = roofs.compute(dtype, matrix_units)
    return (None, _why(roofs, "arithmetic", dtype)) if roof is None else (roof.value, roof.dtype)


def bound_seconds(
    workload: Workload, kernels: Sequence[CompiledKernel], roofs: Roofs | None
) -> float | None:
    """max(bytes / memory roof, FLOP / arithmetic roof) in seconds; None without roofs.

    The workload's own counts where it has them: what has to move and be computed at least. Else
    those of its kernels as they are compiled.

    Source: Williams, Waterman, Patterson, "Roofline", Communications of the ACM 52(4), 2009.
    """
    size = workload.min_bytes or sum(k.least_bytes for k in kernels)
    flop = workload.flop or sum(k.flop for k in kernels)
    on_matrix = any(k.uses_matrix_units for k in kernels)
    memory, arithmetic = memory_roof(roofs)[0], flop_roof(roofs, workload.dtype, on_matrix)[0]
    times = [size / memory if memory else 0.0, flop / arithmetic if arithmetic else 0.0]
    return max(times) or None


def _why(roofs: Roofs, kind: str, dtype: str = "") -> str:
    missing = [r for r in roofs.roofs if r.kind == kind and r.reason and dtype in ("", r.dtype)]
    if missing:
        return f"the {dtype} {kind} roof was not measured: {missing[0].reason}".replace("  ", " ")
    return f"no {kind} roof for {dtype or 'this device'} was measured"

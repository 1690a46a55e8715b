"""Why kernels are slow, and how to make them fast, on whatever device there is.

    from labs import gpu
    roofs = gpu.measure_roofs("CPU", quick=True)               # what the device can do
    gpu.place(["matmul:n=256", "add:n=2048"], "CPU", roofs)    # what a workload reaches, and why
    gpu.analyze_access(lambda: a.T.contiguous(), "CUDA:sm_90") # lanes on memory, without the GPU
    gpu.PerformanceOptimizer("CPU").optimize("softmax:n=512")  # better options, verified and kept

Everything is measured on this machine, derived from a kernel, or labelled model. Names are loaded
from their files on first use.
"""

from importlib import import_module
from typing import Any

_NAMES = {
    "AccessAnalysis": "access",
    "GPUOptimizationExplorer": "explorer",
    "GPUOptimizationMetrics": "metrics",
    "PerformanceOptimizer": "optimizer",
    "Recorded": "recorded",
    "Roofs": "roof_data",
    "analyze_access": "access",
    "as_workload": "subject",
    "bandwidth_by_size": "access",
    "coalescing_of_addresses": "access",
    "collect_metrics": "metrics",
    "compile_kernels": "compiled",
    "count_launches": "counters",
    "load_recorded": "recorded",
    "matmul_ladder": "ladder",
    "measure_launches": "launch",
    "measure_patterns": "access",
    "measure_products": "compute",
    "measure_roofs": "roofs",
    "place": "roofline",
    "recommend": "recommendations",
    "resources_for": "elsewhere",
    "simulate_cache": "access",
    "waves": "occupancy",
}

__all__ = sorted(_NAMES)


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        return getattr(import_module(f"{__name__}.{_NAMES[name]}"), name)
    raise AttributeError(f"{__name__} has no {name!r}. It has: {', '.join(__all__)}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_NAMES])

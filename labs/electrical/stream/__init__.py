"""The streaming pipeline's parts: memory, kernels of a whole block, launches, monitoring, a log.

`labs.electrical.production.ProductionElectricalBackend` puts them together.
"""

from importlib import import_module
from typing import Any

# loaded on first use: reading a log needs no tinygrad
_LATER = {
    "LogContents": "log",
    "PerformanceMonitor": "monitor",
    "RealTimeCompiler": "compiler",
    "RealTimePlan": "plan",
    "SignalProcessingRenderer": "renderer",
    "Statistics": "statistics",
    "StreamRun": "run",
    "StreamingAllocator": "allocator",
    "read_log": "log",
}
__all__ = list(_LATER)


def __getattr__(name: str) -> Any:
    if name in _LATER:
        return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_LATER])

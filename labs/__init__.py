"""The helper package of Day 4: Runtime Backends & Device Programming.

Importing this package is cheap and opens no device: every name below is loaded from its room
on first use. The rooms are ordinary sub-packages; the README's map says what each is for.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

# public name -> the room that defines it
_NAMES = {
    "LabError": "labs.errors",
    "DeviceCapabilities": "labs.devices",
    "BackendExplorer": "labs.devices",
    "CustomBackendFramework": "labs.backends",
    "GPUOptimizationMetrics": "labs.gpu",
    "GPUOptimizationExplorer": "labs.gpu",
    "PerformanceOptimizer": "labs.gpu",
    "PerformanceProfile": "labs.engineering",
    "CrossDevicePerformanceEngineer": "labs.engineering",
    "MultiDeviceManager": "labs.engineering",
    "ProductionElectricalBackend": "labs.electrical.production",
    "StreamingAllocator": "labs.electrical.stream",
    "SignalProcessingRenderer": "labs.electrical.stream",
    "RealTimeCompiler": "labs.electrical.stream",
    "PerformanceMonitor": "labs.electrical.stream",
}

__all__ = ["__version__", *_NAMES]


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        return getattr(import_module(_NAMES[name]), name)
    raise AttributeError(f"module 'labs' has no attribute {name!r}. It has: {', '.join(__all__)}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_NAMES])

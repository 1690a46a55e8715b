"""What this machine has: devices and what they can do, sensors, and what would fix what is missing.

Importing this room doesn't import tinygrad: devices are opened in child processes.
"""

from importlib import import_module
from typing import Any

_NAMES = {
    "BackendExplorer": "explorer",
    "DeviceCapabilities": "capabilities",
    "DeviceStatus": "discovery",
    "Discovery": "discovery",
    "Reading": "sensors",
    "discover": "discovery",
    "doctor_json": "doctor",
    "doctor_text": "doctor",
    "known_devices": "names",
    "read_sensors": "sensors",
    "require": "discovery",
}

__all__ = sorted(_NAMES)


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        module = import_module(f"{__name__}.{_NAMES[name]}")
        return getattr(module, "read" if name == "read_sensors" else name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_NAMES])

"""Performance across devices: one suite for all of them, profiles, a live monitor, reports, a fleet
of hosts, and a manager that shares work out.

Importing this room doesn't import tinygrad: names are loaded on first use.
"""

from importlib import import_module
from typing import Any

_NAMES = {
    "CrossDevicePerformanceEngineer": "engineer",
    "Figure": "figure",
    "Fleet": "fleet",
    "Monitor": "monitor",
    "MultiDeviceManager": "manager",
    "PerformanceProfile": "profile",
    "Recording": "recording",
    "Report": "report",
    "benchmark_fleet": "fleet",
    "build_profiles": "profiling",
    "make_report": "report",
    "report_file": "report",
    "resolve_targets": "targets",
}

__all__ = sorted(_NAMES)


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        return getattr(import_module(f"{__name__}.{_NAMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_NAMES])

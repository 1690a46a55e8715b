"""Backends that live outside tinygrad: the course's two, and how to add one of your own.

    from labs import toolchain; toolchain.activate()
    from labs import backends; backends.register()
    Tensor([1, 2, 3], device="ELECTRICAL")

    backends.register("MINE", "ops_mine.py")     # and one of your own
    backends.reload_backend("MINE")              # after editing it

`runtime/` holds one file for each device, in tinygrad's own shape and order; `template/` is where a
backend of your own starts; `conformance/` proves any of them. Importing this room imports no
tinygrad.
"""

from importlib import import_module
from typing import Any

from labs.backends.accounting import LaunchCounters, MemoryUsage
from labs.backends.registry import (
    COURSE_BACKENDS,
    edition,
    register,
    registered,
    reload_backend,
    unregister,
)

# what imports tinygrad, or stands above the rooms it uses, is loaded on first use
_LATER = {
    "BackendComparisonReport": "labs.backends.report",
    "CustomBackendFramework": "labs.backends.framework",
    "open_backend": "labs.backends.opened",
}

__all__ = [
    "COURSE_BACKENDS",
    "BackendComparisonReport",
    "CustomBackendFramework",
    "LaunchCounters",
    "MemoryUsage",
    "edition",
    "open_backend",
    "register",
    "registered",
    "reload_backend",
    "unregister",
]


def __getattr__(name: str) -> Any:
    if name in _LATER:
        return getattr(import_module(_LATER[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_LATER])

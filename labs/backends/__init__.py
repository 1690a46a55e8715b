"""Backends that live outside tinygrad: the course's two, and how to add one of your own.

    from labs import toolchain; toolchain.activate()
    from labs import backends; backends.register()
    Tensor([1, 2, 3], device="ELECTRICAL")

`runtime/` holds one file for each device, in tinygrad's own shape and order.
"""

from labs.backends.accounting import LaunchCounters, MemoryUsage
from labs.backends.registry import COURSE_BACKENDS, register, registered, unregister

__all__ = [
    "COURSE_BACKENDS",
    "LaunchCounters",
    "MemoryUsage",
    "register",
    "registered",
    "unregister",
]

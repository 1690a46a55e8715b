"""Cold caches: how large a device's last-level cache is, and a kernel that empties it.

tinygrad's own fallback writes 4 MiB on the default device, which empties no large cache and perhaps
the wrong one. Ours writes twice the last-level cache on the device itself.
"""

from collections.abc import Callable
from dataclasses import dataclass

from labs import toolchain

toolchain.activate()

from tinygrad import Device, Tensor
from tinygrad.engine.realize import compile_linear, run_linear

from labs import devices as device_room

FLUSH_FACTOR = 2
# Larger than the last level of common hardware (H100 50 MB, RTX 4090 72 MB, M Ultra 96 MB).
_ASSUMED_BYTES = 128 * 2**20


@dataclass(frozen=True)
class CacheSize:
    """A last-level cache: its bytes, and where the number comes from."""

    bytes: int
    source: str


def last_level_cache(device: str) -> CacheSize:
    """The largest cache between a device and its memory: declared, queried, or assumed.

    A backend declares it as `last_level_cache_bytes` on its device class; 0 means it has no cache.
    """
    name = device.split(":")[0]
    declared = getattr(Device[device], "last_level_cache_bytes", None)
    if declared is not None:
        return CacheSize(int(declared), f"declared by {name}")
    capabilities = device_room.discover([name])[name].capabilities
    found = capabilities.last_level_cache_bytes if capabilities else None
    if found:
        return CacheSize(found, "queried")
    return CacheSize(_ASSUMED_BYTES, "assumed: this device doesn't tell")


def make_flush(device: str) -> Callable[[], None]:
    """A function that overwrites FLUSH_FACTOR x the last-level cache on the device, when called."""
    size = last_level_cache(device).bytes * FLUSH_FACTOR
    if size == 0:  # a device without a cache is always cold
        return lambda: None
    filled = Tensor.ones(size // 4, device=device).contiguous()
    linear, values = filled.linear_with_vars()
    linear = compile_linear(linear)

    def flush(_keep: Tensor = filled) -> None:  # the linear writes into the tensor's buffer
        run_linear(linear, values, jit=True, update_stats=False)

    flush()
    Device[device].synchronize()
    return flush

"""The caches between a device and its memory, as far as the system or the driver lists them."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from labs.devices.host import file_text

# devices whose kernels the host's own processor runs
_HOST_DEVICES = ("CPU", "ELECTRICAL")
_MAC_LEVELS = (
    ("L1", "hw.perflevel0.l1dcachesize", "hw.l1dcachesize"),
    ("L2", "hw.perflevel0.l2cachesize", "hw.l2cachesize"),
    ("L3", "hw.l3cachesize"),
)


@dataclass(frozen=True)
class CacheLevel:
    """One cache for data.

    Args:
        name: "L1", "L2"...; bytes: its size, of one core's where each core has its own.
        line_bytes, ways: None where they aren't listed.
        shared_by: logical processors that share it, as the system writes it; empty if not listed.
        source: who says so.
    """

    name: str
    bytes: int
    line_bytes: int | None
    ways: int | None
    shared_by: str
    source: str


def cache_levels(device: str = "CPU") -> tuple[CacheLevel, ...]:
    """The data caches of a device from the smallest on; empty where none is listed.

    The host's own processor lists all its levels, a GPU's driver only the last one.
    """
    name = device.split(":")[0].upper()
    if name in _HOST_DEVICES:
        return host_caches()
    if name in ("NULL", "EDGE", "PYTHON"):  # interpreted, or without any cache
        return ()
    from labs import devices as device_room

    found = device_room.discover([name])[name].capabilities
    size = found.last_level_cache_bytes if found else None
    if not size:
        return ()
    label = "L2" if name in ("CUDA", "NV", "AMD", "HIP") else "last level"
    return (CacheLevel(label, size, None, None, "", f"the driver of {name}"),)


def host_caches(
    folder: Path = Path("/sys/devices/system/cpu/cpu0/cache"),
) -> tuple[CacheLevel, ...]:
    """The data caches of the host's first processor, from the smallest on."""
    found = []
    for index in folder.glob("index*"):
        level, size = file_text(index / "level"), file_text(index / "size")
        unit = {"K": 2**10, "M": 2**20}.get(size[-1:])
        if file_text(index / "type") == "Instruction" or not level.isdigit() or unit is None:
            continue
        found.append(
            CacheLevel(
                f"L{level}",
                int(size[:-1]) * unit,
                _number(file_text(index / "coherency_line_size")),
                _number(file_text(index / "ways_of_associativity")),
                file_text(index / "shared_cpu_list"),
                "the system's list of processor caches",
            )
        )
    if not found and sys.platform == "darwin":
        found = _mac_caches()
    return tuple(sorted(found, key=lambda c: (c.bytes, c.name)))


def _mac_caches() -> list[CacheLevel]:
    found = []
    line = _sysctl("hw.cachelinesize")
    for name, *keys in _MAC_LEVELS:
        size = next((s for s in map(_sysctl, keys) if s), None)
        if size:
            found.append(CacheLevel(name, size, line, None, "", "sysctl"))
    return found


def _sysctl(key: str) -> int | None:
    command = ["/usr/sbin/sysctl", "-n", key]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return _number(done.stdout.strip())


def _number(text: str) -> int | None:
    return int(text) if text.isdigit() and int(text) > 0 else None

"""The host's processor, memory and caches: what the CPU device and the doctor report."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import psutil


def cpu_name() -> str:
    """The processor's name, as the system gives it."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            for line in file:
                if line.startswith(("model name", "Model")):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    if sys.platform == "darwin":
        command = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.stdout.strip():
            return done.stdout.strip()
    return platform.processor() or platform.machine()


def host_memory_bytes() -> int:
    """The RAM that this process may use: the machine's, or the container's if less."""
    total = psutil.virtual_memory().total
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        text = file_text(Path(path))
        if text and text.isdigit():
            return min(total, int(text))
    return total


def usable_processors() -> int:
    """The logical processors that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def last_level_cache_bytes() -> int | None:
    """The size of the largest-numbered cache of the first processor; None when not listed."""
    best = (0, 0)
    for index in Path("/sys/devices/system/cpu/cpu0/cache").glob("index*"):
        level, size = file_text(index / "level"), file_text(index / "size")
        if level.isdigit() and size.endswith("K"):
            best = max(best, (int(level), int(size[:-1]) * 1024))
    if best[1]:
        return best[1]
    if sys.platform == "darwin":
        for name in ("hw.l3cachesize", "hw.perflevel0.l2cachesize", "hw.l2cachesize"):
            command = ["/usr/sbin/sysctl", "-n", name]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.stdout.strip().isdigit() and int(done.stdout) > 0:
                return int(done.stdout)
    return None


def file_text(path: Path) -> str:
    """The stripped text of a small file, empty when it can't be read."""
    try:
        return path.read_text().strip()
    except OSError:
        return ""

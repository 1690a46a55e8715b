"""Under what circumstances a time was taken: what stays the same, and what changes by round.

pyperf collects the host (CPU, load, Python); added here are tinygrad's settings, the compiler, the
GPU, whether the machine is virtual, and how much of it others were using. Nothing is guessed: what
can't be read is left out.
"""

import contextlib
import functools
import importlib.metadata
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

import psutil
import pynvml
import pyperf

from labs import toolchain

TOOLCHAIN = toolchain.activate()

from tinygrad import Context, Device
from tinygrad.helpers import BEAM, CACHELEVEL, CCACHE, DEV, JIT, NOOPT

# pyperf's names of what differs from round to round, or is about this process
_CHANGING = ("date", "load_avg_1min", "mem_max_rss", "runnable_threads", "uptime")
_NVML_DEVICES = ("CUDA", "NV")
# The GPU slowed itself down for heat or for the power supply. Running at the power cap is not
# among them: it is how a GPU under load normally runs.
_THROTTLE_REASONS = (
    "nvmlClocksThrottleReasonHwSlowdown",
    "nvmlClocksThrottleReasonHwThermalSlowdown",
    "nvmlClocksThrottleReasonSwThermalSlowdown",
    "nvmlClocksThrottleReasonHwPowerBrakeSlowdown",
)


def host_environment() -> dict[str, object]:
    """What stays the same during a run: host, versions, tinygrad's settings."""
    facts = dict(_pyperf_facts())
    facts["tinygrad_version"] = importlib.metadata.version("tinygrad")
    facts |= {f"tinygrad_{v.key}": v.value for v in (BEAM, JIT, NOOPT, CCACHE, CACHELEVEL)}
    facts["tinygrad_DEV"] = str(DEV.value)
    if TOOLCHAIN.compiler is not None:
        facts["compiler"] = f"{TOOLCHAIN.compiler.version} ({TOOLCHAIN.compiler.origin})"
    if (virtual := _is_virtual_machine()) is not None:
        facts["virtual_machine"] = "yes" if virtual else "no"
    return facts


def device_environment(device: str) -> dict[str, object]:
    """What stays the same for a device: renderer, a GPU's driver and power cap.

    Args:
        device: with an index ("CUDA:1") or another renderer than its own ("CPU:LLVM").
    """
    base, _, rest = device.partition(":")
    other = bool(rest) and not rest.isdigit()
    opened = Device[base if other else device]
    with Context(DEV=device) if other else contextlib.nullcontext():
        facts: dict[str, object] = {"renderer_target": str(opened.renderer.target)}
    if name := getattr(opened, "device_name", None):
        facts["device_name"] = str(name)
    if version := getattr(opened, "driver_version", None):
        facts["driver_version"] = str(version)
    if (gpu := _gpu(device)) is not None:
        facts |= _read(
            device_name=lambda: pynvml.nvmlDeviceGetName(gpu),
            driver_version=pynvml.nvmlSystemGetDriverVersion,
            power_cap_w=lambda: pynvml.nvmlDeviceGetPowerManagementLimit(gpu) / 1000,
        )
    return facts


def round_environment(device: str) -> dict[str, object]:
    """What changes: date, load, CPU pressure, and a GPU's clocks, temperature and power."""
    # not from pyperf, which starts a process each time it is asked
    facts: dict[str, object] = {
        "date": datetime.now().isoformat(" "),
        "load_avg_1min": psutil.getloadavg()[0],
    }
    if (pressure := cpu_pressure()) is not None:
        facts["cpu_pressure_avg10"] = pressure
    if (gpu := _gpu(device)) is not None:
        facts |= _read(
            gpu_clock_mhz=lambda: pynvml.nvmlDeviceGetClockInfo(gpu, pynvml.NVML_CLOCK_SM),
            gpu_memory_clock_mhz=lambda: pynvml.nvmlDeviceGetClockInfo(gpu, pynvml.NVML_CLOCK_MEM),
            gpu_temperature_c=lambda: pynvml.nvmlDeviceGetTemperature(
                gpu, pynvml.NVML_TEMPERATURE_GPU
            ),
            gpu_power_w=lambda: pynvml.nvmlDeviceGetPowerUsage(gpu) / 1000,
        )
    return facts


def throttle_check(device: str) -> Callable[[], bool] | None:
    """A function telling whether the GPU slows itself down right now; None where none tells."""
    gpu = _gpu(device)
    if gpu is None:
        return None
    mask = functools.reduce(int.__or__, (getattr(pynvml, name) for name in _THROTTLE_REASONS))

    def throttled() -> bool:
        return bool(pynvml.nvmlDeviceGetCurrentClocksThrottleReasons(gpu) & mask)

    try:
        throttled()
    except pynvml.NVMLError:
        return None
    return throttled


def cpu_pressure(path: Path = Path("/proc/pressure/cpu")) -> float | None:
    """Percent of the last 10 s in which something waited for a CPU (Linux pressure, "some")."""
    try:
        some = next(line for line in path.read_text().splitlines() if line.startswith("some"))
        return float(dict(part.split("=") for part in some.split()[1:])["avg10"])
    except (OSError, StopIteration, KeyError, ValueError):
        return None


@functools.cache
def _pyperf_facts() -> Mapping[str, object]:
    everything = pyperf.Run([1.0], collect_metadata=True).get_metadata()
    return {k: v for k, v in everything.items() if k not in _CHANGING}


def _is_virtual_machine() -> bool | None:
    try:
        flags = next(
            line for line in Path("/proc/cpuinfo").read_text().splitlines() if "flags" in line
        )
    except (OSError, StopIteration):
        return None
    return "hypervisor" in flags.split()


@functools.cache
def _gpu(device: str) -> object | None:
    """NVML's handle of a tinygrad NVIDIA device, by index; None for any other or without NVML."""
    name, _, index = device.partition(":")
    if name not in _NVML_DEVICES:
        return None
    try:
        pynvml.nvmlInit()
        return pynvml.nvmlDeviceGetHandleByIndex(int(index) if index.isdigit() else 0)
    except pynvml.NVMLError:
        return None


def _read(**readers: Callable[[], object]) -> dict[str, object]:
    facts = {}
    for key, read in readers.items():
        try:
            facts[key] = read()
        except pynvml.NVMLError:  # this GPU or driver doesn't tell
            continue
    return facts

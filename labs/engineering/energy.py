"""Energy counters: joules that a GPU (NVML) or a processor (RAPL) counts by itself.

A counter belongs to the whole chip: what else runs there, and the chip's idle power, is counted
too. Where no counter can be read there is no energy, only the reason.
"""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from labs import devices

WINDOWS, WINDOW_S = 3, 2.0  # NVML's counter moves every 0.02 to 0.1 s: at most 5% of a window
POWERCAP = Path("/sys/class/powercap")
_NVML_DEVICES = ("CUDA", "NV")
_EMULATED = "it is emulated: its energy is a model, see EDGE's own accounts"


@dataclass(frozen=True)
class EnergyCounter:
    """A counter of a chip.

    Args:
        source: where it is read, and what it covers.
        read: joules since some moment in the past; only differences mean something.
        wrap_j: where it starts at zero again; 0 when it doesn't.
        reason: why there is none, else empty.
    """

    source: str
    read: Callable[[], float] | None = None
    wrap_j: float = 0.0
    reason: str = ""


@dataclass(frozen=True)
class EnergyUse:
    """What some windows of the same work took.

    Args:
        joules_per_call: one value for each window.
        calls: in all windows together.
        seconds: of all windows together.
    """

    joules_per_call: tuple[float, ...]
    calls: int
    seconds: float


def energy_counter(device: str) -> EnergyCounter:
    """The counter of the chip behind a device, or the reason why none can be read."""
    base, _, index = device.partition(":")
    if base in _NVML_DEVICES:
        return _nvml_counter(int(index) if index.isdigit() else 0)
    if base == "EDGE":
        return EnergyCounter("", reason=_EMULATED)
    found = devices.discover([base])[base].capabilities
    if found is not None and found.supports_gpu:
        if "NVIDIA" in (found.device_name or ""):
            return _nvml_counter(0, found.device_name)
        return EnergyCounter("", reason=f"no energy counter known for {found.device_name}")
    return rapl_counter(POWERCAP)


def rapl_counter(powercap: Path) -> EnergyCounter:
    """All processor packages of a powercap folder; Source: Linux, power/powercap/powercap.rst."""
    if not sys.platform.startswith("linux"):
        reason = "this system gives the processor's energy to administrators only"
        return EnergyCounter("", reason=reason)
    zones = sorted(powercap.glob("intel-rapl:[0-9]"))
    if not zones:
        reason = "no powercap (RAPL) here, as on most virtual machines"
        return EnergyCounter("", reason=reason)

    def read() -> float:
        return sum(int((zone / "energy_uj").read_text()) for zone in zones) / 1e6

    try:
        read()
        wraps = [int((zone / "max_energy_range_uj").read_text()) / 1e6 for zone in zones]
    except PermissionError:
        reason = f"{zones[0] / 'energy_uj'} is readable by root only"
        return EnergyCounter("", reason=reason)
    except (OSError, ValueError) as error:
        return EnergyCounter("", reason=f"RAPL can't be read: {error}")
    # of several packages one may wrap alone: then the window shows, and is taken again
    wrap_j = wraps[0] if len(wraps) == 1 else 0.0
    return EnergyCounter("RAPL, the whole processor, idle power included", read, wrap_j)


def energy_per_call(
    counter: EnergyCounter,
    run: Callable[[], object],
    sync: Callable[[], object],
    *,
    windows: int = WINDOWS,
    window_s: float = WINDOW_S,
    clock: Callable[[], float] = time.perf_counter,
) -> EnergyUse:
    """Repeats a call and reads the counter before and after each window.

    Args:
        run, sync: enqueue one call; wait for all of them.
        window_s: seconds of one window, at least.
    """
    values, calls, seconds = [], 0, 0.0
    while len(values) < windows:
        sync()
        before, start, count = counter.read(), clock(), 0
        while clock() - start < window_s:
            run()
            count += 1
            if count % 16 == 0:  # a GPU's queue must not fill with minutes of work
                sync()
        sync()
        used = counter.read() - before
        seconds += clock() - start
        calls += count
        if used < 0:
            if not counter.wrap_j:
                continue
            used += counter.wrap_j
        values.append(used / count)
    return EnergyUse(tuple(values), calls, seconds)


def _nvml_counter(index: int, name: str = "") -> EnergyCounter:
    try:
        import pynvml
    except ImportError:
        return EnergyCounter("", reason="the package nvidia-ml-py is not installed")
    try:
        pynvml.nvmlInit()
        handle = pynvml.nvmlDeviceGetHandleByIndex(index)
        pynvml.nvmlDeviceGetTotalEnergyConsumption(handle)
        if name and str(pynvml.nvmlDeviceGetName(handle)) not in (name, name.encode()):
            return EnergyCounter("", reason=f"which of NVML's GPUs is '{name}' isn't known")
    except pynvml.NVMLError as error:
        return EnergyCounter("", reason=f"NVML: {error}")

    def read() -> float:  # millijoules since the driver was loaded
        return pynvml.nvmlDeviceGetTotalEnergyConsumption(handle) / 1e3

    return EnergyCounter("NVML, the whole GPU with its memory, idle power included", read)

"""Memory, clocks, power, temperature and load of the host and its GPUs, read now.

A quantity that can't be read is None with a reason, never a placeholder. `read()` is cheap enough
for once a second beside a measurement: handles are opened once, and nothing runs on a device.
Power of the host and all loads are averages since the previous call, so the first call has none.
Sources: psutil, NVML (nvidia-ml-py), Linux powercap (RAPL), cpufreq, hwmon and amdgpu in /sys.
"""

import sys
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil

from labs.tables import Table
from labs.units import format_bytes, format_hertz, format_percent

HOST = "host"
QUANTITIES = ("memory_used", "memory_total", "load", "clock", "power", "temperature")
UNITS = {"memory_used": "B", "memory_total": "B", "load": "1", "clock": "Hz", "power": "W"}
UNITS |= {"temperature": "degC", "memory_clock": "Hz"}
CPU_CHIPS = ("coretemp", "k10temp", "zenpower", "cpu_thermal", "acpitz")  # hwmon names, best first
FIRST_CALL = "an average needs two readings, a moment apart: read again"
SHORTEST_AVERAGE_S = 0.05  # of processor time: the system counts in ticks of 0.01 s


@dataclass(frozen=True)
class Reading:
    """One quantity of one device.

    Args:
        quantity: memory_used, memory_total, load, clock, memory_clock, power or temperature.
        device: "host", or the GPU with its number and name.
        value: in `unit`, or None.
        unit: B, 1 (a fraction), Hz, W or degC.
        source: where it was read.
        reason: why the value is None, else empty.
    """

    quantity: str
    device: str
    value: float | None
    unit: str
    source: str
    reason: str = ""

    def text(self) -> str:
        """The value with its unit, or a dash."""
        if self.value is None:
            return "–"
        if self.unit == "B":
            return format_bytes(self.value)
        if self.unit == "1":
            return format_percent(self.value)
        if self.unit == "Hz":
            return format_hertz(self.value)
        return f"{self.value:.1f} {'°C' if self.unit == 'degC' else self.unit}"


def read() -> tuple[Reading, ...]:
    """Every quantity of the host and of each GPU, read now."""
    return _sensors().read()


def table(readings: Iterable[Reading]) -> Table:
    """One row per reading."""
    rows = tuple((r.device, r.quantity, r.text(), r.source, r.reason) for r in readings)
    return Table("Sensors", ("device", "quantity", "value", "source", "why not"), rows)


class Sensors:
    """Open handles and the previous counters; `read()` of the module keeps one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cpu_times: tuple[float, float] | None = None
        self._energy: dict[Path, tuple[float, float]] = {}  # zone -> (seconds, joules)
        self._nvml, self._handles, self._nvml_reason = _open_nvml()

    def read(self) -> tuple[Reading, ...]:
        """Every quantity now."""
        with self._lock:
            readings = [*self._host()]
            for number, (name, handle) in enumerate(self._handles):
                readings += self._nvidia(f"GPU {number}: {name}", handle)
            readings += _amd_gpus()
        if not any(r.device != HOST for r in readings):
            reason = self._nvml_reason
            readings += [Reading(q, "GPU", None, UNITS[q], "NVML", reason) for q in QUANTITIES]
        return tuple(readings)

    def _host(self) -> Iterable[Reading]:
        memory = psutil.virtual_memory()
        yield Reading("memory_used", HOST, memory.total - memory.available, "B", "psutil")
        yield Reading("memory_total", HOST, memory.total, "B", "psutil")
        load = self._load()
        yield Reading("load", HOST, load, "1", "psutil", "" if load is not None else FIRST_CALL)
        yield _host_clock()
        yield self._host_power()
        yield _host_temperature()

    def _load(self) -> float | None:
        times = psutil.cpu_times()
        # time that the hypervisor gave to others is neither our work nor idleness
        idle = times.idle + getattr(times, "iowait", 0.0)
        total = sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)
        previous = self._cpu_times
        if previous is not None and total - previous[1] < SHORTEST_AVERAGE_S:
            return None  # and the older reading stays the beginning of the next average
        self._cpu_times = idle, total
        if previous is None:
            return None
        return max(0.0, 1 - (idle - previous[0]) / (total - previous[1]))

    def _host_power(self) -> Reading:
        def missing(reason: str) -> Reading:
            return Reading("power", HOST, None, "W", "RAPL", reason)

        if not sys.platform.startswith("linux"):
            return missing("this system gives the processor's power to administrators only")
        zones = sorted(Path("/sys/class/powercap").glob("intel-rapl:[0-9]"))
        if not zones:
            return missing("no powercap (RAPL) here, as on most virtual machines")
        watts, complete = 0.0, True
        for zone in zones:
            now = time.monotonic()
            try:
                joules = int((zone / "energy_uj").read_text()) / 1e6
                wrap = int((zone / "max_energy_range_uj").read_text()) / 1e6
            except PermissionError:
                return missing(f"{zone / 'energy_uj'} is readable by root only")
            except (OSError, ValueError) as error:
                return missing(f"{zone / 'energy_uj'} can't be read: {error}")
            previous = self._energy.get(zone)
            self._energy[zone] = (now, joules)
            if previous is None or now <= previous[0]:
                complete = False
                continue
            used = joules - previous[1]
            watts += (used if used >= 0 else used + wrap) / (now - previous[0])
        return Reading("power", HOST, watts, "W", "RAPL") if complete else missing(FIRST_CALL)

    def _nvidia(self, device: str, handle: object) -> Iterable[Reading]:
        nvml = self._nvml
        memory = _once(lambda: nvml.nvmlDeviceGetMemoryInfo(handle))
        graphics, video = nvml.NVML_CLOCK_SM, nvml.NVML_CLOCK_MEM
        asked: dict[str, Callable[[], float]] = {
            "memory_used": lambda: memory().used,
            "memory_total": lambda: memory().total,
            "load": lambda: nvml.nvmlDeviceGetUtilizationRates(handle).gpu / 100,
            "clock": lambda: nvml.nvmlDeviceGetClockInfo(handle, graphics) * 1e6,
            "memory_clock": lambda: nvml.nvmlDeviceGetClockInfo(handle, video) * 1e6,
            "power": lambda: nvml.nvmlDeviceGetPowerUsage(handle) / 1e3,
            "temperature": lambda: nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU),
        }
        for quantity, get in asked.items():
            try:
                yield Reading(quantity, device, get(), UNITS[quantity], "NVML")
            except nvml.NVMLError as error:
                yield Reading(quantity, device, None, UNITS[quantity], "NVML", str(error))


_shared: Sensors | None = None
_shared_lock = threading.Lock()


def _sensors() -> Sensors:
    global _shared
    with _shared_lock:
        if _shared is None:
            _shared = Sensors()
        return _shared


def _open_nvml():
    """(the module, (name, handle) of each GPU, why there are none)."""
    try:
        import pynvml
    except ImportError:
        return None, (), "the package nvidia-ml-py is not installed"
    try:
        pynvml.nvmlInit()
        found = []
        for index in range(pynvml.nvmlDeviceGetCount()):
            handle = pynvml.nvmlDeviceGetHandleByIndex(index)
            name = pynvml.nvmlDeviceGetName(handle)
            found.append((name.decode() if isinstance(name, bytes) else name, handle))
    except pynvml.NVMLError_LibraryNotFound:
        return pynvml, (), "no NVIDIA driver: its library NVML is not installed"
    except pynvml.NVMLError as error:
        return pynvml, (), f"NVML: {error}"
    return pynvml, tuple(found), "" if found else "NVML lists no GPU"


def _host_clock() -> Reading:
    if sys.platform.startswith("linux"):
        files = Path("/sys/devices/system/cpu").glob("cpu[0-9]*/cpufreq/scaling_cur_freq")
        values = [_number(file) for file in files]
        values = [v * 1e3 for v in values if v]
        if values:
            mean = sum(values) / len(values)
            return Reading("clock", HOST, mean, "Hz", "cpufreq, mean of the processors")
        # psutil would answer with a number of /proc/cpuinfo that never changes
        reason = "no cpufreq here: the clock in /proc/cpuinfo is nominal, not live"
        return Reading("clock", HOST, None, "Hz", "cpufreq", reason)
    reason = "this system tells the nominal clock only"
    return Reading("clock", HOST, None, "Hz", "psutil", reason)


def _host_temperature() -> Reading:
    if not hasattr(psutil, "sensors_temperatures"):
        reason = "this system gives temperatures to administrators only"
        return Reading("temperature", HOST, None, "degC", "psutil", reason)
    chips = psutil.sensors_temperatures()
    for name in CPU_CHIPS:
        if entries := [e.current for e in chips.get(name, ()) if e.current]:
            return Reading("temperature", HOST, max(entries), "degC", f"hwmon {name}, hottest")
    reason = "no temperature sensor of the processor here, as on most virtual machines"
    return Reading("temperature", HOST, None, "degC", "hwmon", reason)


def _amd_gpus() -> Iterable[Reading]:
    """AMD cards, through the files of the amdgpu driver (micro-units, as hwmon has them)."""
    for card in sorted(Path("/sys/class/drm").glob("card[0-9]")):
        device = card / "device"
        if not (device / "mem_info_vram_total").exists():
            continue
        sensors = next(iter(sorted((device / "hwmon").glob("hwmon*"))), device)
        power = sensors / "power1_average"
        if not power.exists():
            power = sensors / "power1_input"
        files = {
            "memory_used": (device / "mem_info_vram_used", 1.0),
            "memory_total": (device / "mem_info_vram_total", 1.0),
            "load": (device / "gpu_busy_percent", 1e-2),
            "clock": (sensors / "freq1_input", 1.0),
            "power": (power, 1e-6),
            "temperature": (sensors / "temp1_input", 1e-3),
        }
        for quantity, (file, factor) in files.items():
            value = _number(file)
            reason = "" if value is not None else f"{file.name} can't be read"
            value = None if value is None else value * factor
            yield Reading(quantity, f"AMD {card.name}", value, UNITS[quantity], "amdgpu", reason)


def _number(file: Path) -> float | None:
    try:
        return float(file.read_text())
    except (OSError, ValueError):
        return None


def _once(get: Callable[[], object]) -> Callable[[], object]:
    kept: list[object] = []

    def value() -> object:
        if not kept:
            kept.append(get())
        return kept[0]

    return value

"""What a monitor reads: tinygrad's counters, this process, the system, and sensors.

A source is called with the time and answers with `Readings`. Counters become rates since the source
was last asked. Sensors change slowly and cost more to read, so they are asked once a second and
their last answer stands in between.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import psutil

from labs import toolchain
from labs.devices.sensors import HOST, Sensors

toolchain.activate()

from tinygrad.helpers import GlobalCounters

SENSOR_PERIOD_S, SYSTEM_PERIOD_S = 1.0, 0.5
_TRIES = 5  # a dictionary may grow while it is copied

# name -> unit; of GPUs the names carry the device: "power GPU 0: NVIDIA H100"
QUANTITIES = {
    "kernels_per_s": "1/s",
    "flop_per_s": "FLOP/s",
    "bytes_per_s": "B/s",
    "process_cpu": "1",
    "process_memory": "B",
    "system_load": "1",
}
WATCHED = ("power", "temperature", "clock", "memory_used", "load")  # of the sensors


@dataclass(frozen=True)
class Readings:
    """What a source says at one moment.

    Args:
        values: name -> number in SI units.
        reasons: name -> why there is no number.
        memory_bytes: device -> bytes that tinygrad's buffers hold on it.
    """

    values: Mapping[str, float] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)
    memory_bytes: Mapping[str, int] = field(default_factory=dict)


Source = Callable[[float], Readings]


def default_sources() -> dict[str, Source]:
    """Everything that can be read here; each call makes sources with differences of their own."""
    return {
        "counters": CounterSource(),
        "process": ProcessSource(),
        "system": SystemSource(),
        "sensors": SensorSource(),
    }


class CounterSource:
    """Kernels, FLOP and bytes per second, as tinygrad counts them when it launches a kernel.

    FLOP and bytes are its estimates from each kernel (each byte once), counted at the launch, which
    on an asynchronous device is before the work is done. Kernels that are run with
    `update_stats=False`, such as copies of `numpy()`, are not counted.
    """

    NAMES = ("kernels_per_s", "flop_per_s", "bytes_per_s")

    def __init__(self, counters: type = GlobalCounters) -> None:
        self._counters = counters
        self._previous: tuple[float, tuple[float, ...]] | None = None

    def __call__(self, now: float) -> Readings:
        c = self._counters
        counts = tuple(float(n) for n in (c.kernel_count, c.global_ops, c.global_mem))
        previous, self._previous = self._previous, (now, counts)
        memory = {d: int(n) for d, n in _copied(c.mem_used_per_device).items()}
        if previous is None or now <= previous[0]:
            reasons = dict.fromkeys(self.NAMES, "a rate needs two readings")
            return Readings(reasons=reasons, memory_bytes=memory)
        elapsed, before = now - previous[0], previous[1]
        if any(n < b for n, b in zip(counts, before, strict=True)):
            before = (0.0,) * len(counts)  # somebody has reset them in between
        rates = ((n - b) / elapsed for n, b in zip(counts, before, strict=True))
        return Readings(dict(zip(self.NAMES, rates, strict=True)), memory_bytes=memory)


class ProcessSource:
    """This process: processors it keeps busy (2.0 is two of them), and its resident memory."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._previous: tuple[float, float] | None = None

    def __call__(self, now: float) -> Readings:
        times = time.process_time()  # user and system, of all threads
        values = {"process_memory": float(self._process.memory_info().rss)}
        previous, self._previous = self._previous, (now, times)
        if previous is None or now <= previous[0]:
            return Readings(values, {"process_cpu": "a rate needs two readings"})
        values["process_cpu"] = (times - previous[1]) / (now - previous[0])
        return Readings(values)


class SystemSource:
    """The share of all processors that is busy, with everything else that runs; twice a second,
    since reading it costs more than all other counters together."""

    def __init__(self, period_s: float = SYSTEM_PERIOD_S) -> None:
        self._period_s, self._asked_s = period_s, float("-inf")
        self._previous: tuple[float, float] | None = None
        self._last: float | None = None

    def __call__(self, now: float) -> Readings:
        if now - self._asked_s >= self._period_s:
            self._asked_s = now
            self._ask()
        if self._last is None:
            return Readings(reasons={"system_load": "a rate needs two readings"})
        return Readings({"system_load": self._last})

    def _ask(self) -> None:
        times = psutil.cpu_times()
        idle = times.idle + getattr(times, "iowait", 0.0)
        total = sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)
        previous = self._previous
        # the system counts in ticks of 0.01 s for each processor
        if previous is None or total - previous[1] >= 0.1:
            self._previous = (idle, total)
            if previous is not None:
                busy = 1 - (idle - previous[0]) / (total - previous[1])
                self._last = min(1.0, max(0.0, busy))


class SensorSource:
    """Power, temperature, clocks, memory and load of the host and its GPUs, once a second."""

    def __init__(self, sensors: Sensors | None = None, period_s: float = SENSOR_PERIOD_S) -> None:
        self._sensors = sensors or Sensors()  # its own: its averages are since its last reading
        self._period_s = period_s
        self._asked_s: float | None = None
        self._last = Readings()

    def __call__(self, now: float) -> Readings:
        if self._asked_s is not None and now - self._asked_s < self._period_s:
            return self._last
        self._asked_s = now
        self._last = Readings()  # what can't be read now doesn't keep standing
        values, reasons = {}, {}
        for reading in self._sensors.read():
            if reading.quantity not in WATCHED:
                continue
            if reading.device == HOST and reading.quantity in ("load", "memory_used"):
                continue  # the system's own source is quicker
            name = f"{reading.quantity} {reading.device}"
            if reading.value is None:
                reasons[name] = reading.reason
            else:
                values[name] = float(reading.value)
        self._last = Readings(values, reasons)
        return self._last


def _copied(counts: Mapping[str, int]) -> dict[str, int]:
    for _ in range(_TRIES):
        try:
            return dict(counts)
        except RuntimeError:  # another thread has just opened a device
            continue
    return dict(counts)

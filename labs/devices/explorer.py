"""The syllabus's `BackendExplorer`: discovery, anatomy and comparison of devices behind one name.

This file stands above the rooms it combines (discovery here, `labs.lowering`, `labs.bench`), and is
loaded only when its names are used.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from labs import toolchain

toolchain.activate()

import numpy as np
import tinygrad
from tinygrad import Device, Tensor, dtypes
from tinygrad.device import Buffer

from labs import bench, lowering
from labs.devices.anatomy import MemoryUse, Parts, parts_of
from labs.devices.discovery import Discovery, discover, require
from labs.errors import DeviceError
from labs.tables import Table, TableView
from labs.units import format_bytes, format_bytes_per_s, format_interval

# what a reader of notebook 01 can follow, in the order of the notebook: (file, what to look for)
_READING = (
    ("runtime/ops_null.py", "a whole backend that does nothing: the smallest shape"),
    ("device.py", "Device, Buffer, Allocator, LRUAllocator, Compiled: the contracts"),
    ("renderer/__init__.py", "Renderer and Estimates"),
    ("renderer/cstyle.py", "one renderer for every C-like language"),
    ("engine/realize.py", "from a schedule to launches"),
    ("runtime/ops_cl.py", "a real GPU backend in about a hundred lines"),
)


@dataclass(frozen=True, repr=False)
class BackendArchitecture:
    """What `analyze_backend_architecture` found out about one device."""

    device: str
    renderer: str
    parts: Parts
    timings: bench.ResultSet
    memory: MemoryUse

    def tables(self) -> tuple[Table, ...]:
        return self.parts.table(), self.timings.table(), self.memory.table()

    def __repr__(self) -> str:
        return "\n\n".join(str(t) for t in self.tables())

    def _repr_html_(self) -> str:
        return "".join(t._repr_html_() for t in self.tables())


@dataclass(frozen=True)
class Transfer:
    """The measured bandwidth of copies of one size, in one direction."""

    device: str
    direction: str  # "copy in" (host to device) or "copy out"
    size_bytes: int
    measurement: bench.Measurement

    @property
    def bytes_per_s(self) -> float:
        return self.size_bytes / self.measurement.median_s

    @property
    def interval(self) -> bench.Interval | None:
        """95% interval of `bytes_per_s`."""
        return self.measurement.bytes_per_s_interval


@dataclass(frozen=True, repr=False)
class Transfers(TableView):
    """Copies in both directions over a range of sizes."""

    items: tuple[Transfer, ...]

    def __iter__(self):
        return iter(self.items)

    def best(self, direction: str) -> float:
        """The highest bandwidth in bytes per second in this direction, over devices and sizes."""
        return max(t.bytes_per_s for t in self.items if t.direction == direction)

    def table(self) -> Table:
        columns = ("device", "direction", "size", "bandwidth", "95% interval")
        rows = tuple(
            (
                t.device,
                t.direction,
                format_bytes(t.size_bytes),
                format_bytes_per_s(t.bytes_per_s),
                format_interval(t.interval.low, t.interval.high, format_bytes_per_s)
                if t.interval
                else None,
            )
            for t in self.items
        )
        return Table("Copies between host and device", columns, rows)


class BackendExplorer:
    """What this machine's devices are made of, and how they compare. Methods return data."""

    def discover_available_backends(self) -> Discovery:
        """Every device tinygrad knows, tried in isolation: usable, or the reason and the fix."""
        return discover()

    def analyze_backend_architecture(
        self, name: str, *, rounds: int = 3, round_time_s: float = 0.05
    ) -> BackendArchitecture:
        """The parts of a device with classes and files, the cost of each step, and its memory.

        Raises:
            DeviceError: the device is unknown or unusable here.
        """
        device = require(name)
        return BackendArchitecture(
            device=device,
            renderer=type(Device[device].renderer).__name__,
            parts=parts_of(device),
            timings=_step_timings(device, rounds, round_time_s),
            memory=_memory_of_add(device),
        )

    def benchmark_cross_device_performance(
        self,
        backends: Sequence[str] | None = None,
        *,
        suite: str = "day4",
        rounds: int = 5,
        round_time_s: float = 0.1,
        **settings,
    ) -> bench.ResultSet:
        """The syllabus's four workloads on each device, verified, interleaved, with intervals.

        Args:
            backends: device names; None means every usable device that is meant for speed.
            settings: further settings of `labs.bench.measure` (cache, clock, mode, path, progress).
        """
        chosen = tuple(backends) if backends else self.fast_devices()
        return bench.measure(suite, chosen, rounds=rounds, round_time_s=round_time_s, **settings)

    def fast_devices(self) -> tuple[str, ...]:
        """The usable devices that are meant for speed."""
        return discover().fast

    def measure_transfers(
        self,
        backends: Sequence[str] | None = None,
        sizes_bytes: Sequence[int] = (2**12, 2**16, 2**20, 2**24, 2**26),
        *,
        rounds: int = 3,
        round_time_s: float = 0.05,
    ) -> Transfers:
        """Bandwidth of copies to and from each device, by size, through the device's allocator.

        Each copy is verified before it is timed. The clock stops after synchronize().
        """
        chosen = tuple(require(d) for d in backends) if backends else self.fast_devices()
        cases = ((d, size) for size in sizes_bytes for d in chosen)
        found = [t for d, size in cases for t in _transfers(d, size, rounds, round_time_s)]
        return Transfers(tuple(found))

    def reading_list(self) -> Table:
        """Files of the installed tinygrad that are worth reading now, with their length."""
        root = Path(tinygrad.__file__).parent
        rows = tuple(
            (f"tinygrad/{name}", len((root / name).read_text("utf-8").splitlines()), what)
            for name, what in _READING
        )
        return Table("Read next", ("file", "lines", "look for"), rows)


def understand_device_memory_systems(backends: Sequence[str] | None = None) -> Table:
    """What each device's memory is, traced live: peak bytes of creation, add and matmul by size."""
    chosen = tuple(require(d) for d in backends) if backends else BackendExplorer().fast_devices()
    rows = []
    for device in chosen:
        kind = next(s.capabilities.memory_type for s in discover() if s.device == device)
        for n in (100, 500, 1000):
            for operation, run in _memory_operations(device, n).items():
                with lowering.trace_memory(device) as trace:
                    run()
                rows.append((device, kind, operation, n, format_bytes(trace.peak_bytes)))
    columns = ("device", "memory", "operation", "n", "peak")
    note = "Peak of the bytes that the allocator had handed out inside the block, square float32."
    return Table("Device memory by operation", columns, tuple(rows), note)


def _memory_operations(device: str, n: int):
    host = _random((n, n))

    def create():
        return Tensor(host, device=device).realize()

    return {
        "create": create,
        "add": lambda: (create() + create()).realize(),
        "matmul": lambda: (create() @ create()).realize(),
    }


def _step_timings(device: str, rounds: int, round_time_s: float) -> bench.ResultSet:
    """Creation, building and realization of (a + b), each timed by the harness."""
    host = _random((512, 512))
    a, b = (Tensor(host, device=device).realize() for _ in range(2))

    def build() -> None:
        a + b  # noqa: B018 - returning it would make the harness realize it

    steps = {
        "create tensor": lambda: Tensor(host, device=device).realize(),
        "build expression": build,
        "realize": lambda: (a + b).realize(),
    }
    return bench.measure_calls(steps, device=device, rounds=rounds, round_time_s=round_time_s)


def _memory_of_add(device: str) -> MemoryUse:
    allocator = Device[device].allocator
    before = tinygrad.GlobalCounters.mem_used_per_device[device]
    with lowering.trace_memory(device) as trace:
        a, b = (Tensor(_random((512, 512)), device=device).realize() for _ in range(2))
        c = (a + b).realize()
        del a, b, c
    after = tinygrad.GlobalCounters.mem_used_per_device[device]
    return MemoryUse(device, before, before + trace.peak_bytes, after, _kept_bytes(allocator))


def _kept_bytes(allocator) -> int:
    cache = getattr(allocator, "cache", {})
    return sum(size * len(blocks) for (size, _), blocks in cache.items())


def _transfers(device: str, size: int, rounds: int, round_time_s: float) -> list[Transfer]:
    allocator = Device[device].allocator
    host = np.random.default_rng(size).integers(0, 256, size, np.uint8)
    back = np.zeros_like(host)
    block = Buffer(device, size, dtypes.uint8).allocate()
    copies = {
        "copy in": lambda: allocator._copyin(block._buf, memoryview(host)),
        "copy out": lambda: allocator._copyout(memoryview(back), block._buf),
    }
    for copy in copies.values():
        copy()
        Device[device].synchronize()
    if not np.array_equal(host, back):
        raise DeviceError(
            f"copy {size} bytes to {device} and back",
            expected="the same bytes",
            got=f"{np.count_nonzero(host != back)} that differ",
            next_step="run `course.py doctor`; don't trust this device",
        )
    found = []
    for direction, copy in copies.items():
        measured = bench.measure_call(
            copy,
            name=f"{direction}, size={size}, uint8",
            device=device,
            min_bytes=size,
            rounds=rounds,
            round_time_s=round_time_s,
        )
        found.append(Transfer(device, direction, size, measured))
    return found


def _random(shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape, np.float32)

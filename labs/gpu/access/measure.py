"""Access patterns measured on a device, beside a copy of the same size in the same rounds."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import psutil

from labs import units
from labs.bench.plan import resolve_devices
from labs.bench.results import Failure, Measurement, ResultSet
from labs.bench.runner import measure
from labs.bench.statistics import Interval, summarize_rounds
from labs.bench.workload import Workload
from labs.errors import LabError, MeasurementError
from labs.gpu.access.caches import CacheLevel, cache_levels
from labs.gpu.access.patterns import PATTERNS, copy, input_bytes, pattern
from labs.gpu.access.traffic import Traffic, traffic_of
from labs.tables import Table, TableView

PATTERN_SET = (
    "sequential",
    "misaligned:offset=1",
    "strided:stride=2",
    "strided:stride=8",
    "strided:stride=32",
    "transposed",
    "gather",
    "broadcast",
)
_MEMORY_SHARE = 0.9
_COPIES = 3  # numpy's arrays and reference beside what the device holds
_SMALLEST_SET, _ASSUMED_LAST_LEVEL = 16 << 10, 32 << 20
_PAST_LAST_LEVEL = 4  # times its size: three quarters of it can't stay


@dataclass(frozen=True)
class PatternResult:
    """One pattern of one size on one device.

    Args:
        pattern: "strided, stride=8"; n: elements read, and written.
        traffic: bytes of the kernels that ran.
        measurement: its time; copy: that of the copy of n elements, in the same rounds.
        copy_bytes: `least_bytes` of the copy's kernel.
    """

    pattern: str
    n: int
    device: str
    traffic: Traffic = field(repr=False)
    measurement: Measurement = field(repr=False)
    copy: Measurement | None = field(repr=False)
    copy_bytes: int

    @property
    def bytes_per_s(self) -> float:
        """Bytes used: tinygrad's `mem` of the kernels that ran / median time."""
        return self.traffic.least_bytes / self.measurement.median_s

    @property
    def interval(self) -> Interval | None:
        """95% interval of `bytes_per_s` over rounds."""
        return _rate(self.traffic.least_bytes, self.measurement)

    @property
    def sector_bytes_per_s(self) -> float | None:
        """Bytes of the sectors that the loop bodies touch (derived) / median time."""
        moved = self.traffic.sector_bytes
        return None if moved is None else moved / self.measurement.median_s

    @property
    def copy_fraction(self) -> float | None:
        """`bytes_per_s` / that of the copy, from pairs of rounds; None without the copy."""
        return None if self._against_copy is None else self._against_copy[0]

    @property
    def copy_fraction_interval(self) -> Interval | None:
        return None if self._against_copy is None else self._against_copy[1]

    @property
    def _against_copy(self) -> tuple[float, Interval | None] | None:
        if self.copy is None:
            return None
        theirs = {r.index: r.median_s for r in self.copy.rounds}
        factor = self.traffic.least_bytes / self.copy_bytes
        ratios = [
            factor * theirs[r.index] / r.median_s
            for r in self.measurement.rounds
            if r.index in theirs
        ]
        return summarize_rounds(ratios) if ratios else None


@dataclass(frozen=True, repr=False)
class PatternResults(TableView):
    """Patterns of a device in the order asked for, the copy first.

    Args:
        failures: what could not be measured, and why. results: everything the harness returned.
    """

    device: str
    items: tuple[PatternResult, ...]
    failures: tuple[Failure, ...]
    results: ResultSet = field(repr=False)

    def __iter__(self):
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    def find(self, name: str, n: int | None = None) -> PatternResult:
        """The result of a pattern by its name ("gather", "strided, stride=8").

        Raises:
            MeasurementError: it isn't there.
        """
        for item in self.items:
            if item.pattern == name and n in (None, item.n):
                return item
        raise MeasurementError(
            f"find the pattern {name!r}",
            expected=f"one of {'; '.join(i.pattern for i in self.items) or 'none'}",
            got=next((f.error for f in self.failures if name in f.name), "no such pattern"),
        )

    def table(self) -> Table:
        rows = [
            (
                i.pattern,
                units.format_count(i.n),
                units.format_seconds(i.measurement.median_s) + _model(i.measurement),
                units.format_bytes(i.traffic.least_bytes),
                units.format_bytes(i.traffic.sector_bytes),
                units.format_bytes_per_s(i.bytes_per_s),
                units.format_bytes_per_s(i.sector_bytes_per_s),
                units.format_percent(i.copy_fraction),
                _interval(i.copy_fraction_interval),
            )
            for i in self.items
        ]
        rows += [(f.name, None, *[None] * 6, f"failed: {_got(f.error)}") for f in self.failures]
        columns = ("pattern", "elements", "median time", "bytes used", "bytes of sectors")
        columns += ("used per second", "sectors per second", "of the copy", "95% interval")
        clock = self.items[0].measurement.clock if self.items else "no"
        note = (
            f"{clock.capitalize()} time. Bytes used: tinygrad's estimate `mem` of the kernels that "
            "ran. Bytes of sectors: derived from their index expressions, each sector once in a "
            "loop body; what a cache keeps for longer is not taken off."
        )
        return Table(f"Access patterns on {self.device}", columns, tuple(rows), note)


@dataclass(frozen=True)
class BandwidthPoint:
    """The copy of one size: bytes read and written, and how fast."""

    size_bytes: int
    measurement: Measurement = field(repr=False)

    @property
    def bytes_per_s(self) -> float:
        return self.size_bytes / self.measurement.median_s

    @property
    def interval(self) -> Interval | None:
        return _rate(self.size_bytes, self.measurement)


@dataclass(frozen=True, repr=False)
class BandwidthBySize(TableView):
    """How fast a copy is whose working set grows past one cache after another.

    Args:
        points: ascending. size_bytes: tinygrad's `mem` of the kernel that ran, read and written.
        caches: of the device, as listed; empty where none is.
    """

    device: str
    points: tuple[BandwidthPoint, ...]
    caches: tuple[CacheLevel, ...]
    failures: tuple[Failure, ...]
    results: ResultSet = field(repr=False)

    def table(self) -> Table:
        rows = tuple(
            (
                units.format_bytes(p.size_bytes),
                next((c.name for c in self.caches if c.bytes >= p.size_bytes), "memory"),
                units.format_seconds(p.measurement.median_s) + _model(p.measurement),
                units.format_bytes_per_s(p.bytes_per_s),
                None
                if p.interval is None
                else units.format_interval(
                    p.interval.low, p.interval.high, units.format_bytes_per_s
                ),
            )
            for p in self.points
        )
        columns = ("read and written", "fits into", "median time", "bandwidth", "95% interval")
        listed = ", ".join(f"{c.name} {units.format_bytes(c.bytes)}" for c in self.caches)
        note = f"Warm caches. Listed caches: {listed or 'none'}. " + " ".join(
            f"{f.name} failed: {_got(f.error)}." for f in self.failures
        )
        return Table(f"Bandwidth of a copy on {self.device}", columns, rows, note.strip())


def measure_patterns(
    device: str = "CPU",
    sizes: int | Sequence[int] = 1 << 22,
    patterns: Iterable[str | Workload] = PATTERN_SET,
    *,
    dtype: str = "float32",
    clock: str | None = None,
    rounds: int = 10,
    round_time_s: float = 0.1,
    **options: object,
) -> PatternResults:
    """Time access patterns and a copy in interleaved rounds; every answer is checked with numpy.

    Args:
        sizes: elements that each pattern reads and writes.
        patterns: names with settings ("strided:stride=8"), or Workloads of `patterns.py`.
        clock: "device" or "wall"; left out, the device's own where it has one.
        options: further ones of `labs.bench.measure` (cache, seed, progress, cancel, settings).

    Raises:
        DeviceError: an unknown or unusable device.
        MeasurementError: an unknown pattern, a setting that makes no sense, or sizes that don't fit
            into memory. A pattern that fails on the device is a row, not an error.
    """
    (where,) = resolve_devices(device)
    lengths = (sizes,) if isinstance(sizes, int) else tuple(sizes)
    made = [w for n in lengths for w in (copy(n=n, dtype=dtype), *_made(patterns, n, dtype))]
    work = {w.spec: w for w in made}
    _require_memory(work.values(), where)
    chosen = clock or _clock(where)
    traffic, failures = _count(work, where)
    counted = [dataclasses.replace(work[s], min_bytes=t.least_bytes) for s, t in traffic.items()]
    if not counted:
        raise MeasurementError(
            f"measure access patterns on {where}",
            expected="at least one that the device can run",
            got=failures[0].error if failures else "none",
        )
    results = measure(
        counted, where, clock=chosen, rounds=rounds, round_time_s=round_time_s, **options
    )
    times = {_spec(m): m for m in results}
    items = []
    for spec, workload in work.items():
        if spec not in times:
            continue
        n = _elements(workload)
        same = copy(n=n, dtype=workload.dtype).spec
        items.append(
            PatternResult(
                pattern=_title(workload),
                n=n,
                device=where,
                traffic=traffic[spec],
                measurement=times[spec],
                copy=times.get(same),
                copy_bytes=traffic[same].least_bytes if same in traffic else 0,
            )
        )
    return PatternResults(where, tuple(items), (*failures, *results.failures), results)


def bandwidth_by_size(
    device: str = "CPU",
    sizes: Sequence[int] | None = None,
    *,
    dtype: str = "float32",
    clock: str | None = None,
    rounds: int = 8,
    round_time_s: float = 0.05,
    **options: object,
) -> BandwidthBySize:
    """The bandwidth of a copy by the size of what it reads and writes, caches warm.

    Args:
        sizes: bytes read and written together. Left out: from 16 KiB by factors of two to four
            times the last cache that is listed (128 MiB where none is).
        The others are those of `measure_patterns`. The wall clock includes the launch, which hides
        small caches.

    Raises:
        DeviceError, MeasurementError: as `measure_patterns`.
    """
    (where,) = resolve_devices(device)
    caches = cache_levels(where)
    if sizes is None:
        last = caches[-1].bytes if caches else _ASSUMED_LAST_LEVEL
        sizes = _default_sizes(_PAST_LAST_LEVEL * last, where)
    itemsize = np.dtype(dtype).itemsize
    wrong = [s for s in sizes if not isinstance(s, int) or s < 2 * itemsize]
    if wrong or not sizes:
        raise MeasurementError(
            "measure bandwidth by size",
            expected=f"sizes in bytes, {2 * itemsize} or more each",
            got=repr(wrong[0]) if wrong else "none",
            next_step="pass sizes=[2**k for k in range(14, 28)]",
        )
    work = {w.spec: w for w in (copy(n=s // (2 * itemsize), dtype=dtype) for s in sorted(sizes))}
    _require_memory(work.values(), where)
    traffic, failures = _count(work, where)
    counted = [dataclasses.replace(work[s], min_bytes=t.least_bytes) for s, t in traffic.items()]
    results = measure(
        counted,
        where,
        clock=clock or _clock(where),
        cache="warm",
        rounds=rounds,
        round_time_s=round_time_s,
        **options,
    )
    points = [BandwidthPoint(traffic[_spec(m)].least_bytes, m) for m in results]
    points.sort(key=lambda p: p.size_bytes)
    return BandwidthBySize(where, tuple(points), caches, (*failures, *results.failures), results)


def _made(patterns: Iterable[str | Workload], n: int, dtype: str) -> list[Workload]:
    if isinstance(patterns, str | Workload):
        patterns = [patterns]
    made = []
    for item in patterns:
        if isinstance(item, Workload):
            if item.name not in PATTERNS:
                raise MeasurementError(
                    f"measure '{item.spec}' as an access pattern",
                    expected=f"one of {', '.join(PATTERNS)}",
                    got=f"a workload named {item.name!r}",
                    next_step="measure other workloads with labs.bench.measure",
                )
            made.append(item)
            continue
        name, _, rest = str(item).partition(":")
        settings = dict(part.partition("=")[::2] for part in rest.split(",") if part)
        made.append(pattern(name, n=n, dtype=dtype, **_numbers(item, settings)))
    return made


def _numbers(item: object, settings: Mapping[str, str]) -> dict[str, int]:
    try:
        return {key.strip(): int(value) for key, value in settings.items()}
    except ValueError as error:
        raise MeasurementError(
            f"measure the access pattern {item!r}",
            expected="settings as whole numbers, such as 'strided:stride=8'",
            got=repr(item),
        ) from error


def _count(work: Mapping[str, Workload], device: str) -> tuple[dict[str, Traffic], list[Failure]]:
    """What each compiled kernel moves; one that doesn't compile is a failure."""
    found: dict[str, Traffic] = {}
    failures: list[Failure] = []
    for spec, workload in work.items():
        try:
            found[spec] = traffic_of(workload, device)
        except Exception as error:  # a driver may raise anything
            text = str(error) if isinstance(error, LabError) else f"{type(error).__name__}: {error}"
            failures.append(Failure(spec, device, text, type(error).__name__))
    return found, failures


def _require_memory(work: Iterable[Workload], device: str) -> None:
    each = [(input_bytes(w), w) for w in work]
    needed = _COPIES * sum(size for size, _ in each)
    available = psutil.virtual_memory().available * _MEMORY_SHARE
    if needed > available:
        size, largest = max(each, key=lambda pair: pair[0])
        raise MeasurementError(
            f"measure access patterns on {device}",
            expected=f"at most {units.format_bytes(available)} of memory (what is available now)",
            got=f"about {units.format_bytes(needed)} for inputs, outputs and numpy's answers; the "
            f"largest is '{largest.spec}' with {units.format_bytes(size)}",
            next_step="choose a smaller size or stride",
        )


def _default_sizes(largest: int, device: str) -> list[int]:
    room = psutil.virtual_memory().available * _MEMORY_SHARE / (2 * _COPIES)  # a sum of halves
    if device.split(":")[0] == "EDGE":
        room = min(room, 8 << 20)  # of its 32 MiB, for all sizes together
    largest = int(min(largest, room))
    return [_SMALLEST_SET << k for k in range(max(1, (largest // _SMALLEST_SET).bit_length()))]


def _clock(device: str) -> str:
    from labs.bench.clocks import device_clock

    return "device" if device_clock(device).source else "wall"


def _spec(measurement: Measurement) -> str:
    name, shape, dtype = measurement.name.split("/")[:3]
    return f"{name}:{shape},dtype={dtype}"


def _elements(workload: Workload) -> int:
    return int(workload.shape.split(",")[0].removeprefix("n="))


def _title(workload: Workload) -> str:
    rest = workload.shape.split(",")[1:]
    return ", ".join([workload.name, *rest])


def _rate(size_bytes: float, m: Measurement) -> Interval | None:
    times = m.interval_s
    if times is None:
        return None
    return Interval(size_bytes / times.high, size_bytes / times.low, times.level)


def _interval(interval: Interval | None) -> str | None:
    if interval is None:
        return None
    return units.format_interval(interval.low, interval.high, units.format_percent)


def _model(m: Measurement) -> str:
    return " (model)" if m.modelled else ""


def _got(text: str) -> str:
    lines = text.strip().splitlines()
    got = next((x for x in lines if x.strip().startswith("Got:")), lines[0] if lines else "")
    return got.strip().removeprefix("Got:").strip().rstrip(".")

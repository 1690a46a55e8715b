"""Access patterns measured on a device, beside a copy of the same size in the same rounds."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import psutil

from labs import units
from labs.bench.plan import resolve_devices
from labs.bench.results import Failure, Measurement
from labs.bench.runner import measure
from labs.bench.workload import Workload
from labs.errors import LabError, MeasurementError
from labs.gpu.access.caches import cache_levels
from labs.gpu.access.patterns import PATTERNS, copy, input_bytes, pattern
from labs.gpu.access.results import (
    BandwidthBySize,
    BandwidthPoint,
    PatternResult,
    PatternResults,
)
from labs.gpu.access.traffic import Traffic, traffic_of

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

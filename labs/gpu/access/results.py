"""Measured access patterns and bandwidth curves as frozen data, with the tables they show."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from labs import units
from labs.bench.results import Failure, Measurement, ResultSet
from labs.bench.statistics import Interval, summarize_rounds
from labs.errors import MeasurementError
from labs.gpu.access.caches import CacheLevel
from labs.gpu.access.traffic import Traffic
from labs.tables import Table, TableView


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

    def __iter__(self) -> Iterator[PatternResult]:
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

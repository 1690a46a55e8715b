"""What `measure_roofs` returns: the roofs of one device, and what follows from them. Plain data.

A roof is a rate that this device was seen to reach with a kernel made for nothing else; the point
where a memory roof and an arithmetic roof meet is the ridge.
"""

from dataclasses import dataclass, field

from labs.bench.results import Measurement, ResultSet
from labs.bench.statistics import Interval
from labs.gpu.datasheet import Datasheet
from labs.tables import Table, TableView
from labs.units import (
    format_bytes_per_s,
    format_flop_per_s,
    format_intensity,
    format_interval,
    format_percent,
    format_seconds,
)

MEMORY, ARITHMETIC, MATRIX = "memory", "arithmetic", "matrix"


@dataclass(frozen=True)
class Roof:
    """One upper bound as it was reached.

    Args:
        name: "copy", "triad", or the dtype.
        kind: "memory" (B/s), "arithmetic" or "matrix" (FLOP/s; of whole numbers: operations/s).
        dtype: of the elements.
        value: in B/s or FLOP/s, by the fastest twentieth of the calls; None with a `reason`.
        interval: from the low end of the 95% interval of all rounds' median up to its high end, or
            to `value` if that is higher.
        how: the kernel in words.
        datasheet: the vendor's number for the same; None where there is none.
        measurement: what the value was taken from.
    """

    name: str
    kind: str
    dtype: str
    value: float | None = None
    interval: Interval | None = None
    how: str = ""
    reason: str = ""
    datasheet: float | None = None
    measurement: Measurement | None = None

    @property
    def unit(self) -> str:
        return "B/s" if self.kind == MEMORY else "FLOP/s"

    def format(self, value: float | None) -> str:
        """A rate of this roof's kind as text."""
        if self.kind == MEMORY:
            return format_bytes_per_s(value)
        text = format_flop_per_s(value)  # of whole numbers it counts operations
        return text.replace("FLOP/s", "OP/s") if self.dtype.startswith("int") else text


@dataclass(frozen=True, repr=False)
class Roofs(TableView):
    """The roofs of one device, in the order they were asked for.

    Args:
        device, device_name: tinygrad's name, and the driver's for the hardware.
        roofs: memory first, then arithmetic and matrix roofs by dtype.
        clock: "device" or "wall": what timed them, and what workloads are placed with.
        modelled: the times come from a model; such roofs are for modelled workloads only.
        floor_s: what the same clock gives for a kernel with next to no work; None when it is below
            the clock's resolution.
        sheet: the vendor's numbers, or why there are none.
        host: for a host processor what its vectors could do: a model, never drawn beside the roofs.
        notes: what a reader must know (sizes that were cut down, roofs with few samples).
        results: all measurements and failures.
    """

    device: str
    device_name: str | None
    roofs: tuple[Roof, ...]
    clock: str
    modelled: bool
    floor_s: float | None
    sheet: Datasheet
    host: Datasheet | None = None
    notes: tuple[str, ...] = ()
    results: ResultSet = field(default_factory=lambda: ResultSet(()))

    @property
    def memory(self) -> Roof | None:
        """The higher of copy and triad; None when neither could be measured."""
        return self._best(lambda roof: roof.kind == MEMORY)

    def arithmetic(self, dtype: str = "float32") -> Roof | None:
        """The multiply-add roof of a dtype; None when it was not measured."""
        return self._best(lambda roof: roof.kind == ARITHMETIC and roof.dtype == dtype)

    def matrix(self, dtype: str) -> Roof | None:
        """The roof of the matrix units for inputs of a dtype; None when there is none."""
        return self._best(lambda roof: roof.kind == MATRIX and roof.dtype == dtype)

    def compute(self, dtype: str = "float32", matrix_units: bool = False) -> Roof | None:
        """The roof above a kernel's arithmetic.

        Whole numbers of any width are held against int32, in which tinygrad multiplies and adds
        them, and a float without a roof of its own against float32. A kernel on the matrix units
        is held against the higher of the two roofs: where the large matmul of the matrix roof is
        slower than ordinary arithmetic, it shows no bound.
        """
        if matrix_units:
            found = [r for r in (self.matrix(dtype), self.arithmetic(dtype)) if r is not None]
            return max(found, key=lambda r: r.value) if found else None
        roof = self.arithmetic(dtype)
        if roof is None:
            roof = self.arithmetic("int32" if dtype.startswith(("int", "uint")) else "float32")
        return roof

    def ridge_point(
        self, dtype: str = "float32", matrix_units: bool = False
    ) -> tuple[float, Interval | None] | None:
        """Where the two roofs meet, in FLOP/B, with an interval from theirs; None without both."""
        memory, compute = self.memory, self.compute(dtype, matrix_units)
        if memory is None or compute is None:
            return None
        interval = None
        if memory.interval is not None and compute.interval is not None:
            low = compute.interval.low / memory.interval.high
            interval = Interval(low, compute.interval.high / memory.interval.low)
        return compute.value / memory.value, interval

    def attainable(
        self, intensity: float, dtype: str = "float32", matrix_units: bool = False
    ) -> float | None:
        """The roofline: the lower of intensity x bandwidth and the compute roof, in FLOP/s.

        Source: Williams, Waterman, Patterson, "Roofline: an insightful visual performance model for
        multicore architectures", CACM 52(4), 2009.
        """
        memory, compute = self.memory, self.compute(dtype, matrix_units)
        bounds = [intensity * memory.value] if memory else []
        bounds += [compute.value] if compute else []
        return min(bounds) if bounds else None

    def table(self) -> Table:
        rows = [_row(roof, self.modelled) for roof in self.roofs]
        name = f", {self.device_name}" if self.device_name else ""
        what = "Modelled roofs" if self.modelled else "Measured roofs"
        title = f"{what} of {self.device}{name}"
        columns = ("roof", "reached", "interval", "datasheet", "of it", "how, or why not")
        return Table(title, columns, tuple(rows), " ".join(self._notes()))

    def _notes(self) -> list[str]:
        ridge = self.ridge_point()
        notes = [f"Ridge point, float32: {format_intensity(ridge[0])}."] if ridge else []
        if self.floor_s is not None:
            notes.append(f"A kernel with no work: {format_seconds(self.floor_s)} on this clock.")
        notes.append(f"Datasheet: {self.sheet.source or self.sheet.reason}.")
        if self.host:
            peak = format_flop_per_s(self.host.flop_per_s["float32"])
            notes.append(f"The host's vectors, float32: {peak} ({self.host.source}).")
        if self.modelled:
            notes.append("model: the times come from a model, not from doing the work.")
        notes.append(
            "Reached: by the fastest twentieth of the calls; interval: from all rounds' median."
        )
        return notes + [f"{note}." for note in self.notes]

    def _best(self, wanted) -> Roof | None:
        found = [roof for roof in self.roofs if wanted(roof) and roof.value]
        return max(found, key=lambda roof: roof.value, default=None)


def _row(roof: Roof, modelled: bool) -> tuple[object, ...]:
    name = roof.name if roof.kind == MEMORY else f"{roof.dtype} {roof.kind}"
    interval = roof.interval
    ends = format_interval(interval.low, interval.high, roof.format) if interval else None
    of_sheet = roof.value / roof.datasheet if roof.value and roof.datasheet else None
    reached = roof.format(roof.value) + (" (model)" if modelled and roof.value else "")
    sheet = roof.format(roof.datasheet) if roof.datasheet else None
    part = format_percent(of_sheet) if of_sheet and not modelled else None
    return (name, reached, ends, sheet, part, roof.how or roof.reason)

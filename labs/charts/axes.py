"""Axes that name their quantity and unit: data stay in SI base units, only the ticks are scaled."""

import math
from collections.abc import Iterable

from matplotlib.axis import Axis
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullLocator

from labs.units import format_bytes

# unit of the base quantity -> its multiples in which an axis may be labelled
_MULTIPLES = {
    "s": ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns")),
    "FLOP/s": ((1e12, "TFLOP/s"), (1e9, "GFLOP/s"), (1e6, "MFLOP/s"), (1e3, "kFLOP/s")),
    "B/s": ((1e9, "GB/s"), (1e6, "MB/s"), (1e3, "kB/s"), (1.0, "B/s")),
    "B": ((2.0**30, "GiB"), (2.0**20, "MiB"), (2.0**10, "KiB"), (1.0, "B")),
}


def quantity_axis(
    axis: Axis, quantity: str, unit: str, values: Iterable[float], *, log: bool = False
) -> None:
    """Label an axis "quantity (unit)" in the multiple that suits the values, ticks scaled to match.

    Args:
        axis: the x or y axis; its data are in `unit`.
        quantity: the words, such as "Wall time per call".
        unit: "s", "B", "B/s", "FLOP/s" are scaled; any other unit is used as it is ("" for none).
        values: what will be drawn, in `unit`; chooses the multiple and the ticks.
        log: a logarithmic axis, which its label then says.
    """
    present = [v for v in values if v is not None and math.isfinite(v) and v > 0]
    factor, name = _multiple(unit, present, log)
    inside = ", ".join(part for part in (name, "log scale" if log else "") if part)
    axis.set_label_text(f"{quantity} ({inside})" if inside else quantity)
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value / factor:,.6g}"))
    axis.set_minor_locator(NullLocator())
    if log:
        decades = math.log10(max(present) / min(present)) if present else 1
        subs = (1, 2, 5) if decades < 3.2 else (1,)
        axis.set_major_locator(LogLocator(subs=subs, numticks=20))
    else:
        axis.set_major_locator(_ScaledLocator(factor))


def byte_size_axis(axis: Axis, quantity: str, sizes: Iterable[int]) -> None:
    """A logarithmic axis of memory sizes with ticks at powers of two, such as "64 KiB"."""
    sizes = sorted({int(s) for s in sizes})
    low, high = (math.floor(math.log2(s)) for s in (max(1, sizes[0]), max(1, sizes[-1])))
    step = max(1, math.ceil((high - low) / 9))
    axis.set_major_locator(FixedLocator([2.0**p for p in range(low, high + 1, step)]))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: format_bytes(value)))
    axis.set_label_text(f"{quantity} (bytes, log scale)")


def reach(points: Iterable[float], ends: Iterable[float]) -> tuple[float, float]:
    """What an axis shows: all points, and the ends of their intervals unless these are far out.

    An interval from very few rounds may span decades; drawn in full it would hide the points.
    """
    points = list(points)
    low, high = min(points), max(points)
    near = [e for e in ends if low / 3 <= e <= high * 3]
    return min(low, *near, low), max(high, *near, high)


class _ScaledLocator(MaxNLocator):
    """Round ticks in the labelled unit: 0.5 MiB, not 500,000 B."""

    def __init__(self, factor: float) -> None:
        super().__init__(nbins=7, steps=[1, 2, 2.5, 5, 10])
        self._factor = factor

    def tick_values(self, vmin: float, vmax: float):
        return super().tick_values(vmin / self._factor, vmax / self._factor) * self._factor


def _multiple(unit: str, present: list[float], log: bool) -> tuple[float, str]:
    choices = _MULTIPLES.get(unit)
    if not choices:
        return 1.0, unit
    if not present:
        return 1.0, choices[-1][1]
    # a log axis is read around its middle, a linear one from its top
    typical = math.sqrt(min(present) * max(present)) if log else max(present)
    return next(((f, n) for f, n in choices if typical >= f), choices[-1])

"""What a signal must measure, in the shape of readings: known from its description, not measured.

`steady` holds wherever no fault is; `faults` has each fault's own values, with its exact samples.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from labs.electrical.blocks import Channel
from labs.electrical.readings import Reading
from labs.electrical.sources.faults import Fault, Level
from labs.tables import Table, TableView
from labs.units import format_quantity


@dataclass(frozen=True, repr=False)
class Truth(TableView):
    """Exact values of a signal."""

    steady: tuple[Reading, ...]
    faults: tuple[Reading, ...] = ()

    def value(self, quantity: str, channel: str | None = None) -> float:
        """Of the first that has this quantity; faults come after what is steady.

        Raises:
            KeyError: nothing is known of it.
        """
        for r in (*self.steady, *self.faults):
            if r.quantity == quantity and channel in (None, r.channel):
                return r.value
        raise KeyError(f"{quantity} of {channel or 'any channel'}")

    def table(self) -> Table:
        """One row for each value; channels that have the same share it."""
        names: dict[tuple[object, ...], list[str]] = {}
        for r in (*self.steady, *self.faults):
            value = format_quantity(r.value, "" if r.unit == "1" else r.unit, 6)
            key = r.quantity, value, f"{r.t_start_s:.6g} s", f"{r.t_end_s:.6g} s"
            names.setdefault(key, []).append(r.channel)
        rows = tuple((q, ", ".join(c), *rest) for (q, *rest), c in names.items())
        columns = ("quantity", "channel", "value", "from", "to")
        return Table("What the signal is", columns, rows, "From its description, not measured.")


class Teller:
    """Makes readings of a signal's truth."""

    def __init__(self, channels: tuple[Channel, ...], fs_hz: float, length: int) -> None:
        self.channels, self.fs_hz, self.length = channels, fs_hz, length

    def steady(self, kind: str, quantity: str, value: float, unit: str, *names: str) -> Reading:
        """Of the whole signal."""
        return self._reading(kind, quantity, "+".join(names), value, unit, 0, self.length)

    def faults(
        self, faults: Iterable[Fault], rows: range, rms: tuple[float, ...]
    ) -> tuple[Reading, ...]:
        """Values of faults.

        Args:
            rows: channels that a fault on () touches.
            rms: of each channel without faults.
        """
        found = []
        for fault in faults:
            first, last = fault.span(self.fs_hz, self.length)
            if first >= self.length:
                continue  # it begins after the end
            kind = "voltage_events" if isinstance(fault, Level) else "fault"
            touched = list(fault.channels or rows)
            names = "+".join(self.channels[r].name for r in touched)
            worst = max if isinstance(fault, Level) and fault.factor > 1 else min
            level = worst(rms[r] for r in touched)
            for quantity, (value, unit) in fault.values(level).items():
                unit = self.channels[touched[0]].unit if unit == "=" else unit
                if unit == "s" and not math.isfinite(value):
                    value = (last - first) / self.fs_hz  # to the end of the signal
                found.append(self._reading(kind, quantity, names, value, unit, first, last))
        return tuple(found)

    def _reading(
        self, kind: str, quantity: str, names: str, value: float, unit: str, first: int, last: int
    ) -> Reading:
        fs = self.fs_hz
        times = first / fs, last / fs
        return Reading(kind, quantity, names, float(value), unit, first, last - first, *times)

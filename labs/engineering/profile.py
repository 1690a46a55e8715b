"""PerformanceProfile: what one device was seen to do, in the figures that a choice is made by."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from labs.engineering.advice import Advice
from labs.engineering.figure import Figure
from labs.tables import Table, TableView

# field -> what a reader calls it
FIGURES = {
    "peak_throughput": "peak throughput",
    "avg_latency": "latency of one small call",
    "memory_bandwidth": "memory bandwidth",
    "compute_efficiency": "arithmetic, of the measured roof",
    "datasheet_efficiency": "arithmetic, of the datasheet",
    "bandwidth_efficiency": "bandwidth, of the measured roof",
    "power_efficiency": "work per energy",
    "thermal_characteristics": "temperature, highest in the run",
    "copy_to_device": "copy to the device",
    "copy_to_host": "copy to the host",
}


@dataclass(frozen=True, repr=False)
class PerformanceProfile(TableView):
    """One device's figures, each with its interval and origin, or the reason for having none.

    Args:
        device_name: as results call it ("CUDA", "CPU:LLVM").
        hardware: the driver's name for it.
        host: where it was measured.
        peak_throughput: the highest FLOP/s of the suite, by the wall clock.
        avg_latency: seconds of one call of the smallest addition, launch to synchronized.
        memory_bandwidth: compulsory bytes per second of the largest element-wise case.
        compute_efficiency: the largest matmul, by the clock of the roofs, over the measured
            arithmetic roof; datasheet_efficiency: the same over the vendor's number;
            bandwidth_efficiency: the largest addition over the measured memory roof.
        power_efficiency: FLOP per joule of a matmul, all of the chip's energy counted.
        thermal_characteristics: the highest temperature; its interval is the range in the run.
        copy_to_device, copy_to_host: bytes per second of the largest copies.
        optimization_recommendations: what to do about it, with evidence.
        modelled: all of it comes from a model of a device, not from this machine.
    """

    device_name: str
    hardware: str
    host: str
    peak_throughput: Figure
    avg_latency: Figure
    memory_bandwidth: Figure
    compute_efficiency: Figure
    datasheet_efficiency: Figure
    bandwidth_efficiency: Figure
    power_efficiency: Figure
    thermal_characteristics: Figure
    copy_to_device: Figure
    copy_to_host: Figure
    optimization_recommendations: tuple[Advice, ...] = ()
    modelled: bool = False

    def __iter__(self) -> Iterator[tuple[str, Figure]]:
        return ((name, getattr(self, name)) for name in FIGURES)

    def table(self) -> Table:
        """One row per figure."""
        rows = tuple(
            (
                FIGURES[name],
                figure.text(),
                figure.interval_text(),
                figure.source or figure.reason,
            )
            for name, figure in self
        )
        kind = "modelled" if self.modelled else "measured"
        title = f"{self.device_name}: {self.hardware or 'unnamed hardware'} ({kind})"
        note = "Interval: 95% over rounds; of the temperature, the range in the run."
        return Table(title, ("figure", "value", "interval", "from, or why not"), rows, note)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        figures = {name: figure.to_dict() for name, figure in self}
        advice = [vars(a) for a in self.optimization_recommendations]
        facts = {k: getattr(self, k) for k in ("device_name", "hardware", "host", "modelled")}
        return facts | figures | {"optimization_recommendations": advice}

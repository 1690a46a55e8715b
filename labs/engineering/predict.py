"""How long a workload will take on a device, before it runs there: launch + work + transfer.

A profile's measurements are the points of a curve for each kind of work (matmul, add, ...): time
against amount. Between two measured sizes the time is interpolated on logarithmic scales, which is
exact for a power of the amount, whatever its exponent; beyond them it grows with the amount. A kind
that was never measured there is placed under the profile's best rates (a roofline), and says so.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from labs.bench.results import Measurement, ResultSet
from labs.bench.workload import Workload
from labs.errors import MeasurementError
from labs.tables import Table, TableView
from labs.units import format_percent, format_seconds

INTERPOLATED, EXTRAPOLATED, ROOFLINE = "interpolated", "extrapolated", "roofline"


@dataclass(frozen=True)
class Prediction:
    """An expected time.

    Args:
        launch_s: what starting the kernels costs, whatever their size.
        work_s: the rest of the computation.
        transfer_s: copying the inputs there and the result back; 0 when they are there already.
        how: "interpolated", "extrapolated" (outside the measured sizes) or "roofline" (this kind of
            work was not measured on the device).
    """

    device: str
    launch_s: float
    work_s: float
    transfer_s: float
    how: str

    @property
    def seconds(self) -> float:
        return self.launch_s + self.work_s + self.transfer_s


@dataclass(frozen=True)
class CopyCost:
    """Copying between the host and a device: seconds = latency_s + bytes / bytes_per_s."""

    latency_s: float
    bytes_per_s: float

    def seconds(self, nbytes: float) -> float:
        return self.latency_s + nbytes / self.bytes_per_s


@dataclass(frozen=True)
class CostModel:
    """What a device's measurements say about other sizes.

    Args:
        curves: kind of work -> (amount, seconds) by rising amount. The amount is the number of
            operations where that is known, else the bytes.
        launch_s: the least time of any measurement: nothing is faster.
        flop_per_s, bytes_per_s: the best rates of any measurement; None when there are none.
        copies: of the host's link; None when it was not measured.
    """

    device: str
    curves: Mapping[str, tuple[tuple[float, float], ...]]
    launch_s: float
    flop_per_s: float | None
    bytes_per_s: float | None
    copies: CopyCost | None = None

    def predict(self, workload: Workload, *, transfer: bool = False) -> Prediction:
        """The time of one call.

        Raises:
            MeasurementError: when neither the kind of work nor its amount is known.
        """
        moved = 0.0
        if transfer and self.copies is not None:
            moved = self.copies.seconds(workload.min_bytes or 0)
        key, amount = kind_of(workload), _amount(workload.flop, workload.min_bytes)
        curve = self.curves.get(key)
        if curve and amount:
            total, how = _on_curve(curve, amount)
        else:
            total, how = self._under_the_roof(workload), ROOFLINE
        launch = min(self.launch_s, total)
        return Prediction(self.device, launch, total - launch, moved, how)

    def _under_the_roof(self, workload: Workload) -> float:
        parts = []
        if workload.flop and self.flop_per_s:
            parts.append(workload.flop / self.flop_per_s)
        if workload.min_bytes and self.bytes_per_s:
            parts.append(workload.min_bytes / self.bytes_per_s)
        if not parts:
            raise MeasurementError(
                f"predict '{workload.name}' on {self.device}",
                expected="a kind of work that was measured there, or its flop or min_bytes",
                got=f"no measurement of '{workload.name}', and no amount",
                next_step="give the Workload flop= or min_bytes=, or measure it once",
            )
        return self.launch_s + max(parts)


def kind_of(workload: Workload | Measurement) -> str:
    """What measurements are points of the same curve: the same work in the same dtype."""
    if isinstance(workload, Workload):
        return f"{workload.name}/{workload.dtype}"
    parts = workload.name.split("/")
    return f"{parts[0]}/{parts[2] if len(parts) > 2 else ''}"


def fit_costs(results: ResultSet, device: str, copies: CopyCost | None = None) -> CostModel:
    """A device's cost model from what was measured on it.

    Raises:
        MeasurementError: when nothing was, or only modelled time.
    """
    found = [m for m in results.measurements if m.device == device and not m.modelled]
    found = [m for m in found if _amount(m.flop, m.min_bytes)]
    if not found:
        raise MeasurementError(
            f"predict times on {device}",
            expected="measurements of it, with their amount of work",
            got=f"none among {len(results.measurements)} measurements",
            next_step=f"measure a suite on it first: measure('day4', ['{device}'])",
        )
    curves: dict[str, list[tuple[float, float]]] = {}
    for m in found:
        curves.setdefault(kind_of(m), []).append((_amount(m.flop, m.min_bytes), m.median_s))
    return CostModel(
        device,
        {kind: _averaged(points) for kind, points in curves.items()},
        min(m.median_s for m in found),
        max((m.flop_per_s for m in found if m.flop), default=None),
        max((m.bytes_per_s for m in found if m.min_bytes), default=None),
        copies,
    )


@dataclass(frozen=True)
class PredictionError:
    """A prediction beside what was measured."""

    name: str
    device: str
    predicted_s: float
    measured_s: float
    how: str

    @property
    def relative(self) -> float:
        """|predicted - measured| / measured."""
        return abs(self.predicted_s - self.measured_s) / self.measured_s


@dataclass(frozen=True, repr=False)
class PredictionErrors(TableView):
    """Predictions of sizes that the model had not seen."""

    items: tuple[PredictionError, ...]

    @property
    def median(self) -> float:
        return float(np.median([e.relative for e in self.items]))

    def table(self) -> Table:
        rows = tuple(
            (
                e.name,
                e.device,
                format_seconds(e.predicted_s),
                format_seconds(e.measured_s),
                format_percent(e.relative),
                e.how,
            )
            for e in self.items
        )
        columns = ("workload", "device", "predicted", "measured", "error", "how")
        note = f"Median error {format_percent(self.median)}." if self.items else ""
        return Table("Predicted and measured", columns, rows, note)


def held_out_errors(
    results: ResultSet, workloads: Iterable[Workload], devices: Iterable[str]
) -> PredictionErrors:
    """How good the predictions are for sizes that were left out of the model.

    Every other size of a kind, by amount and beginning with the second, is held out; the model is
    made from the rest and asked for these.
    """
    by_kind: dict[str, list[Workload]] = {}
    for w in workloads:
        by_kind.setdefault(kind_of(w), []).append(w)
    asked: dict[str, Workload] = {}
    for family in by_kind.values():
        family.sort(key=lambda w: _amount(w.flop, w.min_bytes) or 0)
        asked |= {f"{w.name}/{w.shape}/{w.dtype}": w for w in family[1:-1:2]}
    known, hidden = [], []
    for m in results.measurements:
        (hidden if "/".join(m.name.split("/")[:3]) in asked else known).append(m)
    seen = ResultSet(tuple(known), (), results.environment, results.stop_reason, results.plan)
    models = {d: fit_costs(seen, d) for d in devices}
    items = []
    for m in hidden:
        if m.device in models:
            name = "/".join(m.name.split("/")[:3])
            p = models[m.device].predict(asked[name])
            items.append(PredictionError(name, m.device, p.seconds, m.median_s, p.how))
    return PredictionErrors(tuple(items))


def _amount(flop: float | None, min_bytes: float | None) -> float | None:
    return flop or min_bytes


def _averaged(points: list[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    """By rising amount; several measurements of one amount become their geometric mean."""
    amounts = sorted({a for a, _ in points})
    times = [[math.log(s) for a, s in points if a == amount] for amount in amounts]
    return tuple((a, math.exp(sum(t) / len(t))) for a, t in zip(amounts, times, strict=True))


def _on_curve(curve: tuple[tuple[float, float], ...], amount: float) -> tuple[float, str]:
    amounts, times = zip(*curve, strict=True)
    if amount > amounts[-1]:  # more of the same: the last rate goes on
        return times[-1] * amount / amounts[-1], EXTRAPOLATED
    if amount < amounts[0]:  # less work: as long at most, and never more than in proportion less
        if len(curve) == 1:
            return times[0], EXTRAPOLATED
        slope = math.log(times[1] / times[0]) / math.log(amounts[1] / amounts[0])
        slope = min(max(slope, 0.0), 1.0)
        return times[0] * (amount / amounts[0]) ** slope, EXTRAPOLATED
    logs = np.interp(math.log(amount), np.log(amounts), np.log(times))
    return float(np.exp(logs)), INTERPOLATED

"""What a device reached of its own roofs and of its datasheet, out of a run's results."""

from collections.abc import Iterable, Mapping
from typing import Any

from labs.bench.names import case_label, workload_of
from labs.bench.results import Measurement, ResultSet
from labs.bench.statistics import Interval
from labs.engineering.figure import MEASURED, MODEL, Figure, missing, ratio
from labs.units import format_bytes

_BEYOND_CACHE = 2.0  # caches that a call must move to be held against a memory roof
_NO_ROOF = "its roofs were not measured: measure with roofs=True"


def roofs_of(results: ResultSet, device: str) -> Mapping[str, Any]:
    found = (results.environment.get("roofs") or {}).get(device)
    if found is None:
        return {"reason": _NO_ROOF}
    return found


def efficiency(
    roofs: Mapping[str, Any],
    timed: Iterable[Measurement],
    wall: Iterable[Measurement],
    kind: str,
    cache_bytes: int | None = None,
) -> Figure:
    """A large case over the device's own roof, both by the same clock and of the same dtype."""
    if "roofs" not in roofs:
        return missing("1", roofs["reason"])
    row = _best_roof(roofs, kind)
    if row is None:
        reasons = [r["reason"] for r in roofs["roofs"] if r["kind"] == kind and r["reason"]]
        return missing("1", "; ".join(reasons) or f"no {kind} roof was measured")
    rows = list(timed if roofs["clock"] == "device" else wall)
    if kind == "memory":
        rows = [m for m in rows if (m.min_bytes or 0) >= _BEYOND_CACHE * (cache_bytes or 0)]
    reached = _reached(rows, kind)
    if reached is None and kind == "memory" and cache_bytes:
        return missing("1", f"no addition beyond its cache of {format_bytes(cache_bytes)}")
    if reached is None:
        return missing("1", f"no large case by the {roofs['clock']} clock, as its roofs are")
    how = MODEL if roofs["modelled"] else MEASURED
    interval = Interval(*row["interval"]) if row["interval"] else None
    unit = "B/s" if kind == "memory" else "FLOP/s"
    roof = Figure(row["value"], unit, interval, how, row["name"])
    if reached.how != how:
        return missing("1", "a measured time over a model's roof would mean nothing")
    return ratio(reached, roof, f"{reached.source} of {roof.text()} ({row['name']})")


def against_datasheet(
    results: ResultSet, device: str, timed: Iterable[Measurement], wall: Iterable[Measurement]
) -> Figure:
    """The fastest matmul over the vendor's float32, by the device's clock where it has one."""
    sheet = (results.environment.get("datasheets") or {}).get(device)
    if sheet is None:
        return missing("1", "these results name no datasheet")
    if sheet["reason"]:
        return missing("1", sheet["reason"])
    stated = sheet["flop_per_s"].get("float32")
    if not stated:
        return missing("1", f"{sheet['name']}: no rate of float32 stated")
    reached = _reached(list(timed) or list(wall), "arithmetic")
    if reached is None or reached.how == MODEL:
        return missing("1", "no matmul was measured on it")
    peak = Figure(stated, "FLOP/s", None, MEASURED, sheet["name"])
    return ratio(reached, peak, f"{reached.source} of {peak.text()} ({sheet['source']})")


def _best_roof(roofs: Mapping[str, Any], kind: str) -> Mapping[str, Any] | None:
    """Of float32, which the suite computes in."""
    rows = [r for r in roofs["roofs"] if r["kind"] == kind and r["value"]]
    rows = [r for r in rows if kind == "memory" or r["dtype"] == "float32"]
    return max(rows, key=lambda r: r["value"], default=None)


def _reached(rows: Iterable[Measurement], kind: str) -> Figure | None:
    """What the largest addition, or the fastest matmul, of these reached."""
    if kind == "memory":
        found = [m for m in rows if workload_of(m.name) == "add" and m.min_bytes]
        best = max(found, key=lambda m: m.min_bytes, default=None)
        return rate(best, "B/s") if best is not None else None
    found = [m for m in rows if workload_of(m.name) == "matmul"]
    best = max(found, key=lambda m: m.flop_per_s or 0, default=None)
    return rate(best, "FLOP/s") if best is not None else None


def rate(m: Measurement, unit: str, more: str = "") -> Figure:
    value = m.flop_per_s if unit == "FLOP/s" else m.bytes_per_s
    interval = m.flop_per_s_interval if unit == "FLOP/s" else m.bytes_per_s_interval
    return Figure(value, unit, interval, how_of(m), case_label(m.name) + more)


def how_of(m: Measurement) -> str:
    return MODEL if m.modelled else MEASURED

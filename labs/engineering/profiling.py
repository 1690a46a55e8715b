"""Profiles out of results: which measurement gives which figure. Nothing is measured here, and
nothing is assumed: a figure that the results don't hold is missing with the reason.
"""

from collections.abc import Iterable, Mapping

from labs.bench.names import case_label, workload_of
from labs.bench.results import Measurement, ResultSet
from labs.bench.statistics import Interval, summarize_rounds
from labs.engineering.advice import advise
from labs.engineering.efficiency import against_datasheet, efficiency, how_of, rate, roofs_of
from labs.engineering.figure import MEASURED, Figure, missing
from labs.engineering.profile import PerformanceProfile
from labs.units import format_bytes

_ELEMENTWISE = ("add", "mul", "relu", "exp")


def build_profiles(results: ResultSet) -> tuple[PerformanceProfile, ...]:
    """One profile for each device of a run, measured ones first.

    Example:
        >>> build_profiles(load_results("bench.json"))[0].peak_throughput.text()
        '41.3 GFLOP/s'
    """
    profiles = [build_profile(results, device) for device in results.devices]
    return tuple(sorted(profiles, key=lambda p: p.modelled))


def build_profile(results: ResultSet, device: str) -> PerformanceProfile:
    """The profile of one device of a run."""
    mine = results.select(device=device)
    measured = list(mine)
    # a device whose own clock is a model is described by that clock alone
    modelled = bool(measured) and all(m.modelled for m in measured)
    wall = [m for m in measured if m.clock == "wall" or modelled]
    timed = [m for m in measured if m.clock == "device"]
    roofs = roofs_of(results, device)
    cache = (results.environment.get("caches") or {}).get(device)
    environment = measured[0].environment if measured else {}
    return PerformanceProfile(
        device_name=device,
        hardware=_hardware(results, device, environment),
        host=str(results.environment.get("hostname", "")),
        peak_throughput=_peak(wall),
        avg_latency=_latency(wall),
        memory_bandwidth=_bandwidth(wall),
        compute_efficiency=efficiency(roofs, timed, wall, "arithmetic"),
        datasheet_efficiency=against_datasheet(results, device, timed, wall),
        bandwidth_efficiency=efficiency(roofs, timed, wall, "memory", cache),
        power_efficiency=_power(results, device, modelled),
        thermal_characteristics=_thermal(results, measured, modelled),
        copy_to_device=_copy(wall, "to_device"),
        copy_to_host=_copy(wall, "to_host"),
        optimization_recommendations=advise(results, device),
        modelled=modelled,
    )


def _peak(wall: Iterable[Measurement]) -> Figure:
    best = max((m for m in wall if m.flop), key=lambda m: m.flop_per_s, default=None)
    if best is None:
        return missing("FLOP/s", "no arithmetic was measured on it")
    return rate(best, "FLOP/s")


def _latency(wall: Iterable[Measurement]) -> Figure:
    small = [m for m in wall if workload_of(m.name) == "add"]
    if not small:
        return missing("s", "no addition was measured on it")
    least = min(small, key=lambda m: m.min_bytes or 0)
    return Figure(least.median_s, "s", least.interval_s, how_of(least), case_label(least.name))


def _bandwidth(wall: Iterable[Measurement]) -> Figure:
    found = [m for m in wall if workload_of(m.name) in _ELEMENTWISE and m.min_bytes]
    if not found:
        return missing("B/s", "no element-wise case was measured on it")
    most = max(m.min_bytes for m in found)
    best = max((m for m in found if m.min_bytes == most), key=lambda m: m.bytes_per_s)
    return rate(best, "B/s", f", {format_bytes(most)} a call")


def _copy(wall: Iterable[Measurement], way: str) -> Figure:
    found = [m for m in wall if workload_of(m.name) == way]
    if not found:
        return missing("B/s", "no copy was measured on it")
    largest = max(found, key=lambda m: m.min_bytes or 0)
    return rate(largest, "B/s", f", {format_bytes(largest.min_bytes)}")


def _power(results: ResultSet, device: str, modelled: bool) -> Figure:
    found = (results.environment.get("energy") or {}).get(device)
    if modelled:
        return missing("FLOP/J", "its energy is a model's: the device itself tells it")
    if found is None:
        return missing("FLOP/J", "energy was not measured: measure with energy=True")
    if "reason" in found:
        return missing("FLOP/J", found["reason"])
    centre, interval = summarize_rounds([found["flop"] / j for j in found["joules_per_call"]])
    source = f"{case_label(found['case'])}; {found['source']}"
    return Figure(centre, "FLOP/J", interval, MEASURED, source)


def _thermal(results: ResultSet, measured: list[Measurement], modelled: bool) -> Figure:
    if modelled:
        return missing("degC", "an emulated device has no temperature")
    seen = [
        float(r.environment["gpu_temperature_c"])
        for m in measured
        for r in m.rounds
        if "gpu_temperature_c" in r.environment
    ]
    source = "NVML, at every visit"
    if not seen:
        sensors = results.environment.get("sensors") or {}
        readings = [
            r
            for moment in ("start", "end")
            for r in sensors.get(moment, ())
            if r["quantity"] == "temperature" and r["device"] == "host"
        ]
        seen = [r["value"] for r in readings if r["value"] is not None]
        source = f"{readings[0]['source']}, before and after" if readings else ""
        if not seen:
            why = readings[0]["reason"] if readings else "no sensor was read in this run"
            return missing("degC", why)
    taken = sum(m.retaken for m in measured)
    source += f"; {taken} samples retaken while it throttled" if taken else ""
    return Figure(max(seen), "degC", Interval(min(seen), max(seen)), MEASURED, source)


def _hardware(results: ResultSet, device: str, environment: Mapping[str, object]) -> str:
    names = results.environment.get("hardware") or {}
    return str(names.get(device) or environment.get("device_name") or "")

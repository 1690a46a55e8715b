"""What belongs to a run as a whole: roofs, energy, and what the sensors said before and after.

All of it is plain data in the results' environment, so that a file holds everything a report needs.
Each part that can't be had says why; none of them stops the others.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from labs import devices
from labs.bench.cache import last_level_cache
from labs.bench.statistics import Interval
from labs.devices.sensors import Sensors
from labs.engineering import suite
from labs.engineering.energy import energy_counter, energy_per_call
from labs.engineering.look import kind_of, prepare_case
from labs.engineering.targets import Target
from labs.errors import LabError

Tell = Callable[[str, str], object]
Cancel = Callable[[], bool]

_ENERGY_CASE = "matmul/n=512/float32/warm/wall"
_ROOF_S = 8.0  # what measuring one device's roofs briefly takes, about


@contextmanager
def watched_sensors() -> Iterator[dict[str, Any]]:
    """A mapping that holds the readings of the beginning and, after the block, of the end."""
    sensors = Sensors()  # its own: its averages are over this run
    found = {"start": _readings(sensors)}
    try:
        yield found
    finally:
        found["end"] = _readings(sensors)


def hardware(targets: Sequence[Target]) -> dict[str, str]:
    """What the drivers call the hardware behind each target."""
    bases = {t.name: t.device.split(":")[0] for t in targets}
    if not bases:
        return {}
    found = devices.discover(dict.fromkeys(bases.values()))
    names = {s.device: s.capabilities.device_name for s in found if s.capabilities}
    return {name: names[base] for name, base in bases.items() if names.get(base)}


def caches(targets: Sequence[Target]) -> dict[str, int]:
    """The last-level cache of each target in bytes, where it is declared or can be queried."""
    found = {}
    for target in targets:
        size = last_level_cache(target.device)
        if not size.source.startswith("assumed"):
            found[target.name] = size.bytes
    return found


def datasheets(targets: Sequence[Target]) -> dict[str, dict[str, Any]]:
    """What the vendors state for the hardware, or why there is nothing."""
    from labs.gpu.datasheet import datasheet

    found = {}
    for target in targets:
        sheet = datasheet(target.device)
        found[target.name] = {
            "name": sheet.name,
            "flop_per_s": dict(sheet.flop_per_s),
            "bytes_per_s": sheet.bytes_per_s,
            "source": sheet.source,
            "reason": sheet.reason,
        }
    return found


def roofs(
    targets: Sequence[Target], until: float, tell: Tell, cancel: Cancel
) -> dict[str, dict[str, Any]]:
    """Each device's roofs, measured briefly; for variants and lack of time the reason instead.

    Args:
        until: of time.monotonic().
    """
    found: dict[str, dict[str, Any]] = {}
    for target in sorted(targets, key=lambda t: kind_of(t) != suite.WALL):
        if target.is_variant:
            found[target.name] = {"reason": f"those of {target.device} are its own too"}
        elif time.monotonic() + _ROOF_S > until:
            found[target.name] = {"reason": "the budget was over: measure_roofs() measures them"}
        elif not cancel():
            tell(f"roofs of {target.name}", target.name)
            found[target.name] = _roofs_of(target.device, cancel)
    return found


def energy(
    targets: Sequence[Target], until: float, tell: Tell, cancel: Cancel
) -> dict[str, dict[str, Any]]:
    """Joules of one product of two 512 x 512 matrices, where a counter can be read."""
    found: dict[str, dict[str, Any]] = {}
    for target in targets:
        counter = energy_counter(target.device)
        if counter.read is None:
            found[target.name] = {"reason": counter.reason}
        elif time.monotonic() > until:
            found[target.name] = {"reason": "the budget was over"}
        elif not cancel():
            tell(f"energy of {target.name}", target.name)
            found[target.name] = _energy_of(target, counter)
    return found


def _roofs_of(device: str, cancel: Cancel) -> dict[str, Any]:
    from labs.gpu.roofs import measure_roofs

    try:
        measured = measure_roofs(device, quick=True, cancel=cancel)
    except LabError as error:
        return {"reason": error.got or error.asked}
    except Exception as error:  # a driver may raise anything
        return {"reason": f"{type(error).__name__}: {error}"}
    rows = [
        {
            "name": r.name,
            "kind": r.kind,
            "dtype": r.dtype,
            "value": r.value,
            "interval": _pair(r.interval),
            "how": r.how,
            "reason": r.reason,
        }
        for r in measured.roofs
    ]
    return {
        "device_name": measured.device_name,
        "clock": measured.clock,
        "modelled": measured.modelled,
        "roofs": rows,
        "notes": list(measured.notes),
    }


def _energy_of(target: Target, counter) -> dict[str, Any]:
    case = suite.case_named(_ENERGY_CASE)
    try:
        ready = prepare_case(case, target, 0)
        used = energy_per_call(counter, ready.run, ready.sync)
    except Exception as error:  # a driver may raise anything
        return {"reason": f"{type(error).__name__}: {error}"}
    return {
        "case": case.name,
        "flop": case.flop,
        "joules_per_call": list(used.joules_per_call),
        "calls": used.calls,
        "seconds": used.seconds,
        "source": counter.source,
    }


def _readings(sensors: Sensors) -> list[dict[str, Any]]:
    return [vars(reading) for reading in sensors.read()]


def _pair(interval: Interval | None) -> list[float] | None:
    return [interval.low, interval.high] if interval is not None else None

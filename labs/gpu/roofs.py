"""Measures the roofs of a device: how fast it moves memory, multiplies and adds, at its best.

    from labs.gpu.roofs import measure_roofs
    roofs = measure_roofs("CPU", quick=True)

Copy and triad move arrays that no cache holds; a chain of multiply-adds does nothing but arithmetic
(`arithmetic.py`); a large matmul stands for the matrix units where there are some. All go through
the harness: checked against numpy, visited in interleaved rounds, timed by the device's own clock.
Sizes are chosen so that a launch is less than a hundredth of what is timed. As a roof is what the
device can do, it is what the fastest twentieth of the calls reach; its interval goes from there to
where the median of all rounds may be.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from labs import bench, devices
from labs.bench.plan import require_positive
from labs.bench.sampler import Settings
from labs.bench.statistics import Interval
from labs.errors import MeasurementError
from labs.gpu import arithmetic
from labs.gpu.datasheet import host_model
from labs.gpu.roof_cases import LAUNCH_SHARE, Case, Place, choose_cases
from labs.gpu.roof_data import ARITHMETIC, MATRIX, MEMORY, Roof, Roofs
from labs.units import format_percent

INTERPRETED = ("PYTHON", "NULL")
_FAST = 0.05  # of all calls: what a machine left alone takes for nearly all of them
_CALM = 0.9  # the fast calls' time in relation to the median's, on a machine left alone
_ROUNDS, _QUICK_ROUNDS = 8, 6
_ROUND_TIME_S, _QUICK_ROUND_TIME_S = 0.2, 0.08


def measure_roofs(
    device: str,
    dtypes: str | Sequence[str] | None = None,
    *,
    quick: bool = False,
    rounds: int | None = None,
    round_time_s: float | None = None,
    progress: bench.runner.Progress | None = None,
    cancel: bench.runner.Cancel | None = None,
    seed: int = 0,
) -> Roofs:
    """The memory, arithmetic and matrix roofs of a device, measured on it.

    Args:
        device: tinygrad's name of a device that computes by itself.
        dtypes: of the arithmetic roofs, such as "float32" or ("float32", "float16"); those of
            DEFAULT_DTYPES that the device has natively when None. One that it hasn't becomes a roof
            without value, with the reason.
        quick: float32 only, smaller arrays and fewer samples: about 5 s on a laptop.
        rounds, round_time_s: as for `bench.measure`.
        progress, cancel: as for `bench.measure`.

    Raises:
        DeviceError: for an unknown or unusable device.
        MeasurementError: for an unknown dtype, or a device that interprets or computes nothing.

    Example:
        >>> measure_roofs("CPU", quick=True).memory.name
        'copy'
    """
    device = _require_device(device)
    wanted = _require_dtypes(dtypes)
    rounds, round_time_s = (
        given if given is not None else default
        for given, default in (
            (rounds, _QUICK_ROUNDS if quick else _ROUNDS),
            (round_time_s, _QUICK_ROUND_TIME_S if quick else _ROUND_TIME_S),
        )
    )
    require_positive("rounds", rounds)
    require_positive("round_time_s", round_time_s)
    say = progress or (lambda done, total, text: None)
    say(0, 1, f"choosing sizes for {device}")
    place = Place(device)
    cases, missing = choose_cases(place, wanted, quick)
    modelled = place.modelled
    results = bench.measure(
        [case.workload for case in cases],
        device,
        clock=place.clock,
        rounds=2 if modelled else rounds,
        round_time_s=round_time_s,
        settings=_MODELLED_SETTINGS if modelled else None,
        seed=seed,
        progress=progress,
        cancel=cancel,
    )
    roofs = [_filled(case, results) for case in cases] + missing
    place.notes += _launch_notes(roofs, place.floor_s) + _busy_notes(roofs)
    if device.split(":")[0] == "CUDA":
        from labs.gpu.cuda.roofs import hand_written_roofs

        roofs += hand_written_roofs(
            device,
            place.sheet,
            quick=quick,
            rounds=rounds,
            round_time_s=round_time_s,
            progress=progress,
            cancel=cancel,
        )
    kinds = (MEMORY, ARITHMETIC, MATRIX)
    return Roofs(
        device=device,
        device_name=place.device_name,
        roofs=tuple(sorted(roofs, key=lambda roof: kinds.index(roof.kind))),
        clock=place.clock,
        modelled=modelled,
        floor_s=place.floor_s,
        sheet=place.sheet,
        host=host_model() if place.is_host else None,
        notes=tuple(place.notes),
        results=results,
    )


# a model answers the same every time: two samples in two rounds show that it does
_MODELLED_SETTINGS = Settings(
    warmup_time_s=0.0, warmup_calls=1, warmup_cap_s=0.0, round_time_s=0.0, min_samples=2
)


def _filled(case: Case, results: bench.ResultSet) -> Roof:
    name = f"{case.workload.name}/{case.workload.shape}/{case.workload.dtype}/"
    for m in results:
        if m.name.startswith(name):
            memory = case.roof.kind == MEMORY
            work = m.min_bytes if memory else m.flop
            ends = m.bytes_per_s_interval if memory else m.flop_per_s_interval
            best = work / _fast_s(m)
            interval = ends and Interval(ends.low, max(ends.high, best))
            return replace(case.roof, value=best, interval=interval, measurement=m)
    why = next((f.error for f in results.failures if f.name.startswith(name)), results.stop_reason)
    return replace(case.roof, how="", reason=str(why).replace("\n", "; "))


def _fast_s(m: bench.Measurement) -> float:
    """The time that the fastest calls stay below: one alone may be a slip of the clock."""
    return float(np.quantile(m.samples_s, _FAST))


def _busy_notes(roofs: Sequence[Roof]) -> list[str]:
    """Which roofs were reached, and by far not in most rounds: others used the machine."""
    found = [(r, r.measurement) for r in roofs if r.measurement is not None]
    slow = [r.name for r, m in found if _fast_s(m) < _CALM * m.median_s]
    return [f"Not reached in most rounds, the machine was busy: {', '.join(slow)}"] if slow else []


def _launch_notes(roofs: Sequence[Roof], floor_s: float | None) -> list[str]:
    """Which roofs were timed so briefly that a launch is more than a hundredth of them."""
    shares = [
        (roof, floor_s / roof.measurement.median_s)
        for roof in roofs
        if floor_s is not None and roof.measurement is not None
    ]
    return [
        f"Launching is up to {format_percent(share, 2)} of the time of {roof.name}"
        for roof, share in shares
        if share > LAUNCH_SHARE
    ]


def _require_device(device: str) -> str:
    device = devices.require(device)
    if device.split(":")[0] in INTERPRETED:
        raise MeasurementError(
            f"measure the roofs of '{device}'",
            expected="a device that runs compiled kernels",
            got=f"{device} "
            + ("computes nothing" if device == "NULL" else "interprets each operation in Python"),
            next_step="choose another: `labs.devices.discover().fast` lists them",
        )
    return device


def _require_dtypes(wanted: str | Sequence[str] | None) -> tuple[str, ...] | None:
    if wanted is None:
        return None
    names = (wanted,) if isinstance(wanted, str) else tuple(wanted)
    unknown = [n for n in names if n not in arithmetic.DTYPES]
    if unknown or not names:
        raise MeasurementError(
            f"measure arithmetic roofs in {', '.join(map(str, unknown)) or 'no dtype'}",
            expected=f"some of {', '.join(arithmetic.DTYPES)}",
            got=repr(wanted),
            next_step="name dtypes of that list",
        )
    return names

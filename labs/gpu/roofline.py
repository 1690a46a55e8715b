"""Places workloads under the measured roofs of a device, and says what bounds each.

    from labs.gpu.roofline import place
    place(["add:n=1000", "matmul:n=512"], "CPU")

Time is measured on the clock of the roofs, work is counted in the kernels that ran
(`kernel_work.py`), and the verdict follows the rule of `verdict.py`.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from labs import bench
from labs.bench.results import Failure, Measurement
from labs.bench.statistics import Interval
from labs.bench.workload import Workload
from labs.errors import MeasurementError
from labs.gpu.kernel_work import KernelWork, count_work
from labs.gpu.roof_data import Roofs
from labs.gpu.roofs import measure_roofs
from labs.gpu.streams import triad_workload
from labs.gpu.verdict import judge, remark
from labs.tables import Table, TableView
from labs.units import (
    format_bytes,
    format_bytes_per_s,
    format_count,
    format_flop,
    format_flop_per_s,
    format_intensity,
    format_interval,
    format_percent,
    format_seconds,
)

_EMPTY = triad_workload(64)  # one kernel with next to no work: what is left is the launch
_WALL_ROUNDS, _WALL_ROUND_TIME_S = 6, 0.05


@dataclass(frozen=True, repr=False)
class Placement(TableView):
    """One workload under the roofs of one device.

    Args:
        workload: its spec, such as "matmul:n=512,dtype=float32".
        label: the same for a chart ("matmul n=512").
        work: operations and bytes of the kernels that ran, by tinygrad's count.
        min_flop, min_bytes: the same by hand, as the workload states them; None if it doesn't.
        time: of the kernels, on the clock of the roofs.
        wall: of a whole replayed call; None for a modelled device.
        empty_call_s: wall time of a call that launches one kernel with next to no work.
        launch_share: what isn't kernels in the wall time of a call; without a device clock, an
            empty call's time in relation to it. None for a modelled device.
        intensity: FLOP for each byte of compulsory traffic (`mem`), in FLOP/B; 0: no arithmetic.
        attainable_flop_per_s: the roofline at this intensity; None when a roof is missing.
        fraction: of the roof above it: of bandwidth left of the ridge point, else of arithmetic.
        bound_by, evidence: by the rule of `verdict.py`.
        remark: what a reader must know before trusting the fraction; may be empty.
    """

    workload: str
    label: str
    device: str
    dtype: str
    work: KernelWork
    min_flop: float | None
    min_bytes: float | None
    time: Measurement
    wall: Measurement | None
    empty_call_s: float | None
    launch_share: float | None
    intensity: float | None
    attainable_flop_per_s: float | None
    fraction: float | None
    bound_by: str
    evidence: str
    remark: str = ""

    @property
    def modelled(self) -> bool:
        return self.time.modelled

    @property
    def flop_per_s(self) -> float:
        """Counted operations by measured time, in FLOP/s."""
        return self.work.flop / self.time.median_s

    @property
    def flop_per_s_interval(self) -> Interval | None:
        ends = self.time.interval_s
        return ends and Interval(self.work.flop / ends.high, self.work.flop / ends.low)

    @property
    def bytes_per_s(self) -> float:
        """Compulsory bytes (`mem`) by measured time, in B/s."""
        return self.work.mem_bytes / self.time.median_s

    def table(self) -> Table:
        """All numbers of this one."""
        work, ends = self.work, self.time.interval_s
        model = " (model)" if self.modelled else ""
        interval = format_interval(ends.low, ends.high, format_seconds) if ends else ""
        wall = self.wall.median_s if self.wall else None
        rows = (
            ("kernels", format_count(len(work.kernels)), ", ".join(work.kernels)),
            ("time of the kernels", format_seconds(self.time.median_s) + model, interval),
            (
                "time of a call",
                format_seconds(wall),
                f"an empty call: {format_seconds(self.empty_call_s)}",
            ),
            ("operations", format_flop(work.flop), f"by hand: {format_flop(self.min_flop)}"),
            ("bytes, each once", format_bytes(work.mem_bytes), _by_hand(self.min_bytes)),
            ("bytes accessed", format_bytes(work.accessed_bytes), "every load and store"),
            ("intensity, each byte once", format_intensity(self.intensity), "places it"),
            ("intensity, accessed", format_intensity(work.intensity_lds), "of loads and stores"),
            ("throughput", format_flop_per_s(self.flop_per_s), _of(self.attainable_flop_per_s)),
            ("bandwidth", format_bytes_per_s(self.bytes_per_s), "bytes, each once"),
            ("of its roof", format_percent(self.fraction), self.remark),
            ("bound by", self.bound_by, self.evidence),
        )
        title = f"{self.label}, {self.dtype}, on {self.device}"
        return Table(title, ("quantity", "value", "about it"), rows)


@dataclass(frozen=True, repr=False)
class Roofline(TableView):
    """Placements in the order asked for, the roofs they lie under, and what could not be placed."""

    placements: tuple[Placement, ...]
    roofs: Roofs
    cache: str
    failures: tuple[Failure, ...] = ()

    @property
    def device(self) -> str:
        return self.roofs.device

    def __iter__(self) -> Iterator[Placement]:
        return iter(self.placements)

    def __len__(self) -> int:
        return len(self.placements)

    def __getitem__(self, key: int | str) -> Placement:
        """By position, label ("matmul n=512") or spec."""
        if isinstance(key, int):
            return self.placements[key]
        for placement in self.placements:
            if key in (placement.label, placement.workload):
                return placement
        raise MeasurementError(
            f"a placement called '{key}'",
            expected=", ".join(p.label for p in self.placements) or "none: nothing was placed",
            got=f"'{key}'",
            next_step="name one of those",
        )

    def table(self) -> Table:
        rows = [
            (
                p.label if p.dtype == "float32" else f"{p.label}, {p.dtype}",
                format_seconds(p.time.median_s) + (" (model)" if p.modelled else ""),
                format_intensity(p.intensity),
                format_flop_per_s(p.flop_per_s or None),
                format_bytes_per_s(p.bytes_per_s),
                format_percent(p.fraction),
                p.bound_by,
                "; ".join(filter(None, (p.evidence, p.remark))),
            )
            for p in self.placements
        ]
        rows += [
            (f.name, *[None] * 5, "failed", f.error.replace("\n", "; ")) for f in self.failures
        ]
        columns = ("workload", "kernels take", "intensity", "throughput", "bandwidth")
        note = (
            "Intensity: operations that tinygrad counts in the kernel / bytes of its buffers, each "
            f"once (`ops` / `mem`). Time: {self.roofs.clock} clock, {self.cache} cache. Launch: "
            "at least half of a call's wall time; memory and compute: below and above the interval "
            "of the ridge point."
        )
        columns += ("of its roof", "bound by", "evidence")
        return Table(f"Roofline of {self.device}", columns, tuple(rows), note)


def place(
    workloads: bench.plan.Workloads,
    device: str,
    roofs: Roofs | None = None,
    *,
    cache: str = "cold",
    rounds: int = 6,
    round_time_s: float = 0.1,
    seed: int = 0,
    progress: bench.runner.Progress | None = None,
    cancel: bench.runner.Cancel | None = None,
) -> Roofline:
    """Measures workloads on a device and places them under its roofs.

    Args:
        workloads: as for `bench.measure`: Workloads, specs such as "matmul:n=512", suites.
        device: tinygrad's name.
        roofs: of the same device; measured now (quick) when None.
        cache: "cold", as the memory roofs are meant, or "warm".
        The others are those of `bench.measure`.

    Raises:
        DeviceError, MeasurementError: as `measure_roofs` and `bench.measure` do; or the roofs are
            another device's.
    """
    chosen = bench.resolve_workloads(workloads)
    if roofs is None:
        roofs = measure_roofs(device, quick=True, progress=progress, cancel=cancel)
    (device,) = bench.plan.resolve_devices(device)
    if roofs.device != device:
        raise MeasurementError(
            f"place workloads on {device}",
            expected=f"roofs of {device}",
            got=f"roofs of {roofs.device}",
            next_step=f"measure_roofs({device!r}), or leave the roofs out",
        )
    modelled = roofs.modelled
    options = {"seed": seed, "progress": progress, "cancel": cancel}
    rounds, round_time_s = (2, 0.01) if modelled else (rounds, round_time_s)
    found = bench.measure(
        chosen, device, clock=roofs.clock, cache=cache, rounds=rounds, round_time_s=round_time_s,
        **options,
    )  # fmt: skip
    walls = None
    if not modelled:
        walls = bench.measure(
            [*chosen, *([] if _EMPTY.spec in {w.spec for w in chosen} else [_EMPTY])],
            device, rounds=_WALL_ROUNDS, round_time_s=_WALL_ROUND_TIME_S, **options,
        )  # fmt: skip
    placements, failures = [], list(found.failures)
    for workload in chosen:
        time = _of_workload(found, workload)
        if time is None:
            continue
        try:
            work = count_work(workload, device)
        except Exception as error:  # it ran, and still can't be counted
            failures.append(Failure(workload.spec, device, str(error), type(error).__name__))
            continue
        placements.append(_placement(workload, roofs, work, time, walls))
    return Roofline(tuple(placements), roofs, cache, tuple(failures))


def _placement(
    workload: Workload,
    roofs: Roofs,
    work: KernelWork,
    time: Measurement,
    walls: bench.ResultSet | None,
) -> Placement:
    wall = _of_workload(walls, workload) if walls is not None else None
    empty = _of_workload(walls, _EMPTY) if walls is not None else None
    launch_share = _launch_share(time, wall, empty)
    memory = roofs.memory
    compute = roofs.compute(workload.dtype, work.uses_matrix_units)
    ridge = roofs.ridge_point(workload.dtype, work.uses_matrix_units)
    verdict = judge(work.intensity_mem, ridge, launch_share)
    left = work.intensity_mem is not None and (ridge is None or work.intensity_mem < ridge[0])
    if left and memory:
        fraction = work.mem_bytes / time.median_s / memory.value
    elif not left and compute:
        fraction = work.flop / time.median_s / compute.value
    else:
        fraction = None
    attainable = None
    if ridge is not None and work.intensity_mem is not None:
        attainable = roofs.attainable(work.intensity_mem, workload.dtype, work.uses_matrix_units)
    return Placement(
        workload=workload.spec,
        label=bench.names.case_label(time.name),
        device=roofs.device,
        dtype=workload.dtype,
        work=work,
        min_flop=workload.flop,
        min_bytes=workload.min_bytes,
        time=time,
        wall=wall,
        empty_call_s=empty.median_s if empty else None,
        launch_share=launch_share,
        intensity=work.intensity_mem,
        attainable_flop_per_s=attainable,
        fraction=fraction,
        bound_by=verdict.bound_by,
        evidence=verdict.evidence,
        remark=remark(fraction, verdict.bound_by),
    )


def _of_workload(results: bench.ResultSet, workload: Workload) -> Measurement | None:
    name = f"{workload.name}/{workload.shape}/{workload.dtype}/"
    return next((m for m in results if m.name.startswith(name)), None)


def _launch_share(
    time: Measurement, wall: Measurement | None, empty: Measurement | None
) -> float | None:
    if wall is None:
        return None
    if time.clock == "device":  # a cold kernel may take longer than a warm call
        return max(0.0, 1 - time.median_s / wall.median_s)
    return empty.median_s / wall.median_s if empty else None


def _by_hand(min_bytes: float | None) -> str:
    return f"by hand: {format_bytes(min_bytes)}"


def _of(attainable: float | None) -> str:
    return f"the roof above it: {format_flop_per_s(attainable)}"

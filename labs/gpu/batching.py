"""Where doing more in one launch pays off: the work that hides a launch, and one large operation
against many small ones.

Both stand on measured times: launching from `launch.py`, kernels from the harness.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from labs import bench, toolchain
from labs.bench.clocks import device_clock, is_modelled
from labs.bench.execution import verify
from labs.bench.results import Measurement, ResultSet
from labs.bench.workload import RTOL
from labs.errors import MeasurementError
from labs.gpu.launch import JIT, LaunchFit, measure_launches
from labs.gpu.streams import triad_workload
from labs.tables import Table, TableView
from labs.units import (
    format_bytes,
    format_count,
    format_flop_per_s,
    format_interval,
    format_percent,
    format_seconds,
)

toolchain.activate()

from tinygrad import Tensor, TinyJit
from tinygrad.engine.realize import compile_linear

SHARE = 0.1  # of a kernel's time: a launch that takes less is hidden
SIZES = tuple(1 << p for p in range(10, 25, 2))


@dataclass(frozen=True, repr=False)
class Payoff(TableView):
    """The size from which a launch is less than a tenth of its kernel.

    Args:
        launch_s: wall time of one more kernel by `mode`: TinyJit's where it could be measured (a
            graph is a batch already).
        elements, moved_bytes: of a + 3 b at that size; None with a `reason` when no measured size
            reaches it.
        points: (elements, the kernel's time in s) as measured.
    """

    device: str
    mode: str
    launch_s: float
    elements: float | None
    moved_bytes: float | None
    points: tuple[tuple[int, float], ...]
    reason: str = ""

    def table(self) -> Table:
        rows = [
            (
                format_count(n),
                format_bytes(12 * n),
                format_seconds(s),
                format_percent(self.launch_s / s, 2),
                "hidden" if self.launch_s < SHARE * s else "batch it",
            )
            for n, s in self.points
        ]
        at = f"hidden from {format_count(self.elements)} elements on" if self.elements else ""
        note = (
            f"a + 3 b in float32; one more launch by {self.mode} takes "
            f"{format_seconds(self.launch_s)}; {at or self.reason}."
        )
        columns = ("elements", "bytes", "the kernel takes", "a launch is", "so")
        return Table(f"Where batching pays off on {self.device}", columns, tuple(rows), note)


def find_payoff(
    device: str,
    fit: LaunchFit | None = None,
    *,
    sizes: Sequence[int] = SIZES,
    rounds: int = 4,
    round_time_s: float = 0.03,
    progress: bench.runner.Progress | None = None,
    cancel: bench.runner.Cancel | None = None,
) -> Payoff:
    """Measures a kernel at growing sizes until a launch is less than a tenth of it.

    Args:
        fit: of the same device; measured now when None.
        sizes: elements, at least one and each above 0.

    Raises:
        MeasurementError: for no sizes, the launches of another device, or launches that could not
            be measured.
    """
    (device,) = bench.plan.resolve_devices(device)
    if not sizes or min(sizes) < 1:
        raise MeasurementError(
            "find where batching pays off",
            expected="sizes above 0",
            got=repr(tuple(sizes)),
            next_step=f"pass sizes such as {SIZES[:4]}",
        )
    if is_modelled(device):
        raise MeasurementError(
            f"find where batching pays off on {device}",
            expected="kernels and launches on one clock",
            got="kernels whose time is a model, beside launches that were measured",
            next_step="ask a device that runs its kernels",
        )
    fit = fit or measure_launches(device, progress=progress, cancel=cancel)
    best = next((x for x in fit.lines if x.mode == JIT and x.is_resolved), fit.best)
    if fit.device != device or best is None:
        raise MeasurementError(
            f"find where batching pays off on {device}",
            expected=f"the launches of {device}",
            got=f"those of {fit.device}" if best else "none that could be measured",
            next_step=f"pass measure_launches({device!r})",
        )
    clock = "device" if device_clock(device).source else "wall"
    results = bench.measure(
        [triad_workload(int(n)) for n in sorted(set(sizes))], device, clock=clock, rounds=rounds,
        round_time_s=round_time_s, progress=progress, cancel=cancel,
    )  # fmt: skip
    points = tuple((_elements(m), m.median_s) for m in results)
    crossing = crossing_size(points, best.per_kernel_s / SHARE)
    reason = "" if crossing else "no measured size is large enough"
    return Payoff(
        device, best.mode, best.per_kernel_s, crossing, crossing and 12 * crossing, points, reason
    )


def crossing_size(points: Sequence[tuple[int, float]], seconds: float) -> float | None:
    """The size at which a kernel takes `seconds`: between its neighbours, on logarithmic scales.

    None when no size takes as long; the smallest size when all do.
    """
    before = None
    for size, took in points:
        if took >= seconds:
            if before is None or took <= before[1]:
                return float(size)
            part = math.log(seconds / before[1]) / math.log(took / before[1])
            return float(before[0] * (size / before[0]) ** part)
        before = (size, took)
    return None


@dataclass(frozen=True)
class Grouping:
    """The same products in so many operations, each of a batch."""

    label: str
    kernels: int
    measurement: Measurement


@dataclass(frozen=True, repr=False)
class Batching(TableView):
    """Many small, few large, and one batched operation: equal work, equal results."""

    device: str
    n: int
    products: int
    groupings: tuple[Grouping, ...]
    results: ResultSet

    def table(self) -> Table:
        rows = []
        slowest = max((g.measurement.median_s for g in self.groupings), default=None)
        for g in self.groupings:
            m, ends = g.measurement, g.measurement.interval_s
            rows.append(
                (
                    g.label,
                    g.kernels,
                    format_seconds(m.median_s),
                    format_interval(ends.low, ends.high, format_seconds) if ends else None,
                    format_flop_per_s(m.flop_per_s),
                    f"{slowest / m.median_s:.3g}x",
                )
            )
        rows += [
            (f.name, None, None, None, None, f"failed: {f.error}") for f in self.results.failures
        ]
        columns = ("as", "kernels", "a call takes", "95% interval", "throughput", "gain")
        note = "Replayed by TinyJit, wall time. Every product was compared with numpy's."
        title = f"{self.products} products of {self.n} x {self.n} on {self.device}"
        return Table(title, columns, tuple(rows), note)


def compare_batching(
    device: str,
    *,
    n: int = 64,
    products: int = 64,
    few: int = 4,
    rounds: int = 6,
    round_time_s: float = 0.05,
    seed: int = 0,
    progress: bench.runner.Progress | None = None,
    cancel: bench.runner.Cancel | None = None,
) -> Batching:
    """Times the same matrix products as many small, few large, and one batched operation.

    Args:
        n: rows and columns of each matrix.
        products: how many products; `few` must divide it.
        few: operations of the middle way.

    Raises:
        MeasurementError: for sizes below 1, a `few` that doesn't divide, or a wrong answer.
    """
    if min(n, products, few) < 1 or products % few:
        raise MeasurementError(
            "compare many small with few large operations",
            expected="sizes above 0, and few that divides products",
            got=f"n={n}, products={products}, few={few}",
            next_step="pass for example n=64, products=64, few=4",
        )
    (device,) = bench.plan.resolve_devices(device)
    rng = np.random.default_rng(seed)
    a, b = (rng.standard_normal((products, n, n)).astype(np.float32) for _ in range(2))
    want = a.astype(np.float64) @ b.astype(np.float64)
    calls, kernels = {}, {}
    ways = {f"{products} small": products, f"{few} large": few, "1 batched": 1}
    for label, count in ways.items():
        pairs = [
            tuple(Tensor(x, device=device).realize() for x in pair)
            for pair in zip(np.split(a, count), np.split(b, count), strict=True)
        ]
        calls[label], kernels[label] = _captured(pairs, label, device, np.split(want, count))
    results = bench.measure_calls(
        calls, device=device, flop=2 * products * n**3, rounds=rounds, round_time_s=round_time_s,
        progress=progress, cancel=cancel,
    )  # fmt: skip
    groupings = [Grouping(m.workload, kernels[m.workload], m) for m in results]
    return Batching(device, n, products, tuple(groupings), results)


def _captured(pairs, label: str, device: str, want):
    def compute() -> list[Tensor]:  # no inputs: TinyJit looks at each one again at each call
        made = [x @ y for x, y in pairs]
        made[0].realize(*made[1:])
        return made

    lazy = [x @ y for x, y in pairs]
    kernels = len(compile_linear(lazy[0].schedule_linear(*lazy[1:])).src)
    step = TinyJit(compute)
    for _ in range(3):
        made = step()
    rtol = RTOL["float32"]
    for result, right in zip(made, want, strict=True):
        verify(f"'{label}' on {device}", result, right, rtol, rtol * right.shape[-1] ** 0.5)
    return step, kernels


def _elements(m: Measurement) -> int:
    return int(m.name.split("/")[1].removeprefix("n="))

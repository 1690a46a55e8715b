"""The same product computed in several ways, measured beside each other: what blocking, fusing and
lower precision are worth on a device, and what bounds each.

    from labs.gpu.compute import measure_products
    measure_products("CPU", (128, 256))
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from labs import bench, toolchain
from labs.bench.compare import Comparison
from labs.bench.results import Failure
from labs.errors import MeasurementError
from labs.gpu import products
from labs.gpu.roof_data import Roofs
from labs.gpu.roofline import Placement, Roofline, place
from labs.gpu.roofs import measure_roofs
from labs.tables import Table, TableView
from labs.units import (
    format_bytes,
    format_flop_per_s,
    format_interval,
    format_quantity,
    format_seconds,
)

toolchain.activate()

from tinygrad import Tensor

SIZES = (128, 256, 512)
BLOCK = 64
WAYS = ("standard", "blocked", "unfused", "fused", "int8 by tensor", "int8 by row", "mixed")
_ROOF_DTYPES = ("float32", "int32")


@dataclass(frozen=True)
class ComputeRow:
    """One way at one size.

    Args:
        way: of WAYS.
        placement: time, work, and what bounds it.
        loads, sums: the dtypes that its largest kernel reads and sums in.
        relative_error: |result - exact| / |exact|, both as root mean squares: against the product
            of the unrounded matrices in float64 (1: all wrong).
        largest_error: the largest difference by the largest exact value.
        note: what makes it different.
    """

    way: str
    n: int
    placement: Placement
    loads: str
    sums: str
    relative_error: float
    largest_error: float
    note: str

    @property
    def operations_per_s(self) -> float:
        """The operations of the plain product (2 n^3) by the time it took: FLOP/s, or OP/s."""
        return self.placement.min_flop / self.placement.time.median_s


@dataclass(frozen=True, repr=False)
class ComputeStudy(TableView):
    """All ways at all sizes on one device, with the roofline that they lie under."""

    device: str
    rows: tuple[ComputeRow, ...]
    roofline: Roofline
    failures: tuple[Failure, ...] = ()

    def select(self, way: str | None = None, n: int | None = None) -> tuple[ComputeRow, ...]:
        """The rows of a way, of a size, or both."""
        return tuple(r for r in self.rows if way in (None, r.way) and n in (None, r.n))

    def compare(self, baseline: str, candidate: str, n: int) -> Comparison:
        """Two ways of equal precision at one size, by interleaved rounds.

        Raises:
            MeasurementError: when one of them was not measured at that size.
            ResultError: for two precisions: their times answer different questions.
        """
        found = [self.select(way, n) for way in (baseline, candidate)]
        if not all(found):
            raise MeasurementError(
                f"compare '{baseline}' with '{candidate}' at n={n}",
                expected=", ".join(dict.fromkeys(f"{r.way} n={r.n}" for r in self.rows)),
                got="a way or a size that was not measured",
                next_step="name two of those",
            )
        return bench.compare(*(r[0].placement.time for r in found), implementations=True)

    def table(self) -> Table:
        rows = [_row(r) for r in self.rows]
        rows += [(None, f.name, *[None] * 8, f"failed: {f.error}") for f in self.failures]
        columns = ("n", "way", "kernels", "bytes, each once", "kernels take", "95% interval")
        columns += ("throughput", "reads, sums in", "error", "bound by", "what it is")
        note = (
            "Throughput: the operations of the plain product (2 n³, whole numbers in GOP/s) by "
            "time. Error: root mean square against the float64 product of the unrounded matrices. "
            "Kernels, bytes and dtypes are read from what was compiled."
        )
        return Table(f"One product in several ways on {self.device}", columns, tuple(rows), note)


def measure_products(
    device: str,
    sizes: Sequence[int] = SIZES,
    *,
    ways: Sequence[str] = WAYS,
    block: int = BLOCK,
    roofs: Roofs | None = None,
    cache: str = "cold",
    rounds: int = 6,
    round_time_s: float = 0.05,
    seed: int = 0,
    progress: bench.runner.Progress | None = None,
    cancel: bench.runner.Cancel | None = None,
) -> ComputeStudy:
    """Measures a matrix product in several ways: blocked, fused, quantised, mixed.

    Args:
        device: tinygrad's name.
        sizes: rows and columns of the square matrices; up to 4096 where the device is fast.
        ways: of WAYS.
        block: of the blocked product; it need not divide the size.
        roofs: of the same device; measured now (quick) when None.
        The others are those of `place`.

    Raises:
        DeviceError: for an unknown or unusable device.
        MeasurementError: for a size or block below 1, no size, or an unknown way.

    Example:
        >>> measure_products("CPU", (128,)).compare("unfused", "fused", 128).word
        'faster'
    """
    (device,) = bench.plan.resolve_devices(device)
    for way in ways:
        bench.plan.require_choice("ways", way, WAYS)
    sizes = tuple(dict.fromkeys(sizes))
    if not sizes or not ways:
        raise MeasurementError(
            "measure products",
            expected="at least one size and one way",
            got=f"sizes={sizes}, ways={tuple(ways)}",
            next_step=f"pass sizes such as {SIZES}",
        )
    made = {(way, n): _make(way, n, block, device, seed) for n in sizes for way in ways}
    if roofs is None:
        roofs = measure_roofs(device, _ROOF_DTYPES, quick=True, progress=progress, cancel=cancel)
    roofline = place(
        [p.workload for p in made.values()], device, roofs, cache=cache, rounds=rounds,
        round_time_s=round_time_s, seed=seed, progress=progress, cancel=cancel,
    )  # fmt: skip
    by_spec = {p.workload: p for p in roofline}
    rows = [
        _measured(way, n, product, by_spec[product.workload.spec], device)
        for (way, n), product in made.items()
        if product.workload.spec in by_spec
    ]
    return ComputeStudy(device, tuple(rows), roofline, roofline.failures)


def _make(way: str, n: int, block: int, device: str, seed: int) -> products.Product:
    if way == "standard":
        return products.standard(n, seed)
    if way == "blocked":
        return products.blocked(n, block, seed)
    if way in ("fused", "unfused"):
        return products.layer(n, fused=way == "fused", seed=seed)
    if way == "mixed":
        return products.mixed(n, device, seed)
    return products.quantized(n, scales=way.removeprefix("int8 by "), seed=seed)


def _measured(
    way: str, n: int, product: products.Product, placement: Placement, device: str
) -> ComputeRow:
    workload = product.workload
    loads, sums = products.accumulation(workload, device)
    arrays = workload.inputs(np.random.default_rng(0))
    got = workload.compute(*(Tensor(a, device=device) for a in arrays)).numpy()
    difference = got.astype(np.float64) - product.exact
    size = np.sqrt(np.mean(product.exact**2)) or 1.0
    return ComputeRow(
        way=way,
        n=n,
        placement=placement,
        loads=loads,
        sums=sums,
        relative_error=float(np.sqrt(np.mean(difference**2)) / size),
        largest_error=float(np.abs(difference).max() / (np.abs(product.exact).max() or 1.0)),
        note=product.note,
    )


def _row(r: ComputeRow) -> tuple[object, ...]:
    p, ends = r.placement, r.placement.time.interval_s
    whole = r.loads.startswith("int")
    rate = format_flop_per_s(r.operations_per_s)
    return (
        r.n,
        r.way,
        len(p.work.kernels),
        format_bytes(p.work.mem_bytes),
        format_seconds(p.time.median_s) + (" (model)" if p.modelled else ""),
        format_interval(ends.low, ends.high, format_seconds) if ends else None,
        rate.replace("FLOP/s", "OP/s") if whole else rate,
        f"{r.loads}, {r.sums}",
        "below 1e-6" if r.relative_error < 1e-6 else format_quantity(r.relative_error, "", 2),
        p.bound_by,
        r.note,
    )

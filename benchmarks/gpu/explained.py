"""What explains the figures: roofs, launches, access patterns, counters, and tinygrad's options."""

from labs.bench.results import Measurement
from labs.gpu.access import measure_patterns
from labs.gpu.compute import measure_products
from labs.gpu.ladder import matmul_ladder
from labs.gpu.launch import measure_launches
from labs.gpu.metrics import collect_metrics
from labs.gpu.recorded import Row, measured_row
from labs.gpu.roofs import measure_roofs

DEVICE = "CUDA"
PATTERN_ELEMENTS = 1 << 24
METRICS = (
    "memory_bandwidth_utilization",
    "compute_utilization",
    "kernel_launch_overhead",
    "memory_coalescing_efficiency",
    "occupancy_percentage",
    "cache_hit_rate",
)
METRIC_WORKLOADS = ("add:n=8192", "sum:n=8192", "softmax:n=4096", "matmul:n=2048")
LADDER_SIDE = 2048
PRODUCT_SIDES = (2048,)


def roofs(settings) -> list[Row]:
    """The roofs that tinygrad's own kernels reach here, beside the datasheet."""
    found = measure_roofs(
        DEVICE,
        rounds=settings.rounds,
        round_time_s=settings.round_time_s,
        progress=settings.progress,
    )
    rows = []
    for roof in found.roofs:
        unit, scale = ("GB/s", 1e9) if roof.kind == "memory" else ("TFLOP/s", 1e12)
        facts = {"datasheet": f"{roof.datasheet / scale:.4g} {unit}"} if roof.datasheet else {}
        rows.append(
            Row(
                f"roof: {roof.kind} {roof.name}",
                "tinygrad",
                rate=None if roof.value is None else roof.value / scale,
                unit=unit,
                facts=facts | {"how": roof.how},
                failure=roof.reason if roof.value is None else "",
            )
        )
    return rows


def launches(settings) -> list[Row]:
    """What one more kernel costs: eager, with TinyJit, and with a graph."""
    fit = measure_launches(DEVICE, rounds=settings.rounds, round_time_s=settings.round_time_s)
    rows = []
    for line in fit.lines:
        if line.per_kernel_s is None:
            rows.append(Row("one more kernel", line.mode, failure=line.reason))
            continue
        interval = line.per_kernel_interval
        facts = {"fixed cost of a call, us": 1e6 * line.fixed_s, "r squared": line.r_squared}
        rows.append(
            Row(
                "one more kernel",
                line.mode,
                line.per_kernel_s,
                interval.low if interval else None,
                interval.high if interval else None,
                facts=facts,
            )
        )
    return rows


def access(settings) -> list[Row]:
    """Access patterns: the derived efficiency beside the measured bandwidth."""
    found = measure_patterns(
        DEVICE,
        PATTERN_ELEMENTS,
        rounds=settings.rounds,
        round_time_s=settings.round_time_s,
        progress=settings.progress,
    )
    rows = [Row(f.name, "tinygrad", failure=f.error) for f in found.failures]
    for item in found:
        facts: dict[str, object] = {"used, GB/s": item.bytes_per_s / 1e9}
        analysis = item.traffic.analysis
        if analysis is not None and analysis.efficiency is not None:
            facts["derived efficiency of a request, percent"] = 100 * analysis.efficiency
        if analysis is not None and analysis.footprint_efficiency is not None:
            facts["derived efficiency, percent"] = 100 * analysis.footprint_efficiency
        if item.sector_bytes_per_s is not None:
            facts["sectors, GB/s"] = item.sector_bytes_per_s / 1e9
        if item.copy_fraction is not None:
            facts["of the copy's GB/s, percent"] = 100 * item.copy_fraction
        rows.append(
            measured_row(item.measurement, f"access: {item.pattern}", "tinygrad", "", facts=facts)
        )
    return rows


def metrics(settings) -> list[Row]:
    """The six metrics of a few workloads, with Nsight Compute's counters where it is there."""
    found = measure_roofs(DEVICE, ("float32",), quick=True)
    lines = measure_launches(DEVICE, (1, 4, 16, 32), rounds=3)
    rows = []
    for spec in METRIC_WORKLOADS:
        values = collect_metrics(spec, DEVICE, found, launches=lines)
        facts: dict[str, object] = {}
        for name in METRICS:
            metric = getattr(values, name)
            if metric.value is None:
                facts[name] = f"none: {metric.reason}"
            else:
                facts[name] = f"{metric.value:.4g} {metric.unit} ({metric.how})"
        if values.theoretical is not None:
            facts["limited by"] = str(values.theoretical.limiter)
        rows.append(Row(f"metrics: {spec}", "tinygrad", facts=facts))
    return rows


def options(settings) -> list[Row]:
    """The portable ladder: tinygrad's own kernel options, one after the other."""
    rows = []
    for dtype in ("float32", "float16"):
        ladder = matmul_ladder(
            DEVICE,
            LADDER_SIDE,
            dtype,
            rounds=settings.rounds,
            round_time_s=settings.round_time_s,
            progress=settings.progress,
        )
        for rung in ladder.rungs:
            work = f"options: matmul {LADDER_SIDE} {dtype}"
            if not isinstance(rung.measurement, Measurement):
                rows.append(Row(work, rung.name, failure=rung.reason))
                continue
            facts = {"opts": " | ".join(rung.opts or ()) or "none"}
            if rung.total is not None:
                facts["gain over none"] = rung.total.speedup
            rows.append(measured_row(rung.measurement, work, rung.name, "TFLOP/s", facts=facts))
    return rows


def compute(settings) -> list[Row]:
    """Blocked, fused, quantized and mixed products."""
    study = measure_products(
        DEVICE,
        PRODUCT_SIDES,
        rounds=settings.rounds,
        round_time_s=settings.round_time_s,
        progress=settings.progress,
    )
    rows = [Row(f.name, "tinygrad", failure=f.error) for f in study.failures]
    for item in study.rows:
        time = item.placement.time
        rows.append(
            Row(
                f"product {item.n}",
                item.way,
                time.median_s,
                time.interval_s.low if time.interval_s else None,
                time.interval_s.high if time.interval_s else None,
                item.operations_per_s / 1e12,
                "TFLOP/s",
                facts={
                    "reads, sums in": f"{item.loads}, {item.sums}",
                    "relative error": item.relative_error,
                    "bound by": item.placement.bound_by,
                },
                verification=time.verification,
            )
        )
    return rows

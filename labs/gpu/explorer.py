"""The syllabus's `GPUOptimizationExplorer`: what part 2 measures, behind one name.

This file stands above the rooms it combines. Importing it loads none of them; each method loads
what it needs. Methods return frozen data that show themselves.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from labs.errors import LabError
from labs.tables import Table

if TYPE_CHECKING:
    from labs.gpu.access import AccessAnalysis, BandwidthBySize, PatternResults
    from labs.gpu.advice import Recommendations
    from labs.gpu.batching import Batching, Payoff
    from labs.gpu.compute import ComputeStudy
    from labs.gpu.ladder import Ladder
    from labs.gpu.launch import LaunchFit
    from labs.gpu.metrics import GPUOptimizationMetrics
    from labs.gpu.roof_data import Roofs
    from labs.gpu.roofline import Roofline

# the syllabus's sizes: square matrices
PATTERN_SIDES = (256, 512, 1024)
COMPUTE_SIDES = (128, 256, 512)
# patterns of the syllabus: sequential, strided, random, transposed
PATTERNS = ("sequential", "strided:stride=8", "gather", "transposed")
# two of each kind: memory, arithmetic, and a chain of both
UTILIZATION = ("add:n=1024", "sum:n=1024", "matmul:n=256", "softmax:n=512")
ADVISED = "chain:n=512"
_LAST_RESORTS = ("CL", "CPU")
# of the plain product, of what int8 is summed in, and of mixed precision
_ROOF_DTYPES = ("float32", "int32", "float16")


class _Parts:
    """Mixin for data that shows itself as several tables, one below the other."""

    def tables(self) -> tuple[Table, ...]:
        raise NotImplementedError

    def __str__(self) -> str:
        return "\n\n".join(str(t) for t in self.tables())

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return "".join(t._repr_html_() for t in self.tables())


@dataclass(frozen=True, repr=False)
class MemoryAccess(_Parts):
    """What `analyze_memory_access_patterns` found.

    Args:
        patterns: time and bandwidth of each pattern and size, with bytes from the kernels that ran.
        coalescing: (pattern, its accesses), derived from the index expressions.
        by_size: the copy's bandwidth across cache levels; None when it wasn't asked for.
    """

    device: str
    patterns: "PatternResults"
    coalescing: tuple[tuple[str, "AccessAnalysis"], ...]
    by_size: "BandwidthBySize | None" = None

    def tables(self) -> tuple[Table, ...]:
        from labs.units import format_percent

        rows = tuple(
            (name, a.lanes, format_percent(a.efficiency), a.kernels[0].name, a.reason)
            for name, a in self.coalescing
        )
        columns = ("pattern", "lanes", "used of the sectors", "kernel", "why not")
        note = self.coalescing[0][1].lane_meaning if self.coalescing else ""
        derived = Table("Coalescing, from the index expressions", columns, rows, note)
        more = (self.by_size.table(),) if self.by_size else ()
        return (self.patterns.table(), derived, *more)


@dataclass(frozen=True, repr=False)
class Utilization(_Parts):
    """What `analyze_gpu_utilization` found.

    Args:
        launches: the cost of a launch; batching: many small, few large, one batched operation;
            payoff: from which size a launch is hidden.
        roofline: workloads under the measured roofs, with what bounds each.
        metrics: six numbers for each workload.
    """

    device: str
    roofs: "Roofs"
    launches: "LaunchFit"
    batching: "Batching"
    payoff: "Payoff"
    roofline: "Roofline"
    metrics: tuple["GPUOptimizationMetrics", ...]

    def tables(self) -> tuple[Table, ...]:
        parts = (self.roofs, self.launches, self.batching, self.payoff, self.roofline)
        return tuple(part.table() for part in (*parts, *self.metrics))


class GPUOptimizationExplorer:
    """Part 2 on one device: access patterns, compute, utilization, recommendations.

    Args:
        device: a device of this machine. Left out: a GPU when there is one, else OpenCL, else the
            CPU; `choice` says why.
        roofs: measured earlier on this device; measured when first needed (quick) when None.

    Raises:
        DeviceError: an unknown or unusable device.
    """

    def __init__(self, device: str | None = None, roofs: "Roofs | None" = None) -> None:
        self.device, self.choice = _choose(device)
        if roofs is not None:
            if roofs.device != self.device:
                raise LabError(
                    f"explore {self.device}",
                    expected=f"roofs of {self.device}",
                    got=f"roofs of {roofs.device}",
                    next_step="leave the roofs out, or name their device",
                )
            self.roofs = roofs

    def __repr__(self) -> str:
        return f"GPUOptimizationExplorer on {self.device}: {self.choice}"

    @cached_property
    def roofs(self) -> "Roofs":
        """The memory and arithmetic roofs, measured once (a few seconds)."""
        from labs.gpu.roofs import measure_roofs

        return measure_roofs(self.device, _ROOF_DTYPES, quick=True)

    @cached_property
    def launches(self) -> "LaunchFit":
        """The cost of a launch, measured once."""
        from labs.gpu.launch import measure_launches

        return measure_launches(self.device)

    def analyze_memory_access_patterns(
        self,
        sides: Sequence[int] = PATTERN_SIDES,
        patterns: Sequence[str] = PATTERNS,
        *,
        by_size: bool = False,
        rounds: int = 6,
        round_time_s: float = 0.05,
        **options: Any,
    ) -> MemoryAccess:
        """Patterns at sizes of side x side elements, timed, with bytes of the kernels that ran.

        Args:
            by_size: also the copy's bandwidth from the first cache to past the last.
            options: of `labs.gpu.access.measure_patterns` (dtype, clock, cache, progress, cancel).
        """
        from labs.gpu import access

        results = access.measure_patterns(
            self.device,
            [side * side for side in sides],
            patterns,
            rounds=rounds,
            round_time_s=round_time_s,
            **options,
        )
        side = max(sides)
        derived = []
        for name in patterns:
            work = _pattern(name, side * side)
            derived.append((name, access.analyze_access(work, self.device, live=True)))
        curve = access.bandwidth_by_size(self.device) if by_size else None
        return MemoryAccess(self.device, results, tuple(derived), curve)

    def optimize_compute_workloads(
        self, sides: Sequence[int] = COMPUTE_SIDES, **options: Any
    ) -> "ComputeStudy":
        """One product in several ways: standard, blocked, fused, int8, mixed precision.

        Args:
            sides: of the square matrices; up to 4096 on a GPU.
            options: of `labs.gpu.compute.measure_products` (ways, block, cache, rounds, progress).
        """
        from labs.gpu.compute import measure_products

        return measure_products(self.device, sides, roofs=self.roofs, **options)

    def climb_matmul_ladder(self, n: int = 512, **options: Any) -> "Ladder":
        """The same product through tinygrad's own kernel options, one rung at a time.

        Args:
            options: of `labs.gpu.ladder.matmul_ladder` (dtype, search_s, rounds, progress).
        """
        from labs.gpu.ladder import matmul_ladder

        return matmul_ladder(self.device, n, roofs=self.roofs, **options)

    def analyze_gpu_utilization(
        self, workloads: Sequence[Any] = UTILIZATION, *, profile: bool = True
    ) -> Utilization:
        """Launch overhead, batching, what bounds each workload, and its six metrics.

        Args:
            profile: ask the device's profiler for the metrics, where there is one.
        """
        from labs.gpu.batching import compare_batching, find_payoff
        from labs.gpu.metrics import collect_metrics
        from labs.gpu.roofline import place

        metrics = tuple(
            collect_metrics(w, self.device, self.roofs, launches=self.launches, profile=profile)
            for w in workloads
        )
        return Utilization(
            device=self.device,
            roofs=self.roofs,
            launches=self.launches,
            batching=compare_batching(self.device, n=32, products=32, rounds=4, round_time_s=0.03),
            payoff=find_payoff(self.device, self.launches),
            roofline=place(workloads, self.device, self.roofs, rounds=4, round_time_s=0.05),
            metrics=metrics,
        )

    def gpu_optimization_recommendations(
        self, workload: Any = ADVISED, *, areas: Sequence[str] | None = None, samples: int = 1 << 16
    ) -> "Recommendations":
        """Advice for a workload, and for formulations in four fields, with evidence from here.

        Args:
            workload: a Workload, its spec, or `as_workload(function, *arrays, reference=...)`.
            areas: of `labs.gpu.advice.AREAS`; all when None.
            samples: of the signals on which formulations are compared.
        """
        from labs.gpu.advice import AREAS
        from labs.gpu.recommendations import recommend

        chosen = AREAS if areas is None else areas
        return recommend(workload, self.device, areas=chosen, roofs=self.roofs, samples=samples)


def _choose(device: str | None) -> tuple[str, str]:
    from labs.devices import discover, require

    if device is not None:
        return require(device), "chosen"
    found = discover()
    for status in found:
        if status.usable and status.capabilities and status.capabilities.supports_gpu:
            return status.device, f"a GPU is there: {status.capabilities.device_name}"
    for name in _LAST_RESORTS:
        if name in found.usable:
            what = found[name].capabilities.device_name
            return name, f"no usable GPU on this machine; {name} runs on {what}"
    raise LabError(
        "explore a device",
        expected="a usable GPU, OpenCL or CPU device",
        got="none of them",
        next_step="python course.py doctor says what is missing",
    )


def _pattern(name: str, n: int) -> Any:
    from labs.gpu.access import pattern

    base, _, settings = name.partition(":")
    given = dict(part.split("=") for part in settings.split(",") if part)
    return pattern(base, n=n, **{key: int(value) for key, value in given.items()})

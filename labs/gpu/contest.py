"""Your options against tinygrad's heuristic: one workload, measured in turns, and a verdict.

beat_heuristic("matmul:n=512", "UPCAST 1 16; UPCAST 0 8", "CPU")
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from labs import bench
from labs.bench.compare import FASTER
from labs.bench.plan import resolve_devices
from labs.bench.runner import Cancel, Progress
from labs.bench.statistics import Interval
from labs.bench.workload import Workload
from labs.bench.workloads import parse_workload
from labs.errors import MeasurementError
from labs.gpu.kernels import backend_of, choose_kernel
from labs.gpu.measured import measure_choices
from labs.gpu.notation import Options, parse_options
from labs.gpu.options import OptionKernel, write
from labs.tables import Table, TableView
from labs.units import format_interval, format_ratio, format_seconds

HEURISTIC, YOURS = "heuristic", "yours"
ROUNDS, ROUND_TIME_S = 10, 0.1


@dataclass(frozen=True, repr=False)
class Contest(TableView):
    """How the options did.

    Args:
        comparison: yours against the heuristic's, interleaved.
        yours, heuristic: both kernels, with their source.
        word: "faster", "slower" or "not resolved".
    """

    workload: str
    device: str
    comparison: bench.Comparison
    yours: OptionKernel = field(repr=False)
    heuristic: OptionKernel = field(repr=False)
    results: bench.ResultSet = field(repr=False)

    @property
    def ratio(self) -> float:
        """Time of the heuristic / time of yours: above 1 yours is faster."""
        return self.comparison.speedup

    @property
    def interval(self) -> Interval | None:
        return self.comparison.interval

    @property
    def word(self) -> str:
        return self.comparison.word

    @property
    def won(self) -> bool:
        """Whether yours was resolved to be faster."""
        return self.word == FASTER

    @property
    def modelled(self) -> bool:
        return any(m.modelled for m in self.results)

    def beats(self, factor: float) -> bool:
        """Whether the gain is resolved to be above a factor: the whole interval lies above it."""
        return self.interval is not None and self.interval.low > factor

    def table(self) -> Table:
        times = {m.workload: m for m in self.results}
        rows = tuple(
            (
                label,
                "\n".join(kernel.opts) or "none",
                format_seconds(times[label].median_s) + (" (model)" if self.modelled else ""),
            )
            for label, kernel in ((HEURISTIC, self.heuristic), (YOURS, self.yours))
        )
        interval = self.interval
        ends = (interval.low, interval.high) if interval else (None, None)
        title = (
            f"{self.workload} on {self.device}: yours is {self.word}, {format_ratio(self.ratio)} "
            f"{format_interval(*ends, format_ratio)}"
        )
        note = f"{self.comparison.rounds} interleaved rounds, {self.clock}; both verified by numpy."
        return Table(title, ("who", "options", "time"), rows, note)

    @property
    def clock(self) -> str:
        return "a model's time" if self.modelled else "the device's own clock"


def beat_heuristic(
    workload: Workload | str,
    options: Options,
    device: str = "CPU",
    *,
    kernel: int | None = None,
    rounds: int = ROUNDS,
    round_time_s: float = ROUND_TIME_S,
    seed: int = 0,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
    measure: Callable[..., bench.ResultSet] = measure_choices,
) -> Contest:
    """Measure options against the heuristic's, for one kernel of a workload.

    Args:
        options: as `labs.gpu.options.apply` takes them; kernel: which one they are for, the one
            with most work when None. The workload's other kernels are the heuristic's in both.
        measure: `measure_choices`, or `measure_choices_isolated` for a process of its own.

    Raises:
        OptionError: options that don't fit, with tinygrad's reason; DeviceError: no such device;
        MeasurementError: a kernel that can't be launched or gives a wrong answer.
    """
    (where,) = resolve_devices(device)
    work = parse_workload(workload) if isinstance(workload, str) else workload
    chosen = choose_kernel(work, where, kernel)
    backend = backend_of(where)
    opts = parse_options(options)
    yours, heuristic = write(chosen, opts, backend), write(chosen, None, backend)
    results = measure(
        work,
        {HEURISTIC: {}, YOURS: {chosen.key: opts}},
        device=where,
        rounds=rounds,
        round_time_s=round_time_s,
        seed=seed,
        progress=progress,
        cancel=cancel,
    )
    found = {m.workload: m for m in results}
    if results.failures or len(found) < 2:
        got = results.failures[0].error if results.failures else results.stop_reason
        raise MeasurementError(
            f"compare options with the heuristic on {where}",
            expected="two kernels that run and agree with numpy",
            got=got,
            next_step="take smaller amounts, or leave out the option that was added last",
        )
    comparison = bench.compare(found[HEURISTIC], found[YOURS], implementations=True)
    return Contest(work.spec, where, comparison, yours, heuristic, results)

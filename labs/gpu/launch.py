"""What launching a kernel costs: the time of a call against the number of small kernels in it.

    from labs.gpu.launch import measure_launches
    measure_launches("CPU")

A call runs k kernels one after the other, each on a few numbers, so that its time is launching and
little else. Three ways: eager (Python schedules anew at each call), TinyJit (captured kernels are
launched one by one), and a graph where the device has one (many kernels in one launch). The slope
of a straight line through the times is the cost of one more kernel.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import scipy

from labs import bench, toolchain
from labs.bench.results import Measurement, ResultSet
from labs.bench.statistics import LEVEL, Interval
from labs.errors import MeasurementError
from labs.tables import Table, TableView
from labs.units import format_interval, format_seconds

toolchain.activate()

from tinygrad import Context, Device, Tensor, TinyJit
from tinygrad.engine.realize import compile_linear
from tinygrad.uop.ops import Ops

EAGER, JIT, GRAPH = "eager", "TinyJit", "graph"
MODES = (EAGER, JIT, GRAPH)
COUNTS = (1, 2, 4, 8, 16, 32, 64)
_ELEMENTS = 16
_MOST_EAGER = 16  # kernels of an eager call: scheduling one takes Python about a millisecond
_JIT_LEVEL = {JIT: 2, GRAPH: 1}  # tinygrad's JIT setting: at 2 it makes no graphs


@dataclass(frozen=True)
class LaunchPoint:
    """The wall time of a call with so many kernels: median and its 95% interval, in seconds."""

    kernels: int
    seconds: float
    interval: Interval | None


@dataclass(frozen=True)
class LaunchLine:
    """One way to launch, and the straight line through its times.

    Args:
        per_kernel_s, per_kernel_interval: the slope; seconds for one more kernel. None with a
            `reason` when this way doesn't exist here.
        fixed_s, fixed_interval: the line at no kernel: what a call costs whatever it contains.
        r_squared: how straight the line is, 0 to 1.
    """

    mode: str
    per_kernel_s: float | None = None
    per_kernel_interval: Interval | None = None
    fixed_s: float | None = None
    fixed_interval: Interval | None = None
    r_squared: float | None = None
    points: tuple[LaunchPoint, ...] = ()
    reason: str = ""

    @property
    def is_resolved(self) -> bool:
        """Whether one more kernel takes measurably longer than none."""
        return self.per_kernel_interval is not None and self.per_kernel_interval.low > 0


@dataclass(frozen=True, repr=False)
class LaunchFit(TableView):
    """The ways to launch on one device, by wall time."""

    device: str
    lines: tuple[LaunchLine, ...]
    results: ResultSet

    def line(self, mode: str) -> LaunchLine:
        """ "eager", "TinyJit" or "graph".

        Raises:
            MeasurementError: for another word.
        """
        for line in self.lines:
            if line.mode == mode:
                return line
        raise MeasurementError(
            f"the launch overhead with '{mode}'",
            expected=f"one of {', '.join(line.mode for line in self.lines)}",
            got=repr(mode),
            next_step="name one of those",
        )

    @property
    def best(self) -> LaunchLine | None:
        """The way with the cheapest kernel whose cost is resolved from nothing; None without."""
        found = [line for line in self.lines if line.is_resolved]
        return min(found, key=lambda line: line.per_kernel_s, default=None)

    def table(self) -> Table:
        rows = [_row(line) for line in self.lines]
        columns = ("launched by", "one more kernel", "95% interval", "fixed for a call")
        columns += ("95% interval", "straightness (R²)", "kernels", "remarks")
        note = (
            f"Wall time of k dependent kernels on {_ELEMENTS} numbers each; the slope and the "
            "intercept of a least-squares line through the medians, with 95% intervals from its "
            "residuals. An emulated or interpreted device's launches are its host's. "
            f"Eager calls have up to {_MOST_EAGER} kernels."
        )
        return Table(f"Launch overhead of {self.device}", columns, tuple(rows), note)


def measure_launches(
    device: str,
    counts: Sequence[int] = COUNTS,
    *,
    modes: Sequence[str] = MODES,
    rounds: int = 6,
    round_time_s: float = 0.05,
    progress: bench.runner.Progress | None = None,
    cancel: bench.runner.Cancel | None = None,
) -> LaunchFit:
    """Times calls of k small kernels and fits a line for each way to launch them.

    Args:
        device: tinygrad's name.
        counts: kernels in a call, at least three different numbers from 1 on.
        modes: of MODES.
        The others are those of `bench.measure`.

    Raises:
        DeviceError: for an unknown or unusable device.
        MeasurementError: for counts that make no line, or an unknown mode.

    Example:
        >>> measure_launches("CPU").line("TinyJit").per_kernel_s
        2.1e-05
    """
    counts = _require_counts(counts)
    for mode in modes:
        bench.plan.require_choice("modes", mode, MODES)
    (device,) = bench.plan.resolve_devices(device)
    start = Tensor(np.arange(_ELEMENTS, dtype=np.float32), device=device).realize()
    calls: dict[str, Callable[[], Tensor]] = {}
    expected, missing = {}, {}
    for mode in modes:
        for count in counts:
            if mode == EAGER and count > _MOST_EAGER:
                continue
            if mode == GRAPH and (why := _no_graph(start, max(counts))):
                missing[mode] = why
                break
            name = _name(mode, count)
            calls[name] = _call(start, count, mode)
            expected[name] = np.arange(_ELEMENTS, dtype=np.float32) + count
    results = bench.measure_calls(
        calls, device=device, expected=expected, rounds=rounds, round_time_s=round_time_s,
        progress=progress, cancel=cancel,
    )  # fmt: skip
    lines = [_line(mode, counts, results, missing.get(mode, "")) for mode in modes]
    return LaunchFit(device, tuple(lines), results)


def _name(mode: str, count: int) -> str:
    return f"{mode}, {count} kernels"


def _chain(x: Tensor, count: int) -> Tensor:
    for _ in range(count):
        x = (x + 1).contiguous()  # its own kernel: without it, all additions would be one
    return x


def _call(start: Tensor, count: int, mode: str) -> Callable[[], Tensor]:
    kernels = len(compile_linear(_chain(start, count).schedule_linear()).src)
    if kernels != count:
        raise MeasurementError(
            f"measure the launch of {count} kernels on {start.device}",
            expected=f"{count} kernels in the schedule",
            got=f"{kernels}",
            next_step="tinygrad merged or split them: this measurement doesn't hold",
        )
    if mode == EAGER:
        return lambda: _chain(start, count).realize()
    step = _captured(start, count, mode)
    if mode == JIT and _graphs(step):
        raise MeasurementError(
            f"measure TinyJit without graphs on {start.device}",
            expected="no graph in the captured calls",
            got=f"{_graphs(step)}",
            next_step="tinygrad's JIT=2 no longer turns graphs off: this measurement doesn't hold",
        )
    return lambda: step(start)


def _captured(start: Tensor, count: int, mode: str) -> TinyJit:
    step = TinyJit(lambda x: _chain(x, count).realize())
    with Context(JIT=_JIT_LEVEL[mode]):
        for _ in range(3):  # the second call captures, the third replays
            step(start)
    return step


def _graphs(step: TinyJit) -> int:
    return sum(call.src[0].op is Ops.CUSTOM_FUNCTION for call in step.captured.linear.src)


def _no_graph(start: Tensor, count: int) -> str:
    """Why graphs can't be measured here; empty when they can."""
    if Device[start.device].graph is None:
        return f"{start.device} launches kernels one by one"
    if count > 1 and not _graphs(_captured(start, count, GRAPH)):
        return f"{start.device} has graphs, and TinyJit made none of {count} kernels"
    return ""


def _line(mode: str, counts: Sequence[int], results: ResultSet, reason: str) -> LaunchLine:
    found = [(c, m) for c in counts if (m := _measured(results, _name(mode, c))) is not None]
    if len(found) < 3:
        failed = [f.error for f in results.failures if f.name.startswith(f"{mode}, ")]
        why = reason or (failed[0].replace("\n", "; ") if failed else f"run {results.stop_reason}")
        return LaunchLine(mode, reason=why)
    points = tuple(LaunchPoint(c, m.median_s, m.interval_s) for c, m in found)
    # through medians: a round in which the machine was busy with something else doesn't tilt it
    return fit_line(mode, [p.kernels for p in points], [p.seconds for p in points], points)


def fit_line(
    mode: str, kernels: Sequence[int], seconds: Sequence[float], points: tuple = ()
) -> LaunchLine:
    """The least-squares line through (kernels, seconds), with Student's intervals."""
    fit = scipy.stats.linregress(kernels, seconds)
    reach = float(scipy.stats.t.ppf((1 + LEVEL) / 2, max(1, len(kernels) - 2)))

    def interval(value: float, error: float) -> Interval:
        return Interval(float(value - reach * error), float(value + reach * error))

    return LaunchLine(
        mode=mode,
        per_kernel_s=float(fit.slope),
        per_kernel_interval=interval(fit.slope, fit.stderr),
        fixed_s=float(fit.intercept),
        fixed_interval=interval(fit.intercept, fit.intercept_stderr),
        r_squared=float(fit.rvalue**2),
        points=points,
    )


def _measured(results: ResultSet, name: str) -> Measurement | None:
    return next((m for m in results if m.workload == name), None)


def _require_counts(counts: Sequence[int]) -> tuple[int, ...]:
    try:
        found = tuple(sorted({int(c) for c in counts}))
        whole = all(int(c) == c for c in counts)
    except (TypeError, ValueError):
        found, whole = (), False
    if len(found) < 3 or found[0] < 1 or not whole:
        raise MeasurementError(
            "fit the launch overhead",
            expected="at least three different whole numbers of kernels, from 1 on",
            got=repr(counts),
            next_step=f"pass counts such as {COUNTS}",
        )
    return found


def _row(line: LaunchLine) -> tuple[object, ...]:
    if line.per_kernel_s is None:
        return (line.mode, *[None] * 6, line.reason)
    slope, fixed = line.per_kernel_interval, line.fixed_interval
    return (
        line.mode,
        format_seconds(line.per_kernel_s),
        format_interval(slope.low, slope.high, format_seconds),
        format_seconds(line.fixed_s),
        format_interval(fixed.low, fixed.high, format_seconds),
        f"{line.r_squared:.4f}",
        ", ".join(str(p.kernels) for p in line.points),
        "" if line.is_resolved else "one more kernel: not resolved from nothing",
    )

"""why_slow(): where the time of a computation goes on a device, and what to try first."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from labs import bench, toolchain, units
from labs.bench import Measurement, Workload
from labs.debug.errors import DebugError
from labs.debug.plan import open_device
from labs.debug.recording import runner, timeline
from labs.debug.timeline_data import Timeline, TimelineEvent
from labs.debug.yardsticks import Yardsticks, measure_yardsticks, seconds_of
from labs.tables import Table, TableView

toolchain.activate()

if TYPE_CHECKING:
    from tinygrad import Tensor

_HEAVIEST = 5
# from which share of the run on something is worth a hint; a choice
_MUCH = 0.25
_MOST = 0.5
_NEAR = 0.5  # of a yardstick's rate: as good as it gets without another algorithm
_FIRST_CALL = 5.0  # times a later one


@dataclass(frozen=True)
class HeavyKernel:
    """One of the kernels (or copies) that take the most time.

    Args:
        share: of the whole run's wall time.
        bytes_per_s, flop_per_s: achieved, by the diagnosis's clock; None where nobody counted.
        bound: "launch", "memory", "compute", or "neither": far from both yardsticks.
    """

    name: str
    calls: int
    seconds: float
    share: float
    bytes_per_s: float | None
    flop_per_s: float | None
    bound: str


@dataclass(frozen=True)
class Hint:
    """One reason, with its numbers and what to do.

    Args:
        share: of the run's wall time that it is about, 0 to 1.
    """

    kind: str
    text: str
    evidence: str
    next_step: str
    share: float


@dataclass(frozen=True, repr=False)
class Diagnosis(TableView):
    """Where the time goes.

    Args:
        first_call_s: with scheduling and compilation; later: of the calls after it.
        timeline: one run, kernel by kernel, each waited for.
        hints: the largest share first.
    """

    device: str
    what: str
    first_call_s: float
    later: Measurement = field(repr=False)
    timeline: Timeline = field(repr=False)
    yardsticks: Yardsticks
    heaviest: tuple[HeavyKernel, ...]
    hints: tuple[Hint, ...]

    @property
    def summary(self) -> str:
        """The main reason in one sentence."""
        return self.hints[0].text

    def table(self) -> Table:
        rows = tuple(
            (h.kind, units.format_percent(h.share), h.text, h.evidence, h.next_step)
            for h in self.hints
        )
        columns = ("reason", "share of the run", "what", "evidence", "next step")
        low, high = self.later.interval_s.low, self.later.interval_s.high
        note = f"A call takes {units.format_seconds(self.later.median_s)} "
        note += f"{units.format_interval(low, high, units.format_seconds)}, the first took "
        note += f"{units.format_seconds(self.first_call_s)} with its compilation."
        return Table(f"{self.what} on {self.device}: {self.summary}", columns, rows, note)

    def kernels(self) -> Table:
        """The kernels that take the most time, beside what this device can do."""
        rows = tuple(
            (
                h.name,
                h.calls,
                units.format_seconds(h.seconds),
                units.format_percent(h.share),
                units.format_bytes_per_s(h.bytes_per_s),
                units.format_flop_per_s(h.flop_per_s),
                h.bound,
            )
            for h in self.heaviest
        )
        y = self.yardsticks
        columns = ("kernel", "calls", "wall time", "share of the run", "achieved", "", "bound by")
        note = f"Yardsticks, by the {y.clock} clock: x + 1 moves "
        note += f"{units.format_bytes_per_s(y.bytes_per_s)}, a matmul of {y.matmul_n} does "
        note += f"{units.format_flop_per_s(y.flop_per_s)}, an empty kernel takes "
        note += f"{units.format_seconds(y.launch_s)} by the wall clock."
        return Table("The heaviest kernels", columns, rows, note)

    def __str__(self) -> str:
        parts = (self.table(), self.kernels(), self.timeline.summary())
        return "\n\n".join(str(part) for part in parts)

    def _repr_html_(self) -> str:
        parts = (self.table(), self.kernels(), self.timeline.summary())
        return "".join(part._repr_html_() for part in parts)


def why_slow(
    what: "Workload | str | Tensor | Callable[[], object]", device: str, *, rounds: int = 5
) -> Diagnosis:
    """Measure a computation, look at its kernels one by one, and say what its time is spent on.

    Args:
        what: one of the harness's workloads or its name ("matmul:n=256"), a lazy Tensor, or a
            function without arguments. A Tensor is scheduled once; a function, and a workload, as
            often as it is called: that is part of its time.
        rounds: of the measurement of whole calls.

    Returns:
        Hints with their evidence. They come from one recorded run and three small yardsticks, all
        measured here; a hint says where to look, a measurement of both ways says whether it helped.

    Raises:
        DebugError: nothing to run.
        DeviceError, MeasurementError: the device, or the computation on it, fails.
    """
    asked = f"Find out why something is slow on {device}"
    name = open_device(device, asked).device
    run, words = _runnable(what, name, asked)
    later = bench.measure_call(
        run, name=words, device=name, rounds=rounds, round_time_s=0.05, precision=0.1
    )
    # the run in the middle of three: a single one may be anything
    runs = sorted((timeline(run, name) for _ in range(3)), key=lambda t: t.total_s)
    recorded = runs[1]
    timed = all(e.device_time_s for e in recorded.kernels) and not recorded.modelled
    clock = "device" if timed and recorded.kernels else "wall"
    most = max((e.bytes or 0 for e in recorded.kernels), default=0)
    yardsticks = measure_yardsticks(name, most, clock)
    heaviest = _heaviest(recorded, yardsticks)
    first_s = later.first_call_s or later.median_s
    hints = _hints(recorded, heaviest, yardsticks, first_s, later.median_s)
    return Diagnosis(name, words, first_s, later, recorded, yardsticks, heaviest, hints)


def _runnable(what: object, device: str, asked: str) -> tuple[Callable[[], object], str]:
    if isinstance(what, str):
        what = bench.parse_workload(what)
    if isinstance(what, Workload):
        from tinygrad import Tensor

        arrays = what.inputs(np.random.default_rng(0))
        tensors = [Tensor(a, device=device).realize() for a in arrays]
        return (lambda: what.compute(*tensors)), f"{what.name} {what.shape}"
    name = getattr(what, "__name__", "") if callable(what) else ""
    if not hasattr(what, "uop") and not callable(what):
        raise DebugError(
            asked,
            expected="a workload, its name, a Tensor, or a function without arguments",
            got=f"a {type(what).__name__}",
            next_step='try why_slow("matmul:n=256", device)',
        )
    words = name if name and name != "<lambda>" else "The expression"
    if hasattr(what, "uop"):
        return runner(what, device, asked), words
    return what, words


def _heaviest(recorded: Timeline, yardsticks: Yardsticks) -> tuple[HeavyKernel, ...]:
    found = []
    for name, events in recorded.by_name().items():
        wall = sum(e.duration_s for e in events)
        seconds = sum(seconds_of(e, yardsticks.clock) for e in events)
        bytes_, flop = _total(e.bytes for e in events), _total(e.flop for e in events)
        bound = "transfer" if events[0].kind == "copy" else _bound(events, seconds, yardsticks)
        found.append(
            HeavyKernel(
                name,
                len(events),
                wall,
                wall / recorded.total_s,
                bytes_ / seconds if bytes_ else None,
                flop / seconds if flop else None,
                bound,
            )
        )
    return tuple(found[:_HEAVIEST])


def _bound(events: Sequence[TimelineEvent], seconds: float, yardsticks: Yardsticks) -> str:
    wall = sum(e.duration_s for e in events)
    if wall <= 2 * yardsticks.launch_s * len(events):
        return "launch"
    memory = (_total(e.bytes for e in events) or 0) / yardsticks.bytes_per_s
    compute = (_total(e.flop for e in events) or 0) / yardsticks.flop_per_s
    if max(memory, compute) < _NEAR * seconds:
        return "neither"
    return "memory" if memory >= compute else "compute"


def _total(values: object) -> int | None:
    counted = [v for v in values if v is not None]
    return sum(counted) if counted else None


def _hints(
    recorded: Timeline,
    heaviest: tuple[HeavyKernel, ...],
    yardsticks: Yardsticks,
    first_s: float,
    later_s: float,
) -> tuple[Hint, ...]:
    found = [
        *_python(recorded),
        *_transfers(recorded),
        *_launches(recorded, yardsticks),
        *_kernel(heaviest, yardsticks, recorded),
    ]
    found.sort(key=lambda h: -h.share)
    if first_s > _FIRST_CALL * later_s:
        seconds = units.format_seconds(first_s)
        found.append(
            Hint(
                "first call",
                f"the first call takes {units.format_ratio(first_s / later_s)} of a later one",
                f"{seconds} against {units.format_seconds(later_s)}: scheduling and compiling",
                "call it once before it matters; compiled kernels are kept on disk",
                0.0,
            )
        )
    return tuple(found) or (_nothing(recorded),)


def _python(recorded: Timeline) -> list[Hint]:
    seconds = recorded.in_python_s + recorded.in_compile_s
    share = seconds / recorded.total_s
    if share < _MOST:
        return []
    most = recorded.total_s / (recorded.total_s - seconds) if share < 1 else float("inf")
    return [
        Hint(
            "Python",
            "most of the time the device waits for Python",
            f"{units.format_seconds(seconds)} of {units.format_seconds(recorded.total_s)} between "
            f"{len(recorded.kernels)} kernels",
            f"capture it with TinyJit, which schedules once: at most {units.format_ratio(most)}",
            share,
        )
    ]


def _transfers(recorded: Timeline) -> list[Hint]:
    share = recorded.in_copies_s / recorded.total_s
    if share < _MUCH:
        return []
    copies = [e for e in recorded.events if e.kind == "copy"]
    moved = sum(e.bytes or 0 for e in copies)
    rate = units.format_bytes_per_s(moved / recorded.in_copies_s)
    return [
        Hint(
            "transfers",
            "copying between devices takes a good part of it",
            f"{len(copies)} copies, {units.format_bytes(moved)} at {rate}",
            "put inputs on the device once, and read only what is needed",
            share,
        )
    ]


def _launches(recorded: Timeline, yardsticks: Yardsticks) -> list[Hint]:
    small = [e for e in recorded.kernels if e.duration_s <= 2 * yardsticks.launch_s]
    share = sum(e.duration_s for e in small) / recorded.total_s
    if share < _MUCH:
        return []
    return [
        Hint(
            "launches",
            "the kernels are so small that launching them is most of their time",
            f"{len(small)} of {len(recorded.kernels)} kernels take less than twice the "
            f"{units.format_seconds(yardsticks.launch_s)} of an empty one",
            "do more in each: batch inputs, leave out .realize() and .contiguous() between steps",
            share,
        )
    ]


_BOUND_STEPS = {
    "memory": "move fewer bytes: fuse steps, use a smaller dtype, keep data in the cache",
    "compute": "do less: another algorithm, a smaller dtype, or matrix units",
    "neither": "look at its source and options (labs.lowering.lower), and try BEAM=2",
}


def _kernel(
    heaviest: tuple[HeavyKernel, ...], yardsticks: Yardsticks, recorded: Timeline
) -> list[Hint]:
    kernels = [h for h in heaviest if h.bound in _BOUND_STEPS and h.share >= _MUCH]
    found = []
    for h in kernels[:2]:
        near = {
            "memory": _beside(h.bytes_per_s, yardsticks.bytes_per_s, units.format_bytes_per_s),
            "compute": _beside(h.flop_per_s, yardsticks.flop_per_s, units.format_flop_per_s),
        }
        evidence = near.get(h.bound) or f"{near['memory']}; {near['compute']}"
        words = {
            "memory": f"{h.name} moves its bytes about as fast as x + 1 does",
            "compute": f"{h.name} computes about as fast as a matmul does",
            "neither": f"{h.name} is far from what this device moves and computes elsewhere",
        }
        share = f"; {units.format_percent(h.seconds / recorded.in_kernels_s)} of all kernel time"
        step = _BOUND_STEPS[h.bound]
        found.append(Hint(f"{h.bound}-bound", words[h.bound], evidence + share, step, h.share))
    return found


def _beside(rate: float | None, yardstick: float, text: Callable[[float | None], str]) -> str:
    return f"{text(rate)}, where {text(yardstick)} was seen"


def _nothing(recorded: Timeline) -> Hint:
    return Hint(
        "spread out",
        "no single reason takes a quarter of the time",
        f"{units.format_seconds(recorded.total_s)} in {len(recorded.kernels)} kernels, "
        f"{len(recorded.gaps)} gaps",
        "look at the timeline",
        0.0,
    )

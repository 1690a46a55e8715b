"""What is to be measured, checked before anything starts: the same checks for a notebook, the
command line and a child process.
"""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from labs import devices as device_room
from labs.bench.results import CACHES, CLOCKS, MODES
from labs.bench.sampler import Settings
from labs.bench.workloads import SUITES, WORKLOADS, Workload, parse_workload
from labs.errors import MeasurementError

if TYPE_CHECKING:
    from labs.bench.execution import Execution

# of a round's time
_WARMUP_SHARE, _WARMUP_CAP_SHARE = 0.4, 10.0

QUICK = "COURSE_QUICK"  # the variable
QUICK_SETTINGS = Settings(
    warmup_time_s=0.0, warmup_calls=1, warmup_cap_s=0.01, round_time_s=0.01, min_samples=2
)
NULL = "NULL"
Workloads = str | Workload | Iterable[str | Workload]


@dataclass(frozen=True)
class Case:
    """One thing to measure on one device.

    Args:
        name: workload/size/dtype/cache/clock, the name in results.
        label: the same for a progress bar.
        prepare: makes it ready to be timed: inputs, first call, verification.
        facts: for the result's environment.
    """

    name: str
    device: str
    label: str
    prepare: Callable[[], "Execution"]
    flop: float | None = None
    min_bytes: float | None = None
    facts: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """One run: its cases, and how each is measured."""

    cases: tuple[Case, ...]
    rounds: int
    cache: str
    clock: str
    seed: int
    settings: Settings

    def as_data(self) -> Mapping[str, object]:
        """As JSON would give it back: a result file is continued only by an equal plan."""
        return {
            "cases": [[case.name, case.device] for case in self.cases],
            "rounds": self.rounds,
            "seed": self.seed,
            "settings": asdict(self.settings),
        }


def make_plan(
    workloads: Workloads,
    devices: str | Iterable[str],
    *,
    rounds: int = 20,
    round_time_s: float = 0.25,
    cache: str = "warm",
    clock: str = "wall",
    mode: str = "jit",
    seed: int = 0,
    precision: float = 0.02,
    settings: Settings | None = None,
    devices_known: bool = False,
) -> Plan:
    """Checks everything that can be checked without measuring; the arguments are measure()'s.

    Args:
        devices_known: the names are canonical and were found usable by another process.

    Raises:
        DeviceError: for an unknown or unusable device.
        MeasurementError: for anything else that can't be measured, listing what can.
    """
    require_choice("clock", clock, CLOCKS)
    require_choice("cache", cache, CACHES)
    require_choice("mode", mode, MODES)
    require_positive("rounds", rounds)
    settings = settings or make_settings(round_time_s, precision)
    chosen = resolve_workloads(workloads)
    names = tuple(devices) if devices_known else resolve_devices(devices)
    suffix = f"{cache}/{clock}" + ("/eager" if mode == "eager" else "")
    cases = tuple(
        Case(
            name=f"{w.name}/{w.shape}/{w.dtype}/{suffix}",
            device=device,
            label=f"{w.name} {w.shape} on {device}",
            prepare=partial(_prepare, w, device, clock, mode, int(seed)),
            flop=w.flop,
            min_bytes=w.min_bytes,
            facts={"shape": w.shape, "dtype": w.dtype, "mode": mode, "seed": int(seed)},
        )
        for w in chosen
        for device in names
    )
    return Plan(cases, int(rounds), cache, clock, int(seed), settings)


def make_settings(round_time_s: float, precision: float) -> Settings:
    """The sampler's settings in proportion to a round: 0.1 to 2.5 s of warm-up for 0.25 s.

    With COURSE_QUICK=1 in the environment everything is measured as briefly as possible, whatever
    was asked for: for a run in which all has to work and no time has to be known. A result tells
    the settings that were used.
    """
    require_positive("round_time_s", round_time_s)
    require_positive("precision", precision)
    if os.environ.get(QUICK) == "1":
        return replace(QUICK_SETTINGS, precision=precision)
    return Settings(
        warmup_time_s=_WARMUP_SHARE * round_time_s,
        warmup_cap_s=_WARMUP_CAP_SHARE * round_time_s,
        round_time_s=round_time_s,
        precision=precision,
    )


def resolve_workloads(workloads: Workloads) -> tuple[Workload, ...]:
    """Suite names, specs such as "matmul:n=512" and Workloads, as one tuple.

    Raises:
        MeasurementError: for an unknown name, the same workload twice, or none at all.
    """
    found: list[Workload] = []
    for item in [workloads] if isinstance(workloads, (str, Workload)) else list(workloads):
        if isinstance(item, Workload):
            found.append(item)
        elif not isinstance(item, str):
            raise MeasurementError(
                "measure",
                expected="Workloads, specs such as 'matmul:n=512', or suite names",
                got=f"{item!r} ({type(item).__name__})",
                next_step="wrap your computation in a Workload, or use measure_call for a function",
            )
        elif item in SUITES:
            found += SUITES[item]
        elif item.partition(":")[0] in WORKLOADS:
            found.append(parse_workload(item))
        else:
            raise MeasurementError(
                f"measure '{item}'",
                expected=f"a suite ({', '.join(SUITES)}) or a workload ({', '.join(WORKLOADS)}), "
                "with sizes as in 'matmul:n=512'",
                got=f"'{item}'",
                next_step="name one of those, or pass a Workload of your own",
            )
    specs = [w.spec for w in found]
    twice = sorted({s for s in specs if specs.count(s) > 1})
    if twice or not found:
        raise MeasurementError(
            "measure",
            expected="at least one workload, each once",
            got=f"twice: {', '.join(twice)}" if twice else "none",
            next_step="name each workload once",
        )
    return tuple(found)


def resolve_devices(devices: str | Iterable[str]) -> tuple[str, ...]:
    """Canonical names of usable devices, each once.

    NULL passes although it computes nothing: its wall clock shows what launching costs in Python.

    Raises:
        DeviceError: for an unknown or unusable one; MeasurementError: for none.
    """
    asked = [devices] if isinstance(devices, str) else list(devices)
    if not asked:
        raise MeasurementError(
            "measure", expected="at least one device", got="none", next_step="pass devices=['CPU']"
        )
    real = [d for d in asked if d != NULL]
    if len(real) > 1:
        device_room.discover(d.split(":")[0] for d in real)  # side by side, then remembered
    return tuple(dict.fromkeys(d if d == NULL else device_room.require(d) for d in asked))


def require_choice(what: str, value: str, known: Sequence[str]) -> None:
    """Raises MeasurementError, listing what is known."""
    if value not in known:
        raise MeasurementError(
            f"measure with {what}={value!r}",
            expected=f"one of {', '.join(known)}",
            got=repr(value),
            next_step=f"choose a {what} from that list",
        )


def require_positive(what: str, value: float) -> None:
    """Raises MeasurementError for zero, negative numbers and NaN."""
    if not value > 0:
        raise MeasurementError(
            f"measure with {what}={value!r}",
            expected="a number above 0",
            got=repr(value),
            next_step=f"raise {what}",
        )


def _prepare(workload: Workload, device: str, clock: str, mode: str, seed: int) -> "Execution":
    # imported late: opening tinygrad takes a second, which checking a plan should not cost
    from labs.bench.execution import prepare

    return prepare(workload, device, clock, mode, seed)

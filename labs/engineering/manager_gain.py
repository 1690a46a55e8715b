"""What splitting is worth: the manager against the best single device and against equal shares."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from labs.bench.compare import NOT_RESOLVED, PRACTICAL_THRESHOLD
from labs.bench.plan import require_positive
from labs.bench.statistics import Interval, summarize_rounds
from labs.engineering.managed_run import ManagedRun
from labs.engineering.manager import BEST, MultiDeviceManager
from labs.tables import Table, TableView
from labs.units import format_interval, format_percent, format_ratio, format_seconds

MANAGED, EQUAL, TOGETHER = "managed", "equal shares", "shares by speed"


@dataclass(frozen=True)
class Gain:
    """How much faster the manager was.

    Args:
        over: what it is compared with.
        ratio: that one's time / the manager's, with its 95% interval from the rounds.
        word: "faster", "slower" or "not resolved", about the manager.
    """

    over: str
    ratio: float
    interval: Interval | None
    word: str


@dataclass(frozen=True, repr=False)
class Gains(TableView):
    """Interleaved rounds of every way to do the same batches.

    Args:
        seconds: way -> the time of each round. A single device goes through the manager as well.
        runs: the manager's own runs.
    """

    seconds: dict[str, tuple[float, ...]]
    gains: tuple[Gain, ...]
    runs: tuple[ManagedRun, ...]

    @property
    def prediction_error(self) -> float | None:
        """The median error of the predicted run times."""
        errors = [r.prediction_error for r in self.runs if r.prediction_error is not None]
        return float(np.median(errors)) if errors else None

    def table(self) -> Table:
        by_name = {g.over: g for g in self.gains}
        rows = []
        for way, times in self.seconds.items():
            gain = by_name.get(way)
            interval = gain.interval if gain else None
            rows.append(
                (
                    way,
                    format_seconds(float(np.median(times))),
                    format_ratio(gain.ratio) if gain else None,
                    format_interval(interval.low, interval.high, format_ratio)
                    if interval
                    else None,
                    gain.word if gain else "",
                )
            )
        columns = ("way", "time", "the manager's gain over it", "95% interval", "the manager is")
        note = f"{len(self.runs)} interleaved rounds."
        if self.prediction_error is not None:
            note += " Run time predicted with a median error of "
            note += f"{format_percent(self.prediction_error)}."
        return Table("One run, several ways", columns, tuple(rows), note)


def measure_gain(
    manager: MultiDeviceManager,
    function: Callable[..., object],
    batches: Sequence[np.ndarray],
    *,
    rounds: int = 7,
    **options: object,
) -> Gains:
    """Runs the same batches on each device alone, on all in equal shares, on all by speed with
    stealing, and managed, round by round.

    "Managed" takes the devices that have been fastest so far: all of them, or one. Two warm-up
    rounds of each way come first, so that every device has compiled and the speeds are known.

    Args:
        options: those of `MultiDeviceManager.run`, except devices and steal.

    Raises:
        ManagerError: when a device fails.
    """
    require_positive("rounds", rounds)
    same = dict.fromkeys(manager.devices, 1.0)
    ways: dict[str, Callable[[], ManagedRun]] = {
        d: (lambda d=d: manager.run(function, batches, devices=[d], **options))
        for d in manager.devices
    }
    ways[EQUAL] = lambda: manager.run(function, batches, seconds_each=same, steal=False, **options)
    ways[TOGETHER] = lambda: manager.run(function, batches, **options)
    ways[MANAGED] = lambda: manager.run(function, batches, devices=BEST, **options)
    for _ in range(2):  # the first compiles, the second shows every set's speed
        for way in ways.values():
            way()
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    runs, rng = [], np.random.default_rng(0)
    for _ in range(int(rounds)):
        for index in rng.permutation(len(ways)):
            name = list(ways)[index]
            start = time.perf_counter()
            run = ways[name]()
            seconds[name].append(time.perf_counter() - start)
            if name == MANAGED:
                runs.append(run)
    gains = tuple(_gain(way, seconds[way], seconds[MANAGED]) for way in ways if way != MANAGED)
    return Gains({w: tuple(t) for w, t in seconds.items()}, gains, tuple(runs))


def best_single(gains: Gains) -> Gain:
    """The gain over the device that was fastest alone: the one that counts."""
    single = [g for g in gains.gains if g.over not in (EQUAL, TOGETHER)]
    return min(single, key=lambda g: g.ratio)


def _gain(over: str, theirs: Sequence[float], managed: Sequence[float]) -> Gain:
    ratio, interval = summarize_rounds([a / b for a, b in zip(theirs, managed, strict=True)])
    word = NOT_RESOLVED
    if interval is not None and abs(ratio - 1) >= PRACTICAL_THRESHOLD:
        if interval.low > 1:
            word = "faster"
        elif interval.high < 1:
            word = "slower"
    return Gain(over, ratio, interval, word)

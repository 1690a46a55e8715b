"""The measuring loop: warm up, choose loops, sample until the median is known or time is up.

It knows no device and no library: the hooks it is given enqueue work, wait for it, flush caches and
tell the time, so a test can drive it with scripted ones. The order that makes a sample honest is
`flush, sync, clock, work, sync, clock`: nothing unfinished before the start, nothing unfinished at
the end, and the flush outside.
"""

import gc
import math
import statistics as std
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass

from labs.bench.statistics import quantile_interval


class Cancelled(Exception):
    """The caller's cancel() said yes between two samples; the round under way is thrown away."""


@dataclass(frozen=True)
class Settings:
    """When a warm-up and a round are over. The defaults are the course's protocol.

    Args:
        warmup_time_s, warmup_calls: the least of both; `warmup_cap_s`: give up waiting for calm.
        window, agreement: two successive windows of calls whose medians differ less than this.
        round_time_s: the time-out of a round.
        first_check: samples at the first look at the interval; the count doubles each time.
        min_samples: even after the time-out, since fewer give no 95% interval of a median.
        precision: stop when the interval of the median is narrower than this fraction of it.
        min_sample_s: a looped sample lasts at least this long, so that the timer doesn't show.
    """

    warmup_time_s: float = 0.1
    warmup_calls: int = 3
    warmup_cap_s: float = 2.5
    window: int = 10
    agreement: float = 0.05
    round_time_s: float = 0.25
    first_check: int = 10
    min_samples: int = 6
    precision: float = 0.02
    min_sample_s: float = 1e-3


@dataclass(frozen=True)
class Hooks:
    """What the loop needs from a device.

    Args:
        run: enqueue one execution.
        sync: wait until everything enqueued is finished.
        device_time: execute once and return the device's own seconds; None means the wall clock.
        flush: put the caches into a known cold state; None means warm.
        throttled: whether the device slowed itself down in the last sample (then it is retaken).
        cancelled: asked between samples.
        clock: seconds, monotonic.
    """

    run: Callable[[], object]
    sync: Callable[[], object]
    device_time: Callable[[], float] | None = None
    flush: Callable[[], object] | None = None
    throttled: Callable[[], bool] | None = None
    cancelled: Callable[[], bool] | None = None
    clock: Callable[[], float] = time.perf_counter


@dataclass(frozen=True)
class Samples:
    """One round as the loop saw it: seconds per call, and how it went."""

    samples_s: tuple[float, ...]
    loops: int
    warmups_s: tuple[float, ...]
    warmup_capped: bool
    stop_reason: str  # "precision" or "time"
    retaken: int


def sample_round(hooks: Hooks, settings: Settings, loops: int | None = None) -> Samples:
    """Warms up and samples one round; `loops` is chosen when None, then kept by the caller."""
    with _gc_paused():
        warmups, capped = _warm_up(hooks, settings)
        if hooks.device_time is not None or hooks.flush is not None:
            loops = 1  # a device times one launch; only the first call after a flush is cold
        loops = loops or _calibrate(hooks, settings)
        samples, reason, retaken = _collect(hooks, settings, loops)
    return Samples(tuple(samples), loops, tuple(warmups), capped, reason, retaken)


def take_sample(hooks: Hooks, loops: int = 1) -> float:
    """Seconds per call of one sample."""
    if hooks.cancelled is not None and hooks.cancelled():
        raise Cancelled
    if hooks.flush is not None:
        hooks.flush()
    hooks.sync()
    if hooks.device_time is not None:
        return hooks.device_time()
    run, clock = hooks.run, hooks.clock
    start = clock()
    for _ in range(loops):
        run()
    hooks.sync()
    return (clock() - start) / loops


def _warm_up(hooks: Hooks, settings: Settings) -> tuple[list[float], bool]:
    times: list[float] = []
    start, window = hooks.clock(), settings.window
    while True:
        times.append(take_sample(hooks))
        elapsed = hooks.clock() - start
        if elapsed >= settings.warmup_cap_s and len(times) >= settings.warmup_calls:
            return times, True
        if elapsed < settings.warmup_time_s or len(times) < settings.warmup_calls:
            continue
        if times[-1] * 2 * window > settings.warmup_time_s:  # too slow for two windows
            return times, False
        if len(times) < 2 * window:
            continue
        before, after = std.median(times[-2 * window : -window]), std.median(times[-window:])
        if abs(after - before) <= settings.agreement * before:
            return times, False


def _calibrate(hooks: Hooks, settings: Settings) -> int:
    loops = 1
    while loops * take_sample(hooks, loops) < settings.min_sample_s and loops < 2**24:
        loops *= 2
    return loops


def _collect(hooks: Hooks, settings: Settings, loops: int) -> tuple[list[float], str, int]:
    samples: list[float] = []
    retaken, next_check = 0, settings.first_check
    start = hooks.clock()
    while True:
        value = take_sample(hooks, loops)
        out_of_time = hooks.clock() - start >= settings.round_time_s
        if hooks.throttled is not None and hooks.throttled() and not out_of_time:
            retaken += 1
            continue
        samples.append(value)
        if len(samples) >= next_check:  # looking after every sample would inflate the confidence
            next_check *= 2
            interval = quantile_interval(samples)
            if interval and interval.width <= settings.precision * std.median(samples):
                return samples, "precision", retaken
        if out_of_time and len(samples) >= settings.min_samples:
            return samples, "time", retaken


@contextmanager
def _gc_paused():
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def is_valid_time(value: object) -> bool:
    """Whether a clock's answer can be a duration at all."""
    return isinstance(value, (int, float)) and math.isfinite(value) and value > 0

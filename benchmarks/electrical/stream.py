"""The streaming pipeline: what a block costs, and how it behaves under stress.

    python -m benchmarks.electrical.stream            # about 2 minutes, on a quiet machine
    python -m benchmarks.electrical.stream --quick    # a look

The stress stream is E0: int16 -> scale -> FIR with 64 taps -> RMS, peak and mask, one channel, at
the rate that gives 70% load on this machine, paced by the clock. Results are compared with numpy in
float64.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator
from itertools import count

import numpy as np

from labs import backends, toolchain

toolchain.activate()
backends.register()

from scipy import signal
from tinygrad import Device, Tensor, TinyJit

from labs.bench.environment import cpu_pressure
from labs.bench.statistics import summarize_rounds
from labs.electrical.blocks import Block, Channel
from labs.electrical.meters import Kind, Setting, Window
from labs.electrical.meters.taps import low_pass
from labs.electrical.production import ProductionElectricalBackend
from labs.electrical.readings import Reading
from labs.electrical.stream.plan import RealTimePlan

BLOCK = 10_240  # samples: the block of the goals
CHANNEL = Channel("u", "V", 0.01, full_scale=32767)
TAPS, CUTOFF = 64, 0.1  # of the filter; its half amplitude, as a part of the sample rate
LOAD, OVERLOAD, LIGHT = 0.7, 1.5, 0.5
BLOCK_S, RING_BLOCKS = 0.01, 16
STRESS_S, QUICK_S = 60.0, 2.0
CHUNK = 32_768  # samples that are filtered at once: they stay in the processor's cache
LIMIT_V = 110.0  # of the mask, as far from the signal's 100 V


class BlockLevel:
    """RMS of blocks: what the goals for one block are stated for, with nothing else to read."""

    window = hop = BLOCK
    parameters, raw = 0, False

    def __init__(self, setting: Setting) -> None:
        self.setting, self.next = setting, 0

    def step(self, x: Tensor, parameters: Tensor | None) -> Tensor:
        return x[0].square().mean().sqrt().reshape(1)

    def due(self, end: int) -> Window | None:
        return Window(self.next, self.window) if self.next + self.window <= end else None

    def read(self, outputs: np.ndarray, window: Window) -> list[Reading]:
        self.next += self.hop
        fs, name = self.setting.fs_hz, self.setting.channels[0].name
        start, end = window.index / fs, (window.index + window.count) / fs
        rms = float(outputs[0])
        return [Reading("level", "rms", name, rms, "V", window.index, window.count, start, end,
                        window.valid, window.reason)]  # fmt: skip

    def finish(self) -> list[Reading]:
        return []


LEVEL = Kind("level", "of this benchmark", ("*",), {"rms": "="}, BlockLevel)


class Paced:
    """One recorded block of counts, again and again, at its rate or a multiple of it.

    Args:
        rates: (seconds, multiple of fs_hz) one after another.
    """

    name, start, notes, dtype = "paced", None, (), "int16"
    channels = (CHANNEL,)

    def __init__(self, fs_hz: float, *rates: tuple[float, float]) -> None:
        self.fs_hz, self.rates = fs_hz, rates
        self.changed_s: list[float] = []  # when each rate began
        self.late_s = 0.0  # the most that a block was given late: the source's own trouble

    def blocks(self, length: int) -> Iterator[Block]:
        samples = _counts(length)
        index, due = 0, time.perf_counter()
        for seconds, multiple in self.rates:
            self.changed_s.append(time.perf_counter())
            end = due + seconds
            while due < end:
                due += length / (self.fs_hz * multiple)
                wait = due - time.perf_counter()
                if wait > 0:
                    time.sleep(wait)
                self.late_s = max(self.late_s, -wait)
                yield Block(index, index / self.fs_hz, self.fs_hz, samples)
                index += length

    def close(self) -> None:
        pass


def run(quick: bool = False) -> list[dict]:
    """Rows for the table of goals: (item, ratio, gate, ...), one dict each."""
    rounds, calls = (5, 200) if quick else (15, 2000)
    rows = [launch(rounds, calls), feed_and_read(rounds, calls)]
    fs_hz, plan = stress_rate()
    rows.append(stress(fs_hz, plan, QUICK_S if quick else STRESS_S))
    rows.append(recovery(fs_hz, plan, 0.5 if quick else 5.0))
    return rows


def launch(rounds: int, calls: int) -> dict:
    """One block's kernels, bound: write where it lies, call, done."""
    plan = _plan([(LEVEL, "u")], 1e6, BLOCK)
    function, ring = plan.bound.function, plan.bound.ring
    samples = _counts(BLOCK)
    ring.write(0, samples)
    function.launch([(0, 0, 1)])
    _check(float(next(iter(function.results.values()))[0, 0]), _rms_of(samples))
    jit = TinyJit(_rms)
    x = Tensor(samples, device="ELECTRICAL").realize()
    for _ in range(3):
        jit(x)
    ours, theirs = _interleaved(
        lambda: function.launch([(0, 0, 1)]), lambda: jit(x), rounds, calls, calls // 10
    )
    ratio, low, high = _ratio(theirs, ours)
    p50 = float(np.median(np.concatenate(ours)))
    p99 = float(np.quantile(np.concatenate(ours), 0.99))
    return _row(
        "block launch p50 (10,240 samples), of 20 us allowed", 20e-6 / p50, None, None, 1.0, 4.0,
        p50, 20e-6, "s", sum(map(len, ours)),
        f"p99 {p99 * 1e6:.2f} us; {ratio:.0f}x [{low:.0f}, {high:.0f}] less than a call of TinyJit "
        f"on ELECTRICAL ({np.median(np.concatenate(theirs)) * 1e6:.0f} us)",
    )  # fmt: skip


def feed_and_read(rounds: int, calls: int) -> dict:
    """New samples in, results out as a reading, beside tensors made from numpy for each block."""
    plan = _plan([(LEVEL, "u")], 1e6, BLOCK)
    pipeline, ring, samples = plan.bound.pipeline(), plan.bound.ring, _counts(BLOCK)
    x = Tensor.empty(1, BLOCK, dtype="int16", device="ELECTRICAL").contiguous().realize()
    jit, ends = TinyJit(_rms), count(0, BLOCK)

    def ours() -> float:
        at = next(ends)
        ring.write(at, samples)
        return pipeline.process(at + BLOCK)[0].value

    def theirs() -> float:
        x.assign(Tensor(samples, device="ELECTRICAL")).realize()
        return float(jit(x).numpy())

    for _ in range(3):
        expected = theirs()
    _check(ours(), _rms_of(samples))
    _check(expected, _rms_of(samples))
    times = _interleaved(ours, theirs, rounds, calls, max(20, calls // 50))
    ratio, low, high = _ratio(times[1], times[0])
    best = min(map(min, times[1])) / min(map(min, times[0]))
    return _row(
        "feed + compute + read per block vs Tensor(np) loop", ratio, low, high, 30, 300,
        float(np.median(np.concatenate(times[0]))), float(np.median(np.concatenate(times[1]))),
        "s", rounds, f"best against best {best:.0f}x",
    )  # fmt: skip


def stress_rate() -> tuple[float, RealTimePlan]:
    """The rate at which the stress meter needs 70% of this machine's time, and its plan."""
    fs_hz = 50e6
    for _ in range(3):  # longer blocks change the load a little
        # other work on the machine only ever adds: the least of three is nearest to our own
        load = min(_plan(_composite(fs_hz), fs_hz).predicted_load for _ in range(3))
        fs_hz = float(round(fs_hz * LOAD / load, -6))
    return fs_hz, _plan(_composite(fs_hz), fs_hz)


def _composite(fs_hz: float) -> list:
    """E0 on windows that stay in a cache."""
    window_s = CHUNK / fs_hz
    mask = ((0.0, -LIMIT_V, LIMIT_V), (window_s, -LIMIT_V, LIMIT_V))
    told = {"cutoff_hz": CUTOFF * fs_hz, "taps": TAPS, "window_s": window_s, "points": mask}
    return [("composite", "u", told)]


def stress(fs_hz: float, plan: RealTimePlan, seconds: float) -> dict:
    """Nothing may be lost and no deadline missed."""
    readings, source = [], Paced(fs_hz, (seconds, 1.0))
    backend = ProductionElectricalBackend()
    run = backend.implement_streaming_processing(
        source, plan=plan, policy="drop", on_reading=_now_and_then(readings)
    )
    run.join()
    s, late = run.statistics, run.statistics.control
    _check_readings(readings, fs_hz, plan.block_length)
    lost = s.dropped_samples + s.missing_samples + s.deadline_misses
    return _row(
        f"{seconds:g} s of {fs_hz / 1e6:g} MS/s int16 E0 composite: lost or late", None,
        None, None, 0, 0, lost, None, "samples + blocks", s.blocks,
        f"{s.dropped_samples} samples dropped, {s.deadline_misses} blocks late; load {s.load:.2f} "
        f"(predicted {plan.predicted_load:.2f}), {s.blocks} blocks of "
        f"{plan.block_s * 1e3:g} ms, ring of {plan.ring_blocks}, latency p50 "
        f"{s.latency_p50_s * 1e3:.2f} p99 {s.latency_p99_s * 1e3:.2f} max "
        f"{s.latency_max_s * 1e3:.2f} ms of {plan.deadline_s * 1e3:g}, high-water "
        f"{s.ring_high_water:.2f}; bare 1 ms timer late by p50 {late.p50_s * 1e6:.0f} p99 "
        f"{late.p99_s * 1e6:.0f} max {late.max_s * 1e6:.0f} us; source late by at most "
        f"{source.late_s * 1e3:.2f} ms; CPU pressure {cpu_pressure()}",
        lost == 0,
    )  # fmt: skip


def recovery(fs_hz: float, plan: RealTimePlan, seconds: float) -> dict:
    """150% for a while, then 50%: from the change on, how long until all is well again?"""
    source = Paced(fs_hz, (seconds, OVERLOAD / LOAD), (2.0, LIGHT / LOAD))
    bad: list[float] = [0.0]  # when a reading was invalid: a gap was in its window

    def note(reading: Reading) -> None:
        if not reading.valid:
            bad[0] = time.perf_counter()

    backend = ProductionElectricalBackend()
    run = backend.implement_streaming_processing(source, plan=plan, policy="drop", on_reading=note)
    run.start()
    while len(source.changed_s) < 2:
        time.sleep(0.001)
    while run.statistics.ring_fill > 2 / plan.ring_blocks:  # as before: one comes, one is measured
        time.sleep(0.001)
    drained_s = time.perf_counter()
    run.join()
    s = run.statistics
    if not 0 < s.dropped_samples == sum(g.count for g in s.gaps):
        raise SystemExit(f"wrong: {s.dropped_samples} dropped, gaps {s.gaps}")
    took = max(drained_s, bad[0]) - source.changed_s[1]
    return _row(
        "recovery after 150% load: 1 s allowed", 1.0 / max(took, 1e-3), None, None, 1.0, 2.0, took,
        1.0, "s", 1,
        f"{s.dropped_samples:,} samples dropped in {s.gap_count} gaps in {seconds:g} s of 150%, "
        f"all counted; memory {plan.memory.total_bytes / 2**20:.1f} MiB as before; latency max "
        f"{s.latency_max_s * 1e3:.1f} ms",
    )  # fmt: skip


# ---- what is common ----


def _plan(spec: list, fs_hz: float, block_length: int | None = None) -> RealTimePlan:
    return ProductionElectricalBackend().optimize_for_real_time_validation(
        spec,
        channels=(CHANNEL,),
        fs_hz=fs_hz,
        dtype="int16",
        block_length=block_length,
        block_s=BLOCK_S,
        ring_blocks=RING_BLOCKS,
        allow_overload=True,
    )


def _rms(x: Tensor) -> Tensor:
    return (x[0].cast("float32") * CHANNEL.scale).square().mean().sqrt().realize()


def _counts(length: int) -> np.ndarray:
    return (10_000 * np.sin(2 * np.pi * np.arange(length) / 1000)).astype(np.int16)[None]


def _rms_of(counts: np.ndarray) -> float:
    y = counts.astype(np.float64) * CHANNEL.scale
    return float(np.sqrt(np.mean(y * y)))


def _check(found: float, expected: float) -> None:
    if not abs(found - expected) <= 1e-5 * abs(expected):
        raise SystemExit(f"wrong: {found} instead of {expected}")


def _now_and_then(kept: list[Reading]) -> Callable[[Reading], None]:
    """Keeps some of all readings: all of them would fill the memory."""
    seen = count()

    def keep(reading: Reading) -> None:
        if next(seen) % 997 < 5:  # a window has five quantities
            kept.append(reading)

    return keep


def _check_readings(readings: list[Reading], fs_hz: float, block_length: int) -> None:
    """RMS, peak and margin of the filtered signal, from the definition, in float64."""
    block, checked = _counts(block_length)[0], 0
    taps = low_pass(CUTOFF * fs_hz, fs_hz, TAPS).astype(np.float64)
    for r in readings:
        if not r.valid or r.quantity not in ("rms", "peak", "margin"):
            continue
        counts = block[(r.index + np.arange(r.count)) % len(block)] * CHANNEL.scale
        y = signal.lfilter(taps, 1.0, counts)[TAPS - 1 :]
        peak = float(np.abs(y).max())
        of = {"rms": float(np.sqrt(np.mean(y * y))), "peak": peak, "margin": peak - LIMIT_V}
        _check(r.value, of[r.quantity])
        checked += 1
    if not checked:
        raise SystemExit("wrong: no reading to check")


def _interleaved(
    ours: Callable[[], object],
    theirs: Callable[[], object],
    rounds: int,
    our_calls: int,
    their_calls: int,
) -> tuple[list[list[float]], list[list[float]]]:
    """Seconds of each call, by round; the two take turns."""
    times: tuple[list[list[float]], list[list[float]]] = ([], [])
    Device["ELECTRICAL"].synchronize()
    for _ in range(rounds):
        for function, calls, kept in ((ours, our_calls, times[0]), (theirs, their_calls, times[1])):
            one = []
            for _ in range(calls):
                start = time.perf_counter()
                function()
                one.append(time.perf_counter() - start)
            kept.append(one)
    return times


def _ratio(slow: list[list[float]], quick: list[list[float]]) -> tuple[float, float, float]:
    """Of the rounds' medians, with its 95% interval."""
    ratios = [np.median(a) / np.median(b) for a, b in zip(slow, quick, strict=True)]
    centre, interval = summarize_rounds(ratios)
    return centre, interval.low if interval else centre, interval.high if interval else centre


def _row(
    item, ratio, low, high, gate, stretch, ours, theirs, unit, n, note, met: bool | None = None
) -> dict:  # fmt: skip
    return {
        "item": item, "ratio": ratio, "low": low, "high": high, "gate": gate, "stretch": stretch,
        "ours": ours, "theirs": theirs, "unit": unit, "n": n, "note": note,
        "met": ratio >= gate if met is None else met,
    }  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    for row in run(parser.parse_args().quick):
        print(json.dumps(row, indent=1))

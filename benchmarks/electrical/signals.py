"""E0, E5, E6 and E8 beside scipy, numpy, numba, and C that was written by hand.

    python -m benchmarks.electrical.signals            # about a minute, on a quiet machine
    python -m benchmarks.electrical.signals --quick    # a look

N = 1 Mi samples for each, one thread each, interleaved rounds in one run; answers are checked
against float64 before anything is timed. The kernels are those that the meters use, bound to their
buffers. numba isn't part of the course: it takes part where it can be imported.
"""

import argparse
import ctypes
import json
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # numpy reads it when it is loaded

import numpy as np

from labs import backends, toolchain

toolchain.activate()
backends.register()

from scipy import signal
from tinygrad import Context, Tensor, TinyJit
from tinygrad.dtype import dtypes

from benchmarks.electrical.ceilings import Ceilings
from benchmarks.electrical.side_by_side import Timed, fastest, interleaved, require, row
from labs.backends.electrical.binding import bind, numpy_view
from labs.backends.electrical.options import host_vector_bytes
from labs.electrical.blocks import Channel
from labs.electrical.meters import Setting
from labs.electrical.meters.composite import CompositeMeter
from labs.electrical.meters.counts import count_codes
from labs.electrical.meters.mask import margins
from labs.electrical.meters.statistics import partial_maxima
from labs.electrical.meters.taps import fir, low_pass
from labs.electrical.stream.bound import bind_stream
from labs.electrical.stream.tasks import Task

DEVICE = "ELECTRICAL"
N, TAPS, TRACE, BITS = 1 << 20, 64, 2048, 12
FS_HZ, CUTOFF_HZ = 1e6, 1e5
FLOP = 2.0 * TAPS * N
FRAMES = 256  # results of one row of the matrix product that stands for a filter
BLOCK = 1 << 16  # of a chain that goes through the signal in blocks
GATE_E5 = 5e-6  # largest error / RMS
COUNTS_SCALE = 0.01
LONG = 20  # times the work, for threads that the system has yet to spread over the cores


def run(quick: bool) -> list[dict]:
    _keep_memory()
    rounds, loops = (6, 3) if quick else (25, 5)
    return [
        *_filter(rounds, loops),
        _decimation(rounds, loops),
        _mask(rounds, loops),
        *_composite(rounds, loops),
        _histogram(rounds, loops),
        *_two_cores(rounds, loops),
    ]


def _keep_memory() -> None:
    """Results of numpy and scipy come from memory that the process has already.

    glibc gives a large array back to the system when it is freed, and the next one costs a page
    fault for every 4 KiB: half the speed of lfilter, in some runs and not in others.
    Source: mallopt(3), M_MMAP_THRESHOLD and M_TRIM_THRESHOLD; measured.
    """
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        for option in (-3, -1) if mallopt else ():
            mallopt(option, 1 << 30)


def _filter(rounds: int, loops: int) -> list[dict]:
    taps = low_pass(CUTOFF_HZ, FS_HZ, TAPS).astype(np.float32)
    x = _noise(N + TAPS - 1)
    exact = np.convolve(x.astype(np.float64), taps.astype(np.float64), "valid")
    launch, result = _bound(fir, x, taps)
    theirs = _filters(x, taps)
    ceilings = {lanes: Ceilings(lanes) for lanes in sorted({8, host_vector_bytes() // 4})}
    backward, y = taps[::-1].copy(), np.empty(N, np.float32)
    for lanes, c in ceilings.items():
        theirs[f"C, {lanes} lanes"] = lambda c=c: c.fir64(x, backward, y)
        theirs[f"peak, {lanes} lanes"] = lambda c=c: c.multiply_adds(FLOP)
    launch()
    rms = np.sqrt(np.mean(exact**2))
    require("E5", np.abs(result - exact).max() / rms, GATE_E5)
    for name, function in theirs.items():
        if not name.startswith("peak"):
            found = function()
            found = y if found is None else found
            require(name, np.abs(found - exact).max() / rms, 1e-4)
    timed = interleaved(theirs | {"ours": launch}, rounds, loops)
    ours = timed["ours"]
    others = [n for n in ("oaconvolve", "GEMM of frames", "numba") if n in timed]
    quickest = fastest(timed, others)
    by_hand = fastest(timed, [n for n in timed if n.startswith("C,")])
    peak = fastest(timed, [n for n in timed if n.startswith("peak")])
    hand = f"{', '.join(_rates(timed, [n for n in timed if n.startswith('C,')]))}"
    rates = ", ".join(_rates(timed, others))
    absent = "" if "numba" in timed else "; numba can't be imported here"
    gflops = FLOP / np.median(timed[peak]) / 1e9
    return [
        row("E5 FIR64 vs scipy lfilter with zi", ours, timed["lfilter"], N, 4.0, 6.0, "one thread"),
        row(f"E5 FIR64 vs the best other way ({quickest})", ours, timed[quickest], N, 1.3, 1.6,
            rates + absent),
        row("E5 FIR64, of C written by hand", ours, timed[by_hand], N, 0.6, 0.85, hand),
        row("E5 FIR64, of the FMA peak", ours, timed[peak], N, 0.35, 0.5,
            f"peak {gflops:.0f} GFLOP/s measured in the same rounds ({peak})"),
    ]  # fmt: skip


def _filters(x: np.ndarray, taps: np.ndarray) -> dict[str, Callable[[], np.ndarray]]:
    """What users have: each gives the N results with a whole history."""
    history, new = x[: TAPS - 1], x[TAPS - 1 :]
    state = signal.lfiltic(taps, np.float32(1), [], history[::-1]).astype(np.float32)
    ways: dict[str, Callable[[], np.ndarray]] = {
        "lfilter": lambda: signal.lfilter(taps, np.float32(1), new, zi=state)[0],
        "oaconvolve": lambda: signal.oaconvolve(x, taps, "valid"),
    }
    # row i of the frames holds what results FRAMES i .. need; the matrix holds the taps, shifted
    toeplitz = np.zeros((FRAMES + TAPS - 1, FRAMES), np.float32)
    for i in range(FRAMES):
        toeplitz[i : i + TAPS, i] = taps[::-1]
    frames = np.lib.stride_tricks.sliding_window_view(x, FRAMES + TAPS - 1)[::FRAMES]
    ways["GEMM of frames"] = lambda: (frames @ toeplitz).reshape(-1)
    try:
        import numba
    except ImportError:
        return ways
    backward = taps[::-1].copy()

    @numba.njit(fastmath=True)
    def loop(x, h):
        y = np.empty(len(x) - len(h) + 1, np.float32)
        for i in range(len(y)):
            total = np.float32(0)
            for k in range(len(h)):
                total += h[k] * x[i + k]
            y[i] = total
        return y

    return ways | {"numba": lambda: loop(x, backward)}


def _decimation(rounds: int, loops: int) -> dict:
    taps = low_pass(CUTOFF_HZ / 2, FS_HZ, TAPS).astype(np.float32)
    x = _noise(N + TAPS - 1)
    exact = np.convolve(x.astype(np.float64), taps.astype(np.float64), "valid")[::8]
    launch, result = _bound(lambda t, h: fir(t, h, 8), x, taps)
    launch()
    require("E5, decimated", np.abs(result - exact).max() / np.sqrt(np.mean(exact**2)), GATE_E5)
    timed = interleaved(
        {"theirs": lambda: signal.upfirdn(taps, x, 1, 8), "ours": launch}, rounds, loops
    )
    note = "samples in; upfirdn also gives the filter's start and end"
    return row("E5 FIR64 decimated by 8 vs scipy upfirdn", timed["ours"], timed["theirs"], N, None,
               None, note)  # fmt: skip


def _mask(rounds: int, loops: int) -> dict:
    x = _noise(N).reshape(-1, TRACE)
    upper = np.linspace(3, 4, TRACE, dtype=np.float32)
    lower = -upper
    x[3, 5] = upper[5]  # touches
    launch, result = _bound(
        lambda t, lo, hi: partial_maxima(margins(t, lo, hi)).max(-1), x, lower, upper
    )
    ways = {
        "two maxima": lambda: np.maximum((x - upper).max(1), (lower - x).max(1)),
        "one maximum": lambda: np.maximum(x - upper, lower - x).max(1),
    }
    launch()
    for name, way in ways.items():
        require(f"E6, {name}", np.abs(way() - result).max(), 0.0)
    timed = interleaved(ways | {"ours": launch}, rounds, loops)
    theirs = fastest(timed, list(ways))
    return row("E6 mask margin of each trace vs numpy", timed["ours"], timed[theirs], N, 2.0, 4.0,
               f"traces of {TRACE}; {theirs}; exact")  # fmt: skip


def _composite(rounds: int, loops: int) -> list[dict]:
    """Windows of one trace, as a stream runs them: several kernels in one function."""
    length = TRACE + TAPS - 1
    points = ((0, -90, 95), (TRACE / 3 / FS_HZ, -100, 80), ((TRACE - 1) / FS_HZ, -60, 85))
    counts = np.clip(_noise(N + TAPS - 1) * 4000, -32768, 32767).round().astype(np.int16)
    full = _Stream(counts, CompositeMeter, points)
    alone = _Stream(counts, _FilterOnly, points)
    meter = full.meter
    taps = (meter.taps / COUNTS_SCALE).astype(np.float32)
    chains = _Chains(counts, taps, meter.lower, meter.upper)
    full()
    alone()
    exact = chains.exact(meter.taps)
    values = [meter.measure(o) for o in full.outputs()]
    for i, (name, gate) in enumerate((("rms", 1e-5), ("peak", GATE_E5), ("margin", GATE_E5))):
        error = np.abs(np.array([v[name] for v in values]) - exact[:, i]).max()
        require(f"E0 {name}", error / exact[:, 0].mean(), gate)
    for name, chain in chains.ways.items():
        require(name, np.abs(chain() - exact).max() / exact[:, 0].mean(), 1e-4)
    timed = interleaved(chains.ways | {"ours": full, "FIR alone": alone}, rounds, loops)
    theirs = fastest(timed, list(chains.ways))
    note = f"int16, windows of {length - TAPS + 1}, {full.kernels} kernels in one function"
    return [
        row("E0 scale, FIR64, RMS, peak, mask vs numpy and scipy", timed["ours"], timed[theirs], N,
            4.0, 6.0, f"{note}; the faster chain: {theirs}"),
        row("E0, of its filter alone", timed["ours"], timed["FIR alone"], N, 0.9, None, note),
    ]  # fmt: skip


class _FilterOnly(CompositeMeter):
    """What E0 is compared with: the same filter on the same counts, and nothing else."""

    def step(self, x: Tensor, parameters: Tensor | None = None) -> Tensor:
        return self.filtered(x)


class _Stream:
    """All windows of the signal through the stream's own function, as many a launch as it takes."""

    def __init__(self, counts: np.ndarray, make: type[CompositeMeter], points: tuple) -> None:
        channel = Channel("u", "V", COUNTS_SCALE)
        setting = Setting(FS_HZ, (channel,))

        def meter() -> CompositeMeter:
            return make(setting, CUTOFF_HZ, TAPS, TRACE / FS_HZ, points)

        self.meter = meter()
        task = Task("composite", "composite", (channel,), (0,), self.meter)
        bound = bind_stream(DEVICE, (task,), (meter,), (channel,), "int16", len(counts), 4)
        bound.ring.write(0, counts[None])
        self._bound, self._task = bound, task  # keeps the memory
        self.kernels = bound.function.kernels[0]
        hop, windows, most = self.meter.hop, N // self.meter.hop, bound.groups[0].capacity
        self._requests = [
            [(0, first * hop, min(most, windows - first))] for first in range(0, windows, most)
        ]

    def __call__(self) -> None:
        launch = self._bound.function.launch
        for request in self._requests:
            launch(request)

    def outputs(self) -> np.ndarray:
        found = []
        for request in self._requests:
            self._bound.function.launch(request)
            found.append(self._bound.function.results[self._task][: request[0][2]].copy())
        return np.concatenate(found)


class _Chains:
    """E0 as users write it: [window, (rms, peak, margin)], the signal at once or in blocks."""

    def __init__(
        self, counts: np.ndarray, taps: np.ndarray, lower: np.ndarray, upper: np.ndarray
    ) -> None:
        self.counts, self.taps = counts, taps
        self.lower, self.upper = lower.astype(np.float32), upper.astype(np.float32)
        self.ways: dict[str, Callable[[], np.ndarray]] = {
            "whole signal": lambda: self._chain(N),
            f"blocks of {BLOCK}": lambda: self._chain(BLOCK),
        }

    def exact(self, taps: np.ndarray) -> np.ndarray:
        y = np.convolve(self.counts.astype(np.float64), taps, "valid").reshape(-1, TRACE)
        return _three(y, self.lower, self.upper)

    def _chain(self, block: int) -> np.ndarray:
        scale, one = np.float32(COUNTS_SCALE), np.float32(1)
        history = self.counts[: TAPS - 1].astype(np.float32) * scale
        state = signal.lfiltic(self.taps, one, [], history[::-1]).astype(np.float32)
        found = []
        for start in range(TAPS - 1, len(self.counts), block):
            x = self.counts[start : start + block].astype(np.float32) * scale
            y, state = signal.lfilter(self.taps, one, x, zi=state)
            found.append(_three(y.reshape(-1, TRACE), self.lower, self.upper))
        return np.concatenate(found)


def _three(y: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
    rms = np.sqrt(np.einsum("ij,ij->i", y, y) / TRACE)
    margin = np.maximum((y - upper).max(1), (lower - y).max(1))
    return np.stack([rms, np.abs(y).max(1), margin], 1)


def _histogram(rounds: int, loops: int) -> dict:
    codes = np.random.default_rng(2).integers(0, 1 << BITS, N).astype(np.uint16)
    launch, result = _bound(lambda t: count_codes(t.cast(dtypes.int32), 1 << BITS), codes)
    expected = np.bincount(codes, minlength=1 << BITS)
    launch()
    require("E8 histogram", np.abs(result - expected).max(), 0)
    timed = interleaved(
        {"theirs": lambda: np.bincount(codes, minlength=1 << BITS), "ours": launch}, rounds, loops
    )
    return row(f"E8 histogram of {BITS} bits vs numpy bincount", timed["ours"], timed["theirs"], N,
               None, None, "exact")  # fmt: skip


def _two_cores(rounds: int, loops: int) -> list[dict]:
    if (os.cpu_count() or 1) < 2:
        return []
    taps, x = low_pass(CUTOFF_HZ, FS_HZ, TAPS).astype(np.float32), _noise(N + TAPS - 1)
    one, a = _bound(fir, x, taps)
    two, b = _bound(fir, x, taps, threads=2)
    one()
    two()
    require("E5 on two cores", float(np.abs(a - b).max()), 0.0)
    control = Ceilings(8)
    with ThreadPoolExecutor(2) as pool:  # ctypes lets other threads run meanwhile

        def both() -> None:
            list(pool.map(control.multiply_adds, (LONG * FLOP, LONG * FLOP)))

        functions = {"one": one, "two": two, "half": lambda: control.multiply_adds(LONG * FLOP)}
        timed = interleaved(functions | {"both": both}, rounds, loops)
    halves = [2 * a / b for a, b in zip(timed["half"], timed["both"], strict=True)]
    note = (
        f"the same bits; control: two threads of multiply-adds beside one {np.median(halves):.2f}x"
    )
    return [row("E5 FIR64, 2 cores vs 1", timed["two"], timed["one"], N, 1.6, 1.9, note)]


def _noise(n: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(n).astype(np.float32)


def _bound(
    function: Callable[..., Tensor], *arrays: np.ndarray, threads: int = 1
) -> tuple[Callable[[], None], np.ndarray]:
    """A launch with fixed buffers, and its result's memory."""
    on_device = [Tensor(a, device=DEVICE).realize() for a in arrays]
    with Context(NUM_CPU_THREADS=threads):
        step = TinyJit(lambda *ts: function(*ts).contiguous().realize())
        for _ in range(3):
            result = step(*on_device)
    return bind(step, *on_device), numpy_view(result)


def _rates(timed: Timed, names: list[str]) -> list[str]:
    return [f"{name} {N / np.median(timed[name]) / 1e6:.0f} MS/s" for name in names]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    for found in run(parser.parse_args().quick):
        print(json.dumps(found, indent=1))

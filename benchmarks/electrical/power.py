"""E1 and E2, their arithmetic alone: beside numpy's einsum and scipy's FFT with grouping.

    python -m benchmarks.electrical.power            # about half a minute, on a quiet machine
    python -m benchmarks.electrical.power --quick    # a look

One thread each, equal N, interleaved rounds in one run; answers are checked against float64 before
anything is timed. The kernels are those that the meters use, bound to their buffers.
"""

import argparse
import json
import os
from collections.abc import Callable

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # numpy reads it when it is loaded

import numpy as np

from labs import backends, toolchain

toolchain.activate()
backends.register()

from scipy import fft
from tinygrad import Context, Tensor, TinyJit

from benchmarks.electrical.side_by_side import Timed, interleaved, require, row
from labs.backends.electrical.binding import bind, numpy_view
from labs.electrical.meters import cycles, folded_dft

DEVICE = "ELECTRICAL"
HALF_CYCLE = 512  # samples: 51.2 kS/s at 50 Hz
CYCLES, POINTS, HIGHEST = 10, 1024, 50
N = 1 << 20
LARGE = 1 << 26  # 256 MiB of float32: eight times the largest cache here, so read from memory
GATE_E1, GATE_E2 = 1e-5, 5e-6  # of the arithmetic: relative; of H1
LOOPS = 8  # calls of a round


def run(quick: bool) -> list[dict]:
    rounds = 8 if quick else 30
    return [_half_cycles(rounds), _bandwidth(rounds // 4), _harmonics(rounds)]


def _half_cycles(rounds: int) -> dict:
    x = np.random.default_rng(0).standard_normal((N // HALF_CYCLE, HALF_CYCLE)).astype(np.float32)
    launch, result = _bound(cycles.sum_of_squares, x)
    exact = (x.astype(np.float64) ** 2).sum(-1)
    launch()
    require("E1", np.abs(result / exact - 1).max(), GATE_E1)
    timed = interleaved(
        {"theirs": lambda: np.einsum("ij,ij->i", x, x), "ours": launch}, rounds, LOOPS
    )
    note = f"{4 * x.size / min(timed['ours']) / 1e9:.0f} GB/s out of the caches"
    return _row("E1 sums of squares of half cycles vs numpy einsum", timed, x.size, 1.0, 1.5, note)


def _bandwidth(rounds: int) -> dict:
    """The same from memory, against the fastest way found to read that memory."""
    x = Tensor.ones(LARGE // HALF_CYCLE, HALF_CYCLE, device=DEVICE).contiguous().realize()
    flat = numpy_view(x).reshape(-1)
    launch, result = _bound(cycles.sum_of_squares, x)
    launch()
    require("E1, large", np.abs(result / HALF_CYCLE - 1).max(), GATE_E1)
    readers = {"BLAS dot": lambda: np.dot(flat, flat), "numpy max": flat.max}
    timed = interleaved(readers | {"ours": launch}, max(3, rounds), loops=1)
    fastest = min(readers, key=lambda name: min(timed[name]))
    timed["theirs"] = timed[fastest]
    note = (
        f"{4 * LARGE / min(timed['ours']) / 1e9:.1f} GB/s; {fastest} reads the same memory at "
        f"{4 * LARGE / min(timed['theirs']) / 1e9:.1f} GB/s"
    )
    return _row("E1 from memory, of read bandwidth", timed, LARGE, None, 0.7, note)


def _harmonics(rounds: int) -> dict:
    window = CYCLES * POINTS
    n = np.arange(window)
    rng = np.random.default_rng(1)
    x = np.sin(2 * np.pi * n / POINTS) + 0.01 * rng.standard_normal((N // window, window))
    x = x.astype(np.float32)
    plan = folded_dft.Plan(CYCLES, POINTS, HIGHEST)
    tables = {name: cycles.constant(v, DEVICE) for name, v in plan.tables().items()}
    launch, result = _bound(lambda x: folded_dft.harmonic_subgroups(x, plan, tables), x)
    launch()
    exact, thds = _by_fft(x.astype(np.float64), np.fft.rfft)
    require("E2", np.abs(result[:, :HIGHEST] - exact).max() / exact[:, 0].max(), GATE_E2)
    require("THDS", np.abs(result[:, HIGHEST] - thds).max(), 10 * GATE_E2)
    timed = interleaved({"theirs": lambda: _by_fft(x, fft.rfft), "ours": launch}, rounds, LOOPS)
    title = "E2 subgroups to h50 and THDS vs scipy rfft and grouping"
    return _row(title, timed, x.size, 1.0, 1.5, f"{len(x)} windows of {window}")


def _by_fft(x: np.ndarray, rfft: Callable) -> tuple[np.ndarray, np.ndarray]:
    """What a user writes: the whole transform, then the bins beside each harmonic."""
    bins = rfft(x, axis=-1)[:, : CYCLES * HIGHEST + 2]
    power = bins.real**2 + bins.imag**2
    at = CYCLES * np.arange(1, HIGHEST + 1)
    squares = (power[:, at - 1] + power[:, at] + power[:, at + 1]) * (2 / x.shape[-1] ** 2)
    return np.sqrt(squares), np.sqrt(squares[:, 1:].sum(-1) / squares[:, 0])


def _bound(function: Callable, x: np.ndarray | Tensor) -> tuple[Callable, np.ndarray]:
    """A launch of one thread with fixed buffers, and its result's memory."""
    on_device = x if isinstance(x, Tensor) else Tensor(x, device=DEVICE).realize()
    with Context(NUM_CPU_THREADS=1):
        step = TinyJit(lambda t: function(t).realize())
        for _ in range(3):
            result = step(on_device)
    launch = bind(step, on_device)
    return launch, numpy_view(result)


def _row(item: str, timed: Timed, n: int, gate, stretch, note: str) -> dict:
    return row(item, timed["ours"], timed["theirs"], n, gate, stretch, note)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    for found in run(parser.parse_args().quick):
        print(json.dumps(found, indent=1))

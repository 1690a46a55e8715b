"""What a bound stream will cost on this machine: measured, with samples like those to come."""

import math
import time
from dataclasses import dataclass

import numpy as np

from labs.electrical.stream.bound import BoundStream

BUDGET_S = 0.3
LEAST_PASSES, MOST_PASSES = 6, 40  # six samples give a median an interval
DEFAULT_HZ = 50.0


@dataclass(frozen=True)
class Prediction:
    """Processing time, measured over whole periods of all windows.

    Attributes:
        load: processing time / the time that the samples stand for: the median of `passes`, with
            its 95% interval.
        block_s: of an average block. `worst_block_s`: of the most expensive one (median).
        windows_per_block: of each group, on the average.
    """

    load: float
    load_low: float
    load_high: float
    block_s: float
    worst_block_s: float
    passes: int
    windows_per_block: tuple[float, ...]


def predict(
    bound: BoundStream, fs_hz: float, block_length: int, nominal_hz: float | None
) -> Prediction:
    """Run the stream's launches and meters on a sine, and time what they take."""
    layout = bound.ring.layout
    span = max(bound.longest, block_length, *(g.hop for g in bound.groups))
    blocks = math.ceil(span / block_length)
    pipeline = bound.pipeline()
    loads, worst, end, began = [], [], 0, time.perf_counter()
    for number in range(MOST_PASSES + 1):
        took = []
        for _ in range(blocks):
            samples = _sine(bound, end, block_length, fs_hz, nominal_hz or DEFAULT_HZ)
            bound.ring.write(end, samples)
            end += block_length
            start = time.perf_counter()
            pipeline.process(end)
            took.append(time.perf_counter() - start)
        if number == 0:
            continue  # windows aren't full yet, caches are cold
        loads.append(sum(took) / (blocks * block_length / fs_hz))
        worst.append(max(took))
        if number >= LEAST_PASSES and time.perf_counter() - began > BUDGET_S:
            break
    bound.ring.piece.array[:] = 0
    load = float(np.median(loads))
    low, high = _interval(sorted(loads))
    return Prediction(
        load,
        low,
        high,
        load * layout.slot / fs_hz,
        float(np.median(worst)),
        len(loads),
        tuple(n * block_length / end for n in pipeline.windows_of_groups()),
    )


def _interval(ordered: list[float]) -> tuple[float, float]:
    """The median's distribution-free 95% interval: order statistics by the binomial distribution.

    As `labs.bench.statistics` has it for any quantile, without waiting for scipy.stats to load.
    """
    n = len(ordered)
    below, outside = 0, 0.0
    while (outside := outside + math.comb(n, below) / 2**n) <= 0.025:
        below += 1
    return ordered[max(0, below - 1)], ordered[min(n - 1, n - below)]


def _sine(bound: BoundStream, index: int, count: int, fs_hz: float, hz: float) -> np.ndarray:
    """Half of what the channels can give; phases of three-phase systems apart."""
    layout = bound.ring.layout
    t = (index + np.arange(count)) / fs_hz
    rows = []
    for number, channel in enumerate(bound.channels):
        peak = 0.5 * (channel.full_scale or (32768 if layout.dtype == "int16" else 650.0))
        rows.append(peak * np.sin(2 * np.pi * (hz * t - (number % 3) / 3)))
    return np.array(rows).astype(layout.dtype)

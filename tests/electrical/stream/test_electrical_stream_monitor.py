"""Latencies in fixed memory, deadlines, load, and the control."""

import time

import numpy as np
import pytest

from labs.electrical.stream.histogram import LatencyHistogram
from labs.electrical.stream.monitor import BareTimer, PerformanceMonitor
from labs.electrical.stream.statistics import Statistics


@pytest.mark.parametrize("scale", [1e-9, 1e-6, 1e-3, 0.1])
def test_percentile_when_many_values_then_at_most_a_bucket_above(scale):
    values = np.random.default_rng(1).lognormal(3, 1.5, 5000) * scale
    values = np.ceil(values * 1e9) * 1e-9 + 1e-10
    histogram = LatencyHistogram()
    for value in values:
        histogram.add(value)
    for p in (0.01, 0.5, 0.9, 0.99, 0.999, 1.0):
        true = np.sort(values)[int(np.ceil(p * len(values))) - 1]
        assert true * 0.999999 <= histogram.percentile_s(p) <= true * (1 + 1 / 32) + 1.1e-9
    assert histogram.max_s == values.max() and histogram.count == 5000


def test_histogram_when_used_then_memory_stays():
    histogram = LatencyHistogram()
    before = histogram.memory_bytes
    for value in (0.0, -1.0, 1e-9, 1e9):
        histogram.add(value)
    assert histogram.memory_bytes == before < 16_384
    assert LatencyHistogram().percentile_s(0.5) is None


def test_monitor_when_told_of_blocks_then_counts_misses_and_load():
    monitor = PerformanceMonitor(deadline_s=0.01, control=False)
    assert monitor.load is monitor.recent_load is monitor.lateness is None
    for latency_s in (0.002, 0.0101, 0.01):
        monitor.block(latency_s, 0.003, 0.01)
    assert (monitor.blocks, monitor.misses) == (3, 1)
    assert monitor.load == pytest.approx(0.3) == monitor.recent_load


def test_bare_timer_when_it_ran_then_lateness_is_measured():
    timer = BareTimer(1e-3)
    timer.start()
    time.sleep(0.03)
    timer.stop()
    late = timer.lateness
    assert late.count > 0 and 0 <= late.p50_s <= late.p99_s <= late.max_s


def test_statistics_when_shown_then_control_stands_beside_latency():
    text = str(Statistics("running", blocks=3, latency_p50_s=1e-5))
    assert "latency" in text and "timer late" not in text

import math

import pytest

from labs import units


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (12.3e-6, "12.3 µs"),
        (0.9999e-3, "1 ms"),
        (1.0, "1 s"),
        (0, "0 ns"),
        (3e-10, "0.3 ns"),
        (125.0, "125 s"),
        (-2e-3, "-2 ms"),
        (None, "–"),
        (math.nan, "–"),
        (math.inf, "–"),
    ],
)
def test_format_seconds(value, text):
    assert units.format_seconds(value) == text


@pytest.mark.parametrize(
    ("call", "value", "text"),
    [
        (units.format_bytes, 4 * 2**20, "4 MiB"),
        (units.format_bytes, 1000, "1,000 B"),
        (units.format_bytes, 0, "0 B"),
        (units.format_bytes_per_s, 18.6e9, "18.6 GB/s"),
        (units.format_flop_per_s, 999.9e6, "1 GFLOP/s"),
        (units.format_flop, 2e6, "2 MFLOP"),
        (units.format_hertz, 2445428000, "2.45 GHz"),
        (units.format_count, 12345678, "12,345,678"),
        (units.format_ratio, 1.894, "1.89x"),
        (units.format_percent, 0.0512, "5.12%"),
        (units.format_intensity, 0.25, "0.25 FLOP/B"),
        (units.format_percent, None, "–"),
        (units.format_ratio, math.nan, "–"),
    ],
)
def test_format_with_unit(call, value, text):
    assert call(value) == text


def test_interval_needs_both_ends():
    assert units.format_interval(1e-3, 2e-3, units.format_seconds) == "[1 ms, 2 ms]"
    assert units.format_interval(None, 2e-3, units.format_seconds) == "–"

"""labs.charts.access: titles and alternative texts say what the data say."""

from types import SimpleNamespace

import pytest

from labs import charts
from labs.bench import Interval
from labs.errors import ResultError


def texts(chart):
    return [t.get_text() for t in chart.figure.axes[0].texts]


def make_pattern(make, name, per_s, fraction, *, sectors=None, modelled=False):
    m = make.measurement(
        f"{name}/n=64/float32/warm/device", "CPU", clock="device", modelled=modelled
    )
    return SimpleNamespace(
        pattern=name,
        n=64,
        measurement=m,
        bytes_per_s=per_s,
        interval=Interval(per_s * 0.9, per_s * 1.1),
        sector_bytes_per_s=sectors,
        copy_fraction=fraction,
        copy_fraction_interval=Interval(fraction * 0.9, fraction * 1.1),
    )


class Patterns(list):
    device = "CPU"


def test_patterns_then_the_worst_and_those_like_the_copy(make):
    rows = Patterns(
        [
            make_pattern(make, "copy", 20e9, 1.0),
            make_pattern(make, "sequential", 19e9, 0.95),
            make_pattern(make, "gather", 1e9, 0.05, sectors=9e9),
        ]
    )
    chart = charts.patterns_chart(rows)
    assert "'gather' gets 5% of the copy's bandwidth" in chart.alt
    assert "'sequential' is not resolved from it" in chart.alt
    assert "gather 1 GB/s" in chart.alt
    assert "19 GB/s, 95% of the copy" in texts(chart)


def test_patterns_when_modelled_beside_measured_then_refused(make):
    rows = Patterns(
        [make_pattern(make, "copy", 1e9, 1.0), make_pattern(make, "x", 1e9, 1.0, modelled=True)]
    )
    with pytest.raises(ResultError, match="model"):
        charts.patterns_chart(rows)
    with pytest.raises(ResultError):
        charts.patterns_chart(Patterns())


def make_curve(make, sizes, rates, caches=()):
    points = [
        SimpleNamespace(
            size_bytes=size,
            bytes_per_s=rate,
            interval=Interval(rate * 0.9, rate * 1.1),
            measurement=make.measurement("copy/n=64/float32/warm/device", clock="device"),
        )
        for size, rate in zip(sizes, rates, strict=True)
    ]
    found = tuple(SimpleNamespace(name=n, bytes=b) for n, b in caches)
    return SimpleNamespace(device="CPU", points=points, caches=found)


def test_sizes_then_the_fastest_and_the_last_with_the_caches(make):
    curve = make_curve(
        make, [2**14, 2**18, 2**26], [10e9, 80e9, 10e9], [("L2", 2**20), ("L3", 2**25)]
    )
    chart = charts.bandwidth_size_chart(curve)
    assert "fastest at 256 KiB (80 GB/s); at 64 MiB, past the last cache," in chart.alt
    assert "8x slower" in chart.alt
    assert "L2\n1 MiB" in texts(chart) and "L3\n32 MiB" in texts(chart)


def test_sizes_when_no_cache_is_listed_then_no_mark(make):
    chart = charts.bandwidth_size_chart(make_curve(make, [2**14, 2**26], [10e9, 80e9]))
    assert texts(chart) == [] and "past the last cache" not in chart.alt

"""labs.charts.compute: ways to compute one product."""

from types import SimpleNamespace

import pytest

from labs.charts.compute import compute_chart
from labs.errors import ResultError


@pytest.fixture
def study(make):
    def row(way, n, rate, error, loads="float32", kernels=1):
        name = f"{way}/n={n}/{loads}/cold/device"
        flop = 2.0 * n**3
        time = make.measurement(name, "CPU", flop / rate, clock="device")
        work = SimpleNamespace(kernels=("k",) * kernels)
        placement = SimpleNamespace(
            time=time, work=work, bound_by="compute", modelled=False, min_flop=flop
        )
        return SimpleNamespace(
            way=way, n=n, placement=placement, loads=loads, relative_error=error,
            operations_per_s=flop / time.median_s,
        )  # fmt: skip

    rows = (
        row("unfused", 64, 20e9, 1e-8, kernels=3),
        row("fused", 64, 30e9, 1e-8),
        row("int8 by row", 64, 25e9, 0.009, "int8"),
        row("fused", 128, 10e9, 1e-8),
    )

    def select(way=None, n=None):
        return tuple(r for r in rows if way in (None, r.way) and n in (None, r.n))

    compared = SimpleNamespace(word="faster", speedup=1.5)
    return SimpleNamespace(device="CPU", rows=rows, select=select, compare=lambda a, b, n: compared)


def test_compute_chart_when_a_size_is_chosen_then_speed_fusion_and_error_are_the_title(study):
    chart = compute_chart(study, 64)
    title = chart.figure.texts[0].get_text().replace("\n", " ")
    assert title.startswith("On CPU at n=64, fused is fastest (")
    assert "fused against unfused is faster (1.5x)" in title
    assert "int8 by row is off by 0.009" in title
    said = [t.get_text() for t in chart.figure.axes[0].texts]
    assert "3 kernels" in said[0] and "error below 1e-6" in said[0]
    assert "GOP/s" in said[2] and "error 0.009" in said[2]
    points = [x for x in chart.figure.axes[0].lines if len(x.get_xdata()) == 1]
    assert [float(p.get_xdata()[0]) for p in points] == [r.operations_per_s for r in study.rows[:3]]


def test_compute_chart_when_no_size_then_the_largest(study):
    assert "at n=128, fused is fastest" in compute_chart(study).alt


def test_compute_chart_when_the_size_is_unknown_then_the_known_ones(study):
    with pytest.raises(ResultError, match="one of 64, 128"):
        compute_chart(study, 7)

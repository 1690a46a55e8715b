"""labs.charts.variants: the ladder's points, gains and finding."""

import re
from dataclasses import replace

import pytest

from labs import charts
from labs.bench import Failure, ResultSet
from labs.errors import ResultError

FLOP = 2e6


def ladder(make, times, *, flop=FLOP, failures=(), **settings):
    """{label: seconds} as measure_variants names them."""
    rows = [
        make.measurement(f"{label}/warm/wall", "ELECTRICAL", t, seed=i, **settings)
        for i, (label, t) in enumerate(times.items())
    ]
    return ResultSet(
        tuple(replace(m, flop=flop) for m in rows),
        tuple(Failure(f"{label}/warm/wall", "ELECTRICAL", text) for label, text in failures),
    )


STEPS = {"scalar": 8e-4, "+ vectors": 4e-4, "+ own loops": 1e-4}


def points(chart):
    lines = chart.figure.axes[0].lines
    return [float(line.get_xdata()[0]) for line in lines if len(line.get_xdata()) == 1]


def texts(chart):
    return [t.get_text() for t in chart.figure.axes[0].texts]


def numbers(text):
    return [float(n) for n in re.findall(r"[0-9.]+(?=x| GFLOP)", text)]


def title(chart):
    return chart.figure.texts[0].get_text().replace("\n", " ")


def test_points_are_throughputs_in_the_order_given(make):
    results = ladder(make, STEPS)
    chart = charts.variants_chart(results)
    assert points(chart) == pytest.approx([m.flop_per_s for m in results])
    labels = [t.get_text() for t in chart.figure.axes[0].get_yticklabels()]
    assert labels == list(STEPS)
    assert "Throughput, median (GFLOP/s" in chart.figure.axes[0].get_xlabel()


def test_without_flop_the_times_are_drawn(make):
    results = ladder(make, STEPS, flop=None)
    chart = charts.variants_chart(results)
    assert points(chart) == pytest.approx([m.median_s for m in results])
    assert "Wall time per call" in chart.figure.axes[0].get_xlabel()


def test_each_step_has_its_gain_over_the_one_before_and_over_the_first(make):
    said = texts(charts.variants_chart(ladder(make, STEPS)))
    assert numbers(said[0]) == pytest.approx([2.5], rel=0.05)
    gains = [t for t in said if "step" in t]
    assert [numbers(t) for t in gains] == [
        pytest.approx([2, 2], rel=0.05),
        pytest.approx([4, 8], rel=0.05),
    ]
    assert all(t.strip().startswith("step ") and "; in all " in t for t in gains)


def test_a_gain_that_is_not_resolved_says_so(make):
    times = {"scalar": 1e-4, "+ nothing": 1.001e-4}
    chart = charts.variants_chart(ladder(make, times, noise=0.05))
    assert "not resolved" in texts(chart)[-1]
    assert "No variant is" in title(chart)


def test_the_title_has_the_whole_gain_and_the_largest_step(make):
    chart = charts.variants_chart(ladder(make, STEPS))
    assert title(chart).startswith("'+ own loops' is ")
    assert "as fast as 'scalar'; the largest step is '+ own loops' (" in title(chart)
    assert title(chart) in chart.alt


def test_another_baseline_is_the_one_compared_with(make):
    chart = charts.variants_chart(ladder(make, STEPS), baseline="+ vectors")
    assert any("the baseline" in t for t in texts(chart))
    assert "as fast as '+ vectors'" in title(chart)
    first = texts(chart)[1].strip()
    assert first.startswith("vs baseline ") and numbers(first) == pytest.approx([0.5], rel=0.05)


def test_an_unknown_baseline_names_those_there_are(make):
    with pytest.raises(ResultError, match=r"scalar, \+ vectors, \+ own loops"):
        charts.variants_chart(ladder(make, STEPS), baseline="vectors")


def test_one_variant_has_no_gain(make):
    chart = charts.variants_chart(ladder(make, {"v64 O3": 1e-4}), subtitle="matmul n=256")
    assert title(chart).startswith("'v64 O3' reaches ")
    assert "step" not in " ".join(texts(chart))
    assert "matmul n=256 · ELECTRICAL" in chart.figure.texts[1].get_text()


def test_failures_are_named(make):
    chart = charts.variants_chart(ladder(make, STEPS, failures=[("fast", "a wrong answer.\nmore")]))
    assert "'fast' failed: a wrong answer." in chart.figure.texts[2].get_text()
    assert "Failed: fast." in chart.alt


def test_long_labels_are_broken_after_their_comma(make):
    chart = charts.variants_chart(ladder(make, {"v64 O3 t16 scalar stock, 2 threads": 1e-4}))
    (label,) = chart.figure.axes[0].get_yticklabels()
    assert label.get_text() == "v64 O3 t16 scalar stock,\n2 threads"


def test_nothing_measured_is_refused(make):
    with pytest.raises(ResultError, match="at least one measurement"):
        charts.variants_chart(ResultSet(()))

"""labs.charts.optimizer: one row for each workload, also for what wasn't kept."""

from types import SimpleNamespace

import pytest

from labs.bench import Interval, compare
from labs.charts.optimizer import optimizer_chart
from labs.errors import ResultError


@pytest.fixture
def result(make):
    def build(name, before_s, after_s, *, kept=True, device="CPU"):
        if after_s is None:
            comparison = before = after = None
        else:
            before, after = (
                make.measurement(f"{w}/n=8/float32/warm/wall", device, s, seed=i)
                for i, (w, s) in enumerate((("heuristic", before_s), ("optimised", after_s)))
            )
            comparison = compare(before, after, implementations=True)
        return SimpleNamespace(
            workload=f"{name}:n=8,dtype=float32",
            device=device,
            before=before,
            after=after,
            comparison=comparison,
            kept=kept and comparison is not None,
            speedup=comparison.speedup if kept and comparison else 1.0,
            modelled=False,
        )

    return build


def _texts(chart):
    return [t.get_text() for t in chart.figure.axes[0].texts]


def test_the_title_has_the_mean_and_the_largest_gain(result):
    items = [result("exp", 8e-3, 1e-3), result("add", 1e-3, 1e-3, kept=False)]
    chart = optimizer_chart(items)
    # of 8 and 1 the geometric mean is about 2.8
    assert "2.8" in chart.alt and "the most at exp" in chart.alt
    assert any(t.endswith("not kept") for t in _texts(chart))
    assert any(" ms to 1" in t for t in _texts(chart))


def test_a_given_mean_has_its_interval_as_a_band(result):
    chart = optimizer_chart([result("exp", 4e-3, 1e-3)], (4.0, Interval(3.5, 4.5)))
    assert "4x as fast" in chart.alt and len(chart.figure.axes[0].patches) == 1


def test_a_workload_for_which_nothing_was_found_keeps_its_row(result):
    chart = optimizer_chart([result("exp", 4e-3, 1e-3), result("add", 1e-3, None)])
    assert "nothing faster found" in _texts(chart) and "add:n=8 nothing found" in chart.alt


def test_no_gain_at_all_is_said(result):
    chart = optimizer_chart([result("add", 1e-3, 1e-3, kept=False)])
    assert "no options were resolved to be faster" in chart.alt


def test_nothing_to_compare_and_two_devices_are_refused(result):
    with pytest.raises(ResultError):
        optimizer_chart([result("add", 1e-3, None)])
    two = [result("add", 2e-3, 1e-3), result("add", 2e-3, 1e-3, device="CL")]
    with pytest.raises(ResultError, match="several devices"):
        optimizer_chart(two)

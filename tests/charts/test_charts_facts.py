"""labs.charts.facts: words made from data, and the refusals."""

from types import SimpleNamespace

import pytest

from labs.charts import facts
from labs.errors import ResultError


def comparison(name, speedup, word):
    return SimpleNamespace(name=f"{name}/n=1/float32", speedup=speedup, word=word)


def test_a_finding_says_what_is_resolved_and_what_is_not():
    rows = [
        comparison("matmul", 2.1, "faster"),
        comparison("sum", 0.4, "slower"),
        comparison("add", 1.001, "not resolved"),
    ]
    assert facts.comparison_finding(rows, "CL", "CPU") == (
        "Against CPU, CL is faster at matmul (2.1x), slower at sum (0.4x); add is not resolved"
    )
    assert "no difference is resolved" in facts.comparison_finding(rows[2:], "CL", "CPU")


def test_conditions_name_device_dtype_n_rounds_clock_cache_and_date(make):
    rows = [make.measurement(), make.measurement(device="CL", samples=10)]
    assert facts.conditions(rows) == (
        "CPU, CL · float32 · n = 100 to 200 samples in 10 rounds · wall time · warm cache · "
        "2026-03-04 05:06"
    )


def test_modelled_beside_measured_is_refused(make):
    rows = [make.measurement(), make.measurement(device="EDGE", modelled=True)]
    with pytest.raises(ResultError, match="modelled times of EDGE beside measured"):
        facts.checked(rows, "draw")


def test_two_clocks_are_refused(make):
    rows = [make.measurement(), make.measurement(clock="device")]
    with pytest.raises(ResultError, match="one clock in a chart"):
        facts.checked(rows, "draw")


def test_nothing_to_draw_is_refused():
    with pytest.raises(ResultError, match="at least one measurement"):
        facts.checked([], "draw")

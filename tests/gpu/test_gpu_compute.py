"""labs.gpu.compute: ways to compute a product, measured beside each other on CPU."""

import pytest

from labs.bench.statistics import Interval
from labs.errors import MeasurementError, ResultError
from labs.gpu.compute import measure_products
from labs.gpu.datasheet import Datasheet
from labs.gpu.roof_data import Roof, Roofs

WAYS = ("unfused", "fused", "int8 by row")


@pytest.fixture(scope="module")
def study():
    memory = Roof("copy", "memory", "float32", 20e9, Interval(19e9, 21e9))
    f32 = Roof("float32", "arithmetic", "float32", 100e9, Interval(90e9, 110e9))
    i32 = Roof("int32", "arithmetic", "int32", 80e9, Interval(70e9, 90e9))
    sheet = Datasheet("a", reason="none")
    roofs = Roofs("CPU", "a processor", (memory, f32, i32), "device", False, 1e-6, sheet)
    return measure_products(
        "CPU", (24,), ways=WAYS, roofs=roofs, cache="warm", rounds=2, round_time_s=0.002
    )


def test_measure_products_when_run_then_each_row_is_counted_and_judged(study):
    unfused, fused, int8 = study.rows
    assert [len(r.placement.work.kernels) for r in study.rows] == [3, 1, 1]
    assert unfused.placement.work.mem_bytes > fused.placement.work.mem_bytes
    assert (int8.loads, int8.sums) == ("int8", "int32")
    assert fused.relative_error < 1e-6 < int8.relative_error < 0.05
    assert all(r.placement.bound_by and r.placement.time.interval_s for r in study.rows)
    assert fused.operations_per_s == pytest.approx(
        (2 * 24**3 + 2 * 24**2) / fused.placement.time.median_s
    )


def test_study_when_shown_then_errors_kernels_and_whole_number_rates(study):
    text = str(study)
    assert "below 1e-6" in text and "OP/s" in text and "int8, int32" in text


def test_compare_when_the_precision_is_equal_then_a_word(study):
    assert study.compare("unfused", "fused", 24).word in ("faster", "slower", "not resolved")


def test_compare_when_precisions_differ_or_a_way_is_missing_then_said(study):
    with pytest.raises(ResultError):
        study.compare("fused", "int8 by row", 24)
    with pytest.raises(MeasurementError, match="fused n=24"):
        study.compare("fused", "blocked", 24)


@pytest.mark.parametrize(
    ("arguments", "options", "part"),
    [
        (((),), {}, "at least one size"),
        (((0,),), {}, "at least 1"),
        (((8,),), {"ways": ("sparse",)}, "ways"),
        (((8,),), {"block": 0}, "at least 1 x 1"),
    ],
)
def test_measure_products_when_asked_wrongly_then_said_before_measuring(arguments, options, part):
    with pytest.raises(MeasurementError, match=part):
        measure_products("CPU", *arguments, **options)

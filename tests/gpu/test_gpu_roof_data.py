"""labs.gpu.roof_data: what follows from roofs, against numbers worked out by hand."""

import pickle

import pytest

from labs.bench.statistics import Interval
from labs.gpu.datasheet import Datasheet, lookup
from labs.gpu.roof_data import Roof, Roofs


def made(*roofs, **others):
    settings = {"device": "CPU", "device_name": "a processor", "clock": "device"}
    settings |= {"modelled": False, "floor_s": 2e-6, "sheet": Datasheet("a", reason="none")}
    return Roofs(roofs=roofs, **(settings | others))


COPY = Roof("copy", "memory", "float32", 20e9, Interval(19e9, 21e9), "arrays")
TRIAD = Roof("triad", "memory", "float32", 25e9, Interval(24e9, 26e9), "arrays")
F32 = Roof("float32", "arithmetic", "float32", 100e9, Interval(96e9, 104e9), "chains")
I32 = Roof("int32", "arithmetic", "int32", 50e9, Interval(49e9, 51e9), "chains")
F64 = Roof("float64", "arithmetic", "float64", reason="not native")
HALF = Roof("matmul", "matrix", "float16", 400e9, None, "matmul")


def test_format_when_whole_numbers_then_operations_and_not_flop():
    assert (I32.format(50e9), F32.format(50e9)) == ("50 GOP/s", "50 GFLOP/s")
    assert TRIAD.format(25e9) == "25 GB/s"


def test_memory_when_two_then_the_higher_one():
    assert made(COPY, TRIAD, F32).memory is TRIAD


def test_ridge_point_when_both_roofs_then_their_ratio_with_interval():
    point, interval = made(COPY, TRIAD, F32).ridge_point()
    assert point == pytest.approx(4.0)
    assert (interval.low, interval.high) == pytest.approx((96 / 26, 104 / 24))


@pytest.mark.parametrize(("intensity", "rate"), [(1, 25e9), (4, 100e9), (100, 100e9)])
def test_attainable_when_left_or_right_of_the_ridge_then_the_lower_roof(intensity, rate):
    assert made(TRIAD, F32).attainable(intensity) == pytest.approx(rate)


def test_compute_when_a_dtype_has_no_roof_then_the_one_it_is_calculated_in():
    roofs = made(TRIAD, F32, I32, F64)
    assert roofs.compute("int8") is I32
    assert roofs.compute("float16") is F32
    assert roofs.arithmetic("float64") is None


def test_compute_when_matrix_units_then_the_higher_of_the_two():
    assert made(TRIAD, F32, HALF).compute("float16", matrix_units=True) is HALF
    slow = Roof("matmul", "matrix", "float32", 10e9, None, "matmul")
    assert made(TRIAD, F32, slow).compute("float32", matrix_units=True) is F32
    assert made(TRIAD, F32).compute("float16", matrix_units=True) is None


def test_roofs_when_nothing_was_measured_then_none_and_no_crash():
    roofs = made(F64)
    assert roofs.memory is None and roofs.ridge_point() is None
    assert roofs.attainable(1.0) is None
    assert "not native" in str(roofs)


def test_table_when_a_datasheet_is_there_then_the_part_of_it():
    sheet = lookup("Tesla T4")
    copy = Roof("copy", "memory", "float32", 240e9, None, "arrays", datasheet=sheet.bytes_per_s)
    text = str(made(copy, sheet=sheet))
    assert "320 GB/s" in text and "75%" in text and sheet.source in text


def test_table_when_modelled_then_it_says_so_and_makes_no_ratio():
    copy = Roof("copy", "memory", "float32", 240e6, None, "arrays", datasheet=480e6)
    text = str(made(copy, modelled=True))
    assert "240 MB/s (model)" in text and "50%" not in text and "Modelled roofs" in text


def test_roofs_when_pickled_then_the_same():
    roofs = made(TRIAD, F32)
    assert pickle.loads(pickle.dumps(roofs)) == roofs

"""labs.charts.axes: quantity and unit on every axis, data left in SI."""

import pytest
from matplotlib.figure import Figure

from labs.charts.axes import byte_size_axis, quantity_axis


@pytest.fixture
def axes():
    return Figure().add_subplot()


@pytest.mark.parametrize(
    ("unit", "values", "log", "label"),
    [
        ("s", [2e-6, 5e-6], False, "Time (µs)"),
        ("s", [2e-6, 5e-2], True, "Time (µs, log scale)"),
        ("B", [3 * 2**20], False, "Time (MiB)"),
        ("B/s", [3e9], False, "Time (GB/s)"),
        ("x", [2], True, "Time (x, log scale)"),
        ("", [2], False, "Time"),
        ("s", [], False, "Time (ns)"),
    ],
)
def test_the_label_names_the_unit_that_suits_the_values(axes, unit, values, log, label):
    quantity_axis(axes.xaxis, "Time", unit, values, log=log)
    assert axes.get_xlabel() == label


def test_ticks_are_scaled_and_round_in_the_labelled_unit(axes):
    axes.set_ylim(0, 8 * 2**20)
    quantity_axis(axes.yaxis, "Memory", "B", [8 * 2**20])
    ticks = [t for t in axes.get_yticks() if 0 <= t <= 8 * 2**20]
    texts = [axes.yaxis.get_major_formatter()(t) for t in ticks]
    assert "4" in texts and "8" in texts


def test_size_ticks_are_powers_of_two(axes):
    axes.set_xscale("log", base=2)
    byte_size_axis(axes.xaxis, "Size", [2**10, 2**26])
    assert all(float(t).is_integer() and int(t).bit_count() == 1 for t in axes.get_xticks())
    assert axes.xaxis.get_major_formatter()(2**10) == "1 KiB"

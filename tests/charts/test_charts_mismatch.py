"""labs.charts.mismatch: wrong elements at their places, whatever the shape."""

from types import SimpleNamespace

import numpy as np
import pytest

from labs import charts
from labs.debug import first_mismatch
from labs.errors import ResultError


def drawn(got, want):
    chart = charts.mismatch_chart(first_mismatch(got, want))
    return chart, chart.figure.axes[0].images[0].get_array()


def test_mismatch_then_wrong_cells_are_where_the_elements_are():
    want = np.arange(1.0, 16.0).reshape(3, 5)
    got = want.copy()
    got[:, -1] = 0
    chart, cells = drawn(got, want)
    assert cells.tolist() == [[0, 0, 0, 0, 1]] * 3
    assert "only the last column" in chart.alt
    ring = chart.figure.axes[0].lines[0]
    assert (ring.get_xdata()[0], ring.get_ydata()[0]) == (4, 0)


def test_mismatch_of_a_vector_then_rows_and_grey_after_its_end():
    got = np.arange(1.0, 38.0)
    got[-5:] = 0
    chart, cells = drawn(got, np.arange(1.0, 38.0))
    assert cells.shape == (2, 32)
    assert cells[1, :5].tolist() == [1] * 5
    assert cells.mask[1, 5:].all()
    assert "Grey: after the end" in chart.figure.texts[-1].get_text()


def test_mismatch_of_a_large_array_then_blocks_hold_shares():
    want = np.ones((480, 960))
    got = want.copy()
    got[:10, :5] = 0
    _, cells = drawn(got, want)
    assert cells.shape == (48, 96)
    assert cells[0, 0] == 0.5
    assert cells.sum() == 0.5


def test_mismatch_when_nothing_is_wrong_then_refused():
    nothing = SimpleNamespace(wrong=np.zeros((2, 2), bool))
    with pytest.raises(ResultError, match="nothing to draw"):
        charts.mismatch_chart(nothing)

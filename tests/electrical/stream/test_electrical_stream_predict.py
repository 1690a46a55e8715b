"""The interval of a predicted load."""

import pytest

from labs.electrical.stream.predict import _interval


@pytest.mark.parametrize(
    ("n", "low", "high"),
    # ranks of the 95% interval of a median, as tables of order statistics have them
    [(1, 1, 1), (5, 1, 5), (6, 1, 6), (9, 2, 8), (20, 6, 15), (40, 14, 27)],
)
def test_interval_then_order_statistics(n, low, high):
    assert _interval([float(i) for i in range(1, n + 1)]) == (low, high)

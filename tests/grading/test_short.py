"""Values in one line."""

import numpy as np

from labs.grading.short import short, short_call


def test_short_when_small_shows_everything():
    assert short({"a": (1,), "b": [2, "x"]}) == "{'a': (1,), 'b': [2, 'x']}"


def test_short_when_large_says_how_large():
    assert short(np.arange(1000.0).reshape(10, 100)) == (
        "array(shape=(10, 100), dtype=float64, [0.0, 1.0, 2.0, 3.0, 4.0, ...])"
    )
    assert short(list(range(40))) == "[0, 1, 2, 3, 4, ... (40 in all)]"
    assert "(3000 characters)" not in short("x" * 10) and len(short("x" * 3000)) < 100
    assert "(9 in all)" in short(dict.fromkeys(range(9)))


def test_short_when_nested_deeply_stays_one_line():
    value = []
    for _ in range(30):
        value = [value, "y" * 30]
    assert "\n" not in short(value) and len(short(value)) < 400


def test_short_call_reads_like_the_call():
    assert short_call("cost", (2, "CPU")) == "cost(2, 'CPU')"

"""The comparers: right answers pass, wrong ones are told apart with shape, dtype, place, values."""

import math

import numpy as np
import pytest

from labs.grading.compare import expect_close, expect_equal, expect_type
from labs.grading.judges import Wrong

F32 = np.linspace(1, 2, 6, dtype=np.float32).reshape(2, 3)


@pytest.mark.parametrize(
    ("got", "want"),
    [
        (1, 1), (None, None), ("a", "a"), ((1, 2.5), (1, 2.5)), ({"b": 1, "a": [2]},
        {"a": [2], "b": 1}), (math.nan, math.nan), (np.arange(3), np.arange(3)),
        ([np.array([math.nan])], [np.array([math.nan])]), (np.array(1), np.array(1)),
    ],
)  # fmt: skip
def test_expect_equal_when_equal_passes(got, want):
    expect_equal("x", got, want)


@pytest.mark.parametrize(
    ("got", "want", "told"),
    [
        (1.0, 1, "expected int, got float: 1.0"),
        (True, 1, "expected int, got bool"),
        (None, "a", "got None"),
        ([1, 2], (1, 2), "expected tuple, got list"),
        ((1, 2, 4), (1, 2, 3), r"x\[2\]: expected 3, got 4"),
        ((1,), (1, 2), "expected 2 items, got 1"),
        ({"a": 1}, {"a": 1, "b": 2}, "missing 'b'"),
        ({"a": 1, "c": 2}, {"a": 1}, "not asked for: 'c'"),
        ({"a": [1, 5]}, {"a": [1, 2]}, r"x\['a'\]\[1\]: expected 2, got 5"),
        (np.arange(4), np.arange(3), r"expected shape \(3,\), got shape \(4,\)"),
        (np.arange(3.0), np.arange(3), "expected dtype int64, got dtype float64"),
        ([0, 1], np.arange(2), "expected an array of shape"),
        (np.array([0, 1, 9]), np.arange(3), r"1 of 3 values .* x\[2\]: expected 2, got 9"),
        (np.array(7), np.array(8), "First at x: expected 8, got 7"),
    ],
)
def test_expect_equal_when_different_names_the_place(got, want, told):
    with pytest.raises(Wrong, match=told):
        expect_equal("x", got, want)


def test_expect_close_when_rounding_differs_passes():
    expect_close("x", F32 * np.float32(1 + 2e-7), F32)
    expect_close("x", 0.1 + 0.2, 0.3)
    expect_close("x", 3, 3.0)
    expect_close("x", math.nan, math.nan)
    expect_close("x", np.zeros((0, 2), np.float32), np.zeros((0, 2), np.float32))


def test_expect_close_when_terms_cancel_passes_by_scale():
    want = np.array([1e6, 0.0], np.float32)
    expect_close("x", np.array([1e6, 0.5], np.float32), want)
    with pytest.raises(Wrong):
        expect_close("x", np.array([1e6, 0.5], np.float32), want, atol=0.0)


@pytest.mark.parametrize(
    ("got", "want", "told"),
    [
        (F32[0], F32, r"expected shape \(2, 3\), got shape \(3,\)"),
        (F32.astype(np.float64), F32, "expected dtype float32, got dtype float64"),
        (F32 + np.float32([[0, 0, 0], [0, 0.5, 0]]), F32, r"1 of 6 .* x\[1, 1\]: expected 1\.8"),
        (F32 * np.float32(1.001), F32, "6 of 6"),
        (np.where(F32 > 1.9, np.nan, F32).astype(np.float32), F32, r"x\[1, 2\].*got nan"),
        (F32.tolist(), F32, "expected an array of shape"),
        (1.0, F32, "got float: 1.0"),
        (F32, 1.0, "expected float or int, got an array"),
        ("1", 1.0, "got text"),
        (True, 1.0, "got bool"),
        (1.1, 1.0, "expected 1.0, got 1.1"),
        (math.nan, 1.0, "got nan"),
        (np.arange(3) + 1, np.arange(3), "3 of 3"),
    ],
)
def test_expect_close_when_different_names_shape_dtype_or_place(got, want, told):
    with pytest.raises(Wrong, match=told):
        expect_close("x", got, want)


def test_expect_type_is_exact():
    expect_type("x", 1, int)
    expect_type("x", None, (str, type(None)))
    with pytest.raises(Wrong, match="x: expected int or float, got bool: True"):
        expect_type("x", True, (int, float))
    with pytest.raises(Wrong, match=r"got text \(str\): 'ab'"):
        expect_type("x", "ab", (int,))


def test_wrong_shows_the_input_when_it_stands_alone():
    with pytest.raises(Wrong) as caught:
        expect_equal("x", 1, 2, (F32, "CPU"))
    assert "input: (array(shape=(2, 3), dtype=float32" in str(caught.value)
    assert caught.value.message == "x: expected 2, got 1"

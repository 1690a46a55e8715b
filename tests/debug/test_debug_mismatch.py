"""labs.debug.mismatch and its patterns: what is wrong, and what the wrong ones have in common."""

import numpy as np
import pytest

from labs.debug import DebugError, first_mismatch

RIGHT = np.arange(1, 36, dtype=np.float32).reshape(5, 7)


def test_first_mismatch_when_equal_then_none():
    assert first_mismatch(RIGHT, RIGHT.copy()) is None
    assert first_mismatch([float("nan"), -0.0], [float("nan"), 0.0]) is None
    assert first_mismatch(np.zeros((0, 3)), np.zeros((0, 3))) is None


def test_first_mismatch_then_index_values_errors_and_count():
    got = RIGHT.copy()
    got[2, 3] = np.nextafter(got[2, 3], np.float32(100))
    got[4, 1] = 60.0
    found = first_mismatch(got, RIGHT)
    assert found.index == (2, 3)
    assert (found.got, found.expected) == (float(got[2, 3]), 18.0)
    assert found.ulp_distance == 1
    assert found.absolute_error == pytest.approx(2.0**-19)
    assert found.relative_error == pytest.approx(2.0**-19 / 18)
    assert found.worst_index == (4, 1)
    assert (found.count, found.total, found.fraction) == (2, 35, 2 / 35)
    assert "[2, 3]" in found._repr_html_()
    assert "1 ulp" in str(found)


@pytest.mark.parametrize(
    ("tolerance", "ok"),
    [
        ({"rtol": 1e-3}, True),
        ({"rtol": 1e-5}, False),
        ({"atol": 0.02}, True),
        ({"atol": 0.001}, False),
        ({"ulp": 20_000}, True),
        ({"ulp": 10}, False),
        ({"ulp": 10, "atol": 0.02}, True),
    ],
)
def test_first_mismatch_when_a_tolerance_is_given_then_it_decides(tolerance, ok):
    got = RIGHT.copy()
    got[3, 3] += 0.01  # 25.01 for 25
    assert (first_mismatch(got, RIGHT, **tolerance) is None) == ok


def test_first_mismatch_when_not_finite_then_no_tolerance_helps():
    big = np.float32([3.4028235e38, 1.0])
    assert first_mismatch(np.float32([np.inf, 1.0]), big, rtol=1.0, ulp=1).index == (0,)
    assert first_mismatch(big, np.float32([np.inf, 1.0]), atol=1e9, rtol=1.0).index == (0,)
    found = first_mismatch(np.float32([np.nan, 1.0]), np.float32([1.0, 1.0]), atol=1e9)
    assert found.ulp_distance is None
    assert found.absolute_error is None
    assert "NaN" in str(found)


def test_first_mismatch_when_asked_for_signs_then_zeros_differ():
    assert first_mismatch([-0.0], [0.0], signed_zero=True).index == (0,)
    assert first_mismatch([-0.0], [-0.0], signed_zero=True) is None


def test_first_mismatch_of_a_bfloat16_tensor_then_in_its_own_steps():
    from tinygrad import Tensor, dtypes

    got = Tensor([1.0, 2.0], dtype=dtypes.bfloat16, device="PYTHON")
    found = first_mismatch(got, np.float32([1.0, 2.015625]))
    assert (found.dtype, found.ulp_distance) == ("bfloat16", 1)


def altered(change):
    got = RIGHT.copy()
    change(got)
    return got


def _set(where, value):
    return lambda a: a.__setitem__(where, value)


PATTERNS = (
    (altered(_set(-1, 0)), "only the last row"),
    (altered(_set((slice(None), -1), 0)), "only the last column"),
    (altered(_set((slice(None), 2), 0.25)), "only the number 2 column"),
    (altered(lambda a: a.reshape(-1).__setitem__(slice(32, None), 0)), "the last multiple of 32"),
    (altered(lambda a: a.reshape(-1).__setitem__(slice(1, None, 4), 0)), "every element 4k + 1"),
    (np.roll(RIGHT, 1), "shifted: each value stands 1 later"),
    (np.roll(RIGHT, -2), "shifted: each value stands 2 earlier"),
    (RIGHT.reshape(-1)[::-1].reshape(5, 7), "reversed"),
    (RIGHT.T.reshape(5, 7), "transposed"),
    (np.zeros_like(RIGHT), "all wrong values are zero"),
    (RIGHT * np.float32(np.nan), "all wrong values are NaN"),
    (-RIGHT, "the sign is wrong"),
    (RIGHT * 2, "each is 2 times"),
    (RIGHT + 3, "off by the same 3"),
    (altered(_set((2, 3), 99)), "in the number 2 row"),
)


@pytest.mark.parametrize(("got", "hint"), PATTERNS, ids=[hint for _, hint in PATTERNS])
def test_hints_then_they_say_what_was_done(got, hint):
    assert any(hint in said for said in first_mismatch(got, RIGHT).hints)


def test_hints_when_wrong_at_random_then_none_is_made_up():
    rng = np.random.default_rng(3)
    want = rng.standard_normal((20, 20))
    got = want + (rng.random((20, 20)) < 0.3) * rng.standard_normal((20, 20))
    assert first_mismatch(got, want).hints == ()


@pytest.mark.parametrize(
    ("got", "want", "options", "said"),
    [
        ([1.0], [1.0, 2.0], {}, "one shape"),
        ([1.0], [1.0], {"rtol": -1.0}, "rtol a number >= 0"),
        ([1.0], [1.0], {"ulp": "two"}, "ulp a number >= 0"),
        (["a"], ["a"], {}, "numbers or truth values"),
    ],
)
def test_first_mismatch_when_it_makes_no_sense_then_it_says_so(got, want, options, said):
    with pytest.raises(DebugError, match=said):
        first_mismatch(got, want, **options)


def test_room_when_a_name_is_unknown_then_it_lists_its_names():
    from labs import debug

    with pytest.raises(AttributeError, match="bisect"):
        _ = debug.nothing
    assert all(hasattr(debug, name) for name in debug.__all__)

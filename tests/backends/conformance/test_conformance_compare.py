import numpy as np
import pytest

from labs.backends.conformance.case import Wrong
from labs.backends.conformance.compare import close, exact, same_bytes, same_sign_of_zero
from labs.backends.conformance.values import EPSILON, as_dtype, float_edges, to_bfloat16

ONE = np.array([1.0])


@pytest.mark.parametrize("dtype", EPSILON)
def test_close_when_off_by_a_few_epsilon_then_the_limit_decides(dtype):
    close(ONE * (1 + 3 * EPSILON[dtype]), ONE, dtype, ulps=4)
    with pytest.raises(Wrong, match="1 of 1 elements are not within 4 epsilon"):
        close(ONE * (1 + 5 * EPSILON[dtype]), ONE, dtype, ulps=4)


@pytest.mark.parametrize(
    ("got", "want"),
    [(np.nan, 1.0), (1.0, np.nan), (np.inf, 1.0), (1.0, np.inf), (-np.inf, np.inf), (0.0, 1e-30)],
)
def test_close_when_special_values_differ_then_wrong(got, want):
    with pytest.raises(Wrong):
        close(np.array([got]), np.array([want]), "float32")


def test_close_when_special_values_agree_then_right():
    values = np.array([np.nan, np.inf, -np.inf, 0.0])
    close(values, values, "float32")
    close(np.array([np.inf]), np.array([1e39]), "float32")  # float32 can't hold it
    with pytest.raises(Wrong):
        close(np.array([-np.inf]), np.array([1e39]), "float32")


def test_close_when_the_shape_differs_then_wrong():
    with pytest.raises(Wrong, match=r"the shape is \(2,\), expected \(3,\)"):
        close(np.zeros(2), np.zeros(3), "float32")


def test_close_when_a_sum_cancels_then_the_scale_of_its_terms_counts():
    close(np.array([1e-6]), np.array([0.0]), "float32", ulps=4, scale=np.array([10.0]))
    with pytest.raises(Wrong):
        close(np.array([1e-6]), np.array([0.0]), "float32", ulps=4)


def test_exact_when_one_differs_then_says_where():
    with pytest.raises(Wrong, match=r"1 of 4 .* at \(1, 0\): got 9, expected 2"):
        exact(np.array([[0, 1], [9, 3]]), np.arange(4).reshape(2, 2))


def test_exact_then_nan_equals_nan_and_zeros_are_alike():
    exact(np.array([np.nan, -0.0]), np.array([np.nan, 0.0]))
    with pytest.raises(Wrong):
        same_sign_of_zero(np.array([-0.0]), np.array([0.0]))


def test_same_bytes_when_one_differs_then_wrong():
    same_bytes(b"abc", b"abc")
    with pytest.raises(Wrong):
        same_bytes(b"abc", b"abd")


@pytest.mark.parametrize(
    ("value", "want"),
    [
        (1 + 2.0**-8, 1.0),  # half way: to the even one
        (1 + 3 * 2.0**-8, 1 + 2 * 2.0**-7),
        (1 + 2.0**-8 + 2.0**-20, 1 + 2.0**-7),
        (3.4e38, np.inf),
        (-0.0, -0.0),
        (np.nan, np.nan),
    ],
)
def test_to_bfloat16_then_to_the_nearest_ties_to_even(value, want):
    np.testing.assert_array_equal(to_bfloat16(np.array([value])), np.float32(want))


@pytest.mark.parametrize("dtype", EPSILON)
def test_float_edges_then_representable(dtype):
    edges = float_edges(dtype)
    np.testing.assert_array_equal(as_dtype(edges, dtype), edges)
    assert np.isinf(edges).sum() == 2
    assert np.isnan(edges).sum() == 1
    assert (np.abs(edges[edges != 0]) < 1e-4).any()

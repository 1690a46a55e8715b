"""labs.debug.ulp: distances written out by hand."""

import numpy as np
import pytest

from labs.debug.ulp import NO_DISTANCE, ulp_distances

NAN, INF = float("nan"), float("inf")
# dtype, one, the other, how many steps apart
TABLE = (
    ("float32", 1.0, 1.0 + 2.0**-23, 1),
    ("float32", 1.0, 1.0 - 2.0**-24, 1),
    ("float32", 0.0, -0.0, 0),
    ("float32", 2.0**-149, -(2.0**-149), 2),
    ("float32", 3.4028234663852886e38, INF, 1),
    ("float32", INF, -INF, 2 * 0x7F800000),
    ("float32", NAN, NAN, 0),
    ("float32", 1.0, 2.0, 2**23),
    ("float64", 1.0, 1.0 + 2.0**-52, 1),
    ("float64", -INF, INF, 2 * 0x7FF0000000000000),
    ("float16", 65504.0, INF, 1),
    ("float16", 1.0, 1.0 + 2.0**-10, 1),
    ("bfloat16", 1.0, 1.0 + 2.0**-7, 1),
    ("bfloat16", 1.0, 2.0, 128),
    ("int32", -(2**31), 2**31 - 1, 2**32 - 1),
    ("int64", -(2**63), 2**63 - 1, 2**64 - 1),
    ("uint8", 0, 255, 255),
    ("bool", True, False, 1),
)


@pytest.mark.parametrize(("dtype", "a", "b", "steps"), TABLE)
def test_distance_then_it_is_the_one_written_down(dtype, a, b, steps):
    carrier = "float32" if dtype == "bfloat16" else dtype
    one, other = np.array([a], carrier), np.array([b], carrier)
    assert int(ulp_distances(one, other, dtype)[0]) == steps
    assert int(ulp_distances(other, one, dtype)[0]) == steps


def test_distance_when_only_one_is_nan_then_there_is_none():
    found = ulp_distances(np.float32([NAN, 1.0]), np.float32([1.0, NAN]), "float32")
    assert (found == NO_DISTANCE).all()


def test_distance_then_neighbours_of_random_numbers_are_one_apart():
    values = np.random.default_rng(0).standard_normal(1000).astype(np.float32)
    after = np.nextafter(values, np.float32(np.inf))
    assert (ulp_distances(values, after, "float32") == 1).all()

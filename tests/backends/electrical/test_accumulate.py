import re

import numpy as np
import pytest
from tinygrad import Tensor, dtypes


def test_row_sum_then_each_lane_has_its_own_accumulator(source_of):
    code = source_of(Tensor.empty(64, 1024, device="ELECTRICAL").sum(-1))
    assert "float buf0[32]" in code
    loop = code[code.rindex("for (") :]
    loop = loop[: loop.index("}")]
    assert len(re.findall(r"float16 val\d+ = ", loop)) == 2  # 32 neighbours: two vectors
    assert not re.search(r"\)\[\d+\]", loop)  # lanes are added up after the loop


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32, np.int64, np.float16])
@pytest.mark.parametrize("shape", [(8, 64), (3, 33), (5, 1024), (1, 4096), (7, 16)])
def test_sums_and_maxima_of_any_length_then_numpys(tensor, dtype, shape):
    values = (np.random.default_rng(0).standard_normal(shape) * 50).astype(dtype)
    x = tensor(values)
    tolerance = {np.float16: 2e-2, np.float32: 1e-4}.get(dtype, 1e-9)
    total = x.sum(-1).numpy()
    want = values.astype(np.float64).sum(-1)
    np.testing.assert_allclose(total, want, rtol=tolerance, atol=tolerance * 500)
    np.testing.assert_array_equal(x.max(-1).numpy(), values.max(-1))
    np.testing.assert_array_equal(x.min(-1).numpy(), values.min(-1))


def test_a_maximum_of_two_expressions_of_one_tensor_then_both_count(tensor):
    rng = np.random.default_rng(3)
    x, low, high = (rng.standard_normal(s).astype(np.float32) for s in ((6, 128), 128, 128))
    got = (tensor(x) - tensor(high)).maximum(tensor(low) - tensor(x)).max(-1).numpy()
    np.testing.assert_array_equal(got, np.maximum(x - high, low - x).max(-1))


def test_special_values_then_a_sum_shows_them(tensor):
    values = np.zeros((4, 256), np.float32)
    values[0, 37], values[1, 200], values[2, 3], values[2, 5] = np.nan, np.inf, np.inf, -np.inf
    got = tensor(values).sum(-1).numpy()
    assert np.isnan(got[0]) and got[1] == np.inf and np.isnan(got[2]) and got[3] == 0


def test_integers_when_a_sum_overflows_then_it_wraps(tensor):
    values = np.full((2, 1024), 2**22, np.int32)
    got = tensor(values).sum(-1, dtype=dtypes.int32).numpy()
    np.testing.assert_array_equal(got, values.sum(-1, dtype=np.int32))


def test_many_terms_then_more_exact_than_one_running_sum(tensor):
    values = np.random.default_rng(0).random((1, 1 << 16)).astype(np.float32)
    exact = values.astype(np.float64).sum()
    running = np.float32(0)
    for v in values[0]:
        running += v
    assert abs(tensor(values).sum(-1).item() - exact) < abs(running - exact)

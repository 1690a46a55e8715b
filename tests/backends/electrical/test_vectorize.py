import re

import numpy as np
import pytest
from tinygrad import Context, Tensor, dtypes
from tinygrad.codegen.opt import Opt, OptOps

NARROW = "x86_64,x86-64-v2,v16,O3"


def on_electrical(*shape, dtype=dtypes.float32):
    return Tensor.empty(*shape, dtype=dtype, device="ELECTRICAL")


def test_element_wise_then_whole_vectors_are_loaded_computed_and_stored(source_of):
    code = source_of(on_electrical(64, 64) * 2 + 1)
    assert "ext_vector_type(16)" in code
    body = code[code.index("for (") :]
    body = body[: body.index("_entry")]
    assert body.count("float16*") == 2  # one load, one store
    assert not re.search(r"\[\d\]", body)  # no lane is touched alone


def test_matmul_then_eight_rows_share_each_vector_of_the_right_matrix(source_of):
    code = source_of(on_electrical(64, 64) @ on_electrical(64, 64))
    inner = code[code.rindex("for (") :]
    assert len(re.findall(r"float16 val\d+ = ", inner)) == 1
    assert len(re.findall(r"float val\d+ = ", inner)) == 8
    assert len(re.findall(r"\*\(\(float16\*\)\(\(buf0\+\d+\)\)\) = ", inner)) == 8


def test_vector_when_it_begins_at_an_odd_place_then_it_is_loaded_in_one(source_of):
    x = on_electrical(64 + 3)
    code = source_of(x[3:] + x[:-3])
    assert code.count("(*((float16*)") == 2 and "aligned(4)" in code


def test_exp_when_vectorized_then_conditions_are_masks_and_nothing_is_scalar(source_of):
    code = source_of(on_electrical(256).exp())
    assert "?" in code and not re.search(r"  float alu", code)


def test_padding_then_border_lanes_are_masked_and_the_vector_is_still_loaded_in_one(source_of):
    code = source_of(on_electrical(1, 1, 64, 64).conv2d(on_electrical(8, 1, 3, 3), padding=1))
    assert "*((float16*)((data1_" in code and "-1" in code


@pytest.mark.parametrize("padding", [0, 1, 2, 5])
def test_padding_of_any_width_then_the_right_numbers(tensor, padding):
    rng = np.random.default_rng(padding)
    x = rng.standard_normal((2, 3, 33, 32)).astype(np.float32)
    w = rng.standard_normal((8, 3, 3, 3)).astype(np.float32)
    got = tensor(x).conv2d(tensor(w), padding=padding).numpy()
    wide = np.pad(x.astype(np.float64), ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    windows = np.lib.stride_tricks.sliding_window_view(wide, (3, 3), axis=(2, 3))
    want = np.einsum("bcyxij,ocij->boyx", windows, w.astype(np.float64))
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-4)


def test_int8_product_when_summed_in_int32_then_no_product_wraps(tensor):
    rng = np.random.default_rng(0)
    a, b = (rng.integers(-128, 128, (32, 32)).astype(np.int8) for _ in range(2))
    got = tensor(a).matmul(tensor(b), dtype=dtypes.int32).numpy()
    np.testing.assert_array_equal(got, a.astype(np.int64) @ b.astype(np.int64))


def test_narrow_integers_when_stored_then_they_wrap(tensor):
    values = np.arange(-128, 128, dtype=np.int8)
    got = (tensor(values) * 3).contiguous().numpy()
    np.testing.assert_array_equal(got, values * np.int8(3))


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16, np.uint32, np.int64, np.float64])
def test_comparison_of_any_element_size_then_the_right_lane_is_chosen(tensor, dtype):
    a = np.arange(64).astype(dtype)
    b = a[::-1].copy()
    got = (tensor(a) < tensor(b)).where(tensor(a), tensor(b) + 1).numpy()
    np.testing.assert_array_equal(got, np.where(a < b, a, b + 1).astype(dtype))


def test_nan_and_infinity_then_they_keep_their_meaning(tensor):
    values = np.tile(np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-45], np.float32), 16)
    x = tensor(values)
    np.testing.assert_array_equal(x.isnan().numpy(), np.isnan(values))
    np.testing.assert_array_equal(x.isinf().numpy(), np.isinf(values))
    np.testing.assert_array_equal((x * 2).numpy(), values * 2)
    np.testing.assert_array_equal(np.signbit((x * 1).numpy()), np.signbit(values))


def test_fast_math_when_asked_for_then_nan_is_no_longer_found(tensor):
    values = np.full(64, np.nan, np.float32)
    x = tensor(values)
    with Context(DEV="ELECTRICAL::" + _here("fastmath")):
        assert not x.isnan().numpy().any()  # the reason why it is off
    assert x.isnan().numpy().all()


def test_scalar_when_asked_for_then_tinygrads_own_code(source_of):
    x = on_electrical(64, 64)
    opts = (Opt(OptOps.UPCAST, 0, 4),)
    code = source_of(x + 1, "x86_64,x86-64-v4,v64,O3,scalar", opts)
    assert "float16" not in code and "float4" in code


@pytest.mark.parametrize("width", ["v16", "v32", "v64"])
def test_every_vector_width_then_the_same_numbers(tensor, width):
    rng = np.random.default_rng(1)
    a = rng.standard_normal((48, 80)).astype(np.float32)
    x = tensor(a)
    with Context(DEV="ELECTRICAL::" + _here(width)):
        soft, product = x.softmax(-1).numpy(), (x @ x.T).numpy()
    e = np.exp(a.astype(np.float64) - a.max(-1, keepdims=True))
    np.testing.assert_allclose(soft, e / e.sum(-1, keepdims=True), rtol=1e-5)
    np.testing.assert_allclose(product, a.astype(np.float64) @ a.T, rtol=1e-4, atol=1e-4)


def _here(*words: str) -> str:
    from labs.backends.electrical.options import default_arch

    machine, cpu, *_ = default_arch().split(",")
    return ",".join([machine, cpu, *words])

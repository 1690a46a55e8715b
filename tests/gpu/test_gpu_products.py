"""labs.gpu.products: each way is right, and is what it says."""

import numpy as np
import pytest
from tinygrad import Tensor, dtypes

from labs.bench import Workload
from labs.errors import MeasurementError
from labs.gpu import products
from labs.gpu.kernel_work import count_work


def result(product, device="CPU"):
    arrays = product.workload.inputs(np.random.default_rng(0))
    return product.workload.compute(*(Tensor(a, device=device) for a in arrays)).numpy()


@pytest.mark.parametrize(("n", "block"), [(8, 4), (10, 4), (7, 3), (5, 5), (4, 9), (3, 1)])
def test_blocked_when_the_block_does_or_does_not_divide_then_right(n, block):
    product = products.blocked(n, block)
    assert np.allclose(result(product), product.exact, rtol=1e-5, atol=1e-5)


def test_blocked_when_compiled_then_a_kernel_for_each_block_of_the_sum():
    work = count_work(products.blocked(12, 4).workload, "CPU")
    assert len(work.kernels) == 2 + 3 + 1  # packed twice, three blocks, unpacked


@pytest.mark.parametrize("block", [0, -1, 2.5])
def test_blocked_when_the_block_is_none_then_said(block):
    with pytest.raises(MeasurementError, match="at least 1 x 1"):
        products.blocked(8, block)


@pytest.mark.parametrize("n", [0, -4, 1.5])
def test_products_when_the_size_is_none_then_said(n):
    with pytest.raises(MeasurementError, match="at least 1"):
        products.standard(n)


def test_layer_when_fused_then_one_kernel_and_fewer_bytes():
    fused, unfused = (products.layer(16, fused=f) for f in (True, False))
    one, three = (count_work(p.workload, "CPU") for p in (fused, unfused))
    assert (len(one.kernels), len(three.kernels)) == (1, 3)
    square = 16 * 16 * 4  # a, b, result and bias; two more results written and read again
    assert one.mem_bytes == 3 * square + 16 * 4
    assert three.mem_bytes == 7 * square + 16 * 4
    assert np.allclose(result(fused), fused.exact, atol=1e-5)
    assert np.allclose(result(unfused), fused.exact, atol=1e-5)


@pytest.mark.parametrize("scales", products.SCALES)
def test_quantized_when_compiled_then_int8_is_loaded_and_int32_summed(scales):
    product = products.quantized(16, scales=scales)
    assert products.accumulation(product.workload, "CPU") == ("int8", "int32")
    error = np.abs(result(product) - product.exact)
    assert 0 < error.max() < 0.05 * np.abs(product.exact).max()


def test_quantized_when_by_row_then_closer_than_by_tensor():
    def error(product):
        return np.square(result(product) - product.exact).mean()

    by_tensor, by_row = (products.quantized(32, scales=s) for s in products.SCALES)
    assert error(by_row) < error(by_tensor)


def test_quantized_when_a_matrix_is_all_zero_then_its_scale_is_usable():
    assert products._scale(np.zeros((2, 2), np.float32), None).item() > 0


def test_quantized_when_the_scales_are_unknown_then_said():
    with pytest.raises(MeasurementError, match="tensor, row"):
        products.quantized(8, scales="block")


def test_mixed_when_no_matrix_units_then_products_are_not_rounded_to_float16():
    product = products.mixed(16, "CPU")
    assert products.accumulation(product.workload, "CPU") == ("float16", "float32")
    arrays = product.workload.inputs(np.random.default_rng(0))
    want = product.workload.reference(*arrays)
    assert np.allclose(result(product), want, rtol=1e-6, atol=1e-5)


def test_accumulation_when_a_product_sums_in_int8_then_it_is_told():
    """A wrong answer of the check's own kind: int8 sums overflow."""
    made = products.quantized(16).workload
    wrong = Workload(
        "wrong", "n=16", "int8", lambda rng: made.inputs(rng)[:2],
        lambda a, b: a.matmul(b, dtype=dtypes.int8), lambda a, b: a @ b,
    )  # fmt: skip
    assert products.accumulation(wrong, "CPU") == ("int8", "int8")


def test_accumulation_when_nothing_is_summed_then_said():
    plain = Workload(
        "plain", "n=4", "float32", lambda rng: (np.ones(4, np.float32),), lambda a: a * 2, None
    )
    with pytest.raises(MeasurementError, match="a kernel with a sum"):
        products.accumulation(plain, "CPU")

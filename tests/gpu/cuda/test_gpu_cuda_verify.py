import numpy as np
import pytest

from labs.gpu.cuda.verify import check_product


@pytest.fixture(scope="module")
def factors():
    rng = np.random.default_rng(0)
    return tuple(rng.standard_normal((256, 256)).astype(np.float32) for _ in range(2))


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_check_product_passes_the_right_product(factors, dtype):
    a, b = (f.astype(dtype) for f in factors)
    product = (a.astype(np.float64) @ b.astype(np.float64)).astype(dtype)
    assert check_product(product, a, b, dtype).passed


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda c, a, b: c.__setitem__((100, 200), c[100, 200] + 60), id="one element"),
        pytest.param(lambda c, a, b: c.__setitem__((3, 3), np.nan), id="one NaN"),
        pytest.param(lambda c, a, b: c.__setitem__(slice(64, 128), 0), id="a tile of rows"),
        pytest.param(lambda c, a, b: c.__setitem__(slice(None), c.T.copy()), id="transposed"),
        pytest.param(
            lambda c, a, b: c.__setitem__(slice(None), a[:, :-16] @ b[:-16]), id="K cut short"
        ),
        pytest.param(lambda c, a, b: c.__imul__(1.01), id="one percent too large"),
    ],
)
def test_check_product_fails_a_wrong_one(factors, spoil):
    a, b = factors
    product = a @ b
    spoil(product, a, b)
    assert not check_product(product, a, b, "float32").passed


def test_check_product_says_how_far_off_it_is(factors):
    told = str(check_product(factors[0] @ factors[1], *factors, "float32"))
    assert told.startswith("numpy: 16 rows off by ")

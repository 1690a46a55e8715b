"""Seam: tinygrad 0.14.0 computes a wrong sum when its axis is padded and then unrolled.

The matmul ladder doesn't pad sums because of it. When this test fails, tinygrad has mended it.
"""

import numpy as np
from tinygrad import Tensor

from labs.gpu.fixed import fixed_options
from labs.gpu.kernels import choose_kernel
from labs.gpu.notation import parse_options


def test_a_padded_sum_is_right_alone_and_wrong_when_it_is_unrolled():
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal((7, 7)).astype(np.float32) for _ in range(2)]
    a, b = (Tensor(x, device="CPU").realize() for x in arrays)
    key, want = choose_kernel("matmul:n=7", "CPU").key, arrays[0] @ arrays[1]

    def result(options):
        with fixed_options({key: parse_options(options)}, "CPU"):
            return (a @ b).numpy()

    assert np.allclose(result("PADTO 2 4"), want, atol=1e-5)
    assert not np.allclose(result("PADTO 2 4; UNROLL 0 4"), want, atol=1e-5)

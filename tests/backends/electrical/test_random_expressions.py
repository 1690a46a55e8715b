import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from random_expressions import make_expression

SEEDS = 60
PER_TEST = 20


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, SEEDS, PER_TEST))
def test_random_expression_is_what_the_cpu_device_says(first):
    wrong = []
    with np.errstate(all="ignore"):
        for seed in range(first, first + PER_TEST):
            expression = make_expression(seed)
            want, got = expression.on("CPU"), expression.on("ELECTRICAL")
            coarse = np.float16 in (want.dtype, expression.inputs[0].dtype)
            tolerance = 2e-2 if coarse or "half" in str(expression.steps) else 1e-4
            same_kind = (got.shape, got.dtype) == (want.shape, want.dtype)
            values = (a.astype(np.float64) for a in (got, want))
            if not same_kind or not np.allclose(
                *values, rtol=tolerance, atol=tolerance, equal_nan=True
            ):
                wrong.append((seed, expression.steps, got, want))
    assert not wrong

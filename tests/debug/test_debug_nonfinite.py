"""labs.debug.trace_nonfinite: the kernel that made it, not those that passed it on."""

import numpy as np
import pytest

from labs.debug import DebugError, trace_nonfinite


def on_cpu(*values):
    from tinygrad import Tensor

    return Tensor(np.float32(values), device="CPU").realize()


def test_trace_then_the_first_kernel_and_the_values_that_made_it():
    x = on_cpu(4.0, 1.0, 0.0, 9.0)
    found = trace_nonfinite(((x * 2).contiguous().log().contiguous() + 1).contiguous())
    assert (found.step, found.kind, found.index, found.value) == (1, "infinity", (2,), -np.inf)
    assert (found.count, found.total) == (1, 4)
    assert found.inputs[0].value == 0.0
    assert "log" in found.source or found.source
    assert "step 1" in str(found)
    assert "source" in found._repr_html_()


def test_trace_when_all_is_finite_then_none():
    assert trace_nonfinite(on_cpu(1.0, 2.0) * 2, "EDGE") is None


def test_trace_when_the_data_have_it_then_no_kernel_is_accused():
    found = trace_nonfinite(on_cpu(1.0, np.nan) + 1)
    assert (found.step, found.kind, found.index) == (None, "NaN", (1,))
    assert "before the first" in str(found)


def test_trace_when_a_mask_names_it_then_it_says_so():
    x = on_cpu(1.0, -2.0)
    found = trace_nonfinite((x > 0).where(x, float("-inf")).contiguous())
    assert "may be meant" in found.note


def test_trace_when_a_device_makes_nan_then_found(broken, x):
    device = broken("MAKESNAN")
    good = trace_nonfinite(x.abs().sqrt(), "CPU")
    found = trace_nonfinite(x.abs().sqrt(), device)
    assert good is None
    assert (found.kind, found.step) == ("NaN", 0)
    assert abs(found.inputs[0].value) < 1


def test_trace_when_there_is_nothing_to_run_then_it_says_so(x):
    with pytest.raises(DebugError, match="something to compute"):
        trace_nonfinite(x, "CPU")

"""Seam: transform_to_call and create_linear_with_vars schedule a graph and leave tensors alone.

labs.lowering.scheduling stands on it; `Tensor.schedule_linear()` would bind the tensor.
"""

import numpy as np
from tinygrad import Tensor
from tinygrad.engine import realize
from tinygrad.schedule import create_linear_with_vars
from tinygrad.tensor import transform_to_call
from tinygrad.uop.ops import Ops, UOp

from labs.lowering import scheduling


def test_tensors_are_not_bound_and_can_be_realized_afterwards():
    x = Tensor(np.arange(4, dtype=np.float32)) + 1
    before = x.uop
    call, mapping = transform_to_call(UOp.sink(x.uop))
    linear, values = create_linear_with_vars(call)
    assert x.uop is before and mapping and values == {}
    assert [c.src[0].op for c in linear.src] == [Ops.COPY, Ops.SINK]
    assert x.tolist() == [1, 2, 3, 4]


def test_scheduling_opens_no_device():
    from tinygrad import Device

    linear = scheduling.schedule((Tensor.empty(4, device="QCOM") + 1).uop)
    assert linear.calls[0].src[1].device == "QCOM"
    assert "QCOM" not in Device._opened_devices


def test_capturing_takes_schedules_unless_switched_off():
    class Capture:
        taken = 0

        def add_linear(self, _linear, _values):
            self.taken += 1

    capture, x = Capture(), Tensor.empty(4) + 1
    realize.capturing.append(capture)
    try:
        scheduling.schedule(x.uop)
        assert capture.taken == 0
        call, _ = transform_to_call(UOp.sink(x.uop))
        create_linear_with_vars(call)
        assert capture.taken == 1
    finally:
        realize.capturing.clear()

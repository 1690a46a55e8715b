"""labs.gpu.streams: kernels that move memory, and do move it."""

import pytest

from labs import bench
from labs.gpu.streams import copy_workload, triad_workload

ONE = bench.Settings(warmup_time_s=0, warmup_calls=1, warmup_cap_s=0, round_time_s=0, min_samples=1)


@pytest.mark.parametrize("make", [copy_workload, triad_workload])
def test_stream_when_run_then_right_and_its_bytes_are_counted(make):
    workload = make(1000)  # no multiple of anything
    (m,) = bench.measure(workload, "CPU", clock="device", settings=ONE, rounds=1)
    assert m.verification.startswith("numpy")
    assert m.bytes_per_s == pytest.approx(workload.min_bytes / m.median_s)


def test_copy_when_realized_then_it_is_a_kernel_and_no_alias():
    from tinygrad import Tensor

    source = Tensor([1.0, 2.0, 3.0], device="CPU").realize()
    made = copy_workload(3).compute(source).realize()
    assert made.tolist() == [1.0, 2.0, 3.0]
    assert made.uop.buffer is not source.uop.buffer

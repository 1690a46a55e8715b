"""tinygrad seams that labs.bench stands on. When the pin moves, these say what broke."""

import errno

import pytest

from labs import toolchain

toolchain.activate()

from tinygrad import Device, Tensor, TinyJit
from tinygrad.engine.realize import compile_linear, run_linear
from tinygrad.helpers import GlobalCounters
from tinygrad.uop.ops import Ops


def test_a_linear_is_compiled_once_and_run_again_into_the_tensors_buffer():
    a = Tensor([1.0, 2.0], device="CPU").realize()
    result = a + 1
    linear, values = result.linear_with_vars()
    linear = compile_linear(linear)
    assert [call.src[0].op for call in linear.src] == [Ops.PROGRAM]
    run_linear(linear, values, jit=True)
    assert result.tolist() == [2.0, 3.0]


def test_wait_adds_the_devices_seconds_to_time_sum_s():
    result = Tensor([1.0, 2.0], device="CPU").realize() + 1
    linear, values = result.linear_with_vars()
    linear = compile_linear(linear)
    before = GlobalCounters.time_sum_s
    run_linear(linear, values, jit=True)
    assert GlobalCounters.time_sum_s == before
    run_linear(linear, values, jit=True, wait=True)
    assert GlobalCounters.time_sum_s > before


def test_null_always_takes_a_millisecond():
    result = Tensor.ones(4, device="NULL").contiguous() + 1
    linear, values = result.linear_with_vars()
    before = GlobalCounters.time_sum_s
    run_linear(compile_linear(linear), values, jit=True, wait=True)
    assert GlobalCounters.time_sum_s - before == pytest.approx(1e-3 * len(linear.src))


def test_null_cannot_be_read():
    with pytest.raises(RuntimeError, match="no copyout on NULL"):
        (Tensor.ones(4, device="NULL").contiguous() + 1).numpy()


def test_tinyjit_runs_captures_then_replays():
    calls = []
    jitted = TinyJit(lambda x: (calls.append(1), (x + 1).realize())[1])
    a = Tensor([1.0], device="CPU").realize()
    assert [jitted(a).tolist() for _ in range(4)] == [[2.0]] * 4
    assert len(calls) == 2


def test_every_device_can_be_synchronized():
    for device in ("CPU", "NULL", "PYTHON"):
        Device[device].synchronize()


def test_an_allocation_that_fails_on_the_cpu_is_the_systems_error():
    # tinygrad turns RuntimeError and MemoryError into its own MemoryError, but mmap raises OSError
    with pytest.raises(OSError) as caught:
        Device["CPU"].allocator.alloc(2**62)
    assert caught.value.errno == errno.ENOMEM

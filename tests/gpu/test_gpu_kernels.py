"""labs.gpu.kernels: which kernels a subject has, and that a kernel's key is the same everywhere."""

import numpy as np
import pytest
from tinygrad import Context, Tensor, TinyJit, codegen
from tinygrad.engine import realize
from tinygrad.uop.ops import Ops

from labs import bench
from labs.gpu.kernels import (
    OptionError,
    backend_of,
    choose_kernel,
    kernel_key,
    kernels_of,
    loops_of,
)


def _keys_that_run(monkeypatch, action):
    seen, original = [], realize.lower_and_compile

    def listening(linear):
        calls = [c for c in linear.toposort() if c.op is Ops.CALL and c.src[0].op is Ops.SINK]
        seen.extend(kernel_key(c.src[0]) for c in calls)
        return original(linear)

    monkeypatch.setattr(realize, "lower_and_compile", listening)
    action()
    return seen


@pytest.mark.parametrize("device", ["CPU", "CPU:1"])
def test_the_key_of_a_lazy_workload_is_that_of_the_kernel_that_runs(monkeypatch, device):
    work = bench.WORKLOADS["softmax"](n=16)
    keys = [k.key for k in kernels_of(work, "CPU")]
    x = Tensor(work.inputs(np.random.default_rng(0))[0], device=device).realize()
    with Context(PARALLEL=0):  # three kernels would start tinygrad's compile workers
        assert set(_keys_that_run(monkeypatch, lambda: work.compute(x).realize())) == set(keys)
    assert len(keys) == 3


def test_the_key_in_a_tinyjit_is_the_same(monkeypatch):
    work = bench.WORKLOADS["sum"](n=8)
    x = Tensor(np.ones((8, 8), np.float32), device="CPU").realize()
    step = TinyJit(lambda t: work.compute(t).realize())

    def run():
        for _ in range(3):
            step(x)

    assert set(_keys_that_run(monkeypatch, run)) == {choose_kernel(work, "CPU").key}


def test_the_kernel_with_most_work_is_chosen_unless_an_index_is_given():
    x = Tensor.empty(64, 64, device="CPU")
    two = ((x @ x).contiguous() + 1)[:2].contiguous()
    assert choose_kernel(two, "CPU").index == 0
    assert choose_kernel(two, "CPU", 1).index == 1
    with pytest.raises(OptionError, match="there are 2 kernels"):
        choose_kernel(two, "CPU", 2)


def test_an_expression_is_moved_to_a_target_that_is_not_here():
    kernel = choose_kernel(lambda: Tensor.empty(8, 8, device="CPU").exp(), "CUDA:sm_90")
    assert kernel.device == "CUDA" and (kernel.index, kernel.count) == (0, 1)


def test_an_expression_without_a_kernel_is_refused():
    with pytest.raises(OptionError, match="only copies"):
        kernels_of(Tensor([1.0, 2.0], device="CPU").to("PYTHON"), "PYTHON")


def test_the_loops_are_those_before_any_option_and_the_seam_is_put_back():
    original = codegen.apply_opts
    kernel = choose_kernel("matmul:n=8", "CPU")
    loops = loops_of(kernel.with_options(()), backend_of("CPU").renderer)
    assert loops.full_shape == [8, 8, 8] and loops.shape_str() == ["L0", "L1", "R0"]
    assert codegen.apply_opts is original

"""labs.gpu.compiled: the kernels of an expression on CPU, and where resources come from."""

from types import SimpleNamespace

import numpy as np
import pytest
from tinygrad import Tensor

from labs.errors import MeasurementError
from labs.gpu import compiled
from labs.gpu.compiled import compile_kernels, heaviest, kernels_table, resources_of

N = 512


@pytest.fixture(scope="module")
def x():
    return Tensor(np.arange(N, dtype=np.float32), device="CPU").realize()


def program(name, binary):
    source = SimpleNamespace(arg=binary)
    return SimpleNamespace(
        arg=SimpleNamespace(function_name=name), src=(None, None, None, source), key=b"k"
    )


def test_kernels_when_compiled_then_counted_timed_and_still_right(x):
    expression = x * 3 + 1
    (kernel,) = compile_kernels(expression)
    assert kernel.device == "CPU" and kernel.seconds > 0
    assert kernel.least_bytes == 2 * N * 4 and kernel.flop >= 2 * N
    assert kernel.resources.registers is None
    assert "one thread" in kernel.resources.reason("registers")
    np.testing.assert_array_equal(expression.numpy(), np.arange(N) * 3 + 1)
    assert kernel.name in str(kernels_table((kernel,)))


def test_kernels_when_realized_on_the_way_then_all_of_them(x):
    def steps():
        y = (x + 1).realize()
        return (y.exp().realize() * 2).realize()

    kernels = compile_kernels(steps, timed=False)
    assert len(kernels) == 3
    assert heaviest(kernels).flop == max(k.flop for k in kernels)


def test_expression_when_there_is_nothing_to_do_then_said(x):
    with pytest.raises(MeasurementError, match="realized already"):
        compile_kernels(lambda: x)


def test_resources_when_a_cubin_then_read_from_it():
    from pathlib import Path

    data = (Path(__file__).parent / "data" / "resources_sm_90.cubin").read_bytes()
    assert resources_of(program("tile_sum", data), "CUDA").registers == 18
    missing = resources_of(program("gone", data), "CUDA")
    assert missing.registers is None and "gone" in missing.reason("registers")


def test_resources_when_the_driver_has_to_tell_then_asked(monkeypatch):
    def fail(device, _program):
        raise RuntimeError("no such device")

    monkeypatch.setattr(compiled, "get_runtime", fail)
    for device in ("CUDA", "CL"):  # PTX text, and OpenCL
        found = resources_of(program("k", b".version 8.0"), device)
        assert "no such device" in found.reason("registers")
    assert "WebGPU" in resources_of(program("k", b""), "WEBGPU").reason("registers")
    assert "tells nothing" in resources_of(program("k", b""), "OTHER").reason("stack_bytes")

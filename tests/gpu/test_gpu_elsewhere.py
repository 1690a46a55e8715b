"""labs.gpu.elsewhere: kernels for a GPU that isn't here, with NVRTC or a reason without it."""

from dataclasses import replace
from math import prod
from pathlib import Path

import pytest
from tinygrad import Tensor

from labs.errors import LabError
from labs.gpu import elsewhere
from labs.gpu.cubin import read_kernel
from labs.gpu.elsewhere import resources_for
from labs.lowering import lower


def expression():
    return Tensor.empty(64, 64, device="CPU").sum(0)


def test_resources_then_numbers_with_their_occupancy_or_a_reason():
    for resources, found in resources_for(expression):
        if resources.registers is None:
            assert found is None and "NVRTC" in resources.reason("registers")
        else:
            assert resources.target == "sm_90" and 0 < found.percent <= 100


def test_resources_when_there_is_no_compiler_then_the_reason(monkeypatch):
    def fail(source, arch):
        raise RuntimeError("no compiler here")

    monkeypatch.setattr(elsewhere, "_cubin", fail)
    ((resources, found),) = resources_for(expression, "CUDA")
    assert resources.reason("registers") == "NVRTC: no compiler here" and found is None
    assert resources.target == "sm_80"


def test_resources_when_compiled_then_the_launchs_own_block_size(monkeypatch):
    data = (Path(__file__).parent / "data" / "resources_sm_90.cubin").read_bytes()
    name = lower(expression, "CUDA:sm_90").kernels[0].name
    kernel = replace(read_kernel(data, "tile_sum"), kernel=name)
    monkeypatch.setattr(elsewhere, "_cubin", lambda source, arch: data)
    monkeypatch.setattr(elsewhere, "read_kernel", lambda cubin, wanted: kernel)
    ((resources, found),) = resources_for(expression)
    assert resources.registers == found.registers == 18
    assert found.threads == prod(lower(expression, "CUDA:sm_90").kernels[0].local_size)


def test_resources_when_the_target_has_no_cubins_then_refused():
    with pytest.raises(LabError, match="only cubins are read"):
        resources_for(expression, "OPENCL")

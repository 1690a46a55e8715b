"""The microcontroller for the tests: registered, and with its own numbers put back afterwards."""

import numpy as np
import pytest

from labs import backends, toolchain

toolchain.activate()
backends.register()

from tinygrad import Device, Tensor

CORES = ("cortex-m4", "rv32imac")


@pytest.fixture
def edge():
    device = Device["EDGE"]
    budget = device.instruction_budget
    yield device
    device.instruction_budget = budget


@pytest.fixture
def numbers():
    """numbers(values): a tensor on EDGE and the buffer that kernels take."""

    def make(values):
        tensor = Tensor(np.asarray(values), device="EDGE").realize()
        return tensor, tensor.uop.buffer.get_buf("EDGE")

    return make

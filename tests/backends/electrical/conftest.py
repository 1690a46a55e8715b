from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest

from labs import backends, toolchain

toolchain.activate()
backends.register()

from tinygrad import Context, Device, Tensor
from tinygrad.codegen import to_program
from tinygrad.helpers import Target
from tinygrad.uop.ops import Ops

# renders and compiles anywhere; only run where the processor has such vectors
WIDE = "x86_64,x86-64-v4,v64,O3"
NARROW = "x86_64,x86-64-v2,v16,O3"


@pytest.fixture(autouse=True)
def _in_this_process() -> Iterator[None]:
    with Context(PARALLEL=0):
        yield


@pytest.fixture
def source_of() -> Callable[..., str]:
    """The C source of the last kernel of a lazy tensor, for an arch, without running it."""

    def source(tensor: Tensor, arch: str = WIDE, opts: tuple | None = None) -> str:
        from labs.backends.runtime.ops_electrical import ElectricalRenderer

        calls = tensor.schedule_linear().src
        ast = [c.src[0] for c in calls if c.src[0].op is Ops.SINK][-1]
        if opts is not None:
            ast = ast.replace(arg=replace(ast.arg, opts_to_apply=opts))
        program = to_program(ast, ElectricalRenderer(Target("ELECTRICAL", arch=arch)))
        return program.src[2].arg

    return source


@pytest.fixture
def tensor() -> Callable[[np.ndarray], Tensor]:
    return lambda array: Tensor(np.asarray(array), device="ELECTRICAL").realize()


@pytest.fixture
def device():
    return Device["ELECTRICAL"]

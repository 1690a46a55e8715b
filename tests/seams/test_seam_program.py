"""Seam: do_to_program gives PROGRAM(sink, linear, source, binary), with estimates and launch sizes,
and fills no cache that a later realize would read."""

import numpy as np
from tinygrad import Tensor, codegen
from tinygrad.uop.ops import Ops

from labs.lowering import lower
from labs.lowering.renderers import backend_for
from labs.lowering.targets import TARGETS


def test_parts_of_a_program():
    from labs.lowering.scheduling import schedule

    backend = backend_for(TARGETS["OPENCL"])
    call = schedule((Tensor.empty(64) + 1).uop).calls[0]
    program = codegen.do_to_program(call.src[0], backend.renderer)
    assert [s.op for s in program.src] == [Ops.SINK, Ops.LINEAR, Ops.SOURCE, Ops.BINARY]
    assert program.src[3].arg == program.src[2].arg.encode()  # SourceOnly compiled nothing
    assert program.src[0].arg.estimates.ops == 64
    assert program.arg.outs == (0,) and program.arg.ins == (1,)


def test_source_only_kernels_never_reach_the_program_cache():
    x = Tensor(np.arange(37, dtype=np.float32)).realize()
    y = x * 5 - 2
    before = set(codegen.to_program_cache)
    for target in ("CPU", "CUDA", "METAL"):
        lower(y, target)
    assert set(codegen.to_program_cache) == before
    np.testing.assert_array_equal(y.numpy(), np.arange(37) * 5 - 2)

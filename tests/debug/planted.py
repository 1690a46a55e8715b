"""Faults that the conformance suite's list has not: kernels that write too far or make NaN."""

import re
import sys

from labs.paths import PROJECT_ROOT

sys.path.append(str(PROJECT_ROOT / "tests" / "backends"))
from faulty.healthy import Block, HealthyAllocator, HealthyDevice, HealthyProgram, HealthyRenderer
from tinygrad.uop.ops import Ops


class OverrunRenderer(HealthyRenderer):
    """Loops over seven elements do an eighth: it is written behind the buffer."""

    def render_kernel(self, *args, **kwargs):
        return re.sub(r"(idx\d+ < )7;", r"\g<1>8;", super().render_kernel(*args, **kwargs))


class OverrunDevice(HealthyDevice):
    RENDERER = OverrunRenderer


class MakesNanRenderer(HealthyRenderer):
    """Square roots of numbers below 1 are NaN."""

    code_for_op = {
        **HealthyRenderer.code_for_op,
        Ops.SQRT: lambda x, dtype: f"__builtin_sqrtf({x}<1?-1:{x})",
    }


class MakesNanDevice(HealthyDevice):
    RENDERER = MakesNanRenderer


class WritesLaterProgram(HealthyProgram):
    """Writes its latest result again at the next launch, into the same memory."""

    def __call__(self, *bufs, **kw):
        previous = getattr(self, "previous", None)
        if previous is not None:
            super().__call__(*previous, **kw)
        # a handle of its own, which stays what it is when the block is given up
        self.previous = tuple(Block(b.va_addr, b.size, b.memory) for b in bufs)
        return super().__call__(*bufs, **kw)


class WritesLaterDevice(HealthyDevice):
    PROGRAM = WritesLaterProgram
    ALLOCATOR = HealthyAllocator

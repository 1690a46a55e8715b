"""Runs the steps of a plan on one device, one at a time, with bytes put in and taken out.

Buffers are laid out as tinygrad's memory planner would have it: parts of a block are views of it.
"""

from dataclasses import dataclass, field

from labs import toolchain

toolchain.activate()

from tinygrad import Device, dtypes
from tinygrad.codegen import to_program
from tinygrad.device import Buffer
from tinygrad.engine.realize import compile_linear, run_linear
from tinygrad.helpers import Context, ansistrip
from tinygrad.uop.ops import Ops, UOp

from labs.backends.conformance.subject import read, write
from labs.debug.plan import Place, Plan, Step
from labs.lowering.words import option_in_words


@dataclass(frozen=True)
class Compiled:
    """A step's kernel as one device has it.

    Args:
        name: the function's; source: what its compiler gets; opts: of the optimiser, in words.
    """

    program: UOp = field(repr=False)
    name: str
    source: str = field(repr=False)
    opts: tuple[str, ...]


class Machine:
    """One device and its copy of a plan's blocks."""

    def __init__(self, plan: Plan, device: str) -> None:
        self.plan, self.device = plan, device
        self._blocks: dict[int, Buffer] = {}

    def compile(self, step: Step) -> Compiled:
        """Generate and compile one kernel; raises whatever renderer or compiler raise."""
        ast = _relabelled(step.ast, self.device)
        with Context(DEBUG=0):
            program = to_program(ast, Device[self.device].renderer)
        opts = tuple(option_in_words(o) for o in program.src[0].arg.applied_opts)
        source = ansistrip(str(program.src[2].arg)).strip("\n") + "\n"
        return Compiled(program, ansistrip(program.arg.name), source, opts)

    def run(self, step: Step, compiled: Compiled) -> None:
        """One launch, to its end."""
        run_linear(self.linear([(step, compiled)]), self.plan.values, update_stats=False, jit=True)
        Device[self.device].synchronize()

    def linear(self, work: list[tuple[Step, Compiled]]) -> UOp:
        """What tinygrad runs for these steps; compiled, with launch sizes chosen."""
        calls = []
        for step, compiled in work:
            buffers = tuple(UOp.from_buffer(self.buffer(p)) for p in step.places)
            calls.append(compiled.program.call(*buffers))
        with Context(DEBUG=0, BEAM=0):
            return compile_linear(UOp(Ops.LINEAR, src=tuple(calls)))

    def block(self, number: int) -> Buffer:
        """The whole block, allocated at first use."""
        if number not in self._blocks:
            size = self.plan.blocks[number]
            self._blocks[number] = Buffer(self.device, size, dtypes.uint8).allocate()
        return self._blocks[number]

    def buffer(self, place: Place) -> Buffer:
        """The part that a step uses: the block itself, or a view of it."""
        base = self.block(place.block)
        if place.offset == 0 and place.nbytes == base.nbytes:
            return base
        return base.view(place.nbytes, dtypes.uint8, place.offset).ensure_allocated()

    def put(self, number: int, data: bytes | bytearray) -> None:
        """Fill a block with these bytes."""
        write(self.block(number), bytes(data))

    def take(self, number: int) -> bytes:
        """A block's bytes."""
        return read(self.block(number))


def blocks_of(step: Step) -> tuple[int, ...]:
    """The blocks that a step uses, each once."""
    return tuple(dict.fromkeys(place.block for place in step.places))


def _relabelled(ast: UOp, device: str) -> UOp:
    """The same kernel with its parameters on this device."""
    from dataclasses import replace

    changes = {
        u: u.replace(arg=replace(u.arg, device=device))
        for u in ast.toposort()
        if u.op is Ops.PARAM and u.arg.device not in (None, device)
    }
    return ast.substitute(changes) if changes else ast

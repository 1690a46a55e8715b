"""One candidate: a kernel with chosen options, compiled. Light to import: the compile workers do.

What is kept is small: of the code only what a launch needs, since a search makes hundreds.
"""

from dataclasses import dataclass, replace

from labs import toolchain

toolchain.activate()

from tinygrad import codegen
from tinygrad.codegen.opt import Opt
from tinygrad.device import Compiler
from tinygrad.renderer import Renderer
from tinygrad.uop.ops import Ops, UOp


@dataclass(frozen=True)
class Candidate:
    """A compiled kernel.

    Args:
        opts: what was asked for; program: tinygrad's PROGRAM, cut down to what a launch needs.
        body: the source without the function's name: equal bodies are the same kernel.
        statements: UOps in the code.
    """

    opts: tuple[Opt, ...]
    program: UOp
    body: str
    statements: int


class TooLong(Exception):
    """The code of a candidate is longer than what is worth compiling."""


def compile_candidate(
    ast: UOp, opts: tuple[Opt, ...] | None, renderer: Renderer, limit: int
) -> Candidate:
    """Write and compile a kernel; past tinygrad's caches, since a search would fill them.

    Args:
        limit: UOps that the code may have; compilers take more than linear time for longer ones.

    Raises:
        TooLong, or whatever the code generator and the compiler raise.
    """
    compiler, renderer.compiler = renderer.compiler, Compiler(None)  # which hands back the source
    try:
        fixed = ast.replace(arg=replace(ast.arg, opts_to_apply=opts))
        program = codegen.do_to_program(fixed, renderer)
    finally:
        renderer.compiler = compiler
    sink, linear, source = program.src[:3]
    if len(linear.src) > limit:
        raise TooLong(f"{len(linear.src)} UOps of code, more than {limit}")
    binary = program.src[3].replace(arg=compiler.compile(source.arg))
    parameters = tuple(u for u in linear.src if u.op is Ops.PARAM)
    small = program.replace(
        src=(UOp(Ops.SINK, arg=sink.arg), linear.replace(src=parameters), source, binary)
    )
    name = program.arg.function_name
    return Candidate(
        tuple(sink.arg.applied_opts), small, source.arg.replace(name, ""), len(linear.src)
    )

"""One kernel of a schedule through tinygrad's code generator, with every stage kept."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from unittest.mock import patch

from labs import toolchain
from labs.errors import LoweringError

toolchain.activate()

from tinygrad import codegen
from tinygrad.helpers import Context, ansistrip
from tinygrad.renderer import Estimates
from tinygrad.renderer.isa import ISARenderer
from tinygrad.uop.ops import ProgramInfo, UOp, sym_infer

from labs.lowering.assembly import disassemble
from labs.lowering.model import Kernel
from labs.lowering.renderers import LOCK, Backend, Built
from labs.lowering.words import ast_lines, option_in_words

_RUN_TIME_VARIABLES = {"core_id", "_device_num"}  # set at each launch, per thread and per device
_NO_ESTIMATE = "this renderer's instructions are its own: tinygrad counts only its UOps"


def build_kernel(
    ast: UOp, backend: Backend, device: str, values: Mapping[str, int]
) -> tuple[Kernel, ProgramInfo]:
    """Generate one kernel's code for a backend, and compile it where a compiler is present.

    Args:
        ast: the kernel's AST as the scheduler made it.
        values: bound symbolic sizes by name.

    Raises:
        LoweringError: a symbolic size has no value, or the target can't express the kernel.
    """
    target = backend.target
    unbound = {v.expr for v in ast.variables()} - set(values) - _RUN_TIME_VARIABLES
    if unbound:
        name = sorted(unbound)[0]
        got = f"the symbolic size {name!r} has no value"
        step = f"bind it: {name}.bind(4)"
        raise LoweringError("Lower a kernel of symbolic size", got=got, next_step=step)
    program, optimised = _generate(ast, backend)
    sink, source = program.src[0], program.src[2].arg
    built = backend.build(source)
    if target.language == "PTX assembly" and built.binary is not None:
        # tinygrad's PTX "compiler" fills in version and architecture: the result is still source
        source = built.binary.decode()
        reason = "PTX is text: the driver turns it into machine code when it is loaded"
        built = Built(None, reason, "")
    assembly, assembly_reason, note = disassemble(built, target)
    counts, estimate_reason = _estimates(program, backend, values)
    info = program.arg
    if isinstance(backend.renderer, ISARenderer):
        # what it hands over as source is the machine code in hexadecimal
        source = backend.renderer.asm_str(list(program.src[1].src), info.function_name)
    with_values = {**dict.fromkeys(_RUN_TIME_VARIABLES, 0), **values}
    global_size, local_size = info.launch_dims(with_values)
    kernel = Kernel(
        name=ansistrip(info.function_name),
        device=device,
        target=target.name,
        language=target.language,
        ast=ast_lines(ast),
        optimised_ast=ast_lines(optimised),
        applied_opts=tuple(option_in_words(o) for o in sink.arg.applied_opts),
        source=ansistrip(source).strip("\n") + "\n",
        binary_bytes=None if built.binary is None else len(built.binary),
        binary_reason=built.reason,
        binary_note=note,
        disassembly=assembly,
        disassembly_reason=assembly_reason,
        flop=counts[0],
        bytes_accessed=counts[1],
        min_bytes=counts[2],
        estimate_reason=estimate_reason,
        global_size=tuple(int(s) for s in global_size),
        local_size=None if local_size is None else tuple(int(s) for s in local_size),
    )
    return kernel, info


def _generate(ast: UOp, backend: Backend) -> tuple[UOp, UOp]:
    """The finished PROGRAM (its compiler is SourceOnly, so nothing is compiled), and the AST as
    the optimiser left it."""
    try:
        with LOCK, _recorded_optimiser() as optimised, Context(DEBUG=0):
            program = codegen.do_to_program(ast, backend.renderer)  # not to_program: no cache
    except Exception as e:
        target = backend.target
        asked = f"Write a kernel in {target.language} for {target.label}"
        got = f"{type(e).__name__}: {e}"
        step = "does the target have this dtype? WGSL has no float64, OpenCL needs an extension"
        raise LoweringError(asked, got=got, next_step=step) from e
    return program, optimised[0] if optimised else ast


@contextmanager
def _recorded_optimiser() -> Iterator[list[UOp]]:
    """Collects what tinygrad's optimiser returns; the caller holds LOCK."""
    seen: list[UOp] = []
    original = codegen.apply_opts

    def recording(*args, **kwargs) -> UOp:
        seen.append(original(*args, **kwargs))
        return seen[-1]

    with patch.object(codegen, "apply_opts", recording):
        yield seen


def _estimates(
    program: UOp, backend: Backend, values: Mapping[str, int]
) -> tuple[tuple[int | None, int | None, int | None], str]:
    if isinstance(backend.renderer, ISARenderer):
        return (None, None, None), _NO_ESTIMATE
    counts: Estimates = program.src[0].arg.estimates or Estimates()
    with_values = {**dict.fromkeys(_RUN_TIME_VARIABLES, 0), **values}
    ops, accessed, least = (
        int(sym_infer(n, with_values)) for n in (counts.ops, counts.lds, counts.mem)
    )
    return (ops, accessed, least), ""

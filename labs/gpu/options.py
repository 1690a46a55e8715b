"""tinygrad's own kernel options, chosen by hand: what a list of them makes of a kernel.

    axes("matmul:n=512", "CPU")                            what there is to choose from
    apply("matmul:n=512", ["UPCAST 1 8", "UPCAST 0 4"], "CPU").source

Nothing runs here, so a target that this machine hasn't got serves as well ("CUDA:sm_90").
"""

from dataclasses import dataclass, field

from labs import toolchain
from labs.gpu.kernels import KernelAst, OptionError, Subject, backend_of, choose_kernel, loops_of
from labs.gpu.legality import Axes, axes_of, require
from labs.gpu.notation import Options, option_texts, parse_options
from labs.lowering.renderers import LOCK, Backend
from labs.lowering.words import option_in_words
from labs.tables import Table, TableView
from labs.units import format_bytes, format_count, format_flop, format_intensity

toolchain.activate()

from tinygrad import codegen
from tinygrad.dtype import AddrSpace
from tinygrad.helpers import Context, ansistrip
from tinygrad.uop.ops import Ops, UOp, sym_infer


@dataclass(frozen=True)
class Counts:
    """What stands in a kernel's code, counted from tinygrad's UOps.

    Args:
        flop: operations of the whole launch; bytes_accessed: of all loads and stores of the launch;
            min_bytes: each byte of each buffer once. None where the code isn't made of UOps.
        loads, stores: of buffers, as statements in the innermost code; widest: values in the
            widest of them.
        accumulators: values that one work item keeps in registers over its loops (its results so
            far). What else it needs for loads and addresses is the compiler's business.
        shared_bytes: local memory of a group, in bytes.
        statements: UOps in the code: how much code it is.
    """

    flop: int | None
    bytes_accessed: int | None
    min_bytes: int | None
    loads: int
    stores: int
    widest: int
    accumulators: int
    shared_bytes: int
    statements: int

    @property
    def intensity_accessed(self) -> float | None:
        """FLOP per byte of all loads and stores: what a tile in registers raises."""
        return self.flop / self.bytes_accessed if self.flop and self.bytes_accessed else None


@dataclass(frozen=True, repr=False)
class OptionKernel(TableView):
    """One kernel with chosen options. It was written, not run.

    Args:
        name: the function's name; target: who it is for; language: what it is written in.
        opts: the options as text; in_words: the same in words.
        global_size: work groups (threads on a CPU); local_size: work items of a group.
        axes: the loops as the options left them.
    """

    name: str
    target: str
    language: str
    kernel: KernelAst = field(repr=False)
    opts: tuple[str, ...]
    in_words: tuple[str, ...]
    source: str
    global_size: tuple[int, ...]
    local_size: tuple[int, ...] | None
    axes: Axes
    counts: Counts

    def table(self) -> Table:
        c = self.counts
        local = None if self.local_size is None else "x".join(map(str, self.local_size))
        rows = (
            ("options", "\n".join(self.in_words) or "none: one plain loop for each axis"),
            ("launch", f"{'x'.join(map(str, self.global_size))} of {local or 'the runtime'}"),
            ("loads and stores in the code", f"{c.loads} and {c.stores}"),
            ("values in the widest of them", c.widest),
            ("results kept in registers by one work item", c.accumulators),
            ("shared memory of a group", format_bytes(c.shared_bytes)),
            ("operations", format_flop(c.flop, 4)),
            ("bytes of all loads and stores", format_bytes(c.bytes_accessed, 4)),
            ("operations per byte accessed", format_intensity(c.intensity_accessed)),
            ("length of the code", f"{format_count(c.statements)} UOps"),
        )
        note = f"{self.language} for {self.target}; counted from the code, nothing was run."
        return Table(self.name, ("quantity", "value"), rows, note)


def axes(
    subject: Subject, device: str, options: Options = (), *, kernel: int | None = None
) -> Axes:
    """The axes of a kernel, to choose options by; after some options when those are given.

    Args:
        subject: a Tensor, a function returning one, a Workload, or its spec ("matmul:n=512").
        device: a device of this machine, or a target of `labs.lowering.TARGETS`.
        kernel: which of the expression's kernels; the one with most work when left out.

    Raises:
        OptionError: an option that doesn't fit; LoweringError: no such device or target.

    Example:
        >>> [a.size for a in axes("matmul:n=512", "CPU")]
        [512, 512, 512]
    """
    chosen = choose_kernel(subject, device, kernel)
    opts = parse_options(options)
    loops = require(loops_of(chosen.ast, backend_of(device).renderer), opts, _what(chosen))
    return Axes(_what(chosen), axes_of(loops), option_texts(opts))


def apply(
    subject: Subject, options: Options | None, device: str, *, kernel: int | None = None
) -> OptionKernel:
    """Write a kernel with these options, and no others.

    Args:
        options: text or lines as in `labs.gpu.notation`, or tinygrad's Opts; an empty list is the
            plain loops; None leaves the choice to tinygrad's heuristic.
        The others are those of `axes`.

    Raises:
        OptionError: an option that doesn't fit: tinygrad's reason in plain words, and what would
            fit; LoweringError: no such device or target, or one that can't express the kernel.

    Example:
        >>> apply("matmul:n=512", "UPCAST 1 4", "CPU").counts.widest
        4
    """
    opts = None if options is None else parse_options(options)
    return write(choose_kernel(subject, device, kernel), opts, backend_of(device))


def write(kernel: KernelAst, opts: tuple | None, backend: Backend) -> OptionKernel:
    """`apply` for a kernel and a renderer that are at hand."""
    loops = loops_of(kernel.ast, backend.renderer)
    if opts is not None:
        require(loops, opts, _what(kernel))
    program = render(kernel.with_options(opts), backend, _what(kernel))
    applied = program.src[0].arg.applied_opts
    left = require(loops, applied, _what(kernel))
    info = program.arg
    zeros = {v.expr: int(v.vmin) for v in info.vars}
    global_size, local_size = info.launch_dims(zeros)
    return OptionKernel(
        name=ansistrip(info.function_name),
        target=backend.target.label,
        language=backend.target.language,
        kernel=kernel,
        opts=option_texts(applied),
        in_words=tuple(option_in_words(o) for o in applied),
        source=ansistrip(program.src[2].arg).strip("\n") + "\n",
        global_size=tuple(int(s) for s in global_size),
        local_size=None if local_size is None else tuple(int(s) for s in local_size),
        axes=Axes(_what(kernel), axes_of(left), option_texts(applied)),
        counts=count(program, zeros),
    )


def render(ast: UOp, backend: Backend, what: str) -> UOp:
    """tinygrad's PROGRAM with its source; compiled only as far as the backend's compiler goes.

    Raises:
        OptionError: the code generator fails on it.
    """
    try:
        with LOCK, Context(DEBUG=0):
            return codegen.do_to_program(ast, backend.renderer)  # not to_program: no cache
    except Exception as error:  # whatever a rewrite or a renderer raises
        raise OptionError(
            f"write {what} in {backend.target.language}",
            expected="code",
            got=f"{type(error).__name__}: {error}",
            next_step="take smaller amounts, or leave out the option that was added last",
        ) from error


def count(program: UOp, values: dict[str, int]) -> Counts:
    """Counts what stands in a PROGRAM's code."""
    uops = program.src[1].src
    loads, stores, widths, registers, shared = 0, 0, [1], 0, 0
    for u in uops:
        if u.op in (Ops.LOAD, Ops.STORE) and u.src and _root(u).op is Ops.PARAM:
            loads, stores = loads + (u.op is Ops.LOAD), stores + (u.op is Ops.STORE)
            widths.append(u.src[0].max_numel())
        elif u.op is Ops.BUFFER and u.addrspace is AddrSpace.REG:
            registers += u.max_numel()
        elif u.op is Ops.BUFFER and u.addrspace is AddrSpace.LOCAL:
            shared += u.max_numel() * u.dtype.itemsize
    found = program.src[0].arg.estimates
    flop, accessed, least = (
        (None, None, None)
        if found is None
        else (int(sym_infer(n, values)) for n in (found.ops, found.lds, found.mem))
    )
    return Counts(flop, accessed, least, loads, stores, max(widths), registers, shared, len(uops))


def _root(u: UOp) -> UOp:
    while u.op is not Ops.PARAM and u.src:
        u = u.src[0]
    return u


def _what(kernel: KernelAst) -> str:
    place = f"kernel {kernel.index} of {kernel.count}" if kernel.count > 1 else "the kernel"
    return f"{place} on {kernel.device}"


__all__ = [
    "Axes",
    "Counts",
    "OptionError",
    "OptionKernel",
    "Options",
    "apply",
    "axes",
    "count",
    "parse_options",
    "render",
    "write",
]

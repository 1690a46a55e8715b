"""What may be done with a kernel's loops: its axes as data, and why an option doesn't fit.

tinygrad decides: each option is tried on a copy of the kernel's loops. This file says its reasons
in plain words, and adds one of its own: how many work items a group may have on the hardware, which
tinygrad leaves to the driver.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from labs import toolchain
from labs.gpu.kernels import OptionError
from labs.gpu.notation import option_text
from labs.tables import Table, TableView
from labs.units import format_bytes

toolchain.activate()

from tinygrad.codegen.opt import KernelOptError, Opt, OptOps
from tinygrad.codegen.opt.postrange import Scheduler
from tinygrad.uop.ops import AxisType

# The most work items of one group. Sources: CUDA C++ Programming Guide, technical specifications
# per compute capability ("maximum number of threads per block", 1024 in all); HIP documentation
# (1024); Metal Feature Set Tables (1024); WebGPU, limit maxComputeInvocationsPerWorkgroup (256).
GROUP_LIMITS = {"CUDA": 1024, "NV": 1024, "HIP": 1024, "AMD": 1024, "METAL": 1024, "WEBGPU": 256}
# OpenCL asks each device (CL_DEVICE_MAX_WORK_GROUP_SIZE); what is tried for it keeps to this.
USUAL_GROUP_LIMIT = 1024

_KINDS = {
    AxisType.GLOBAL: "work groups of the launch",
    AxisType.LOCAL: "work items of a group",
    AxisType.WARP: "work items of a warp",
    AxisType.WEAK: "a loop over results",
    AxisType.LOOP: "a loop over results",
    AxisType.THREAD: "CPU threads",
    AxisType.UPCAST: "values side by side in registers",
    AxisType.REDUCE: "a loop that sums or compares",
    AxisType.GROUP_REDUCE: "a sum shared by a group",
    AxisType.UNROLL: "steps of a sum, written out",
}
_SPLITS = (AxisType.GLOBAL, AxisType.LOCAL, AxisType.WEAK)
_ITEMS = (AxisType.WARP, AxisType.LOCAL, AxisType.GROUP_REDUCE)
_TAKES = {
    OptOps.UPCAST: _SPLITS,
    OptOps.LOCAL: (AxisType.GLOBAL, AxisType.WEAK),
    OptOps.THREAD: (AxisType.WEAK,),
    OptOps.SWAP: (AxisType.GLOBAL,),
}
# what an axis is split into: vectors and tiles are powers of two where the size allows it
_POWERS, _ODD = (4, 8, 16, 2, 32), (3, 5, 6, 7)
_PADDINGS = (4, 8, 16, 32)

# tinygrad's reason, as it begins -> the same in plain words
_WORDS = (
    ("locals needed", "this device has no work groups and no local memory: its kernel is loops"),
    ("exceeds maximum shared", "the partial results don't fit into a group's shared memory"),
    ("cannot have a GROUP_REDUCE", "this sum lies inside another sum, which a group can't share"),
    ("don't unroll more", "at most 32 steps of a sum are written out"),
    ("unroll is for", "UNROLL is for axes that are summed over"),
    ("don't upcast more", "at most 16 values are put side by side in one step"),
    ("upcast is for", "UPCAST is for axes of the result; a summed axis takes UNROLL"),
    ("can't use locals", "NOLOCALS came before: the group size is left to the runtime"),
    ("no locals can't", "the kernel has local axes already"),
    ("local is for", "LOCAL is for axes of the launch or of the result"),
    ("target does not support threads", "this device runs no CPU threads"),
    ("too many threads", "more threads than this device is set to use"),
    ("already threaded", "one axis is spread over threads already"),
    ("can't apply range", "not every result depends on this axis, so threads would write twice"),
    ("no grouping with tensor", "tensor cores share the sum in their own way"),
    ("group is for", "GROUP is for axes that are summed over"),
    ("tensor core opts must be first", "tensor cores have to be the first option"),
    ("tensor core opts must", "TC takes an axis, a core (-1: any) and 0 to 2 for padding"),
    ("use_tensor_cores", "the last number of TC is 1 (use the instruction) or 2 (shape only)"),
    ("no tensor core", "no tensor core of this device takes this product"),
    ("no reduce ops", "there is no sum in this kernel"),
    ("invalid tensor core", "there is no tensor core of that number"),
    ("tensor core X/Y", "the product's own axes are summed over"),
    ("only pad const", "the axis has no fixed size"),
    ("cannot pad upcasted", "what is written out can't be padded: pad before"),
    ("cannot pad thread", "an axis of threads can't be padded"),
    ("pad adds more", "padding would make more than four times the work"),
    ("swap only", "only two axes of the launch change places"),
    ("invalid axis", "there is no such axis"),
)


@dataclass(frozen=True)
class Axis:
    """One loop of a kernel.

    Args:
        index: its number for UPCAST, LOCAL, THREAD, PADTO and SWAP.
        name: tinygrad's letter and number: g launch, l group, L loop, R sum, u and r written out.
        size: how many steps; text where it is symbolic.
        kind: what it is, in words.
        unroll: its number for UNROLL; group: for GROUP and GROUPTOP; None where it takes neither.
    """

    index: int
    name: str
    size: int | str
    kind: str
    unroll: int | None = None
    group: int | None = None


@dataclass(frozen=True, repr=False)
class Axes(TableView):
    """The axes of a kernel, outermost first, after `applied` options."""

    kernel: str
    axes: tuple[Axis, ...]
    applied: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[Axis]:
        return iter(self.axes)

    def __len__(self) -> int:
        return len(self.axes)

    def __getitem__(self, index: int) -> Axis:
        return self.axes[index]

    def table(self) -> Table:
        rows = tuple((a.index, a.name, a.size, a.kind, a.unroll, a.group) for a in self.axes)
        after = f" after {'; '.join(self.applied)}" if self.applied else ""
        columns = ("axis", "name", "steps", "what it is", "for UNROLL", "for GROUP")
        note = "An option names an axis by its number; UNROLL and GROUP count only summed axes."
        return Table(f"Axes of {self.kernel}{after}", columns, rows, note)


def axes_of(loops: Scheduler) -> tuple[Axis, ...]:
    """The axes of a kernel's loops as data."""
    unroll = {a: i for i, a in enumerate(loops.unrollable_dims)}
    group = {a: i for i, a in enumerate(loops.axes_of(AxisType.REDUCE))}
    rows = zip(loops.shape_str(), loops.full_shape, loops.axis_types, strict=True)
    return tuple(
        Axis(
            index,
            name,
            size if isinstance(size, int) else size.render(),
            _KINDS.get(kind, kind.name.lower()),
            unroll.get(index),
            group.get(index),
        )
        for index, (name, size, kind) in enumerate(rows)
    )


def fitted(loops: Scheduler, opts: Iterable[Opt]) -> Scheduler | None:
    """The loops with these options, or None when one of them doesn't fit."""
    kernel = loops.copy()
    try:
        for opt in opts:
            kernel.apply_opt(opt)
    except Exception:  # KernelOptError, and what else tinygrad raises for a strange number
        return None
    return None if work_items(kernel) > group_limit(kernel) else kernel


def require(loops: Scheduler, opts: Sequence[Opt], what: str) -> Scheduler:
    """The loops with these options.

    Args:
        what: the kernel, for the message ("kernel 0 of 1 on CPU").

    Raises:
        OptionError: the first option that doesn't fit: tinygrad's reason, and what would fit there.
    """
    kernel = loops.copy()
    for number, opt in enumerate(opts):
        before = kernel.copy()
        try:
            kernel.apply_opt(opt)
        except Exception as error:  # tinygrad raises IndexError and others for strange numbers
            raise _refusal(opt, number, before, error, what) from error
        if work_items(kernel) > group_limit(kernel):
            got = f"{work_items(kernel)} work items in a group"
            raise OptionError(
                _asked(opt, number, what),
                expected=f"at most {group_limit(kernel)}, this hardware's limit "
                "(tinygrad itself would accept it, and the launch fail)",
                got=got,
                next_step="take a smaller amount, here or in the LOCAL and GROUP before",
            )
    return kernel


def work_items(loops: Scheduler) -> int:
    """Work items of one group."""
    return _product(loops, _ITEMS)


def written_out(loops: Scheduler) -> int:
    """How many copies of the innermost statement stand in the code.

    With tensor cores that statement is their instruction, whose own results don't count.
    """
    core = getattr(loops, "tensor_core", None)
    covered = core.elements_per_thread[2] if core is not None else 1
    return max(1, _product(loops, (AxisType.UPCAST, AxisType.UNROLL)) // covered)


def group_limit(loops: Scheduler) -> int:
    return GROUP_LIMITS.get(loops.ren.target.device, USUAL_GROUP_LIMIT)


def legal_steps(loops: Scheduler, *, padding: bool = False) -> tuple[Opt, ...]:
    """Every option that fits next, in amounts worth trying.

    Amounts are powers of two where one divides the axis, else small odd numbers, and the whole
    axis where it is short: what is written out lies in vectors or registers, whose numbers are
    powers of two.
    """
    return tuple(o for o in _steps(loops, padding) if fitted(loops, (o,)) is not None)


def _steps(loops: Scheduler, padding: bool) -> Iterator[Opt]:
    renderer, sizes = loops.ren, loops.full_shape
    if renderer.tensor_cores and not loops.applied_opts:
        yield from (Opt(OptOps.TC, axis, (-1, 2, 1)) for axis in range(3))
    for index, (size, kind) in enumerate(zip(sizes, loops.axis_types, strict=True)):
        amounts = _amounts(size)
        if kind in _SPLITS:
            yield from (Opt(OptOps.UPCAST, index, n) for n in amounts if n <= 16)
        if kind in (AxisType.GLOBAL, AxisType.WEAK) and renderer.has_local:
            yield from (Opt(OptOps.LOCAL, index, n) for n in amounts)
        if kind is AxisType.WEAK and renderer.has_threads:
            most = renderer.global_max[0]
            yield from (Opt(OptOps.THREAD, index, n) for n in range(2, min(most, 64) + 1))
        if padding and kind in (*_SPLITS, AxisType.REDUCE) and isinstance(size, int):
            yield from (Opt(OptOps.PADTO, index, n) for n in _PADDINGS if size % n)
    for number, index in enumerate(loops.unrollable_dims):
        yield from (Opt(OptOps.UNROLL, number, n) for n in _amounts(sizes[index]))
    if renderer.has_local:
        for number, index in enumerate(loops.axes_of(AxisType.REDUCE)):
            amounts = (*_amounts(sizes[index]), *_large(sizes[index]))
            yield from (Opt(OptOps.GROUPTOP, number, n) for n in amounts)
            yield from (Opt(OptOps.GROUP, number, n) for n in amounts)
        launch = loops.axes_of(AxisType.GLOBAL)
        yield from (Opt(OptOps.SWAP, a, b) for a in launch for b in launch if a < b)


def _amounts(size: object) -> tuple[int, ...]:
    if not isinstance(size, int):
        return ()
    fitting = tuple(n for n in _POWERS if size % n == 0 and n <= size)
    if not fitting:
        fitting = tuple(n for n in _ODD if size % n == 0)
    return fitting if size > 32 or size in fitting else (*fitting, size)


def _large(size: object) -> tuple[int, ...]:
    return tuple(n for n in (64, 128, 256) if isinstance(size, int) and size % n == 0)


def _product(loops: Scheduler, kinds: tuple[AxisType, ...]) -> int:
    sizes = zip(loops.full_shape, loops.axis_types, strict=True)
    return math.prod(s for s, kind in sizes if kind in kinds and isinstance(s, int))


def _refusal(opt: Opt, number: int, before: Scheduler, error: Exception, what: str) -> OptionError:
    reason = str(error).strip() if isinstance(error, KernelOptError) else repr(error)
    return OptionError(
        _asked(opt, number, what),
        expected=_expected(opt, before),
        got=_in_words(opt, before, reason),
        next_step=_next_step(opt, before),
    )


def _asked(opt: Opt, number: int, what: str) -> str:
    return f"apply '{option_text(opt)}' (option {number + 1}) to {what}"


def _in_words(opt: Opt, before: Scheduler, reason: str) -> str:
    said = f" (tinygrad: {reason})" if reason else ""
    if "can't divide" in reason:
        size = _axis_named(opt, before)
        return f"{opt.arg} doesn't divide the axis' {size} steps{said.split(' in ')[0]}" + (
            ")" if " in " in said else ""
        )
    words = next((w for start, w in _WORDS if reason.startswith(start)), None)
    if words is None:
        words = "there is no such axis" if not reason else "tinygrad refuses it"
    if reason.startswith("exceeds maximum shared"):
        words += f", which has {format_bytes(before.ren.shared_max)}"
    return words + said


def _axis_named(opt: Opt, before: Scheduler) -> object:
    try:
        index = before.real_axis(opt.op, opt.axis)
        size = before.full_shape[index]
    except (KernelOptError, IndexError):
        return "?"
    return size if isinstance(size, int) else size.render()


def _expected(opt: Opt, before: Scheduler) -> str:
    axes = axes_of(before)
    if opt.op is OptOps.TC:
        cores = before.ren.tensor_cores
        if not cores:
            return "a device with tensor cores: this one's renderer knows none"
        kinds = sorted({f"{c.dtype_in.name} in, {c.dtype_out.name} out" for c in cores})
        return f"a product of matrices with {'; or '.join(kinds)}"
    if opt.op is OptOps.UNROLL:
        named = [f"{a.unroll} ({a.name}, {a.size} steps)" for a in axes if a.unroll is not None]
        return f"UNROLL of a summed axis: {', '.join(named) or 'there is none'}"
    if opt.op in (OptOps.GROUP, OptOps.GROUPTOP):
        named = [f"{a.group} ({a.name}, {a.size} steps)" for a in axes if a.group is not None]
        return f"{opt.op.name} of a summed axis: {', '.join(named) or 'there is none'}"
    fitting = _TAKES.get(opt.op)
    named = [
        f"{a.index} ({a.name}, {a.size} steps, {a.kind})"
        for a, kind in zip(axes, before.axis_types, strict=True)
        if fitting is None or kind in fitting
    ]
    return f"one of the axes {', '.join(named) or '(there is none)'}"


def _next_step(opt: Opt, before: Scheduler) -> str:
    if opt.op is OptOps.TC and before.ren.tensor_cores and not before.applied_opts:
        return (
            f"sizes that are no multiples of the core's tile need padding, 'TC {opt.axis} -1 2'; "
            "float32 on CUDA needs float16 inputs, or ALLOW_TF32=1"
        )
    same = [o for o in legal_steps(before, padding=True) if o.op is opt.op]
    same.sort(key=lambda o: o.axis != opt.axis)  # of the axis that was meant, first
    if same:
        shown = ", ".join(f"'{option_text(o)}'" for o in same[:5])
        return f"{shown} would fit here"
    return f"leave it out: no {opt.op.name} fits here"

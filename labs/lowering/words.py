"""tinygrad's own objects as text: an AST's lines, optimiser options in words, shapes, arguments."""

import re

from labs import toolchain

toolchain.activate()

from tinygrad.codegen.opt import Opt, OptOps
from tinygrad.helpers import ansistrip
from tinygrad.uop.ops import GroupOp, Ops, ParamArg, UOp
from tinygrad.uop.render import pyrender

_ESCAPED_COLOUR = re.compile(r"\\x1b\[\d*m")  # a kernel's name holds colour codes, shown by repr
_OPTIONS = {
    OptOps.TC: "matrix cores for the product (tensor cores, WMMA, simdgroup matrices)",
    OptOps.UPCAST: "axis {axis}: {amount} neighbouring values per thread, as a vector",
    OptOps.UNROLL: "reduced axis {axis}: {amount} steps written out",
    OptOps.LOCAL: "axis {axis}: {amount} work items of one group",
    OptOps.THREAD: "axis {axis}: split over {amount} CPU threads",
    OptOps.GROUP: "reduced axis {axis}: shared by {amount} work items, through local memory",
    OptOps.GROUPTOP: "reduced axis {axis}: shared by {amount} work items, through local memory",
    OptOps.NOLOCALS: "the runtime chooses the group size",
    OptOps.PADTO: "axis {axis}: padded to a multiple of {amount}",
    OptOps.SWAP: "axes {axis} and {amount} change places",
}


def option_in_words(option: Opt) -> str:
    """Opt(UPCAST, 1, 4) -> 'UPCAST: axis 1: 4 neighbouring values per thread, as a vector'."""
    # an amount of 0 means the whole axis
    amount = "all" if option.arg == 0 else option.arg
    text = _OPTIONS.get(option.op, "axis {axis}, {amount}")
    return f"{option.op.name}: {text.format(axis=option.axis, amount=amount)}"


def ast_lines(ast: UOp) -> tuple[str, ...]:
    """A kernel's AST as the Python that would build it, the form tinygrad prints at DEBUG=5."""
    return tuple(_ESCAPED_COLOUR.sub("", ansistrip(pyrender(ast))).splitlines())


def dtype_text(uop: UOp) -> str:
    return str(uop.dtype).removeprefix("dtypes.")


def shape_of(uop: UOp) -> tuple[int | str, ...] | None:
    """The shape with symbolic dimensions as text; None for what has no shape."""
    try:
        shape = uop.shape
    except Exception:  # tinygrad raises RuntimeError or AssertionError by kind of UOp
        return None
    return tuple(s if isinstance(s, int) else s.render() for s in shape)


def device_text(device: str | tuple[str, ...] | None) -> str | None:
    return ", ".join(device) if isinstance(device, tuple) else device


def argument_text(uop: UOp) -> str:
    """What the operation was told, short: 'axis 1, 2', '(64, 1, 64)', '3.0', 'to CPU:1'."""
    if uop.op in GroupOp.Movement:
        return _movement_text(uop)
    if uop.op is Ops.CONST:
        return str(uop.val)
    if uop.op is Ops.REDUCE:
        operation, count = uop.arg[0], uop.arg[1]
        axes = f"{count} axis" if count == 1 else f"{count} axes"
        return f"{operation.name}, {axes}" if count else operation.name
    if uop.op is Ops.COPY:
        return f"to {device_text(uop.arg)}"
    if isinstance(uop.arg, ParamArg):
        return uop.arg.name or ""
    if uop.arg is None or uop.op in (Ops.CAST, Ops.BITCAST, Ops.CALL, Ops.FUNCTION):
        return ""
    return str(uop.arg)[:60]


def _movement_text(uop: UOp) -> str:
    if uop.op in (Ops.PAD, Ops.SHRINK):  # pairs of (where it starts, how long it is)
        starts, sizes = (
            ", ".join(_number(n) for n in side) for side in zip(*uop.marg, strict=True)
        )
        return f"at ({starts}), size ({sizes})"
    return f"({', '.join(_number(a) for a in uop.marg)})"


def _number(value: object) -> str:
    return value.render() if isinstance(value, UOp) else str(value)

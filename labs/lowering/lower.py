"""lower(): one expression through all of tinygrad's stages, for any target, without running it."""

from collections.abc import Callable

from labs import toolchain

toolchain.activate()

from tinygrad import Tensor
from tinygrad.helpers import BEAM
from tinygrad.uop.ops import Ops, UOp

from labs.errors import LoweringError
from labs.lowering.kernel import build_kernel
from labs.lowering.model import BufferUse, Kernel, Lowering, ScheduleItem
from labs.lowering.renderers import Backend, backend_for
from labs.lowering.scheduling import (
    Scheduled,
    buffer_use,
    family,
    graph_of,
    move,
    name_buffers,
    schedule,
    tensor_of,
)
from labs.lowering.targets import Target, find_target, live_target
from labs.lowering.words import device_text

_MULTI = "Spread over several devices: counts and launch sizes are those of one device."

_BEAM = "BEAM is set: a run would search for other options than the optimiser's own, shown here."


def lower(expression: Tensor | Callable[[], Tensor], target: str | None = None) -> Lowering:
    """Lower an expression and keep every stage. Nothing runs; the tensor stays as it was.

    Args:
        expression: a Tensor, or a function without arguments that returns one (it is called in
            the device context of the caller).
        target: a name in TARGETS, or of a device. What the expression would compute on its own
            device is moved there. Left out: the expression's own device, as this process uses it.

    Returns:
        the UOp graph, the schedule, and each kernel from AST to disassembly.

    Raises:
        LoweringError: nothing to lower, an unknown target, or a target that can't express it.

    Example:
        >>> lower(Tensor.ones(4, 4).contiguous() + 1, "CUDA").kernels[-1].language
        'CUDA C++'
    """
    wanted = None if target is None else find_target(target)
    tensor = tensor_of(expression)
    home = family(tensor.device)
    graph = tensor.uop
    if wanted is None:
        wanted, live = _own_target(home), True
    elif wanted.device == home:
        live = False
    else:
        graph, live = move(graph, home, wanted.device), False
    scheduled = schedule(graph)
    return _assemble(scheduled, wanted, live)


def _own_target(device: str) -> Target:
    try:
        return find_target(device) if device == "NULL" else live_target(device)
    except LoweringError:
        return find_target(device)  # it isn't here: describe it, if the course knows it


def _assemble(scheduled: Scheduled, wanted: Target, live: bool) -> Lowering:
    backends: dict[str, Backend] = {wanted.device: backend_for(wanted, live)}
    names = name_buffers(scheduled.calls)
    items: list[ScheduleItem] = []
    kernels: list[Kernel] = []
    notes: list[str] = []
    for index, call in enumerate(scheduled.calls):
        body, arguments = call.src[0], _arguments(call)
        device = arguments[0].device if arguments else wanted.device
        where = device_text(device) or ""
        if body.op is Ops.SINK:
            home = family(device)
            if home not in backends:
                backends[home] = backend_for(_own_target(home), live=True)
            kernel, info = build_kernel(body, backends[home], where, scheduled.values)
            uses = _uses(arguments, names, set(info.outs), set(info.ins))
            items.append(ScheduleItem(index, "kernel", kernel.name, where, uses, len(kernels)))
            kernels.append(kernel)
        else:
            kind = body.op.name.lower()
            uses = _uses(arguments, names, {0}, {1})
            title = f"{uses[1].device} to {uses[0].device}" if len(uses) == 2 else kind
            items.append(ScheduleItem(index, kind, title, where, uses))
        if isinstance(device, tuple) and _MULTI not in notes:
            notes.append(_MULTI)
    if BEAM.value:
        notes.append(_BEAM)
    if wanted.notes:
        notes.append(wanted.notes)
    graph = graph_of(scheduled.graph)
    return Lowering(wanted.name, wanted.label, graph, tuple(items), tuple(kernels), tuple(notes))


def _arguments(call: UOp) -> tuple[UOp, ...]:
    """The buffers of a call; bound symbolic sizes travel beside them."""
    return tuple(source for source in call.src[1:] if not source.is_bound_var)


def _uses(
    arguments: tuple[UOp, ...], names: dict[UOp, str], outs: set[int], ins: set[int]
) -> tuple[BufferUse, ...]:
    roles = {(True, False): "out", (False, True): "in", (True, True): "in/out"}
    return tuple(
        buffer_use(a, roles.get((i in outs, i in ins), "unused"), names)
        for i, a in enumerate(arguments)
    )

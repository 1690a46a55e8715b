"""From a tensor to its schedule, on any device, without touching the tensor.

`Tensor.schedule_linear()` would bind the tensor to the buffers it is going to have. The two steps
beneath it (tinygrad 0.14.0, tensor.py) only read, so a tensor can be lowered any number of times,
and still be realized later. Moving an expression to another device is a substitution in a copy of
its graph: UOps are immutable, and scheduling never opens a device.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from labs import toolchain
from labs.errors import LoweringError

toolchain.activate()

from tinygrad import Tensor
from tinygrad.helpers import Context
from tinygrad.schedule import create_linear_with_vars
from tinygrad.tensor import transform_to_call
from tinygrad.uop.ops import GroupOp, Ops, ParamArg, UOp

from labs.lowering.model import BufferUse, Graph, Node
from labs.lowering.words import argument_text, device_text, dtype_text, shape_of

# where data comes from, not where it is computed: never moved to another device
SOURCES = ("NPY", "PYTHON", "DISK", "TINYFS")


@dataclass(frozen=True)
class Scheduled:
    """A schedule as tinygrad's UOps, with the values of bound symbolic sizes."""

    graph: UOp
    calls: tuple[UOp, ...]
    values: dict[str, int]


def tensor_of(expression: Tensor | Callable[[], Tensor]) -> Tensor:
    """The tensor to lower.

    Raises:
        LoweringError: it isn't one, or there is nothing to compute for it.
    """
    asked = "Lower an expression"
    expected = "a Tensor, or a function without arguments that returns one"
    tensor = expression
    if not isinstance(expression, Tensor) and callable(expression):
        tensor = expression()
        asked = "Lower what the function returned"
    if not isinstance(tensor, Tensor):
        step = "wrap numbers and arrays with Tensor(...), and combine several tensors into one"
        raise LoweringError(asked, expected=expected, got=_kind(tensor), next_step=step)
    uop = tensor.uop
    if uop.has_buffer_identity():
        step = "lower an expression that computes something, such as (x * 2 + 1)"
        got = f"a tensor of shape {tensor.shape} that is already a buffer on {tensor.device}"
        raise LoweringError(asked, expected="something to compute", got=got, next_step=step)
    if uop.is_virtual:
        got = "a constant without a device" if uop.device is None else f"weak {uop.dtype}"
        step = "give it storage: .contiguous() on a tensor with a device, or .cast(...) first"
        raise LoweringError(asked, expected="a tensor with storage", got=got, next_step=step)
    return tensor


def family(device: str | tuple[str, ...]) -> str:
    """'CPU:1' -> 'CPU', ('CPU', 'CPU:1') -> 'CPU'."""
    return (device[0] if isinstance(device, tuple) else device).split(":")[0]


def move(graph: UOp, source: str, target: str) -> UOp:
    """The graph with every device of family `source` renamed: CPU:1 becomes CUDA:1."""

    def renamed(device: str | tuple[str, ...]) -> str | tuple[str, ...]:
        if isinstance(device, tuple):
            return tuple(renamed(d) for d in device)
        return target + device[len(source) :] if family(device) == source else device

    changes: dict[UOp, UOp] = {}
    for uop in graph.toposort():
        argument = uop.arg
        if isinstance(argument, ParamArg) and argument.device is not None:
            argument = replace(argument, device=renamed(argument.device))
        elif uop.op is Ops.COPY:
            argument = renamed(argument)
        elif uop.op is Ops.ALLREDUCE:
            argument = (argument[0], renamed(argument[1]), *argument[2:])
        if argument != uop.arg:
            changes[uop] = uop.replace(arg=argument)
    # from the leaves up: a changed node whose sources change as well is rebuilt with both
    done: dict[UOp, UOp] = {}
    for uop in graph.toposort():
        new = changes.get(uop, uop)
        sources = tuple(done[s] for s in uop.src)
        done[uop] = new if sources == uop.src else new.replace(src=sources)
    return done[graph]


def schedule(graph: UOp) -> Scheduled:
    """The kernels and copies that computing this graph takes.

    Raises:
        LoweringError: tinygrad can't schedule it.
    """
    try:
        # CAPTURING=0: inside a TinyJit, a schedule would be taken as part of the captured function
        with Context(DEBUG=0, CAPTURING=0):
            call, _ = transform_to_call(UOp.sink(graph))
            linear, values = create_linear_with_vars(call)
    except Exception as e:
        got = f"tinygrad could not schedule it: {type(e).__name__}: {e}"
        step = "does .realize() work on it? If so, lower its parts one by one to find the step"
        raise LoweringError("Schedule the expression", got=got, next_step=step) from e
    if not linear.src:
        expected = "an expression that computes or copies something"
        got = "one that needs neither kernel nor copy: a view of a buffer, or a size of zero"
        step = "add .contiguous() to a view to see the kernel that copies it"
        raise LoweringError("Lower an expression", expected=expected, got=got, next_step=step)
    return Scheduled(graph, tuple(linear.src), dict(values))


def graph_of(uop: UOp) -> Graph:
    """The tensor's graph as data, less the nodes that only spell out shapes."""
    ids: dict[UOp, int] = {}
    reachable = _reachable(uop)
    nodes, edges = [], []
    for node in uop.toposort():
        if node not in reachable:
            continue
        ids[node] = len(ids)
        nodes.append(_node(ids[node], node))
        edges += [(ids[source], ids[node]) for source in _data_sources(node)]
    return Graph(tuple(nodes), tuple(edges))


def name_buffers(calls: tuple[UOp, ...]) -> dict[UOp, str]:
    """A stable short name for each block of memory, in order of first use."""
    names: dict[UOp, str] = {}
    for call in calls:
        for argument in call.src[1:]:
            for base in _bases(argument):
                names.setdefault(base, f"b{len(names)}")
    return names


def buffer_use(argument: UOp, role: str, names: dict[UOp, str]) -> BufferUse:
    name = "|".join(names[base] for base in _bases(argument))
    size = argument.max_numel() * argument.dtype.itemsize
    start = _offset(argument)
    if start is not None:
        name += f"[{start}:{start + size}]"
    return BufferUse(name, role, device_text(argument.device) or "", dtype_text(argument), size)


def _kind(value: object) -> str:
    return f"{value!r}"[:80] + f", a {type(value).__name__}"


def _data_sources(uop: UOp) -> tuple[UOp, ...]:
    """The sources that carry data: the rest of a movement op's or a buffer's are its shape."""
    if uop.op in GroupOp.Movement:
        return uop.src[:1]
    return () if uop.op in (Ops.BUFFER, Ops.PARAM) else uop.src


def _reachable(uop: UOp) -> set[UOp]:
    seen, stack = set(), [uop]
    while stack:
        node = stack.pop()
        if node not in seen:
            seen.add(node)
            stack.extend(_data_sources(node))
    return seen


def _node(number: int, uop: UOp) -> Node:
    realized = uop.op is Ops.BUFFER and uop.is_realized
    device = device_text(uop.device)
    name = uop.op.name
    return Node(number, name, dtype_text(uop), shape_of(uop), device, argument_text(uop), realized)


def _bases(uop: UOp) -> tuple[UOp, ...]:
    if uop.op is Ops.MSTACK:
        return tuple(base for source in uop.src for base in _bases(source))
    return (uop,) if uop.op in (Ops.BUFFER, Ops.PARAM) or not uop.src else _bases(uop.src[0])


def _offset(uop: UOp) -> int | None:
    """Where a part of a block starts, in bytes; None for a whole block."""
    while uop.op not in (Ops.BUFFER, Ops.PARAM) and uop.src:
        if uop.op is Ops.SHRINK:
            start = uop.marg[0][0]
            return start * uop.dtype.itemsize if isinstance(start, int) else None
        uop = uop.src[0]
    return None

"""An expression as a list of steps over plain blocks of bytes, which any device can be asked to do.

Scheduling is done once. What a step reads and writes is named by block and offset, so that two
devices (or one device twice) can be given the same bytes; the reader's tensor is not touched.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import prod

from labs import toolchain
from labs.debug.errors import DebugError
from labs.errors import DeviceError, LabError, LoweringError

toolchain.activate()

import numpy as np
from tinygrad import Device, Tensor, dtypes
from tinygrad.dtype import _to_np_dtype
from tinygrad.uop.ops import Ops, UOp

from labs.lowering.scheduling import family, move, schedule, tensor_of

_NO_KERNELS = ("NPY", "DISK", "TINYFS", "NULL")  # they hold data, or compute nothing
FILL = 0xFF  # of memory that nothing has written: a NaN as a float, -1 as an integer


@dataclass(frozen=True)
class Place:
    """A part of a block that a step uses: bytes [offset, offset + nbytes) of block `block`."""

    block: int
    offset: int
    nbytes: int
    dtype: str

    @property
    def stop(self) -> int:
        return self.offset + self.nbytes

    def view(self, data: bytes | bytearray | np.ndarray) -> np.ndarray:
        """These bytes of the block's data as numbers; bfloat16 as float32."""
        return numbers(bytes(memoryview(data)[self.offset : self.stop]), self.dtype)


@dataclass(frozen=True)
class Step:
    """One kernel or copy.

    Args:
        kind: "kernel" or "copy".
        ast: the kernel's AST; None for a copy.
        places: what it uses, in the order of the kernel's parameters; of a copy target, source.
        outs: positions in `places` that are written.
        shape: of the output where the kernel's loops tell it, else its number of elements.
    """

    index: int
    kind: str
    ast: UOp | None = field(repr=False)
    places: tuple[Place, ...]
    outs: tuple[int, ...]
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Plan:
    """All steps of an expression on one device.

    Args:
        device: that computes.
        blocks: size in bytes of each block.
        data: what blocks hold before the first step; the others are not initialised.
        values: of symbolic sizes, by name.
    """

    device: str
    steps: tuple[Step, ...]
    blocks: dict[int, int]
    data: dict[int, bytes] = field(repr=False)
    values: dict[str, int]
    shape: tuple[int, ...]

    def fresh(self) -> dict[int, bytearray]:
        """The blocks before the first step, as this process's memory."""
        start = {b: bytearray([FILL]) * size for b, size in self.blocks.items()}
        for block, data in self.data.items():
            start[block][:] = data
        return start

    @property
    def kernels(self) -> tuple[Step, ...]:
        return tuple(step for step in self.steps if step.kind == "kernel")


def make_plan(
    expression: Tensor | Callable[[], Tensor], device: str, asked: str, *, is_opened: bool = True
) -> Plan:
    """Schedule an expression for a device.

    Args:
        is_opened: open the device in this process; without, a device that hangs or crashes when it
            is opened can be left to another one.

    Raises:
        DebugError: nothing to compute, or it is spread over several devices.
        DeviceError: the device can't be opened.
    """
    check_name(device, asked)
    if is_opened:
        open_device(device, asked)
    try:
        tensor = tensor_of(expression)
        where = tensor.device
        if isinstance(where, tuple):
            raise DebugError(
                asked,
                expected="an expression on one device",
                got=f"one that is spread over {', '.join(where)}",
                next_step="run its parts on one device: x.to('CPU')",
            )
        home, wanted = family(where), Device.canonicalize(device)
        graph = tensor.uop if where == wanted else move(tensor.uop, home, wanted)
        scheduled = schedule(graph)
    except LoweringError as e:
        raise DebugError(asked, expected=e.expected, got=e.got, next_step=e.next_step) from e
    data = _realized(tensor.uop, where, home, wanted)
    return _Builder(wanted, data).build(scheduled, tuple(int(s) for s in tensor.max_shape))


def check_name(device: str, asked: str) -> None:
    """Raises DebugError for what can't be the name of a device that computes."""
    if not isinstance(device, str) or not device:
        raise DebugError(asked, expected='the name of a device, such as "CPU"', got=repr(device))
    if family(device.upper()) in _NO_KERNELS:
        raise DebugError(
            asked,
            expected="a device that computes",
            got=f"{device}, which holds data or computes nothing",
            next_step='name one that does, such as "CPU"; `course doctor` lists them',
        )


def open_device(device: str, asked: str) -> object:
    """The device, opened. Raises DeviceError."""
    check_name(device, asked)
    try:
        return Device[device]
    except LabError:
        raise
    except Exception as e:  # whatever a driver raises while it is opened
        raise DeviceError(
            asked,
            expected="a device that opens here",
            got=f"{device}: {type(e).__name__}: {e}",
            next_step="`course doctor` says which devices do, and what mends the others",
        ) from e


def label_of(dtype: object) -> str:
    """A dtype's name as numpy has it: "float32"; "bfloat16", which numpy has not."""
    if dtype == dtypes.bfloat16:
        return "bfloat16"
    found = _to_np_dtype(dtype)
    return "uint8" if found is None else np.dtype(found).name  # of fp8 the bytes


def numbers(data: bytes, dtype: str) -> np.ndarray:
    """Bytes of memory as numbers; bfloat16 as the float32 of the same value."""
    if dtype == "bfloat16":
        return (np.frombuffer(data, np.uint16).astype(np.uint32) << 16).view(np.float32)
    return np.frombuffer(data, dtype)


def _realized(graph: UOp, where: str, home: str, wanted: str) -> dict[UOp, bytes]:
    """The data of every buffer that has some, under the name that it has in the moved graph."""
    found = {}
    for uop in graph.toposort():
        if uop.op is Ops.BUFFER and uop.is_realized:
            key = uop if where == wanted else move(uop, home, wanted)
            found[key] = bytes(uop.buffer.as_memoryview())
    return found


class _Builder:
    """Names blocks in the order of their first use."""

    def __init__(self, device: str, data: dict[UOp, bytes]) -> None:
        self.device, self.data = device, data
        self.names: dict[UOp, int] = {}
        self.blocks: dict[int, int] = {}

    def build(self, scheduled: object, shape: tuple[int, ...]) -> Plan:
        steps = [self.step(i, call) for i, call in enumerate(scheduled.calls)]
        held = {self.names[u]: data for u, data in self.data.items() if u in self.names}
        values = {name: int(value) for name, value in scheduled.values.items()}
        return Plan(self.device, tuple(steps), self.blocks, held, values, shape)

    def step(self, index: int, call: UOp) -> Step:
        body = call.src[0]
        arguments = [s for s in call.src[1:] if not s.is_bound_var]
        places = tuple(self.place(a) for a in arguments)
        if body.op is Ops.COPY:
            return Step(index, "copy", None, places, (0,), (places[0].nbytes,))
        if body.op is not Ops.SINK:
            raise DebugError(
                "Run an expression step by step",
                expected="kernels and copies",
                got=f"a step of kind {body.op.name}",
                next_step="split the expression with .realize() before that step",
            )
        outs = written(body)
        shape = output_shape(body, arguments[outs[0]].max_numel())
        return Step(index, "kernel", body, places, outs, shape)

    def place(self, argument: UOp) -> Place:
        base, offset = argument, 0
        if argument.op is not Ops.BUFFER:
            view = argument.contiguous_view()
            if view is None or view[0].base.op is not Ops.BUFFER:
                raise DebugError(
                    "Run an expression step by step",
                    expected="kernels that read and write whole blocks or runs of them",
                    got=f"one that uses {argument.op.name}",
                    next_step="add .contiguous() before that step",
                )
            base, offset = view[0].base, view[1] * view[0].dtype.itemsize
        if base not in self.names:
            self.names[base] = len(self.names)
            self.blocks[self.names[base]] = base.max_numel() * base.dtype.itemsize
        nbytes = argument.max_numel() * argument.dtype.itemsize
        return Place(self.names[base], int(offset), nbytes, label_of(argument.dtype))


def written(ast: UOp) -> tuple[int, ...]:
    """Positions of the parameters that a kernel writes."""
    slots = set()
    for store in (u for u in ast.toposort() if u.op is Ops.STORE):
        slots |= {
            u.arg.slot for u in store.src[0].toposort() if u.op is Ops.PARAM and _is_buffer(u)
        }
    return tuple(sorted(slots))


def output_shape(ast: UOp, numel: int) -> tuple[int, ...]:
    """The extents of the loops around the store, where they cover the output exactly."""
    for end in (u for u in ast.toposort() if u.op is Ops.END):
        extents = [int(r.vmax) + 1 for r in end.src[1:] if r.op is Ops.RANGE]
        if extents and prod(extents) == numel:
            return tuple(extents)
    return (numel,)


def _is_buffer(param: UOp) -> bool:
    return param.arg.name is None

"""The launches of a stream on ELECTRICAL: one C function on the ring, called with a table."""

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from tinygrad import Device, Tensor
from tinygrad.engine.realize import compile_linear, get_call_arg_uops, run_linear
from tinygrad.helpers import Context
from tinygrad.uop.ops import Ops, UOp

from labs.electrical.stream.allocator import StreamingAllocator
from labs.electrical.stream.compiler import RealTimeCompiler
from labs.electrical.stream.renderer import Argument, Call, Group, SignalProcessingRenderer
from labs.electrical.stream.ring import Ring
from labs.electrical.stream.tasks import RESULTS, Task, TaskGroup, inputs, outputs
from labs.errors import DeviceError


@dataclass(frozen=True, eq=False)
class _Scheduled:
    """A group's kernels, scheduled; which buffer is what."""

    calls: tuple[UOp, ...]
    constants: tuple[UOp, ...]  # calls that don't depend on samples: run once, now
    windows: dict[int, int]  # id of a buffer that stands for a window -> its first row
    shapes: dict[Task, tuple[tuple[int, ...], str, object]]  # shape, dtype, buffer
    keep: tuple[Tensor, ...]


class NativeFunction:
    """Launches windows in place: nothing is copied, nothing allocated.

    Attributes:
        results: for each task its results, [window, ...]; a launch overwrites them.
        kernels: for each group how many kernels a window takes.

    Raises:
        DeviceError: a meter's arithmetic isn't all kernels on this device.
    """

    copies = ""

    def __init__(
        self,
        groups: tuple[TaskGroup, ...],
        ring: Ring,
        allocator: StreamingAllocator,
        compiler: RealTimeCompiler,
    ) -> None:
        self.groups, self.ring = groups, ring
        self.results: dict[Task, np.ndarray] = {}
        self._parameters: dict[Task, np.ndarray] = {}
        self._keep: list[object] = []
        addresses: list[int] = [ring.piece.address]
        renderer = SignalProcessingRenderer.of(allocator.device)
        rendered = []
        for group in groups:
            rendered.append(self._bind(group, ring, allocator, renderer, addresses))
        self.source = renderer.block(tuple(rendered), ring.layout)
        self.compiled = compiler.compile(self.source)
        table = allocator.take("table of launches", (2 * len(addresses),), "int32")
        # written one number at a time, where a ctypes array is quicker than numpy's
        self._table = (ctypes.c_uint64 * len(addresses)).from_address(table.address)
        self._table[:] = addresses
        self._keep.append(table)
        self._address, self._run = table.address, self.compiled.run
        self._slots = [(g.last, g.count, g.window - 1, len(g.calls)) for g in rendered]
        self._capacity = ring.layout.capacity
        self._ledger = Device[allocator.device].ledger
        self.kernels = tuple(len(g.calls) for g in rendered)

    def launch(self, requests: Sequence[tuple[int, int, int]]) -> None:
        """For each (group, index of the first window, windows): all of them in one call."""
        table, ledger = self._table, self._ledger
        for group, index, windows in requests:
            last, count, reach, kernels = self._slots[group]
            table[last] = (index + reach) % self._capacity
            table[count] = windows
            ledger.launches += windows * kernels
        ledger.graphs += 1
        self._run(self._address)
        for group, _, _ in requests:
            table[self._slots[group][1]] = 0

    def set_parameters(self, task: Task, parameters: tuple[float, ...]) -> None:
        self._parameters[task][:] = parameters

    def _bind(self, group, ring, allocator, renderer, addresses: list[int]) -> Group:
        found = _schedule(group, ring, allocator, self._parameters)
        self._keep.append(found)
        programs = [renderer.program(c.src[0]) for c in found.calls]
        if found.constants:
            with Context(NO_MEMORY_PLANNER=1):
                run_linear(compile_linear(UOp(Ops.LINEAR, src=found.constants)))
        row_bytes = ring.layout.stride * ring.layout.itemsize
        slots = {b: Argument(None, offset_bytes=r * row_bytes) for b, r in found.windows.items()}
        pieces: dict[int, np.ndarray] = {}
        for task, (shape, dtype, buffer) in found.shapes.items():
            if id(buffer) not in pieces:
                name = f"results of {task.name}"
                piece = allocator.take(name, (group.capacity, *shape), dtype)
                pieces[id(buffer)] = piece.array
                slots[id(buffer)] = Argument(len(addresses), piece.array[0].nbytes)
                addresses.append(piece.address)
            self.results[task] = pieces[id(buffer)]
        calls = []
        for program, call in zip(programs, found.calls, strict=True):
            buffers = [u.buffer for u in get_call_arg_uops(call)]
            arguments = []
            for i in program.arg.globals:
                buffer, base = buffers[i], buffers[i].base
                if id(base) not in slots:
                    slots[id(base)] = Argument(len(addresses))
                    addresses.append(self._address_of(base, allocator))
                place = slots[id(base)]
                arguments.append(replace(place, offset_bytes=place.offset_bytes + buffer.offset))
            calls.append(Call(program, tuple(arguments)))
        addresses += [0, 0]
        last, count = len(addresses) - 2, len(addresses) - 1
        return Group(group.window, group.hop, last, count, tuple(calls))

    def _address_of(self, buffer, allocator: StreamingAllocator) -> int:
        if buffer.is_allocated():  # a constant, or a task's parameters
            self._keep.append(buffer)
            return buffer.ensure_allocated()._buf.va_addr
        return allocator.take("between kernels", (buffer.nbytes,), "uint8").address


def _schedule(
    group: TaskGroup, ring: Ring, allocator: StreamingAllocator, places: dict[Task, np.ndarray]
) -> _Scheduled:
    layout = ring.layout
    windows: dict[tuple[int, int], Tensor] = {}
    made: dict[Task, Tensor] = {}
    told: dict[Task, Tensor] = {}
    for task in group.tasks:
        # every span has a tensor of its own that stands for it, so that the kernels for one channel
        # are those for any other, and are made once
        rows = task.span[1]
        if task.span not in windows:
            size = rows * layout.stride
            windows[task.span] = Tensor.empty(
                size, dtype=ring.piece.tensor.dtype, device=allocator.device
            )
        x = windows[task.span].reshape(rows, layout.stride)[:, : group.window]
        if task.meter.parameters:
            piece = allocator.take(f"told to {task.name}", (task.meter.parameters,), "float32")
            places[task], told[task] = piece.array, piece.tensor
        made[task] = outputs(task, inputs(task, x, layout), told.get(task))
    with Context(NO_MEMORY_PLANNER=1):  # else a constant's memory might be used for something else
        calls = Tensor.schedule_linear(*made.values()).src
    shapes = {
        task: (tensor.shape, RESULTS[tensor.dtype], tensor.uop.base.buffer)
        for task, tensor in made.items()
    }
    results = {id(buffer) for _, _, buffer in shapes.values()}
    found = {id(x.uop.base.buffer): first for (first, _), x in windows.items()}
    moving = {*found, *(id(t.uop.base.buffer) for t in told.values())}
    constants, launched = [], []
    for call in calls:
        buffers = [id(u.buffer.base) for u in get_call_arg_uops(call)]
        if moving.isdisjoint(buffers[1:]) and buffers[0] not in results:
            constants.append(call)
            continue
        devices = {str(u.device) for u in get_call_arg_uops(call)}
        if call.src[0].op is not Ops.SINK or devices != {allocator.device}:
            raise DeviceError(
                f"run {', '.join(t.name for t in group.tasks)} as one function",
                expected=f"kernels on {allocator.device} only",
                got=f"{call.src[0].op.name} on {', '.join(sorted(devices))}",
                next_step="keep every tensor of the meter's step on its input's device",
            )
        moving.add(buffers[0])
        launched.append(call)
    return _Scheduled(tuple(launched), tuple(constants), found, shapes, tuple(windows.values()))

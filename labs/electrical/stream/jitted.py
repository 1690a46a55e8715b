"""The launches of a stream on any other device: a TinyJit for each group, windows copied to it."""

import numpy as np
from tinygrad import Tensor, TinyJit
from tinygrad.device import Buffer
from tinygrad.dtype import dtypes
from tinygrad.uop.ops import Ops

from labs.electrical.stream.allocator import StreamingAllocator
from labs.electrical.stream.ring import Ring
from labs.electrical.stream.tasks import RESULTS, Task, TaskGroup, inputs, outputs

_DTYPES = {"int16": dtypes.int16, "float32": dtypes.float32}
CAPTURES = 3  # calls until a TinyJit replays: one plain, one captured, one to see that it works


class JitFunction:
    """Launches windows one by one, each copied to the device and its results copied back."""

    source = ""
    compiled = None

    def __init__(
        self, groups: tuple[TaskGroup, ...], ring: Ring, allocator: StreamingAllocator
    ) -> None:
        self.groups, self.ring = groups, ring
        self.copies = f"every window is copied to {allocator.device}, and its results back"
        self.results: dict[Task, np.ndarray] = {}
        self._told: dict[Task, np.ndarray] = {}
        self._steps = [self._prepare(group, allocator) for group in groups]
        self.kernels = tuple(_kernels(jit) for jit, *_ in self._steps)

    def launch(self, requests: list[tuple[int, int, int]]) -> None:
        """For each (group, index of the first window, windows): all of them."""
        for number, first, windows in requests:
            group = self.groups[number]
            jit, x, host, told = self._steps[number]
            for w in range(windows):
                host[:] = self.ring.window(first + w * group.hop, group.window)
                _copy_in(x, host)
                for task, tensor in told.items():
                    _copy_in(tensor, self._told[task])
                made = jit(x, *told.values())
                for task, tensor in zip(group.tasks, made, strict=True):
                    self.results[task][w] = tensor.numpy()

    def set_parameters(self, task: Task, parameters: tuple[float, ...]) -> None:
        self._told[task][:] = parameters

    def _prepare(self, group: TaskGroup, allocator: StreamingAllocator):
        layout, device = self.ring.layout, allocator.device
        shape = (layout.channels, group.window)
        host = allocator.take("a window", shape, layout.dtype).array
        x = _on(device, shape, layout.dtype)
        told = {}
        for task in group.tasks:
            if task.meter.parameters:
                told[task] = _on(device, (task.meter.parameters,), "float32")
                name = f"told to {task.name}"
                piece = allocator.take(name, (task.meter.parameters,), "float32")
                self._told[task] = piece.array
        order = list(told)

        def step(x: Tensor, *numbers: Tensor) -> tuple[Tensor, ...]:
            made = []
            for task in group.tasks:
                own = numbers[order.index(task)] if task in told else None
                first, count = task.span
                made.append(outputs(task, inputs(task, x[first : first + count], layout), own))
            Tensor.realize(*made)
            return tuple(made)

        jit = TinyJit(step)
        for _ in range(CAPTURES):
            made = jit(x, *told.values())
        for task, tensor in zip(group.tasks, made, strict=True):
            piece = allocator.take(
                f"results of {task.name}", (group.capacity, *tensor.shape), RESULTS[tensor.dtype]
            )
            self.results[task] = piece.array
        return jit, x, host, told


def _on(device: str, shape: tuple[int, ...], dtype: str) -> Tensor:
    return Tensor(np.zeros(shape, dtype), device=device).contiguous().realize()


def _copy_in(tensor: Tensor, values: np.ndarray) -> None:
    buffer = tensor.uop.base.buffer
    host = Buffer("PYTHON", buffer.size, buffer.dtype, opaque=memoryview(values).cast("B"))
    buffer.copy_from(host)


def _kernels(jit: TinyJit) -> int:
    calls = jit.captured.linear.src if jit.captured else ()
    batched = [c.src[0] for c in calls if c.src[0].op is Ops.CUSTOM_FUNCTION]
    return len(calls) - len(batched) + sum(len(b.src[0].src) for b in batched)

"""A specification compiled, allocated and bound: everything that a stream needs to run."""

from collections.abc import Callable
from dataclasses import dataclass, field

from labs.electrical.blocks import Channel
from labs.electrical.meters import Meter
from labs.electrical.stream.allocator import StreamingAllocator
from labs.electrical.stream.compiler import RealTimeCompiler
from labs.electrical.stream.jitted import JitFunction
from labs.electrical.stream.native import NativeFunction
from labs.electrical.stream.pipeline import Pipeline
from labs.electrical.stream.ring import Ring, layout
from labs.electrical.stream.tasks import Task, TaskGroup, group_tasks
from labs.electrical.stream.validity import InvalidRanges
from labs.errors import DeviceError


@dataclass(frozen=True, eq=False)
class BoundStream:
    """The parts, made once. `pipeline()` gives meters in their first state, for each run.

    `why_not_native` says why a device that could run all as one function doesn't.
    """

    tasks: tuple[Task, ...]
    makers: tuple[Callable[[], Meter], ...]
    channels: tuple[Channel, ...]
    groups: tuple[TaskGroup, ...]
    allocator: StreamingAllocator
    compiler: RealTimeCompiler | None
    ring: Ring
    function: NativeFunction | JitFunction
    why_not_native: str = ""
    in_use: list[str] = field(default_factory=list)  # one run at a time

    @property
    def longest(self) -> int:
        return max(t.meter.window for t in self.tasks)

    def pipeline(self) -> Pipeline:
        meters = {t: make() for t, make in zip(self.tasks, self.makers, strict=True)}
        shortest = min(t.meter.window for t in self.tasks)
        return Pipeline(self.function, InvalidRanges(shortest), meters)


def bind_stream(
    device: str,
    tasks: tuple[Task, ...],
    makers: tuple[Callable[[], Meter], ...],
    channels: tuple[Channel, ...],
    dtype: str,
    block_length: int,
    ring_blocks: int,
) -> BoundStream:
    """Compile, allocate, bind. Nothing of that happens again while a stream runs."""
    groups = group_tasks(tasks, block_length)
    longest = max(t.meter.window for t in tasks)
    allocator = StreamingAllocator(device)
    shape = layout(len(channels), dtype, longest, block_length, ring_blocks)
    ring, why = Ring(allocator, shape), ""
    compiler = RealTimeCompiler(device) if allocator.zero_copy else None
    function = None
    if compiler:
        try:
            function = NativeFunction(groups, ring, allocator, compiler)
        except DeviceError as error:
            why = error.got
        compiler.seal()
    function = function or JitFunction(groups, ring, allocator)
    allocator.freeze()
    return BoundStream(tasks, makers, channels, groups, allocator, compiler, ring, function, why)

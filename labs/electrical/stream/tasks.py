"""A meter with its channels, and which meters share a launch."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from tinygrad import Tensor
from tinygrad.dtype import dtypes

from labs.electrical.blocks import Channel
from labs.electrical.meters import Meter
from labs.electrical.stream.ring import Layout

MOST_WINDOWS = 64  # of one launch: bounds the memory of results
RESULTS = {dtypes.float32: "float32", dtypes.int32: "int32"}


@dataclass(frozen=True, eq=False)
class Task:
    """One measurement of the stream. `rows` are its channels' places in the ring."""

    name: str
    kind: str
    channels: tuple[Channel, ...]
    rows: tuple[int, ...]
    meter: Meter

    @property
    def span(self) -> tuple[int, int]:
        """Its first row, and how many there are up to its last one."""
        return min(self.rows), max(self.rows) - min(self.rows) + 1

    @property
    def is_fixed(self) -> bool:
        """Whether its windows are known beforehand."""
        return self.meter.hop is not None and self.meter.parameters == 0


@dataclass(frozen=True, eq=False)
class TaskGroup:
    """Tasks that run for the same windows; `capacity` is how many windows one launch can do."""

    tasks: tuple[Task, ...]
    window: int
    hop: int
    capacity: int


def group_tasks(tasks: Iterable[Task], block_length: int) -> tuple[TaskGroup, ...]:
    """Fixed tasks of equal window and hop together, every other one alone."""
    shared: dict[tuple[int, int] | int, list[Task]] = {}
    for number, task in enumerate(tasks):
        key = (task.meter.window, task.meter.hop) if task.is_fixed else number
        shared.setdefault(key, []).append(task)
    groups = []
    for members in shared.values():
        window, hop = members[0].meter.window, members[0].meter.hop or 1
        windows = min(MOST_WINDOWS, block_length // hop + 1) if members[0].is_fixed else 1
        groups.append(TaskGroup(tuple(members), window, hop, windows))
    return tuple(groups)


def inputs(task: Task, x: Tensor, layout: Layout) -> Tensor:
    """A task's samples as its meter wants them, float32 [channel, window].

    Args:
        x: [row of the task's span, window], as the source gives samples.
    """
    rows = tuple(r - task.span[0] for r in task.rows)
    if rows == tuple(range(rows[0], rows[0] + len(rows))):
        x = x[rows[0] : rows[0] + len(rows)]
    else:
        x = Tensor.cat(*[x[r : r + 1] for r in rows])
    x = x.cast(dtypes.float32)
    if layout.dtype == "float32" or task.meter.raw:
        return x
    scales, offsets = [c.scale for c in task.channels], [c.offset for c in task.channels]
    x = x * _per_channel(scales, x)
    return x + _per_channel(offsets, x) if any(offsets) else x


def outputs(task: Task, x: Tensor, parameters: Tensor | None) -> Tensor:
    """The task's results as a tensor of float32 or int32 with memory of its own."""
    result = task.meter.step(x, parameters)
    if result.dtype not in RESULTS:
        result = result.cast(dtypes.float32 if dtypes.is_float(result.dtype) else dtypes.int32)
    return result.contiguous()


def _per_channel(numbers: list[float], x: Tensor) -> Tensor | float:
    if len(set(numbers)) == 1:
        return float(np.float32(numbers[0]))
    return Tensor(np.array(numbers, np.float32)[:, None], device=x.device)

"""Windows in the order in which they end: launched together, read one by one.

How samples arrived can't be seen from here: a window is a place in the ring, its results are the
same bits whatever block it ended in, and readings come in the order of their windows' ends.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from labs.electrical.meters import Window
from labs.electrical.readings import Reading
from labs.electrical.stream.jitted import JitFunction
from labs.electrical.stream.native import NativeFunction
from labs.electrical.stream.tasks import Task
from labs.electrical.stream.validity import InvalidRanges
from labs.errors import LabError


class Pipeline:
    """The meters of one stream and their launches.

    Args:
        meters: used in the place of the tasks' own, by task; to time a plan without touching them.
    """

    def __init__(
        self,
        function: NativeFunction | JitFunction,
        invalid: InvalidRanges,
        meters: Mapping[Task, object] | None = None,
    ) -> None:
        self.function, self.invalid = function, invalid
        self.launches = self.windows = self.invalid_windows = 0
        self._members = [
            _Member(task, number, group.window, (meters or {}).get(task, task.meter))
            for number, group in enumerate(function.groups)
            for task in group.tasks
        ]
        self._order = {member: i for i, member in enumerate(self._members)}
        self._done = [(0, 0)] * len(function.groups)  # first window and how many: in the results
        self._blank = {
            m.task: np.full_like(r[0], np.nan if r.dtype.kind == "f" else 0)
            for m in self._members
            for r in [function.results[m.task]]
        }

    def process(self, end: int) -> Iterator[Reading]:
        """Readings of every window that ends by sample `end`, in order of their ends."""
        waiting = []
        for member in self._members:
            self._ask(member, end)
            if member.due is not None:
                waiting.append(member)
        if not waiting:
            return
        self._launch(waiting, end)
        while waiting:
            member = min(waiting, key=_when)
            yield from self._read(member, end)
            self._ask(member, end)
            if member.due is None:
                waiting.remove(member)

    def finish(self) -> Iterator[Reading]:
        """What meters still have to say when the stream has ended."""
        for member in self._members:
            yield from member.meter.finish()

    def _ask(self, member: "_Member", end: int) -> None:
        window = member.meter.due(end)
        if window is not None:
            _check(member, window, end)
            reason = self.invalid.reason(window.index, window.count, member.task.rows)
            if reason:
                window = replace(window, valid=False, reason=reason)
            member.end = window.index + window.count
        member.due = window

    def _launch(self, members: list["_Member"], end: int) -> None:
        """What these windows need and isn't there yet, in one call."""
        requests, asked = [], set()
        for member in members:
            number, window = member.group, member.due
            if not window.valid or number in asked or self._place(number, window) is not None:
                continue
            asked.add(number)
            group = self.function.groups[number]
            count = min(group.capacity, (end - window.index - window.count) // group.hop + 1)
            if member.meter.parameters:
                self.function.set_parameters(member.task, window.parameters)
            requests.append((number, window.index, count))
            self._done[number] = (window.index, count)
        if requests:
            self.function.launch(requests)
            self.launches += 1

    def _place(self, number: int, window: Window) -> int | None:
        """Where in the results this window's are."""
        group = self.function.groups[number]
        if group.tasks[0].is_fixed:
            first, count = self._done[number]
            place, rest = divmod(window.index - first, group.hop)
            if rest == 0 and 0 <= place < count:
                return place
        return None

    def _read(self, member: "_Member", end: int) -> list[Reading]:
        window = member.due
        self.windows += 1
        if not window.valid:
            self.invalid_windows += 1
            return member.meter.read(self._blank[member.task], window)
        place = self._place(member.group, window)
        if (
            place is None
            and not member.task.is_fixed
            and self._done[member.group]
            == (
                window.index,
                1,
            )
        ):
            place = 0
        if place is None:
            self._launch([member], end)
            place = 0
        if not member.task.is_fixed:
            self._done[member.group] = (0, 0)  # its parameters may differ next time
        return member.meter.read(self.function.results[member.task][place], window)


class _Member:
    """A task with the window it waits for."""

    __slots__ = ("task", "group", "window", "meter", "due", "end")

    def __init__(self, task: Task, group: int, window: int, meter: object) -> None:
        self.task, self.group, self.window, self.meter = task, group, window, meter
        self.due: Window | None = None
        self.end = 0


def _when(member: _Member) -> int:
    return member.end  # min() keeps the first of equals: the order of the specification


def _check(member: _Member, window: Window, end: int) -> None:
    wrong = (
        window.count != member.window
        or window.index < 0
        or window.index + window.count > end
        or window.index + window.count < member.end
        or len(window.parameters) != member.meter.parameters
    )
    if wrong:
        raise LabError(
            f"measure {member.task.name}",
            expected=f"windows of {member.window} samples that end by {end}, in order, with "
            f"{member.meter.parameters} numbers",
            got=f"[{window.index}, {window.index + window.count}) with {len(window.parameters)}",
            next_step="correct the meter's `due`",
        )

"""Windows in the order in which they end: launched together, read one by one.

How samples arrived can't be seen from here: a window is a place in the ring, its results are the
same bits whatever block it ended in, and readings come in the order of their windows' ends.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from operator import attrgetter

import numpy as np

from labs.electrical.meters import Meter, Window
from labs.electrical.readings import Reading
from labs.electrical.stream.jitted import JitFunction
from labs.electrical.stream.native import NativeFunction
from labs.electrical.stream.tasks import Task, TaskGroup
from labs.electrical.stream.validity import InvalidRanges
from labs.errors import LabError


class Pipeline:
    """The meters of one stream and their launches.

    Args:
        meters: used in the place of the tasks' own, by task: another run, or a trial.
    """

    def __init__(
        self,
        function: NativeFunction | JitFunction,
        invalid: InvalidRanges,
        meters: Mapping[Task, Meter] | None = None,
    ) -> None:
        self.function, self.invalid = function, invalid
        self.launches = self.windows = self.invalid_windows = 0
        self._processed = self._kept = 0  # samples before this may have been overwritten
        self._longest = max(g.window for g in function.groups)
        self._members = []
        for number, group in enumerate(function.groups):
            shared = _Results(group)
            for task in group.tasks:
                meter = (meters or {}).get(task, task.meter)
                self._members.append(_Member(task, number, shared, meter, function.results[task]))

    def process(self, end: int) -> list[Reading]:
        """Readings of every window that ends by sample `end`, in order of their ends."""
        self._kept = self._processed - self._longest
        self._processed = end
        waiting = [member for member in self._members if self._ask(member, end)]
        if not waiting:
            return []
        if len(waiting) > 1:  # one alone is launched when it is read
            self._launch(waiting, end)
        readings: list[Reading] = []
        while waiting:
            # the order of the specification among those that end together
            member = waiting[0] if len(waiting) == 1 else min(waiting, key=_end)
            readings += self._read(member, end)
            if not self._ask(member, end):
                waiting.remove(member)
        return readings

    def finish(self) -> list[Reading]:
        """What meters still have to say when the stream has ended."""
        return [reading for member in self._members for reading in member.meter.finish()]

    def windows_of_groups(self) -> tuple[int, ...]:
        """How many windows of each group have been read; what shares a launch counts once."""
        counts = [0] * len(self.function.groups)
        for member in self._members:
            counts[member.group] = max(counts[member.group], member.read)
        return tuple(counts)

    def _ask(self, member: "_Member", end: int) -> bool:
        if member.earliest > end:
            return False
        window = member.due_by(end)
        if window is None:
            return False
        last = window.index + window.count
        if (
            window.count != member.window
            or not member.earliest <= last <= end
            or len(window.parameters) != member.parameters
            or not self._kept <= window.index >= 0
        ):
            raise _wrong(member, window, end)
        if self.invalid.any:
            reason = self.invalid.reason(window.index, window.count, member.rows)
            if reason:
                window = replace(window, valid=False, reason=reason)
        member.due, member.end, member.earliest = window, last, last + member.hop
        return True

    def _launch(self, members: Sequence["_Member"], end: int) -> None:
        """What these windows need and isn't there yet, in one call."""
        requests = []
        for member in members:
            if member.due.valid and member.of_group.place(member.due) is None:
                requests.append(self._request(member, end))
        if requests:
            self.function.launch(requests)
            self.launches += 1

    def _request(self, member: "_Member", end: int) -> tuple[int, int, int]:
        """A member's window and those after it that end in time, as one launch."""
        window, results = member.due, member.of_group
        count = 1
        if results.most > 1:
            count = min(results.most, (end - member.end) // results.hop + 1)
        if member.parameters:
            self.function.set_parameters(member.task, window.parameters)
        results.first, results.count = window.index, count
        return member.group, window.index, count

    def _read(self, member: "_Member", end: int) -> list[Reading]:
        window, results = member.due, member.of_group
        self.windows += 1
        member.read += 1
        if not window.valid:
            self.invalid_windows += 1
            return member.meter.read(member.blank, window)
        place = results.place(window)
        if place is None:
            self.function.launch((self._request(member, end),))
            self.launches += 1
            place = 0
        if not member.is_fixed:
            results.count = 0  # what it is told may differ next time
        return member.meter.read(member.results[place], window)


class _Results:
    """Which windows' results a group's memory holds: `count` from sample `first` on."""

    __slots__ = ("hop", "most", "first", "count")

    def __init__(self, group: TaskGroup) -> None:
        self.hop, self.most, self.first, self.count = group.hop, group.capacity, 0, 0

    def place(self, window: Window) -> int | None:
        """Where this window's results are; None: it hasn't been launched."""
        if self.count == 0:
            return None
        if window.index == self.first:
            return 0
        place, rest = divmod(window.index - self.first, self.hop)
        return place if rest == 0 and 0 < place < self.count else None


class _Member:
    """A task with the window it waits for."""

    __slots__ = (
        *("task", "group", "of_group", "meter", "results", "blank", "window", "parameters"),
        *("rows", "is_fixed", "due", "end", "hop", "earliest", "due_by", "read"),
    )

    def __init__(
        self, task: Task, group: int, of_group: _Results, meter: Meter, results: np.ndarray
    ) -> None:
        self.task, self.group, self.of_group = task, group, of_group
        self.meter, self.results = meter, results
        self.blank = np.full_like(results[0], np.nan if results.dtype.kind == "f" else 0)
        self.window, self.parameters = meter.window, meter.parameters
        self.rows, self.is_fixed = task.rows, task.is_fixed
        self.due: Window | None = None
        self.end = self.read = 0
        # before this sample its next window can't end
        self.earliest, self.hop, self.due_by = meter.window, meter.hop or 0, meter.due


_end = attrgetter("end")


def _wrong(member: _Member, window: Window, end: int) -> LabError:
    return LabError(
        f"measure {member.task.name}",
        expected=f"windows of {member.window} samples that end by {end} and not before "
        f"{member.earliest}, with {member.parameters} numbers",
        got=f"[{window.index}, {window.index + window.count}) with {len(window.parameters)}",
        next_step="correct the meter's `due`",
    )

"""find_leaks(): memory that survives the calls of a function, by the line that allocated it."""

import ctypes
import gc
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import psutil

from labs import toolchain, units
from labs.debug.errors import DebugError
from labs.debug.plan import open_device
from labs.tables import Table, TableView

toolchain.activate()

from tinygrad import Tensor

from labs.lowering import trace_memory

_WARMUPS = 3  # a TinyJit is captured at its second call
_FEW_BYTES = 64 << 10  # per call: below, the process's own ups and downs hide it


@dataclass(frozen=True)
class LeakSite:
    """A line whose buffers were still in use after the calls.

    Args:
        blocks: in use at the end; bytes: of them all.
        by_call: blocks of this line in use after each call.
        growing: more after each of the last calls; else a cache, or one result that is kept.
    """

    place: str
    code: str
    blocks: int
    bytes: int
    by_call: tuple[int, ...]
    growing: bool


@dataclass(frozen=True, repr=False)
class LeakReport(TableView):
    """Memory that a function's calls left behind.

    Args:
        sites: lines with buffers in use at the end, growing ones first.
        freed_bytes_per_call: what tinygrad gave back to the device for good, per call.
        process_bytes_per_call: how much this process grew per call, over the second half of them.
        kept_by_device: the device was given that memory back, and the process grew by as much.
    """

    device: str
    calls: int
    sites: tuple[LeakSite, ...]
    freed_bytes_per_call: float
    process_bytes_per_call: float
    kept_by_device: bool

    @property
    def growing(self) -> tuple[LeakSite, ...]:
        """The lines whose buffers grow in number."""
        return tuple(site for site in self.sites if site.growing)

    @property
    def leaks(self) -> bool:
        """Something grows with each call."""
        return bool(self.growing) or self.kept_by_device

    def table(self) -> Table:
        rows = tuple(
            (
                s.place or "unknown",
                s.code,
                "growing" if s.growing else "constant",
                s.blocks,
                units.format_bytes(s.bytes),
                " ".join(str(n) for n in s.by_call[-8:]),
            )
            for s in self.sites
        )
        columns = ("place", "code", "verdict", "blocks", "size", "blocks after each call")
        grow = len(self.growing)
        title = f"After {self.calls} calls on {self.device}: "
        title += f"{grow} line{'s' if grow != 1 else ''} leak" if grow else "no line leaks"
        note = f"The process grew by {units.format_bytes(max(0, self.process_bytes_per_call))} per "
        note += f"call; {units.format_bytes(self.freed_bytes_per_call)} per call were given back "
        note += f"to {self.device}" + (", which keeps them." if self.kept_by_device else ".")
        return Table(title, columns, rows, note)


def find_leaks(function: Callable[[], object], device: str, repeats: int = 8) -> LeakReport:
    """Call a function again and again, and see which buffers stay.

    Args:
        function: without arguments; what it returns is realized and dropped.
        device: whose memory.
        repeats: calls that are watched, after three others; at least 4.

    Returns:
        The lines that allocated what is still in use. A buffer in a reference cycle is collected
        first, and is none. Memory that the device was given back and has kept is seen by the growth
        of this process: on a device with memory of its own (a GPU) it isn't.

    Raises:
        DebugError: not a function, or too few calls.
        DeviceError: the device can't be opened.

    Example:
        >>> kept = []
        >>> find_leaks(lambda: kept.append(Tensor.ones(9).contiguous().realize()), "CPU").leaks
        True
    """
    asked = f"Look for leaks on {device}"
    if isinstance(function, Tensor) or not callable(function):
        raise DebugError(
            asked,
            expected="a function without arguments, to be called again and again",
            got=f"a {type(function).__name__}",
            next_step="wrap it: lambda: (x * 2).realize()",
        )
    if isinstance(repeats, bool) or not isinstance(repeats, int) or repeats < 4:
        raise DebugError(
            asked, expected="repeats of at least 4", got=repr(repeats), next_step="leave it out"
        )
    name = open_device(device, asked).device
    for _ in range(_WARMUPS):
        _call(function)
    _trim()
    process, sizes, counts = psutil.Process(), [], []
    with trace_memory(name) as trace:
        for _ in range(repeats):
            _call(function)
            if trace.leaks:  # what only a reference cycle holds is in nobody's use
                gc.collect(1)  # young ones: a full collection takes much longer; it comes last
            counts.append(Counter((leak.place, leak.code) for leak in trace.leaks))
            sizes.append(process.memory_info().rss)
        left = trace.leaks
    return _report(name, repeats, counts, left, sizes, trace.events)


def _trim() -> None:
    """Give the C library's unused memory back to the system: what it reuses is no growth."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc; musl has none
        if trim is not None:
            trim(0)


def _call(function: Callable[[], object]) -> None:
    result = function()
    items = result if isinstance(result, (tuple, list)) else [result]
    tensors = [item for item in items if isinstance(item, Tensor)]
    if tensors:
        tensors[0].realize(*tensors[1:])


def _report(
    name: str,
    repeats: int,
    counts: list[Counter],
    left: tuple,
    sizes: list[int],
    events: tuple,
) -> LeakReport:
    sites = []
    for place, code in dict.fromkeys((leak.place, leak.code) for leak in left):
        by_call = tuple(count[place, code] for count in counts)
        late = by_call[-(repeats // 2) - 1 :]
        growing = all(a < b for a, b in zip(late, late[1:], strict=False))
        mine = [leak for leak in left if (leak.place, leak.code) == (place, code)]
        total = sum(leak.bytes for leak in mine)
        sites.append(LeakSite(place, code, len(mine), total, by_call, growing))
    sites.sort(key=lambda s: (not s.growing, -s.bytes))
    half = repeats // 2
    growth = (sizes[-1] - sizes[-1 - half]) / half
    returned = sum(
        e.bytes for e in events if e.kind == "free" and e.detail == "returned to the device"
    )
    freed = returned / repeats
    kept = freed >= _FEW_BYTES and growth >= 0.5 * freed
    return LeakReport(name, repeats, tuple(sites), freed, growth, kept)

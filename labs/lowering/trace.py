"""What trace_memory() saw: events, peak and leaks, filled by the taps, shown as tables."""

import linecache
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labs import toolchain, units
from labs.tables import Table, TableView

toolchain.activate()

from tinygrad import Device

from labs.lowering import tap as taps

# modules whose frames are not the reader's; tinygrad's generated matchers have no name at all
_INTERNAL = ("tinygrad", "labs.lowering.", "contextlib", "functools", "threading", "importlib")
_MAX_ROWS = 40  # of a table in a notebook
KINDS = {
    "allocate": "new from the device",
    "reuse": "kept block, used again",
    "free": "given up",
    "free_untraced": "given up; handed out before the trace, or lent by the host",
    "copy_in": "host to device",
    "copy_out": "device to host",
    "transfer": "device to device",
    "zero_copy": "the host works in the device's memory",
    "release": "kept blocks returned to the device",
    "failed": "out of memory",
}


@dataclass(frozen=True)
class MemoryEvent:
    """One thing that happened to a device's memory.

    Args:
        t_s: seconds since the trace began.
        kind: a key of the list in this file: allocate, reuse, free, copy_in, copy_out, zero_copy...
        bytes: size of the block or copy.
        live_bytes: handed out on this device since the trace began, after this event.
        kept_bytes: what its allocator holds for reuse, after this event.
        detail: where a freed block went.
        place: the line of the reader's code, "file:line".
    """

    t_s: float
    device: str
    kind: str
    bytes: int
    live_bytes: int
    kept_bytes: int
    detail: str = ""
    place: str = ""


@dataclass(frozen=True)
class Leak:
    """A block handed out during the trace that was still in use at its end.

    Not always a mistake: a result that is kept on purpose is in use too.
    """

    device: str
    bytes: int
    t_s: float
    place: str
    code: str


class Leaks(TableView, tuple[Leak, ...]):
    """The leaks, shown as a table."""

    def table(self) -> Table:
        rows = tuple(
            (k.device, units.format_bytes(k.bytes), units.format_seconds(k.t_s), k.place, k.code)
            for k in self
        )
        columns = ("device", "size", "allocated at", "place", "code")
        total = units.format_bytes(sum(leak.bytes for leak in self))
        return Table(f"Still in use at the end: {len(self)} blocks, {total}", columns, rows)


class MemoryTrace:
    """What `trace_memory` saw. Readable during the block and after it."""

    def __init__(self, devices: Sequence[str]) -> None:
        self.devices = tuple(devices)
        self._lock = threading.RLock()
        self._start = time.perf_counter()
        self._events: list[MemoryEvent] = []
        self._live: dict[str, int] = defaultdict(int)
        self._peak: dict[str, int] = defaultdict(int)
        self._total_peak = 0
        # several blocks can share one handle: the NULL device has only one, None
        self._blocks: dict[tuple[str, int], list[Leak]] = defaultdict(list)

    @property
    def events(self) -> tuple[MemoryEvent, ...]:
        with self._lock:
            return tuple(self._events)

    @property
    def live_bytes(self) -> int:
        """Handed out since the trace began and still in use, over all its devices."""
        with self._lock:
            return sum(self._live.values())

    @property
    def peak_bytes(self) -> int:
        """The most that was in use at one time, over all its devices, above what was before."""
        with self._lock:
            return self._total_peak

    @property
    def peak_by_device(self) -> dict[str, int]:
        with self._lock:
            return {device: self._peak[device] for device in self.devices}

    @property
    def leaks(self) -> Leaks:
        """Blocks of this trace that are in use, or were when it ended; oldest first."""
        with self._lock:
            found = [leak for blocks in self._blocks.values() for leak in blocks]
        return Leaks(sorted(found, key=lambda leak: leak.t_s))

    def count(self, kind: str, device: str | None = None) -> int:
        """How many events of one kind."""
        return sum(e.kind == kind and device in (None, e.device) for e in self.events)

    def summary(self) -> Table:
        """One row per device."""
        kinds = ("allocate", "reuse", "free", "copy_in", "copy_out", "zero_copy")
        rows = tuple(
            (
                device,
                *(self.count(kind, device) for kind in kinds),
                units.format_bytes(self.peak_by_device[device]),
                units.format_bytes(self._live[device]),
                units.format_bytes(self._kept(device)),
            )
            for device in self.devices
        )
        columns = ("device", *kinds, "peak", "in use at the end", "kept for reuse")
        return Table("Device memory", columns, rows)

    def table(self, max_rows: int = _MAX_ROWS) -> Table:
        """The events in order."""
        events = self.events
        rows = tuple(
            (
                units.format_seconds(e.t_s),
                e.device,
                e.kind,
                units.format_bytes(e.bytes),
                units.format_bytes(e.live_bytes),
                units.format_bytes(e.kept_bytes),
                e.detail or KINDS[e.kind],
                e.place,
            )
            for e in events[:max_rows]
        )
        columns = ("time", "device", "event", "size", "in use", "kept for reuse", "what", "place")
        note = f"Peak {units.format_bytes(self.peak_bytes)}, {len(self.leaks)} blocks still in use."
        if len(events) > max_rows:
            note = f"{len(events) - max_rows} more events. {note}"
        return Table("Device memory, event by event", columns, rows, note)

    def _repr_html_(self) -> str:
        return self.summary()._repr_html_() + self.table()._repr_html_()

    # what a tap tells (labs.lowering.tap.Listener)

    def allocated(self, device: str, block: Any, size: int, fresh: bool) -> None:
        place, code = _readers_place()
        with self._lock:
            leak = Leak(device, size, self._now(), place, code)
            self._blocks[device, id(block)].append(leak)
            self._live[device] += size
            self._peak[device] = max(self._peak[device], self._live[device])
            self._total_peak = max(self._total_peak, sum(self._live.values()))
            self._add(device, "allocate" if fresh else "reuse", size, place=place)

    def freeing(self, device: str, block: Any, size: int) -> Leak | None:
        with self._lock:
            known = self._blocks.get((device, id(block)), [])
            for i in reversed(range(len(known))):
                if known[i].bytes == size:
                    return known.pop(i)
        return None

    def freed(self, device: str, token: Leak | None, size: int, returned: bool) -> None:
        with self._lock:
            if token is None:
                self._add(device, "free_untraced", size)
                return
            self._live[device] -= size
            detail = "returned to the device" if returned else "kept for reuse"
            self._add(device, "free", size, detail, token.place)

    def copied(self, device: str, kind: str, size: int) -> None:
        place, _ = _readers_place()
        with self._lock:
            self._add(device, kind, size, place=place)

    def failed(self, device: str, size: int) -> None:
        place, _ = _readers_place()
        with self._lock:
            self._add(device, "failed", size, place=place)

    def released(self, device: str, size: int) -> None:
        with self._lock:
            self._add(device, "release", size)

    def _add(self, device: str, kind: str, size: int, detail: str = "", place: str = "") -> None:
        live, kept = self._live[device], self._kept(device)
        self._events.append(MemoryEvent(self._now(), device, kind, size, live, kept, detail, place))

    def _now(self) -> float:
        return time.perf_counter() - self._start

    def _kept(self, device: str) -> int:
        return taps.kept_bytes(Device[device].allocator)


def _readers_place() -> tuple[str, str]:
    """File and line outside tinygrad and this room, and the text of that line."""
    frame = sys._getframe(1)
    while frame is not None and _is_internal(frame.f_globals.get("__name__") or ""):
        frame = frame.f_back
    if frame is None:
        return "", ""
    file, line = frame.f_code.co_filename, frame.f_lineno
    code = linecache.getline(file, line).strip()
    # a notebook's cell is a file of a random number
    name = (
        "this notebook" if "ipykernel" in file or file.startswith("<ipython") else Path(file).name
    )
    return f"{name}:{line}", code


def _is_internal(module: str) -> bool:
    return not module or module.startswith(_INTERNAL)

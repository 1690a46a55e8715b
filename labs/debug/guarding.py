"""guard(): red zones and poison around every buffer that a device hands out while a block runs.

    with guard("MINE") as g:
        model(x).realize()
    g.report

Each buffer gets bytes of a known pattern in front of it and behind it, which nobody has to write;
they are looked at after every kernel. Fresh memory is filled with NaN, freed memory with another
pattern, and is kept for a while before the device gets it back.
"""

import itertools
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from labs import toolchain
from labs.debug.errors import DebugError
from labs.debug.findings import Finding, GuardReport
from labs.debug.places import readers_place
from labs.debug.plan import open_device
from labs.debug.zones import ALIGNMENT, Reach, pattern
from labs.tables import Table, TableView

toolchain.activate()

from tinygrad.device import BufferSpec
from tinygrad.engine import realize

from labs.debug.observing import devices_of, name_of, observing

RED = 0xA000  # of red zones: with a number for each buffer, so that two that overlap differ
FRESH = 0xFFFF  # of memory that nothing was written to: NaN in every float, -1 as an integer
FREED = 0xFFC1  # of freed memory: a NaN too, and not the same
ZONE_BYTES = 1024
QUARANTINE_BYTES = 8 << 20
_REMEMBERED = 4096  # blocks given back, whose second release is still told from a first one


class guard(TableView):  # noqa: N801  a context manager that reads like a function
    """Watch the memory of devices while a block runs; at its end everything is as it was.

    Args:
        devices: names, one or more.
        zone_bytes: on each side of a buffer; writes farther away than that are not seen.
        poison: 16 bits that fresh memory is filled with.
        quarantine_bytes: freed memory that is kept back; 0 gives it to the device at once.
        after_each_kernel: look after every kernel and copy, and so tell which one wrote; else only
            when a buffer is freed and at the end.

    Reads outside of a buffer leave no trace and are not seen; nor are writes that happen to write
    what is there. A buffer that outlives the block keeps its red zones until it is freed.

    Raises:
        DebugError: a guard that already ran, or an argument that makes no sense.
        DeviceError: a device that can't be opened.

    Example:
        >>> with guard("CPU") as g:
        ...     x = (Tensor([1.0, 2.0], device="CPU") * 2).realize()
        >>> g.report.clean
        True
    """

    def __init__(
        self,
        *devices: str,
        zone_bytes: int = ZONE_BYTES,
        poison: int = FRESH,
        quarantine_bytes: int = QUARANTINE_BYTES,
        after_each_kernel: bool = True,
    ) -> None:
        asked = f"Guard the memory of {', '.join(map(str, devices)) or 'no device'}"
        if not devices:
            raise DebugError(asked, expected="a device's name", next_step='guard("CPU")')
        _check_whole(asked, "zone_bytes", zone_bytes, 1, 1 << 30)
        _check_whole(asked, "poison", poison, 0, 0xFFFF)
        _check_whole(asked, "quarantine_bytes", quarantine_bytes, 0, 1 << 50)
        opened = {d.device: d for d in (open_device(name, asked) for name in devices)}
        zone = -(-zone_bytes // ALIGNMENT) * ALIGNMENT
        numbers = itertools.count(1)
        self._watches = tuple(
            _Watch(name, d, zone, poison, quarantine_bytes, numbers) for name, d in opened.items()
        )
        self._after_each, self._zone = after_each_kernel, zone
        self._stack = ExitStack()
        self._state = "new"

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Everything so far, in the order in which it was seen."""
        return self.report.findings

    @property
    def report(self) -> GuardReport:
        """Everything so far."""
        found = sorted((f for w in self._watches for f in w.findings), key=lambda pair: pair[0])
        return GuardReport(
            devices=tuple(w.name for w in self._watches),
            findings=tuple(finding for _, finding in found),
            guarded=sum(w.count for w in self._watches),
            unguarded=sum(w.unguarded for w in self._watches),
            checks=sum(w.checks for w in self._watches),
            zone_bytes=self._zone,
            notes=tuple(dict.fromkeys(n for w in self._watches for n in w.notes)),
        )

    def table(self) -> Table:
        return self.report.table()

    def __enter__(self) -> "guard":
        if self._state != "new":
            raise DebugError(
                "Guard memory", got="a guard that already ran", next_step="make a new guard()"
            )
        self._state = "active"
        for watch in self._watches:
            watch.install()
            self._stack.callback(watch.remove)
        if self._after_each:
            self._stack.enter_context(observing(self))
        return self

    def __exit__(self, *_exception: object) -> None:
        self._state = "done"
        self._stack.close()

    # what `observing` tells

    def before(self, call: Any, context: Any) -> None:
        pass

    def after(self, call: Any, context: Any, times: list, began_s: float) -> None:
        involved = {b for d in devices_of(call) for b in (d, *_devices(call, context))}
        for watch in self._watches:
            if watch.name in involved:
                watch.check(name_of(call, context))


@dataclass(eq=False)
class _Block:
    """A buffer with its red zones: `base` is the device's, `opaque` what tinygrad got."""

    number: int
    base: Any
    opaque: Any
    size: int
    total: int
    start: int
    options: Any
    address: int | None
    place: str
    code: str
    freed: bool = field(default=False)

    @property
    def red(self) -> int:
        """The word that its red zones are filled with."""
        return RED | (self.number * 0x35D & 0xFFF)


class _Watch:
    """The replaced methods of one allocator."""

    def __init__(
        self,
        name: str,
        device: Any,
        zone: int,
        poison: int,
        quarantine: int,
        numbers: Iterator[int],
    ) -> None:
        self.name, self.device, self.allocator = name, device, device.allocator
        self.zone, self.poison, self.limit = zone, poison, quarantine
        self.reach, self._numbers = Reach(self.allocator), numbers
        self.findings: list[tuple[int, Finding]] = []
        self.count = self.unguarded = self.checks = 0
        self.notes: list[str] = []
        self._told: set[tuple[str, int]] = set()  # kind and buffer: each once
        self._shared: set[int] = set()  # buffers that overlap: of those, all else follows
        self._live: dict[int, _Block] = {}  # by id of the handle that tinygrad has
        self._kept: deque[_Block] = deque()
        self._gone: dict[int, _Block] = {}  # by the same id, the oldest first
        self._active = False
        self._lock = threading.RLock()  # finalizers free buffers in the middle of anything

    def install(self) -> None:
        allocator = self.allocator
        self._original = {name: vars(allocator).get(name) for name in ("alloc", "free")}
        self._alloc_of_device, self._free_of_device = allocator.alloc, allocator.free
        self._probe()
        # the same object each time: it is how `_restore` knows that nobody came after
        self._mine = {"alloc": self.alloc, "free": self.free}
        for name, method in self._mine.items():
            setattr(allocator, name, method)
        self._active = True

    def remove(self) -> None:
        """The end of the guard: a last look, freed memory given back, methods put back."""
        try:
            self.check("")
        finally:
            with self._lock:
                self._active = False
                while self._kept:
                    self._give_back(self._kept.popleft())
                self._restore("alloc")
                if not self._live:  # else the last one that is freed does it
                    self._restore("free")

    def alloc(self, size: int, options: Any = None) -> Any:
        if not self._active or (options is not None and options != BufferSpec()):
            # where a device stages copies in the host's memory, that is not the reader's
            self.unguarded += self._active and not getattr(options, "host", False)
            return self._alloc_of_device(size, options)
        front = self.zone if self.reach.offsets else 0
        total = front + -(-size // ALIGNMENT) * ALIGNMENT + self.zone
        base = self._alloc_of_device(total, options)
        self.device.synchronize()  # the block may have been used, and given up, a moment ago
        opaque = self.allocator._offset(base, size, front) if front else base
        place, code = readers_place()
        with self._lock:
            self.count += 1
            address = self.reach.address(base)
            number = next(self._numbers)
            block = _Block(number, base, opaque, size, total, front, options, address, place, code)
            self._look_for_overlap(block)
            data = pattern(block.red, total)
            data[front : front + size] = pattern(self.poison, size)
            self.reach.write(base, total, 0, data)
            self._live[id(opaque)] = block
        return opaque

    def free(self, opaque: Any, size: int, options: Any = None) -> None:
        with self._lock:
            block = self._live.get(id(opaque))
            if block is None:
                twice = self._gone.get(id(opaque))
                if twice is None or not self._active:
                    self._free_of_device(opaque, size, options)
                    return
                self._add("double free", twice, message="the device was not told")
                return
            del self._live[id(opaque)]
            if not self._active:
                self._free_of_device(block.base, block.total, block.options)
                if not self._live:
                    self._restore("free")
                return
            self.device.synchronize()
            self._check_zones(block, "")
            block.freed = True
            self._gone[id(opaque)] = block  # it is referred to here, so its id stays its own
            if len(self._gone) > _REMEMBERED:
                del self._gone[next(iter(self._gone))]
            self._kept.append(block)
            self.reach.write(block.base, block.total, 0, pattern(FREED, block.total))
            while sum(b.total for b in self._kept) > self.limit:
                oldest = self._kept.popleft()
                self._check_freed(oldest, "")
                self._give_back(oldest)

    def check(self, writer: str) -> None:
        """Look at every red zone and at everything that has been freed."""
        self.device.synchronize()
        with self._lock:
            self.checks += 1
            for block in list(self._live.values()):
                self._check_zones(block, writer)
            for block in list(self._kept):
                self._check_freed(block, writer)

    def _check_zones(self, block: _Block, writer: str) -> None:
        stop = block.start + block.size
        behind = self._changed(block, stop, block.total, block.red)
        if behind.size:
            self._add("behind", block, behind.size, int(behind[0]), writer)
        if block.start:
            front = self._changed(block, 0, block.start, block.red)
            if front.size:
                distance = block.start - 1 - int(front[-1])
                self._add("in front", block, front.size, distance, writer)

    def _check_freed(self, block: _Block, writer: str) -> None:
        changed = self._changed(block, 0, block.total, FREED)
        if changed.size:
            place = max(0, int(changed[0]) - block.start)
            self._add("after free", block, changed.size, place, writer)

    def _changed(self, block: _Block, start: int, stop: int, word: int) -> np.ndarray:
        """Where these bytes are not the pattern, from `start`; afterwards they are again."""
        want = pattern(word, block.total)[start:stop]
        seen = self.reach.read(block.base, block.total, start, stop)
        where = np.flatnonzero(seen != want)
        if where.size:
            self.reach.write(block.base, block.total, start, want)
        return where

    def _look_for_overlap(self, block: _Block) -> None:
        for other in (*self._live.values(), *self._kept):
            same = other.base is block.base
            if not same and None not in (other.address, block.address):
                a, b = other.address, block.address
                same = a < b + block.total and b < a + other.total
            if same:
                text = f"it shares memory with buffer {other.number}, "
                text += "which was freed" if other.freed else f"from {other.place or 'elsewhere'}"
                self._add("overlap", block, message=text)
                self._shared |= {block.number, other.number}
                return

    def _give_back(self, block: _Block) -> None:
        self._free_of_device(block.base, block.total, block.options)

    def _probe(self) -> None:
        total = 3 * ALIGNMENT
        base = self._alloc_of_device(total, None)
        try:
            works, why = self.reach.views_work(base, total)
        finally:
            self._free_of_device(base, total, None)
        self.reach.offsets = works
        if why:
            block = _Block(0, base, base, total, total, 0, None, None, "", "")
            self._add("views", block, message=why)
        if not works:
            self.notes.append(
                f"{self.name} has no views{' that work' if why else ''}: nothing is seen in front."
            )

    def _add(
        self,
        kind: str,
        block: _Block,
        nbytes: int = 0,
        distance: int = 0,
        writer: str = "",
        message: str = "",
    ) -> None:
        if (kind, block.number) in self._told:
            return
        self._told.add((kind, block.number))
        if block.number in self._shared and kind in ("behind", "in front", "after free"):
            return
        found = Finding(
            kind,
            self.name,
            block.number,
            block.size,
            nbytes,
            distance,
            writer,
            block.place,
            block.code,
            message,
        )
        self.findings.append((_next_number(), found))

    def _restore(self, name: str) -> None:
        if vars(self.allocator).get(name) != self._mine[name]:
            return  # somebody has replaced it since: ours passes everything on
        if self._original[name] is None:
            delattr(self.allocator, name)
        else:
            setattr(self.allocator, name, self._original[name])


_COUNTER = iter(range(1 << 62))


def _next_number() -> int:
    return next(_COUNTER)


def _devices(call: Any, context: Any) -> list[str]:
    """The devices behind a graph's inputs, whose parameters name none."""
    found = []
    for uop in realize.resolve_params(call, context.input_uops):
        device = uop.device
        found += list(device) if isinstance(device, tuple) else [device] if device else []
    return found


def _check_whole(asked: str, name: str, value: object, low: int, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise DebugError(
            asked,
            expected=f"{name} a whole number from {low} to {high}",
            got=repr(value),
            next_step=f"leave {name} out for the usual value",
        )

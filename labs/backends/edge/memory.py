"""The memory of the microcontroller: the fixed map, the memory behind it, and who has which part.

    0x0800_0000   4 MiB  flash   kernels; readable and executable
    0x0FFF_0000  64 KiB  guard   nothing: a stack that overflows faults here
    0x1000_0000  64 KiB  stack   grows down
    0x2000_0000  32 MiB  ram     buffers

Everything else is not mapped either. Flash and ram lie where an STM32F4's do, the stack in the
place of its core-coupled memory.
Knows neither tinygrad nor the emulator.
"""

import bisect
import ctypes
import mmap
import threading
from collections import deque
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

from labs.errors import DeviceError
from labs.tables import Table, TableView
from labs.units import format_bytes

FLASH_START, FLASH_BYTES = 0x0800_0000, 4 << 20
STACK_START, STACK_BYTES = 0x1000_0000, 64 << 10
GUARD_START, GUARD_BYTES = STACK_START - (64 << 10), 64 << 10
RAM_START, RAM_BYTES = 0x2000_0000, 32 << 20
ALIGNMENT = 64  # of buffers: more than any type needs, a cache line of larger cores


def hexadecimal(address: int) -> str:
    """0x20000040 -> '0x2000_0040'."""
    return f"0x{address >> 16:04x}_{address & 0xFFFF:04x}"


@dataclass(frozen=True)
class Region:
    """A part of the address space; `access` is "r-x", "rw-", or "---" for what is not mapped."""

    name: str
    start: int
    size: int
    used_bytes: int
    access: str


@dataclass(frozen=True)
class Block:
    """Something that lies in a region: `kind` is "kernel", "buffer", or "pooled" (freed, kept)."""

    region: str
    kind: str
    name: str
    address: int
    size: int


@dataclass(frozen=True, repr=False)
class MemoryMap(TableView):
    """The address space at one moment: regions, and the kernels and buffers in them by address."""

    regions: tuple[Region, ...]
    blocks: tuple[Block, ...]

    @property
    def buffers(self) -> tuple[Block, ...]:
        """What holds data memory, live or pooled."""
        return tuple(b for b in self.blocks if b.region == "ram")

    @property
    def kernels(self) -> tuple[Block, ...]:
        """What is in flash."""
        return tuple(b for b in self.blocks if b.region == "flash")

    def table(self) -> Table:
        """One row per region."""
        rows = tuple(
            (
                r.name,
                hexadecimal(r.start),
                hexadecimal(r.start + r.size - 1),
                r.access,
                format_bytes(r.size),
                None if r.access == "---" else format_bytes(r.used_bytes),
                sum(b.region == r.name for b in self.blocks) or None,
            )
            for r in self.regions
        )
        columns = ("region", "from", "to", "access", "size", "used", "blocks")
        return Table("Memory map of EDGE", columns, rows, "Nothing else is mapped.")


def memory_map(
    kernels: Sequence[Block], taken: Mapping[int, int], pooled: Set[int], stack_bytes: int
) -> MemoryMap:
    """The map at this moment.

    Args:
        kernels: what lies in flash.
        taken: address -> bytes of every block of data memory.
        pooled: addresses of those that were freed and are kept.
        stack_bytes: what the latest launch used of the stack.
    """
    buffers = [
        Block("ram", "pooled" if address in pooled else "buffer", "", address, size)
        for address, size in taken.items()
    ]
    in_flash, in_ram = (sum(block.size for block in part) for part in (kernels, buffers))
    regions = (
        Region("flash", FLASH_START, FLASH_BYTES, in_flash, "r-x"),
        Region("guard", GUARD_START, GUARD_BYTES, 0, "---"),
        Region("stack", STACK_START, STACK_BYTES, stack_bytes, "rw-"),
        Region("ram", RAM_START, RAM_BYTES, in_ram, "rw-"),
    )
    return MemoryMap(regions, (*kernels, *buffers))


class HostMemory:
    """Memory of this process that the emulator maps under an address of the microcontroller."""

    def __init__(self, start: int, size: int) -> None:
        self.start, self.size = start, size
        self.bytes = mmap.mmap(-1, size)  # on a page boundary, as the emulator needs it
        self.host_address = ctypes.addressof(ctypes.c_char.from_buffer(self.bytes))

    def view(self, address: int, size: int) -> memoryview:
        """The bytes at an address of the microcontroller.

        Raises:
            DeviceError: they are not all inside.
        """
        offset = address - self.start
        if offset < 0 or size < 0 or offset + size > self.size:
            raise DeviceError(
                f"reach {size} B at {hexadecimal(address)}",
                expected=f"addresses in {hexadecimal(self.start)} to "
                f"{hexadecimal(self.start + self.size - 1)}",
                got=f"{hexadecimal(address)} to {hexadecimal(address + size)}",
            )
        return memoryview(self.bytes)[offset : offset + size]


class Heap:
    """First fit with coalescing over one region, as a small firmware does it.

    Giving a block back only notes it: tinygrad frees buffers from finalizers, which may run in the
    middle of anything, also of `take`.
    """

    def __init__(self, start: int, size: int, alignment: int = ALIGNMENT) -> None:
        self.start, self.size, self.alignment = start, size, alignment
        self._free: list[tuple[int, int]] = [(start, size)]  # address and size, by address
        self._taken: dict[int, int] = {}
        self._returned: deque[int] = deque()
        self._lock = threading.Lock()

    def rounded(self, size: int) -> int:
        """What a block of this size really occupies."""
        return max(1, -(-size // self.alignment)) * self.alignment

    def take(self, size: int) -> int | None:
        """The address of a block of at least `size` bytes; None when no gap is large enough."""
        size = self.rounded(size)
        with self._lock:
            self._settle()
            for index, (address, room) in enumerate(self._free):
                if room >= size:
                    left = (address + size, room - size)
                    self._free[index : index + 1] = [left] if left[1] else []
                    self._taken[address] = size
                    return address
        return None

    def give(self, address: int) -> None:
        """Take a block back; it is free from the next `take` on.

        Raises:
            DeviceError: no block was given for that address.
        """
        if address not in self._taken:
            raise DeviceError(
                f"free the block at {hexadecimal(address)}",
                expected="an address that a block was given for",
                got="none, or one that is free already",
                next_step="free each block once",
            )
        self._returned.append(address)

    def largest_gap(self) -> int:
        """The largest block that `take` can still give, in bytes."""
        with self._lock:
            self._settle()
            return max((size for _, size in self._free), default=0)

    def blocks(self) -> dict[int, int]:
        """Address -> bytes of every block taken."""
        with self._lock:
            self._settle()
            return dict(sorted(self._taken.items()))

    def _settle(self) -> None:
        while self._returned:
            address = self._returned.popleft()
            size = self._taken.pop(address, 0)
            if not size:
                continue  # given twice in between
            index = bisect.bisect_left(self._free, (address, 0))
            if index < len(self._free) and address + size == self._free[index][0]:
                size += self._free.pop(index)[1]
            if index and sum(self._free[index - 1]) == address:
                address, size = self._free[index - 1][0], self._free[index - 1][1] + size
                index -= 1
                self._free.pop(index)
            self._free.insert(index, (address, size))

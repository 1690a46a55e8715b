"""From "the core stopped" to an error that a person can act on: which kernel, where, near what."""

from collections.abc import Sequence
from dataclasses import dataclass

from labs.backends.edge.emulator import Stopped
from labs.backends.edge.errors import (
    EdgeBudgetExceeded,
    EdgeFault,
    EdgeIllegalInstruction,
    EdgeMemoryFault,
    EdgeStackOverflow,
)
from labs.backends.edge.memory import (
    FLASH_BYTES,
    FLASH_START,
    RAM_BYTES,
    RAM_START,
    STACK_BYTES,
    STACK_START,
    hexadecimal,
)
from labs.units import format_bytes, format_count

# a frame may be larger than the guard: this far below the stack nothing else is mapped
_BELOW_STACK = STACK_START - (FLASH_START + FLASH_BYTES)


@dataclass(frozen=True)
class NamedBuffer:
    """A kernel's buffer, as a message mentions it: sizes in bytes."""

    name: str
    address: int
    size: int
    item_size: int


def describe(
    stopped: Stopped, kernel: str, buffers: Sequence[NamedBuffer], budget: int
) -> EdgeFault:
    """The error for a launch that did not end."""
    where = f"at {hexadecimal(stopped.pc)}" + (f" ({stopped.function})" if stopped.function else "")
    asked = f"run the kernel '{kernel}' on EDGE"
    if stopped.cause == "budget":
        return EdgeBudgetExceeded(
            asked,
            expected=f"at most {format_count(budget)} instructions",
            got=f"it was still running {where}",
            next_step="look for a loop that doesn't end, or raise "
            'Device["EDGE"].instruction_budget',
        ).at(kernel, stopped.pc)
    if stopped.cause == "instruction":
        return EdgeIllegalInstruction(
            asked,
            expected="instructions that the core has",
            got=f"one that it can't execute, {where}",
            next_step="compile for the core that runs it; undefined behaviour in C ends here too",
        ).at(kernel, stopped.pc)
    address = stopped.address
    access = f"a {stopped.cause} of {stopped.size} B at {hexadecimal(address)}"
    if _is_overflow(stopped):
        used = STACK_START + STACK_BYTES - stopped.stack_pointer
        return EdgeStackOverflow(
            asked,
            expected=f"a stack of at most {format_bytes(STACK_BYTES)}",
            got=f"about {format_bytes(used)} in use: {access}, "
            f"{STACK_START - address} B below the stack, {where}",
            next_step="put large arrays into buffers, not into local variables",
        ).at(kernel, stopped.pc, address)
    wanted = "addresses in the memory map"
    place = "outside the map"
    if FLASH_START <= address < FLASH_START + FLASH_BYTES:
        wanted, place = "flash is read and executed, never written", "in flash"
    if stopped.cause == "fetch":
        access = f"a jump to {hexadecimal(address)}"
        where = f"called from {stopped.function}" if stopped.function else "by a call at the end"
        if RAM_START <= address < RAM_START + RAM_BYTES:
            wanted, place = "code in flash: data memory is not executed", "in data memory"
    near = _nearest(address, buffers)
    return EdgeMemoryFault(
        asked,
        expected=wanted,
        got=f"{access}, {place}, {where}" + (f"; {near}" if near else ""),
        next_step="check the index that the kernel computed for it",
    ).at(kernel, stopped.pc, address)


def _is_overflow(stopped: Stopped) -> bool:
    below = STACK_START - _BELOW_STACK <= stopped.address < STACK_START
    return below and stopped.cause in ("read", "write") and stopped.stack_pointer < STACK_START + 64


def _nearest(address: int, buffers: Sequence[NamedBuffer]) -> str:
    if not buffers:
        return ""

    def distance(buffer: NamedBuffer) -> int:
        return max(buffer.address - address, address - (buffer.address + buffer.size - 1), 0)

    buffer = min(buffers, key=distance)
    offset = address - buffer.address
    element = f"offset {offset:+d} B, element {offset // buffer.item_size}"
    if not distance(buffer):
        return f"that is in {buffer.name}, {element}"
    beyond = (
        f"{-offset} B before its start" if offset < 0 else f"{offset - buffer.size} B past its end"
    )
    return (
        f"nearest buffer: {buffer.name} ({buffer.size} B at {hexadecimal(buffer.address)}): "
        f"{element}, {beyond}"
    )

"""One core of the microcontroller, executed by unicorn: flash, launches, and what went wrong.

A launch sets the registers to a clean state, points the first argument register at a table of
8-byte slots on top of the stack, and runs from the program's entry until it returns to the halt
address. Memory that isn't in the map doesn't exist for the core.
Unofficial seams of unicorn 2.1: `uclib.uc_hook_add` (hooks in C instead of Python), `Uc._uch`.
"""

import contextlib
import ctypes
import functools
import time
from dataclasses import dataclass

import numpy as np
import unicorn
from unicorn import unicorn_const
from unicorn.unicorn_py3.unicorn import uclib

from labs.backends.edge.build import counting_hooks
from labs.backends.edge.cores import Core
from labs.backends.edge.hooks import State
from labs.backends.edge.image import BEFORE, Image
from labs.backends.edge.machines import MACHINES
from labs.backends.edge.memory import (
    FLASH_BYTES,
    FLASH_START,
    STACK_BYTES,
    STACK_START,
    Block,
    HostMemory,
)
from labs.errors import DeviceError, ToolchainError

HALT = FLASH_START + 0x40  # behind what would be the vector table
_FIRST_PROGRAM = FLASH_START + 0x100
_PROGRAM_ALIGNMENT = 16
_ERASED = b"\xff"  # as real flash; it isn't a valid instruction
_PAINT = 0xA5A5A5A5  # of stack that was never used
# after so many instructions Python gets a turn, so that Ctrl-C works in a long kernel (about 0.2 s)
_SLICE = 50_000_000
_READ_WRITE = unicorn_const.UC_PROT_READ | unicorn_const.UC_PROT_WRITE
_READ_EXECUTE = unicorn_const.UC_PROT_READ | unicorn_const.UC_PROT_EXEC


@dataclass(frozen=True)
class Execution:
    """What one launch did: instructions by the counting hooks, seconds by this machine's clock."""

    instructions: int
    instruction_cycles: int
    branches_taken: int
    stack_bytes: int
    host_time_s: float


class Stopped(Exception):
    """The core did not reach the end of the program.

    Args:
        cause: "budget", "read", "write", "fetch" or "instruction".
        pc: of the instruction that did it; of a "fetch", where it jumped to.
        function: that it lies in, or of a "fetch", that it would return to; may be empty.
        address, size: of the access, or None.
        stack_pointer: at that moment.
    """

    def __init__(
        self,
        cause: str,
        pc: int,
        function: str,
        address: int | None,
        size: int | None,
        stack_pointer: int,
    ) -> None:
        super().__init__(cause)
        self.cause, self.pc, self.function = cause, pc, function
        self.address, self.size, self.stack_pointer = address, size, stack_pointer


class Emulator:
    """A core with flash of its own, and data memory and a stack that it shares with others.

    One launch at a time, of all cores that share a stack: the caller sees to it.
    """

    def __init__(self, core: Core, ram: HostMemory, stack: HostMemory) -> None:
        self.core, self._ram, self._stack = core, ram, stack
        self._machine = MACHINES[core.instruction_set]
        self._flash = HostMemory(FLASH_START, FLASH_BYTES)
        self._before = np.zeros(FLASH_BYTES // 2, BEFORE)
        self._placed: dict[Image, Block] = {}
        self._next, self._end = _FIRST_PROGRAM, FLASH_START + FLASH_BYTES
        self._stack_words = np.frombuffer(stack.bytes, np.uint32)
        self._uc = self._open()
        self._state = State(
            start=FLASH_START,
            halfwords=len(self._before),
            table=self._before.ctypes.data,
            stop=ctypes.cast(uclib.uc_emu_stop, ctypes.c_void_p).value,
        )
        self._hook(unicorn_const.UC_HOOK_BLOCK, _hooks().on_block, self._state)
        self._hook(unicorn_const.UC_HOOK_MEM_INVALID, _hooks().on_fault, self._state)
        self._erase()
        self._clean = self._uc.context_save()

    def run(self, image: Image, name: str, arguments: bytes, budget: int) -> Execution:
        """Runs a program to its end.

        Args:
            name: what to call it in the memory map.
            arguments: 8 bytes for each parameter.
            budget: how many instructions it may take.

        Raises:
            Stopped: it didn't end; the emulator is ready for the next program.
        """
        base = self._place(image, name)
        stack_pointer = STACK_START + STACK_BYTES - -(-len(arguments) // 16) * 16
        self._stack.view(stack_pointer, len(arguments))[:] = arguments
        machine, uc, state = self._machine, self._uc, self._state
        uc.context_restore(self._clean)
        uc.reg_write(machine.stack_pointer, stack_pointer)
        uc.reg_write(machine.return_address, HALT | machine.mode_bit)
        uc.reg_write(machine.argument, stack_pointer)
        pc = base + image.entry
        state.instructions = state.cycles = state.branches = 0
        state.next = pc
        start = time.perf_counter()
        try:
            while True:
                state.limit = min(state.instructions + _SLICE, budget)
                state.stopped, state.fault_kind = 0, -1
                self._start(pc, image, base)
                pc = uc.reg_read(machine.program_counter)
                if not state.stopped:
                    if pc & ~1 != HALT:  # it went to sleep, or asked for an operating system
                        raise self._stopped("instruction", image, base)
                    break
                if state.limit == budget:
                    raise self._stopped("budget", image, base)
        finally:
            host_time_s = time.perf_counter() - start
            stack_bytes = self._repaint(stack_pointer)
        return Execution(state.instructions, state.cycles, state.branches, stack_bytes, host_time_s)

    def kernels(self) -> tuple[Block, ...]:
        """What is in flash, by address."""
        return tuple(self._placed.values())

    @contextlib.contextmanager
    def every_instruction(self):
        """Count each instruction by itself as well, slowly: yields the counter, for checks."""
        count = ctypes.c_uint64()
        handle = self._hook(unicorn_const.UC_HOOK_CODE, _hooks().on_instruction, count)
        self._uc.ctl_flush_tb()
        try:
            yield count
        finally:
            uclib.uc_hook_del(self._uc._uch, handle)
            self._uc.ctl_flush_tb()

    def _open(self) -> unicorn.Uc:
        machine = self._machine
        uc = unicorn.Uc(machine.arch, machine.mode, machine.models[self.core.name])
        uc.mem_map_ptr(FLASH_START, FLASH_BYTES, _READ_EXECUTE, self._flash.host_address)
        for memory in (self._stack, self._ram):
            uc.mem_map_ptr(memory.start, memory.size, _READ_WRITE, memory.host_address)
        return uc

    def _hook(self, kind: int, function, user: ctypes._SimpleCData | State) -> ctypes.c_size_t:
        handle = ctypes.c_size_t()
        everywhere = ctypes.c_uint64(1), ctypes.c_uint64(0)  # begin after end
        status = uclib.uc_hook_add(
            self._uc._uch,
            ctypes.byref(handle),
            ctypes.c_int(kind),
            ctypes.cast(function, ctypes.c_void_p),
            ctypes.byref(user),
            *everywhere,
        )
        if status:
            raise DeviceError(
                "count instructions in the emulator",
                expected="unicorn takes a hook written in C",
                got=str(unicorn.UcError(status)),
            )
        return handle

    def _place(self, image: Image, name: str) -> int:
        """The program's address in flash, where it is put when it isn't there."""
        block = self._placed.get(image)
        if block is None:
            # a gap behind it: the table's entry at its end is not the next one's first
            size = -(-(len(image.code) + 2) // _PROGRAM_ALIGNMENT) * _PROGRAM_ALIGNMENT
            if self._next + size > self._end:
                self._erase()
            if self._next + size > self._end:
                raise DeviceError(
                    "put a kernel into flash",
                    expected=f"at most {self._end - _FIRST_PROGRAM} B of code",
                    got=f"{len(image.code)} B",
                    next_step="unroll less, or compile with -Os",
                )
            base = self._next
            block = Block("flash", "kernel", name, base, len(image.code))
            self._placed[image] = block
            self._flash.view(base, len(image.code))[:] = image.code_at(base)
            first = (base - FLASH_START) // 2
            self._before[first : first + len(image.before)] = image.before
            self._next += size
        return block.address

    def _erase(self) -> None:
        self._placed.clear()
        self._next = _FIRST_PROGRAM
        self._flash.bytes[:] = _ERASED * self._flash.size
        self._flash.view(HALT, 2)[:] = self._machine.loop
        self._before[:] = 0
        self._uc.ctl_flush_tb()  # what it has translated is no longer there
        self._stack_words[:] = _PAINT

    def _start(self, pc: int, image: Image, base: int) -> None:
        try:
            self._uc.emu_start(pc | self._machine.mode_bit, HALT)
        except unicorn.UcError as error:
            raise self._stopped(self._cause(error.errno), image, base) from None

    def _cause(self, errno: int) -> str:
        if self._state.fault_kind < 0:
            return "instruction"
        return {
            unicorn_const.UC_MEM_READ_UNMAPPED: "read",
            unicorn_const.UC_MEM_READ_PROT: "read",
            unicorn_const.UC_MEM_WRITE_UNMAPPED: "write",
            unicorn_const.UC_MEM_WRITE_PROT: "write",
        }.get(self._state.fault_kind, "fetch")

    def _stopped(self, cause: str, image: Image, base: int) -> Stopped:
        machine, state = self._machine, self._state
        access = cause in ("read", "write", "fetch")
        pc = at = self._uc.reg_read(machine.program_counter)
        if cause == "instruction":
            pc = at = pc - machine.past_illegal
        elif cause == "fetch":  # the jump itself is lost, but not who called
            at = self._uc.reg_read(machine.return_address) & ~1
        return Stopped(
            cause,
            pc,
            image.function_at(at - base),
            state.fault_address if access else None,
            state.fault_size if access else None,
            self._uc.reg_read(machine.stack_pointer),
        )

    def _repaint(self, stack_pointer: int) -> int:
        """Bytes of stack that were written below the pointer; paints them again."""
        words, top = self._stack_words, (stack_pointer - STACK_START) // 4
        written = words[:top] != _PAINT
        lowest = int(np.argmax(written)) if top else 0
        if not top or not written[lowest]:
            lowest = top
        words[lowest:] = _PAINT
        return (top - lowest) * 4


@functools.cache
def _hooks() -> ctypes.CDLL:
    path = counting_hooks()
    try:
        return ctypes.CDLL(str(path))
    except OSError as error:
        raise ToolchainError(
            "count instructions in the emulator",
            expected="the hooks that zig built for this machine can be loaded",
            got=str(error),
            next_step=f"delete {path} to build them again",
        ) from error

"""A microcontroller behind `device="EDGE"`: tinygrad's C, compiled for it, run on an emulated one.

    DEV="EDGE::cortex-m4,Os"    core and optimisation level (labs.backends.edge.cores has the list)

In tinygrad's order: Compiler, Renderer, Program, Allocator, Device. Instructions are counted as
they are executed; time and energy come from a cost model, and `wait=True` answers model seconds, so
that tinygrad's BEAM search runs on a clock that never jitters.
"""

import struct
import threading
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from tinygrad.device import BufferSpec, Compiled, Compiler, LRUAllocator, Program, TinyELF
from tinygrad.dtype import DType, dtypes
from tinygrad.helpers import Target
from tinygrad.renderer import Renderer
from tinygrad.renderer.cstyle import ClangRenderer
from tinygrad.uop.ops import PatternMatcher, UPat

from labs.backends.accounting import LaunchCounters, LaunchLedger, MemoryLedger, MemoryUsage
from labs.backends.edge.build import compile_kernel, entry_point, fingerprint, support_routines
from labs.backends.edge.cores import DEFAULT_ARCH, Core, parse_arch
from labs.backends.edge.emulator import Emulator, Stopped
from labs.backends.edge.errors import EdgeOutOfMemory
from labs.backends.edge.faults import NamedBuffer, describe
from labs.backends.edge.image import Image, load_image
from labs.backends.edge.memory import (
    RAM_BYTES,
    RAM_START,
    STACK_BYTES,
    STACK_START,
    Heap,
    HostMemory,
    MemoryMap,
    hexadecimal,
    memory_map,
)
from labs.backends.edge.runs import EdgeRun, EdgeRuns, RunHistory
from labs.errors import DeviceError
from labs.units import format_bytes

SLOT_BYTES = 8  # of a kernel's parameter
INSTRUCTION_BUDGET = 5_000_000_000  # some 15 s here, half a minute of the real core
HISTORY = 256  # launches that are remembered


class EdgeCompiler(Compiler):
    """C to a linked program, by zig's clang; kept in tinygrad's cache by core, level and zig."""

    def __init__(self, arch: str) -> None:
        self.core, self.level = parse_arch(arch)
        super().__init__(
            f"compile_edge_{self.core.name}_{self.level}_{fingerprint(self.core, self.level)}"
        )

    def compile(self, src: str) -> bytes:
        return compile_kernel(src, self.core, self.level)

    def disassemble(self, lib: bytes) -> None:
        image = load_image(lib, self.core.name)
        for i in image.instructions:
            print(
                f"{i.offset:6x}: {i.mnemonic:<12} {i.operands:<40} ; {image.function_at(i.offset)}"
            )


class EdgeRenderer(ClangRenderer):
    """tinygrad's C for a core whose `long` has 32 bits: no vectors, no threads."""

    has_threads = False
    supports_float4 = False
    abi = ""
    kernel_typedef = "static void"
    type_map = ClangRenderer.type_map | {
        dtypes.int64: "long long",
        dtypes.uint64: "unsigned long long",
    }
    string_rewrite = (
        PatternMatcher(
            [  # with tinygrad's l and ul a constant would lose its upper half
                (UPat.cvar("c").cast(dtypes.int64), lambda ctx, c: _long_long(c.val)),
                (UPat.cvar("c").cast(dtypes.uint64), lambda ctx, c: f"{c.val % 2**64}ull"),
            ]
        )
        + ClangRenderer.string_rewrite
    )

    def __init__(self, target: Target) -> None:
        Renderer.__init__(self, target)
        self.compiler = EdgeCompiler(target.arch)
        support_routines(self.compiler.core)  # now, or each compile worker would build them

    def _render_entry(self, function_name, bufs) -> str:
        types = [self._render_dtype(u.dtype, addrspace=u.addrspace) for _, (u, _) in bufs]
        return entry_point(function_name, types)

    def supported_dtypes(self):
        return Renderer.supported_dtypes(self) - set(dtypes.fp8s)


class EdgeProgram(Program["EdgeDevice"]):
    """A kernel in flash, ready to be launched."""

    def __init__(self, dev: "EdgeDevice", obj: TinyELF) -> None:
        self.dev, self.name, self.signature = dev, obj.name, obj.signature
        self.core, self.level = parse_arch(obj.target.arch or dev.arch)
        self.image: Image = load_image(obj.lib, self.core.name)

    def __call__(
        self, *bufs, global_size=(1, 1, 1), local_size=(1, 1, 1), vals=(), wait=False, **kw
    ):
        slots = bytearray(SLOT_BYTES * (len(bufs) + len(vals)))
        for i, buffer in enumerate(bufs):
            struct.pack_into("<Q", slots, SLOT_BYTES * i, buffer.address)
        numbers = zip(vals, self.signature[len(bufs) :], strict=True)
        for i, (value, (_, _, dtype, _)) in enumerate(numbers, len(bufs)):
            struct.pack_into(f"<{dtype.fmt}", slots, SLOT_BYTES * i, value)
        run = self.dev.launch(self, bytes(slots), bufs, wait, kw.get("timeout"))
        return run.model_time_s if wait else None


@dataclass(frozen=True)
class EdgeBuffer:
    """An address in data memory; `block` is that of the allocation it lies in."""

    address: int
    size: int
    block: int


class EdgeAllocator(LRUAllocator["EdgeDevice"]):
    """32 MiB of data memory, first fit; a freed buffer is kept for the next one of its size.

    Without `_as_buffer` on purpose: nothing reaches the microcontroller's memory but copies.
    """

    def __init__(self, dev: "EdgeDevice") -> None:
        super().__init__(dev, supports_copy_from_disk=False, supports_transfer=False)
        self.memory, self.heap = HostMemory(RAM_START, RAM_BYTES), Heap(RAM_START, RAM_BYTES)
        self._ledger = MemoryLedger(RAM_BYTES)
        self._live, self._new = set(), set()  # addresses: in use; just taken from the heap

    def usage(self) -> MemoryUsage:
        """What is used, pooled and left, in bytes of data memory."""
        return self._ledger.usage()

    def reset_peak(self) -> None:
        """From here on, the peak is of what follows."""
        self._ledger.reset_peak()

    def alloc(self, size: int, options: BufferSpec | None = None) -> EdgeBuffer:
        try:
            buffer = super().alloc(size, options)
        except MemoryError:
            raise self._out_of_memory(size) from None
        is_new = buffer.address in self._new
        self._new.discard(buffer.address)
        self._live.add(buffer.address)
        self._ledger.took(self.heap.rounded(size), from_pool=not is_new)
        return buffer

    def free(self, opaque: EdgeBuffer, size: int, options: BufferSpec | None = None) -> None:
        try:
            self._live.remove(opaque.address)
        except KeyError:
            raise DeviceError(
                f"free the buffer at {hexadecimal(opaque.address)} on {self.dev.device}",
                expected="a buffer that is in use",
                got="one that was freed before, or never allocated here",
                next_step="free each buffer once",
            ) from None
        self._ledger.gave(self.heap.rounded(size), to_pool=True)  # where it doesn't stay: _free
        super().free(opaque, size, options)

    def pooled(self) -> set[int]:
        """Addresses of the buffers that were freed and are kept."""
        return {buffer.address for kept in self.cache.values() for buffer in kept}

    def _alloc(self, size: int, options: BufferSpec) -> EdgeBuffer:
        if options.external_ptr is not None:
            raise DeviceError(
                f"use memory of this process on {self.dev.device}",
                expected="data that is copied: the microcontroller can't see this memory",
                got=f"a pointer, {options.external_ptr:#x}",
                next_step=f'make the tensor on CPU and call .to("{self.dev.device}")',
            )
        address = self.heap.take(size)
        if address is None:
            raise MemoryError(size)
        self._new.add(address)
        return EdgeBuffer(address, size, address)

    def _free(self, opaque: EdgeBuffer, options: BufferSpec) -> None:
        self._ledger.drained(self.heap.rounded(opaque.size))
        self.heap.give(opaque.address)

    def _offset(self, buf: EdgeBuffer, size: int, offset: int) -> EdgeBuffer:
        return EdgeBuffer(buf.address + offset, size, buf.block)

    def _copyin(self, dest: EdgeBuffer, src: memoryview) -> None:
        self.memory.view(dest.address, src.nbytes)[:] = src.cast("B")

    def _copyout(self, dest: memoryview, src: EdgeBuffer) -> None:
        dest.cast("B")[:] = self.memory.view(src.address, dest.nbytes)

    def _out_of_memory(self, size: int) -> EdgeOutOfMemory:
        used, gap = self.usage().used_bytes, self.heap.largest_gap()
        return EdgeOutOfMemory(
            f"allocate {format_bytes(size)} on {self.dev.device}",
            expected=f"at most {format_bytes(RAM_BYTES)} of data memory in all",
            got=f"{format_bytes(used)} used, {format_bytes(size)} asked, limit "
            f"{format_bytes(RAM_BYTES)}; the largest gap has {format_bytes(gap)}",
            next_step="free tensors that are no longer needed, or compute in smaller pieces",
        )


class EdgeDevice(Compiled):
    """One microcontroller: data memory and a stack, and the cores that can be put beside them.

    `instruction_budget` is how many instructions a launch may take. `last_run` and `runs` tell what
    the latest launches did.
    """

    time_is_modelled = True  # wait=True answers model seconds: labs.bench marks them

    def __init__(self, device: str) -> None:
        self.instruction_budget = INSTRUCTION_BUDGET
        self._history = RunHistory(HISTORY)
        self._launches = LaunchLedger()
        self._stack = HostMemory(STACK_START, STACK_BYTES)
        self._emulators: dict[str, Emulator] = {}
        self._lock = threading.RLock()
        allocator = EdgeAllocator(self)
        super().__init__(device, allocator, [EdgeRenderer], EdgeProgram, arch=DEFAULT_ARCH)

    @property
    def core(self) -> Core:
        """The core that kernels are compiled for now."""
        return parse_arch(self.renderer.target.arch)[0]

    @property
    def last_run(self) -> EdgeRun | None:
        """The latest launch; None before the first."""
        return self._history.last

    @property
    def runs(self) -> EdgeRuns:
        """The latest launches, at most 256, in order."""
        return self._history.latest()

    def record(self) -> AbstractContextManager[EdgeRuns]:
        """Collects every launch of a block of code.

        Example:
            with Device["EDGE"].record() as runs:
                (a @ b).realize()
            runs.instructions
        """
        return self._history.record()

    def counters(self) -> LaunchCounters:
        """Launches since the device was opened; their seconds are of this machine, not modelled."""
        return self._launches.counters()

    def memory_map(self) -> MemoryMap:
        """Who has which part of the memory now; flash is that of the current core."""
        emulator, last = self._emulators.get(self.core.name), self.last_run
        return memory_map(
            emulator.kernels() if emulator else (),
            self.allocator.heap.blocks(),
            self.allocator.pooled(),
            last.stack_bytes if last else 0,
        )

    def emulator(self, core: Core) -> Emulator:
        """The emulated core, made at first use."""
        with self._lock:
            found = self._emulators.get(core.name)
            if found is None:
                found = Emulator(core, self.allocator.memory, self._stack)
                self._emulators[core.name] = found
            return found

    def program(self, source: str, name: str, types: Sequence[str]) -> EdgeProgram:
        """A kernel written by hand, compiled for the current core; call it with buffers.

        Args:
            source: C with a function `name`.
            types: of its parameters, pointers first: "float*", "int".

        Example:
            twice = Device["EDGE"].program(
                "void twice(float *x, int n) { for (int i = 0; i < n; i++) x[i] *= 2; }",
                "twice", ["float*", "int"])
            twice(tensor.uop.buffer.get_buf("EDGE"), vals=(len(tensor),))

        Raises:
            KernelCompileError: the compiler refuses it.
        """
        renderer = self.renderer
        lib = renderer.compiler.compile(f"{source}\n{entry_point(name, types)}")
        signature = tuple((None, i, _dtype(type_), ()) for i, type_ in enumerate(types))
        return EdgeProgram(self, TinyELF(lib, name, renderer.target, signature))

    def launch(
        self,
        program: EdgeProgram,
        arguments: bytes,
        buffers: tuple[EdgeBuffer, ...],
        timed: bool,
        timeout_ms: int | None,
    ) -> EdgeRun:
        """Runs a program to its end and remembers what it did.

        Raises:
            EdgeFault: it left the memory map, overflowed its stack, or ran for too long.
        """
        core, model, image = program.core, program.core.model, program.image
        budget = self.instruction_budget
        if timeout_ms is not None:  # BEAM's: an instruction takes at least a cycle
            budget = min(budget, int(max(timeout_ms, 1) * 1e-3 * model.clock_hz))
        start = time.perf_counter()
        try:
            with self._lock:  # one stack, whatever the core
                done = self.emulator(core).run(image, program.name, arguments, budget)
        except Stopped as stopped:
            named = _named_buffers(program, buffers)
            raise describe(stopped, program.name, named, budget) from None
        cycles = model.cycles(done.instruction_cycles, done.branches_taken)
        run = EdgeRun(
            kernel=program.name,
            core=core.name,
            level=program.level,
            instructions=done.instructions,
            branches_taken=done.branches_taken,
            model_cycles=cycles,
            model_time_s=model.time_s(cycles),
            model_energy_j=model.energy_j(cycles),
            code_bytes=image.code_bytes,
            stack_bytes=done.stack_bytes,
            host_time_s=done.host_time_s,
        )
        self._launches.launches += 1
        if timed:
            self._launches.timed_launches += 1
            self._launches.timed_s += time.perf_counter() - start
        self._history.add(run)
        return run


def _long_long(value: int) -> str:
    # C has no literal for the least of them: it would be the negative of an unsigned one
    return f"({value + 1}ll-1)" if value == -(2**63) else f"{value}ll"


def _named_buffers(program: EdgeProgram, buffers: Sequence[EdgeBuffer]) -> list[NamedBuffer]:
    """The buffers of a launch, by the names that they have in the kernel's source."""
    named = []
    for i, (buffer, (_, slot, dtype, shape)) in enumerate(
        zip(buffers, program.signature, strict=False)
    ):
        name = "_".join(map(str, (f"data{slot}", *shape))) if shape else f"parameter {i}"
        named.append(NamedBuffer(name, buffer.address, buffer.size, dtype.itemsize))
    return named


def _dtype(c_type: str) -> DType:
    """The data type that C calls by this name; of a pointer, what it points at."""
    name = c_type.rstrip("* ").removeprefix("const ")
    names = {EdgeRenderer.type_map.get(d, d.name): d for d in dtypes.all}
    if name not in names:
        raise DeviceError(
            f"pass a parameter of type {c_type!r} to a kernel on EDGE",
            expected=", ".join(sorted(names)),
            got=name,
        )
    return names[name]

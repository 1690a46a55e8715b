"""The device WORKED: the course's template with every method written, for the host's own processor.

It is the answer to "a backend of your own", in the plainest way that passes the whole conformance
suite: memory from Python, clang for the kernels, and a call through ctypes. ELECTRICAL and EDGE
show what can be done beyond it.
"""

import ctypes
import os
import platform
import subprocess
import time
from dataclasses import dataclass

from tinygrad.device import BufferSpec, Compiled, Compiler, LRUAllocator, Program, TinyELF
from tinygrad.dtype import DType, dtypes
from tinygrad.helpers import Target, from_mv
from tinygrad.renderer import Renderer
from tinygrad.renderer.cstyle import ClangRenderer
from tinygrad.runtime.ops_cpu import CPUProgram
from tinygrad.uop.ops import Ops

from labs.backends.compile_errors import refused

ALIGNMENT = 64  # bytes: a cache line, and the widest vector load

# What the compiler is told. In the cache's name below: else an edit here would find old binaries.
FLAGS = ("-O2", "-fPIC", "-ffreestanding", "-fno-math-errno", "-nostdlib")


# **************** Compiler: source text to a binary ****************


class WorkedCompiler(Compiler):
    """clang, from source on standard input to an object file on standard output."""

    def __init__(self, arch: str) -> None:
        super().__init__(f"compile_worked_{arch}_{'_'.join(FLAGS)}")
        self.arch = arch

    def compile(self, source: str) -> bytes:
        # a bare ELF target on every system: the loader reads ELF, also on macOS and Windows
        target = f"--target={self.arch}-none-unknown-elf"
        cpu = "-march=native" if self.arch == "x86_64" else "-mcpu=native"
        # macOS and Windows keep x18 for themselves
        reserved = ["-ffixed-x18"] if self.arch == "arm64" else []
        command = [os.environ.get("CC", "clang"), "-c", "-x", "c", *FLAGS, target, cpu, *reserved]
        done = subprocess.run([*command, "-", "-o", "-"], input=source.encode(), capture_output=True)
        if done.returncode:
            raise refused(done.stderr.decode(errors="replace"), source, "WORKED")
        return done.stdout


# **************** Renderer: UOps to source text ****************


class WorkedRenderer(ClangRenderer):
    """C for clang. Only what freestanding C can't say is said here."""

    has_threads = False

    def __init__(self, target: Target) -> None:
        Renderer.__init__(self, target)
        self.compiler = WorkedCompiler(target.arch)

    @staticmethod
    def square_root(x: str, dtype: DType) -> str:
        return f"__builtin_sqrt{'' if dtype == dtypes.float64 else 'f'}({x})"

    @staticmethod
    def truncate(x: str, dtype: DType) -> str:
        return f"__builtin_trunc{'' if dtype == dtypes.float64 else 'f'}({x})"

    code_for_op = {
        **ClangRenderer.code_for_op,
        Ops.SQRT: lambda x, dtype: WorkedRenderer.square_root(x, dtype),
        Ops.TRUNC: lambda x, dtype: WorkedRenderer.truncate(x, dtype),
    }


# **************** Program: a loaded kernel ****************


class WorkedProgram(Program["WorkedDevice"]):
    """A kernel in executable memory, called through ctypes."""

    def __init__(self, dev: "WorkedDevice", obj: TinyELF) -> None:
        # executable memory is another matter on each system, and tinygrad's CPU device knows them
        self.loaded = CPUProgram(dev, obj)

    def __call__(
        self,
        *bufs: "Block",
        global_size: tuple[int, int, int] = (1, 1, 1),
        local_size: tuple[int, int, int] = (1, 1, 1),
        vals: tuple[int, ...] = (),
        wait: bool = False,
        **kw,
    ) -> float | None:
        began = time.perf_counter()
        # on these processors every argument travels in 64 bits, also a 32-bit integer
        self.loaded.fxn(*[ctypes.c_uint64(b.address) for b in bufs], *map(ctypes.c_uint64, vals))
        return time.perf_counter() - began if wait else None


# **************** Allocator: the device's memory ****************


@dataclass(frozen=True)
class Block:
    """Some memory: where, how much, and what keeps it alive."""

    address: int
    size: int
    owner: object


class WorkedAllocator(LRUAllocator["WorkedDevice"]):
    """Memory of the host, each block by itself."""

    def _alloc(self, size: int, options: BufferSpec) -> Block:
        if options.external_ptr is not None:
            return Block(options.external_ptr, size, None)
        memory = ctypes.create_string_buffer(size + ALIGNMENT)
        begin = ctypes.addressof(memory)
        return Block(begin + -begin % ALIGNMENT, size, memory)

    def _free(self, opaque: Block, options: BufferSpec) -> None:
        """Python frees the memory with the last Block that holds it."""

    def _copyin(self, dest: Block, src: memoryview) -> None:
        ctypes.memmove(dest.address, from_mv(src), len(src))

    def _copyout(self, dest: memoryview, src: Block) -> None:
        self.dev.synchronize()
        ctypes.memmove(from_mv(dest), src.address, len(dest))

    def _offset(self, buf: Block, size: int, offset: int) -> Block:
        return Block(buf.address + offset, size, buf.owner)


# **************** Device: owns the others ****************


class WorkedDevice(Compiled):
    """`Device["WORKED"]`."""

    def __init__(self, device: str) -> None:
        machine = platform.machine().lower()
        arch = {"amd64": "x86_64", "aarch64": "arm64"}.get(machine, machine)
        allocator = WorkedAllocator(self, supports_copy_from_disk=False, supports_transfer=False)
        super().__init__(device, allocator, [WorkedRenderer], WorkedProgram, arch=arch)

    def synchronize(self) -> None:
        """Every launch has ended when it returns."""

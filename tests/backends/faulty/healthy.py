"""A minimal native backend that is right: tinygrad's C, the course's clang, tinygrad's loader.

Synchronous, with exact accounting and a limit. The faulty ones change one thing of it.
"""

import ctypes
import os
import subprocess

from tinygrad.device import Allocator, BufferSpec, Compiled, CompileError, Compiler
from tinygrad.helpers import from_mv
from tinygrad.renderer import Renderer
from tinygrad.renderer.cstyle import ClangRenderer
from tinygrad.runtime.ops_cpu import CPUProgram

from labs.backends.accounting import LaunchLedger, MemoryLedger
from labs.toolchain.compiler import compile_command, target_arch

ALIGNMENT = 64
LIMIT_BYTES = 256 << 20


class HealthyCompiler(Compiler):
    """C to an object file, by the clang that the toolchain has found."""

    FLAGS: tuple[str, ...] = ()

    def __init__(self) -> None:
        super().__init__(f"compile_{type(self).__name__}_{'_'.join(self.FLAGS)}".replace("-", ""))

    def compile(self, src: str) -> bytes:
        command = compile_command(os.environ["CC"])
        command[-3:-3] = self.FLAGS
        done = subprocess.run(command, input=src.encode(), capture_output=True, check=False)
        if done.returncode:
            raise CompileError(done.stderr.decode(errors="replace"))
        return done.stdout


class HealthyRenderer(ClangRenderer):
    COMPILER = HealthyCompiler
    has_threads = False

    def __init__(self, target) -> None:
        Renderer.__init__(self, target)
        self.compiler = self.COMPILER()


class Block:
    """Memory, or a part of it; it lives as long as somebody refers to it."""

    def __init__(self, va_addr: int, size: int, memory: object) -> None:
        self.va_addr, self.size, self.memory, self.is_free = va_addr, size, memory, False


class HealthyAllocator(Allocator):
    def __init__(self, dev) -> None:
        super().__init__(dev, supports_copy_from_disk=False, supports_transfer=False)
        self.ledger = MemoryLedger(LIMIT_BYTES)

    def usage(self):
        return self.ledger.usage()

    def _alloc(self, size: int, options: BufferSpec) -> Block:
        if options.external_ptr is not None:
            return Block(options.external_ptr, size, None)
        if self.ledger.usage().used_bytes + size > LIMIT_BYTES:
            raise MemoryError(f"{size} bytes asked, the limit is {LIMIT_BYTES}")
        memory = (ctypes.c_ubyte * (size + ALIGNMENT - 1))()
        self.ledger.took(size, from_pool=False)
        return Block(-(-ctypes.addressof(memory) // ALIGNMENT) * ALIGNMENT, size, memory)

    def _free(self, opaque: Block, options: BufferSpec) -> None:
        if options.external_ptr is not None:
            return
        if opaque.is_free:
            raise RuntimeError("this block has been freed already")
        self.dev.synchronize()
        opaque.is_free, opaque.memory = True, None
        self.ledger.gave(opaque.size, to_pool=False)

    def _offset(self, buf: Block, size: int, offset: int) -> Block:
        return Block(buf.va_addr + offset, size, buf.memory)

    def _copyin(self, dest: Block, src: memoryview) -> None:
        self.dev.synchronize()
        ctypes.memmove(dest.va_addr, from_mv(src), src.nbytes)

    def _copyout(self, dest: memoryview, src: Block) -> None:
        self.dev.synchronize()
        ctypes.memmove(from_mv(dest), src.va_addr, dest.nbytes)


class HealthyProgram(CPUProgram):
    """Loading and calling are CPUProgram's; it asks a buffer only for its va_addr."""

    def __call__(self, *bufs, wait=False, **kw):
        taken = super().__call__(*bufs, wait=wait, **kw)
        self.dev.ledger.launches += 1
        return taken


class HealthyDevice(Compiled):
    ALLOCATOR, RENDERER, PROGRAM, GRAPH = HealthyAllocator, HealthyRenderer, HealthyProgram, None

    def __init__(self, device: str) -> None:
        self.ledger = LaunchLedger()
        super().__init__(
            device,
            self.ALLOCATOR(self),
            [self.RENDERER],
            self.PROGRAM,
            graph=self.GRAPH,
            arch=f"{target_arch()},native",
        )

    def counters(self):
        return self.ledger.counters()

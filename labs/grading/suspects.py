"""Three devices with one fault each: material for the debugging tools.

    suspects.register()          # ALPHA, BRAVO and CHARLIE, for this process

All three are one small native backend (tinygrad's C, the course's clang, tinygrad's loader). What
is wrong stands at the end of the file. Whoever opens it sees that; the exercise is to know before.
"""

import ctypes
import os
import re
import subprocess
from pathlib import Path

from labs import backends, toolchain

toolchain.activate()

from tinygrad.device import BufferSpec, Compiled, Compiler, LRUAllocator
from tinygrad.helpers import from_mv
from tinygrad.renderer import Renderer
from tinygrad.renderer.cstyle import ClangRenderer
from tinygrad.runtime.ops_cpu import CPUProgram
from tinygrad.uop.ops import Ops

from labs.backends.compile_errors import refused
from labs.toolchain.compiler import compile_command, target_arch

NAMES = ("ALPHA", "BRAVO", "CHARLIE")
_ALIGNMENT = 64


def register() -> tuple[str, ...]:
    """Make the three usable by name; doing it again changes nothing."""
    for name in NAMES:
        backends.register(name, Path(__file__))
    return NAMES


class SuspectCompiler(Compiler):
    """C to an object file, by the clang that the toolchain has found."""

    def __init__(self, arch: str) -> None:
        super().__init__(f"compile_suspect_{arch}")

    def compile(self, src: str) -> bytes:
        command = compile_command(os.environ["CC"])
        done = subprocess.run(command, input=src.encode(), capture_output=True, check=False)
        if done.returncode:
            raise refused(done.stderr.decode(errors="replace"), src, "a suspect")
        return done.stdout


class SuspectRenderer(ClangRenderer):
    has_threads = False

    def __init__(self, target) -> None:
        Renderer.__init__(self, target)
        self.compiler = SuspectCompiler(target.arch)


class Block:
    """Memory, or a part of it; it lives as long as somebody refers to it."""

    def __init__(self, va_addr: int, size: int, owner: object) -> None:
        self.va_addr, self.size, self.owner = va_addr, size, owner


class SuspectAllocator(LRUAllocator):
    def _alloc(self, size: int, options: BufferSpec) -> Block:
        if options.external_ptr is not None:
            return Block(options.external_ptr, size, None)
        memory = ctypes.create_string_buffer(size + _ALIGNMENT)
        start = ctypes.addressof(memory)
        return Block(start + -start % _ALIGNMENT, size, memory)

    def _free(self, opaque: Block, options: BufferSpec) -> None:
        """Python frees the memory with the last Block that holds its owner."""

    def _offset(self, buf: Block, size: int, offset: int) -> Block:
        return Block(buf.va_addr + offset, size, buf.owner)

    def _copyin(self, dest: Block, src: memoryview) -> None:
        ctypes.memmove(dest.va_addr, from_mv(src), src.nbytes)

    def _copyout(self, dest: memoryview, src: Block) -> None:
        ctypes.memmove(from_mv(dest), src.va_addr, dest.nbytes)


class SuspectDevice(Compiled):
    RENDERER = SuspectRenderer

    def __init__(self, device: str) -> None:
        allocator = SuspectAllocator(self, supports_copy_from_disk=False, supports_transfer=False)
        arch = f"{target_arch()},native"
        super().__init__(device, allocator, [self.RENDERER], CPUProgram, arch=arch)


# **************** what is wrong: don't read on before exercise 4.7 ****************


class AlphaRenderer(SuspectRenderer):
    """The last turn of a loop over an odd number of elements is missing."""

    def render_kernel(self, *args, **kwargs):
        source = super().render_kernel(*args, **kwargs)
        return re.sub(r"\b(L?idx\d+ < )(\d*[13579]);", _one_less, source)


def _one_less(found: re.Match) -> str:
    return f"{found[1]}{int(found[2]) - 1};"


class BravoRenderer(SuspectRenderer):
    """Loops over seven elements take an eighth turn, which writes behind the buffer."""

    def render_kernel(self, *args, **kwargs):
        return re.sub(r"\b(L?idx\d+ < )7;", r"\g<1>8;", super().render_kernel(*args, **kwargs))


class CharlieRenderer(SuspectRenderer):
    """Square roots of numbers below 1 are NaN."""

    code_for_op = {
        **SuspectRenderer.code_for_op,
        Ops.SQRT: lambda x, dtype: f"__builtin_sqrtf(({x})<1.0f?-1.0f:({x}))",
    }


class AlphaDevice(SuspectDevice):
    RENDERER = AlphaRenderer


class BravoDevice(SuspectDevice):
    RENDERER = BravoRenderer


class CharlieDevice(SuspectDevice):
    RENDERER = CharlieRenderer

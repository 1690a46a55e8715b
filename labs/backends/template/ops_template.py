"""The device TEMPLATE: a tinygrad backend to be written here, one method after the other.

The parts stand in tinygrad's own order. Each method that is still to be written raises a
NotImplementedError with what it has to do and what comes next. Work in this order, and ask after
each step what passes by now:

    python3 course.py conformance TEMPLATE=ops_template.py

    1. TemplateAllocator._alloc, _free       a tensor can be created
    2. TemplateAllocator._copyin, _copyout   it can be filled and read back
    3. TemplateAllocator._offset             a view of a part of it works
    4. TemplateCompiler.compile              source becomes a binary
    5. TemplateProgram.__init__, __call__    the first kernels compute
    6. TemplateRenderer.square_root, truncate   what the language of your hardware says differently

As it stands, kernels are written in C for clang by tinygrad's ClangRenderer. When your hardware
speaks another language, inherit from CStyleLanguage or Renderer instead, after step 5 works with C.
"""

import platform

from tinygrad.device import BufferSpec, Compiled, Compiler, LRUAllocator, Program, TinyELF
from tinygrad.dtype import DType
from tinygrad.helpers import Target
from tinygrad.renderer import Renderer
from tinygrad.renderer.cstyle import ClangRenderer
from tinygrad.uop.ops import Ops

# What the compiler is told. In the cache's name below: else an edit here would find old binaries.
FLAGS = ("-O2", "-fPIC", "-ffreestanding", "-fno-math-errno", "-nostdlib")


def to_write(method: str, task: str, then: str) -> NotImplementedError:
    """The error of a method that nobody has written yet."""
    return NotImplementedError(f"{method} is not written yet: {task}. Then: {then}.")


# **************** Compiler: source text to a binary ****************


class TemplateCompiler(Compiler):
    """Turns a kernel's source into the bytes that TemplateProgram loads."""

    def __init__(self, arch: str) -> None:
        # names the table of tinygrad's disk cache: everything that changes the binary belongs in it
        super().__init__(f"compile_template_{arch}_{'_'.join(FLAGS)}")
        self.arch = arch

    def compile(self, source: str) -> bytes:
        """The binary of one kernel.

        Run the compiler with the source on its standard input. When it refuses, raise
        tinygrad.device.CompileError with its message: labs.backends.compile_errors.refused makes
        one that shows the lines of the kernel.
        """
        raise to_write(
            "TemplateCompiler.compile",
            "run os.environ['CC'] with FLAGS on the source, and return the object file's bytes",
            "TemplateProgram.__init__",
        )


# **************** Renderer: UOps to source text ****************


class TemplateRenderer(ClangRenderer):
    """Writes a kernel in the language of the hardware; here C, and most of it by tinygrad."""

    has_threads = False  # True: kernels take a `core_id`, and the Program runs one per core

    def __init__(self, target: Target) -> None:
        Renderer.__init__(self, target)  # ClangRenderer's own would build tinygrad's compiler
        self.compiler = TemplateCompiler(target.arch)

    @staticmethod
    def square_root(x: str, dtype: DType) -> str:
        """The expression for the square root of the expression x, which is of type dtype.

        double is dtypes.float64; narrower ones fit float.
        """
        raise to_write(
            "TemplateRenderer.square_root",
            "return the C for it: clang knows __builtin_sqrt (double) and __builtin_sqrtf (float)",
            "TemplateRenderer.truncate",
        )

    @staticmethod
    def truncate(x: str, dtype: DType) -> str:
        """The expression for x without its fraction, of the same type."""
        raise to_write(
            "TemplateRenderer.truncate",
            "return the C for it, as for the square root",
            "the whole conformance suite; then what your hardware is good at",
        )

    code_for_op = {
        **ClangRenderer.code_for_op,
        Ops.SQRT: lambda x, dtype: TemplateRenderer.square_root(x, dtype),
        Ops.TRUNC: lambda x, dtype: TemplateRenderer.truncate(x, dtype),
    }


# **************** Program: a loaded kernel ****************


class TemplateProgram(Program["TemplateDevice"]):
    """One kernel, loaded once and launched many times."""

    def __init__(self, dev: "TemplateDevice", obj: TinyELF) -> None:
        """Load the binary.

        obj.lib is what compile returned, obj.name the function's name, and obj.signature one
        (name, slot, dtype, shape) for each argument: the buffers first, then the integers.
        """
        raise to_write(
            "TemplateProgram.__init__",
            "put obj.lib where it can run, and keep a handle to the function obj.name",
            "TemplateProgram.__call__",
        )

    def __call__(
        self,
        *bufs,
        global_size: tuple[int, int, int] = (1, 1, 1),
        local_size: tuple[int, int, int] = (1, 1, 1),
        vals: tuple[int, ...] = (),
        wait: bool = False,
        **kw,
    ) -> float | None:
        """Launch the kernel on buffers, as `_alloc` and `_offset` gave them out.

        vals are the integers behind them (sizes that are known only now). Return the seconds it
        took when `wait` is set, else None; then the launch need not have ended on return.
        """
        raise to_write(
            "TemplateProgram.__call__",
            "call the function with the address of each buffer, then each of vals",
            "TemplateRenderer.square_root",
        )


# **************** Allocator: the device's memory ****************


class TemplateAllocator(LRUAllocator["TemplateDevice"]):
    """Hands out memory. LRUAllocator keeps freed blocks, and gives them out again by size."""

    def _alloc(self, size: int, options: BufferSpec) -> object:
        """A handle for `size` bytes: whatever the other methods can find the memory by.

        options.external_ptr, when set, is the address of memory that somebody else owns: use that.
        Raise MemoryError when there is none left; tinygrad then empties the LRU cache and asks
        again.
        """
        raise to_write(
            "TemplateAllocator._alloc",
            "return a handle for `size` bytes of memory, aligned for the widest load (64 bytes)",
            "TemplateAllocator._free",
        )

    def _free(self, opaque: object, options: BufferSpec) -> None:
        """Give a block back for good; memory that somebody else owns is not ours to give."""
        raise to_write(
            "TemplateAllocator._free",
            "give the block's memory back",
            "TemplateAllocator._copyin and _copyout",
        )

    def _copyin(self, dest: object, src: memoryview) -> None:
        """Copy the bytes of src from the host into dest. Any number of bytes, also odd ones."""
        raise to_write(
            "TemplateAllocator._copyin", "copy len(src) bytes to dest", "TemplateAllocator._copyout"
        )

    def _copyout(self, dest: memoryview, src: object) -> None:
        """Copy len(dest) bytes of src to the host. Kernels that write src must have ended."""
        raise to_write(
            "TemplateAllocator._copyout",
            "wait for the device, then copy len(dest) bytes of src",
            "TemplateAllocator._offset",
        )

    def _offset(self, buf: object, size: int, offset: int) -> object:
        """A handle for the `size` bytes that begin `offset` bytes into buf: a view, no copy.

        It has to keep buf's memory alive, and `_free` is never called on it.
        """
        raise to_write(
            "TemplateAllocator._offset",
            "return a handle to a part of buf's memory",
            "TemplateCompiler.compile",
        )


# **************** Device: owns the others ****************


class TemplateDevice(Compiled):
    """`Device["TEMPLATE"]`. tinygrad finds it by the names of this file and of this class."""

    def __init__(self, device: str) -> None:
        machine = platform.machine().lower()
        arch = {"amd64": "x86_64", "aarch64": "arm64"}.get(machine, machine)
        allocator = TemplateAllocator(self, supports_copy_from_disk=False, supports_transfer=False)
        super().__init__(device, allocator, [TemplateRenderer], TemplateProgram, arch=arch)

    def synchronize(self) -> None:
        """Wait until every launch has ended. Nothing to do while __call__ waits by itself."""

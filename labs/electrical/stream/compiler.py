"""Compiles a stream's function before the stream starts, and says what that cost.

The compiler and its flags are ELECTRICAL's; objects are kept on disk by source, flags and compiler,
so that the same specification starts quickly the next time. A running stream can't compile: after
`seal` a request is an error.
"""

import ctypes
import time
from collections.abc import Callable
from dataclasses import dataclass

from tinygrad import Device
from tinygrad.device import TinyELF
from tinygrad.helpers import Target, diskcache_get
from tinygrad.runtime.ops_cpu import CPUProgram

from labs.backends.runtime.ops_electrical import ElectricalCompiler
from labs.errors import LabError


@dataclass(frozen=True)
class Compiled:
    """A function in memory.

    Attributes:
        run: calls it with the address of its table; other Python threads go on meanwhile.
        seconds: what compiling and loading took. `cached`: the object was on disk already.
    """

    run: Callable[[int], None]
    source: str
    seconds: float
    cached: bool
    code_bytes: int
    keep: object  # its memory goes with the program


class RealTimeCompiler:
    """Source in, function out, ahead of time.

    Example:
        compiled = RealTimeCompiler("ELECTRICAL").compile(source)
        compiled.run(table_address)
    """

    def __init__(self, device: str) -> None:
        self._compiler = ElectricalCompiler(Device[device].renderer.options)
        self.sealed = False

    def compile(self, source: str) -> Compiled:
        """Compile and load. The file's first function is the entry: void f(const u64 *table).

        Raises:
            LabError: after `seal`.
            DeviceError: the compiler refuses the source.
        """
        if self.sealed:
            raise LabError(
                "compile a stream's kernels",
                expected="all compiled before the stream starts",
                got="a request from a running stream",
                next_step="make a new plan: optimize_for_real_time_validation",
            )
        began = time.perf_counter()
        key = self._compiler.cachekey
        cached = key is not None and diskcache_get(key, source) is not None
        code = self._compiler.compile_cached(source)
        program = CPUProgram(None, TinyELF(code, "stream", Target("ELECTRICAL"), ()))
        run = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(program.addr)
        seconds = time.perf_counter() - began
        return Compiled(run, source, seconds, cached, len(code), program)

    def seal(self) -> None:
        """The stream starts."""
        self.sealed = True

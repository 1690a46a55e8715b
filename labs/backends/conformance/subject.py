"""The device under test, as a case sees it: inputs go in, answers come out, nothing is cached.

Used in the child process only, after tinygrad has been pointed at its tools.
"""

import zlib

import numpy as np
from tinygrad import Device, Tensor, dtypes
from tinygrad.device import Buffer

from labs.backends.conformance.case import REQUIRED_DTYPES, Case, Skipped, Wrong
from labs.backends.conformance.values import as_dtype

SIZES = ("full", "small")


class Subject:
    """One device under test.

    Args:
        name: as tinygrad knows it, "CPU".
        size: "full" or "small": how large the large inputs are.
        seed: of all random inputs.
        own: a backend that lives outside tinygrad: what it can't do is its author's to write.
    """

    def __init__(self, name: str, size: str = "full", seed: int = 0, *, own: bool = False) -> None:
        self.name, self.size, self.seed, self.own = name, size, seed, own
        self.second = f"{name}:1"

    @property
    def device(self):
        """tinygrad's device object; opens it."""
        return Device[self.name]

    @property
    def allocator(self):
        return self.device.allocator

    def rng(self, case: str) -> np.random.Generator:
        """Random inputs that depend on the case's name and the seed only."""
        return np.random.default_rng([self.seed, zlib.crc32(case.encode())])

    def pick(self, full: int, small: int) -> int:
        """A length: the first in the full size, the second in the small one."""
        return full if self.size == "full" else small

    def tensor(self, values: object, dtype: str | None = None, device: str | None = None) -> Tensor:
        """A realized tensor on the device (or on `device`) with these values.

        Args:
            dtype: of the tensor; default that of the values.
        """
        array = np.asarray(values) if dtype is None else as_dtype(np.asarray(values), dtype)
        array = np.asarray(array, order="C")
        where = device or self.name
        if array.size == 0:
            found = Tensor.empty(*array.shape, dtype=getattr(dtypes, dtype or array.dtype.name))
            return found.to(where)
        # a numpy scalar would become a constant, which is in no memory of the device
        tensor = Tensor(array.reshape(array.shape or (1,)), device=where)
        if dtype == "bfloat16":
            tensor = tensor.cast(dtypes.bfloat16)
        return tensor.contiguous().realize().reshape(array.shape)

    def open_second(self):
        """The second instance; Skipped when a device of tinygrad's own hasn't got one."""
        try:
            return Device[self.second]
        except Exception as error:
            if self.own:
                raise Wrong(f"{self.second} can't be opened: {describe(error)}") from error
            raise Skipped(f"{self.second} can't be opened: {describe(error)}") from error

    def buffer(self, size_bytes: int, device: str | None = None) -> Buffer:
        """A fresh allocated buffer of bytes."""
        return Buffer(device or self.name, size_bytes, dtypes.uint8).allocate()

    def address(self, opaque: object) -> int:
        """Where a block lies; Skipped when the device doesn't show it."""
        if hasattr(self.allocator, "_as_buffer"):
            view = self.allocator._as_buffer(opaque)
            return np.frombuffer(view, np.uint8).ctypes.data
        for shown in (opaque, *(getattr(opaque, n, None) for n in ("va_addr", "address", "addr"))):
            if isinstance(shown, int):
                return shown
        raise Skipped("the device doesn't show where its buffers lie")

    def missing_dtypes(self, case: Case) -> str:
        """Why the case can't be run, empty when it can."""
        if not case.dtypes:
            return ""
        supported = self.device.renderer.supported_dtypes()
        missing = [d for d in case.dtypes if getattr(dtypes, d) not in supported]
        vital = sorted(set(missing) & REQUIRED_DTYPES)
        if vital:
            raise Wrong(f"the renderer doesn't support {', '.join(vital)}, which all backends need")
        return f"the renderer doesn't support {', '.join(missing)}" if missing else ""


def write(buffer: Buffer, data: bytes) -> None:
    """Copy bytes to a buffer, by the way a tensor's data goes there."""
    source = memoryview(bytearray(data))
    buffer.copy_from(Buffer("PYTHON", len(data), dtypes.uint8, opaque=source))


def read(buffer: Buffer) -> bytes:
    """The bytes of a buffer, by the way a tensor's data comes from there."""
    return bytes(buffer.as_memoryview())


def describe(error: BaseException) -> str:
    """An exception in one line."""
    if isinstance(error, BaseExceptionGroup):
        return "; ".join(dict.fromkeys(describe(e) for e in error.exceptions))
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = lines[0] if lines else ""
    return f"{type(error).__name__}: {text}" if text else type(error).__name__

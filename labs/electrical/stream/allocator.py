"""All memory of a stream: taken once, before the first sample; a request after that is an error.

On ELECTRICAL each piece is a tinygrad buffer that numpy sees, too: the samples that a source writes
are what the kernels read. Other devices have memory of their own; there the pieces are numpy's, and
windows are copied.
"""

from dataclasses import dataclass

import numpy as np
from tinygrad import Tensor
from tinygrad.dtype import dtypes

from labs.backends.electrical.binding import numpy_view
from labs.errors import LabError
from labs.tables import Table, TableView
from labs.units import format_bytes

ALIGNMENT_BYTES = 64  # a cache line, and the widest vector
_DTYPES = {
    "int16": dtypes.int16,
    "float32": dtypes.float32,
    "int32": dtypes.int32,
    "uint8": dtypes.uint8,
}


@dataclass(frozen=True)
class Piece:
    """Memory for one purpose. `tensor` is the same memory for tinygrad; None on other devices."""

    name: str
    array: np.ndarray
    tensor: Tensor | None

    @property
    def address(self) -> int:
        return self.array.ctypes.data


@dataclass(frozen=True, repr=False)
class StreamMemory(TableView):
    """What a stream holds, in bytes by purpose; `high_water` is the most of the ring in use."""

    pieces: tuple[tuple[str, int], ...]
    high_water_bytes: int
    zero_copy: bool

    @property
    def total_bytes(self) -> int:
        return sum(size for _, size in self.pieces)

    def table(self) -> Table:
        rows = [(name, format_bytes(size)) for name, size in self.pieces]
        rows.append(("all", format_bytes(self.total_bytes)))
        used = f"the ring was filled up to {format_bytes(self.high_water_bytes)}"
        return Table("Memory of the stream", ("for", "size"), tuple(rows), used)


class StreamingAllocator:
    """Gives aligned memory until it is frozen, and knows what each piece is for.

    Args:
        device: of the kernels that use it.
    """

    def __init__(self, device: str) -> None:
        self.device = device
        self.zero_copy = device.split(":")[0] == "ELECTRICAL"
        self.frozen = False
        self._pieces: list[Piece] = []
        self._high_water_bytes = 0

    def take(self, name: str, shape: tuple[int, ...], dtype: str) -> Piece:
        """Zeroed memory, in C order, its first element on a 64-byte boundary.

        Raises:
            LabError: the stream runs already, or there isn't so much memory.
        """
        if self.frozen:
            raise LabError(
                f"take memory for '{name}'",
                expected="all memory of a stream is taken before it starts",
                got="a request from a running stream",
                next_step="this is an error of the pipeline: report it",
            )
        count = int(np.prod(shape))
        try:
            piece = self._on_device(name, count, dtype) if self.zero_copy else None
            piece = piece or Piece(name, _aligned(count, dtype), None)
        except (MemoryError, ValueError) as error:
            raise LabError(
                f"take memory for '{name}'",
                expected=f"room for {format_bytes(count * np.dtype(dtype).itemsize)}",
                got=str(error),
                next_step="take smaller blocks, fewer of them, or fewer channels",
            ) from error
        piece.array[:] = 0
        piece = Piece(name, piece.array.reshape(shape), piece.tensor)
        self._pieces.append(piece)
        return piece

    def freeze(self) -> None:
        """From now on nothing may be taken."""
        self.frozen = True

    def used(self, ring_bytes: int) -> None:
        """So much of the ring waits to be processed."""
        if ring_bytes > self._high_water_bytes:
            self._high_water_bytes = ring_bytes

    def memory(self) -> StreamMemory:
        sizes = tuple((p.name, p.array.nbytes) for p in self._pieces)
        return StreamMemory(sizes, self._high_water_bytes, self.zero_copy)

    def _on_device(self, name: str, count: int, dtype: str) -> Piece:
        tensor = Tensor.empty(max(1, count), dtype=_DTYPES[dtype], device=self.device).realize()
        tensor.uop.buffer.ensure_allocated()
        array = numpy_view(tensor)[:count]
        if array.ctypes.data % ALIGNMENT_BYTES:
            raise MemoryError(f"{self.device} gave memory that isn't aligned")
        return Piece(name, array, tensor)


def _aligned(count: int, dtype: str) -> np.ndarray:
    size = count * np.dtype(dtype).itemsize
    whole = np.zeros(size + ALIGNMENT_BYTES, np.uint8)
    start = -whole.ctypes.data % ALIGNMENT_BYTES
    return whole[start : start + size].view(dtype)

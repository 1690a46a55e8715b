"""Reads and writes the memory behind a device's handle, by the ways that the device has itself."""

from typing import Any

import numpy as np

ALIGNMENT = 256  # of parts that are copied by themselves: more than any device asks for


def pattern(word: int, nbytes: int) -> np.ndarray:
    """So many bytes of one repeated 16-bit word."""
    return np.full(-(-nbytes // 2), word, "<u2").view(np.uint8)[:nbytes]


class Reach:
    """One allocator's memory as bytes.

    Args:
        offsets: whether `_offset` works; else a block is only read and written as a whole.
    """

    def __init__(self, allocator: Any) -> None:
        self.allocator = allocator
        self.shared = hasattr(allocator, "_as_buffer")
        self.offsets = True
        self._numbered = False  # whether handles hold addresses: a view's is that much larger

    def read(self, base: Any, total: int, start: int, stop: int) -> np.ndarray:
        """Bytes [start, stop) of a block of `total` bytes."""
        if self.shared:
            view = memoryview(self.allocator._as_buffer(base)).cast("B")
            return np.frombuffer(view, np.uint8)[start:stop]
        if not self.offsets:
            return self._copy_out(base, total)[start:stop]
        head = start % ALIGNMENT
        part = self.allocator._offset(base, stop - start + head, start - head)
        return self._copy_out(part, stop - start + head)[head:]

    def write(self, base: Any, total: int, start: int, data: np.ndarray) -> None:
        """Put bytes at `start`; without views everything around is read and written back."""
        if self.shared:
            view = memoryview(self.allocator._as_buffer(base)).cast("B")
            np.frombuffer(view, np.uint8)[start : start + data.size] = data
            return
        if start == 0 and data.size == total:
            self._copy_in(base, data)
        elif self.offsets and start % ALIGNMENT == 0:
            self._copy_in(self.allocator._offset(base, data.size, start), data)
        else:
            whole = self._copy_out(base, total)
            whole[start : start + data.size] = data
            self._copy_in(base, whole)

    def address(self, base: Any) -> int | None:
        """Where a block lies; None when the device doesn't show it."""
        if self.shared:
            view = memoryview(self.allocator._as_buffer(base)).cast("B")
            return np.frombuffer(view, np.uint8).ctypes.data
        return _number(base) if self._numbered else None

    def views_work(self, base: Any, total: int) -> tuple[bool, str]:
        """Whether a view begins where it is asked to: writes to a block of 3 * ALIGNMENT bytes.

        Returns:
            (whether `_offset` can be used, what is wrong with it or why it can't).
        """
        part = total // 3
        marks = np.repeat(np.arange(1, 4, dtype=np.uint8), part)
        self._copy_in(base, marks)
        try:
            view = self.allocator._offset(base, part, part)
            seen = self._copy_out(view, part)
        except NotImplementedError:
            return False, ""
        if view is None:
            return False, ""
        if not (seen == 2).all():
            return False, f"a view at byte {part} shows the bytes of {part * (int(seen[0]) - 1)}"
        first, second = _number(base), _number(view)
        self._numbered = None not in (first, second) and second - first == part
        return True, ""

    def _copy_out(self, block: Any, nbytes: int) -> np.ndarray:
        data = np.empty(nbytes, np.uint8)
        self.allocator._copyout(memoryview(data), block)
        self.allocator.dev.synchronize()
        return data

    def _copy_in(self, block: Any, data: np.ndarray) -> None:
        # a copy of its own: the device may read it later than now
        self.allocator._copyin(block, memoryview(bytearray(data.tobytes())))
        self.allocator.dev.synchronize()


def _number(handle: Any) -> int | None:
    """The number in a device's handle: its address, or something else."""
    for shown in (handle, *(getattr(handle, n, None) for n in _NAMES)):
        if isinstance(shown, int) and not isinstance(shown, bool):
            return shown
    return None


_NAMES = ("va_addr", "address", "addr", "value")

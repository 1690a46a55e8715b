"""The ring that samples wait in: every window of a stream lies in it in one piece.

For each channel: [history | slot 0 | slot 1 | ... ]. Sample i lies at history + i mod capacity. The
last `history` samples of the slots are written to the front, too, so that a window which begins
before slot 0 and ends in it needs no copy either.
"""

from dataclasses import dataclass

import numpy as np

from labs.electrical.stream.allocator import ALIGNMENT_BYTES, Piece, StreamingAllocator

PAGE_BYTES = 4096


@dataclass(frozen=True)
class Layout:
    """Where samples lie, in samples: the numbers that kernels are specialised for."""

    channels: int
    dtype: str
    history: int
    slot: int
    slots: int
    stride: int  # from one channel to the next

    @property
    def capacity(self) -> int:
        return self.slot * self.slots

    @property
    def itemsize(self) -> int:
        return np.dtype(self.dtype).itemsize


def layout(channels: int, dtype: str, longest: int, slot: int, waiting: int) -> Layout:
    """Room for `waiting` slots of new samples beside the longest window, which is kept."""
    line = ALIGNMENT_BYTES // np.dtype(dtype).itemsize
    slots = waiting + -(-longest // slot)
    history = longest + -longest % line
    slots = max(slots, -(-history // slot))
    stride = history + slot * slots
    stride += -stride % line
    if stride * np.dtype(dtype).itemsize % PAGE_BYTES == 0:
        stride += line  # else all channels compete for the same lines of the first-level cache
    return Layout(channels, dtype, history, slot, slots, stride)


class Ring:
    """The memory, and how samples get into it."""

    def __init__(self, allocator: StreamingAllocator, shape: Layout) -> None:
        self.layout = shape
        self.piece: Piece = allocator.take("ring", (shape.channels, shape.stride), shape.dtype)
        self._rows = self.piece.array
        self._capacity, self._history = shape.capacity, shape.history

    def write(self, index: int, samples: np.ndarray) -> None:
        """Put samples [channel, n] in place; n is at most one slot's."""
        count, capacity, history = samples.shape[1], self._capacity, self._history
        at = index % capacity
        if at + count <= capacity - history:
            self._rows[:, history + at : history + at + count] = samples
            return
        first = min(count, capacity - at)
        self._rows[:, history + at : history + at + first] = samples[:, :first]
        if first < count:
            self._rows[:, history : history + count - first] = samples[:, first:]
        tail = capacity - history  # from here on samples are written to the front, too
        if at + first > tail:
            begin = max(at, tail)
            self._rows[:, begin - tail : at + first - tail] = samples[:, begin - at : first]

    def window(self, index: int, count: int) -> np.ndarray:
        """Samples [index, index + count) as they lie in the ring: a view, [channel, count]."""
        end = self._history + (index + count - 1) % self._capacity + 1
        return self._rows[:, end - count : end]

"""The ring: every window in one piece, whatever was written how."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labs.electrical.stream.allocator import ALIGNMENT_BYTES, StreamingAllocator
from labs.electrical.stream.ring import Ring, layout
from labs.errors import LabError


def test_ring_when_written_in_any_pieces_then_each_window_is_whole():
    @settings(max_examples=25, deadline=None)
    @given(st.integers(1, 300), st.integers(16, 90), st.lists(st.integers(1, 90), min_size=1))
    def check(longest, slot, pieces):
        ring = Ring(StreamingAllocator("CPU"), layout(2, "int16", longest, slot, 4))
        total = 3 * ring.layout.capacity
        samples = np.arange(2 * total, dtype=np.int16).reshape(2, total)
        at = number = 0
        while at < total:
            to = min(total, at + min(slot, pieces[number % len(pieces)]))
            ring.write(at, samples[:, at:to])
            at, number = to, number + 1
            for begin in {at - longest, max(0, at - slot - longest), at - 1} - {-1}:
                if begin >= 0 and begin + longest <= at:
                    found = ring.window(begin, longest)
                    assert (found == samples[:, begin : begin + longest]).all()

    check()


@pytest.mark.parametrize("dtype", ["int16", "float32"])
def test_layout_when_made_then_slots_are_aligned_and_channels_apart(dtype):
    shape = layout(3, dtype, 10_240, 512, 4)
    assert shape.history >= 10_240 and shape.capacity >= shape.history + 4 * 512
    assert shape.history * shape.itemsize % ALIGNMENT_BYTES == 0
    assert shape.stride * shape.itemsize % ALIGNMENT_BYTES == 0
    assert shape.stride * shape.itemsize % 4096 != 0


@pytest.mark.parametrize("device", ["ELECTRICAL", "CPU"])
def test_allocator_when_asked_then_memory_is_aligned_and_accounted(device):
    allocator = StreamingAllocator(device)
    ring = allocator.take("ring", (2, 101), "int16")
    other = allocator.take("results", (7,), "float32")
    assert ring.address % ALIGNMENT_BYTES == other.address % ALIGNMENT_BYTES == 0
    assert allocator.memory().pieces == (("ring", 404), ("results", 28))
    assert allocator.memory().total_bytes == 432
    assert "results" in allocator.memory()._repr_html_()
    assert allocator.zero_copy == (device == "ELECTRICAL") == (ring.tensor is not None)
    allocator.used(100)
    allocator.used(50)
    assert allocator.memory().high_water_bytes == 100


def test_allocator_on_electrical_then_numpy_and_tinygrad_see_the_same_memory():
    piece = StreamingAllocator("ELECTRICAL").take("ring", (4,), "int16")
    piece.array[:] = (1, 2, 3, 4)
    assert (piece.tensor + 1).numpy().tolist() == [2, 3, 4, 5]


def test_allocator_when_frozen_then_refuses():
    allocator = StreamingAllocator("CPU")
    allocator.freeze()
    with pytest.raises(LabError, match="taken before it starts"):
        allocator.take("more", (1,), "float32")


def test_allocator_when_asked_for_too_much_then_says_so():
    with pytest.raises(LabError, match="take smaller blocks"):
        StreamingAllocator("CPU").take("ring", (1 << 50,), "float32")

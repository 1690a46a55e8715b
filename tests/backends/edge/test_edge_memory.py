"""First fit with coalescing, held against a plain list of bytes; the map's regions."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labs.backends.edge import memory
from labs.backends.edge.memory import Block, Heap, HostMemory, MemoryMap, Region, hexadecimal
from labs.errors import DeviceError

SIZE = 4096


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 900)), max_size=60))
@settings(deadline=None)
def test_heap_when_blocks_come_and_go_then_none_overlap_and_all_comes_back(steps):
    heap, live = Heap(0x1000, SIZE, alignment=16), {}
    for is_take, number in steps:
        if is_take:
            address = heap.take(number)
            if address is not None:
                assert address % 16 == 0 and address >= 0x1000
                live[address] = number
        elif live:
            address = sorted(live)[number % len(live)]
            del live[address]
            heap.give(address)
        spans = sorted((a, a + n) for a, n in live.items())
        assert all(end <= start for (_, end), (start, _) in itertools.pairwise(spans))
        assert all(end <= 0x1000 + SIZE for _, end in spans)
        assert set(heap.blocks()) == set(live)
    for address in live:
        heap.give(address)
    assert heap.largest_gap() == SIZE and heap.take(SIZE) == 0x1000


def test_heap_when_a_gap_is_large_enough_then_the_first_is_taken():
    heap = Heap(0, SIZE, alignment=16)
    first, second, third = heap.take(64), heap.take(64), heap.take(64)
    heap.give(first)
    heap.give(third)
    assert heap.take(48) == first and heap.take(128) == third
    assert second == 64


def test_heap_when_no_gap_is_large_enough_then_none():
    heap = Heap(0, SIZE, alignment=16)
    blocks = [heap.take(SIZE // 4) for _ in range(4)]
    for address in blocks[::2]:
        heap.give(address)
    assert heap.take(SIZE // 2) is None and heap.largest_gap() == SIZE // 4


def test_heap_when_a_block_is_given_back_that_never_was_then_an_error():
    with pytest.raises(DeviceError, match="0x0000_0010"):
        Heap(0, SIZE).give(0x10)


def test_host_memory_when_written_then_read_at_the_same_address():
    ram = HostMemory(0x2000_0000, 1 << 16)
    ram.view(0x2000_0010, 4)[:] = b"abcd"
    assert bytes(ram.view(0x2000_0008, 16)) == bytes(8) + b"abcd" + bytes(4)


@pytest.mark.parametrize(
    ("address", "size"), [(0x1FFF_FFFF, 1), (0x2000_FFFF, 2), (0x2000_0000, -1)]
)
def test_host_memory_when_outside_then_an_error_that_names_the_address(address, size):
    with pytest.raises(DeviceError) as raised:
        HostMemory(0x2000_0000, 1 << 16).view(address, size)
    assert hexadecimal(address) in str(raised.value)


def test_regions_then_they_are_apart_and_the_guard_lies_below_the_stack():
    spans = [
        (memory.FLASH_START, memory.FLASH_BYTES),
        (memory.GUARD_START, memory.GUARD_BYTES),
        (memory.STACK_START, memory.STACK_BYTES),
        (memory.RAM_START, memory.RAM_BYTES),
    ]
    assert all(a + n <= b for (a, n), (b, _) in itertools.pairwise(spans))
    assert memory.GUARD_START + memory.GUARD_BYTES == memory.STACK_START
    assert memory.RAM_BYTES == 32 * 2**20


def test_memory_map_then_its_table_has_a_row_for_each_region():
    shown = MemoryMap(
        (Region("ram", 0x2000_0000, 1 << 20, 64, "rw-"), Region("guard", 0, 4096, 0, "---")),
        (Block("ram", "buffer", "", 0x2000_0000, 64),),
    )
    text = str(shown)
    assert "0x2000_0000" in text and "64 B" in text and "Nothing else is mapped" in text
    assert [b.kind for b in shown.buffers] == ["buffer"] and shown.kernels == ()
    assert "<table" in shown._repr_html_()

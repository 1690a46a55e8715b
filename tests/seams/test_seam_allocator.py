"""Seam: Buffer calls the allocator's methods through the instance, and LRUAllocator keeps freed
blocks in .cache by (size, options). labs.lowering.tap replaces those methods."""

import numpy as np
import pytest
from tinygrad import Device, Tensor
from tinygrad.device import LRUAllocator

from labs.lowering.tap import kept_bytes


@pytest.mark.parametrize("name", ["alloc", "free", "_alloc", "_as_buffer", "_copyout"])
def test_instance_methods_are_looked_up_on_each_call(name):
    allocator, calls = Device["CPU"].allocator, []
    Tensor(np.ones(3, np.float32), device="CPU").realize()
    allocator.free_cache()
    original = getattr(allocator, name)

    def counting(*args, **kwargs):
        calls.append(name)
        return original(*args, **kwargs)

    setattr(allocator, name, counting)
    try:
        x = Tensor(np.ones(3, np.float32), device="CPU").realize()
        x.numpy()
        del x
    finally:
        delattr(allocator, name)
    assert calls


def test_freed_blocks_are_kept_by_size():
    allocator = Device["CPU"].allocator
    assert isinstance(allocator, LRUAllocator)
    allocator.free_cache()
    assert kept_bytes(allocator) == 0
    x = Tensor(np.ones(1000, np.float32), device="CPU").realize()
    del x
    assert kept_bytes(allocator) >= 4000
    assert any(size == 4000 and blocks for (size, _), blocks in allocator.cache.items())

"""The unofficial seams of tinygrad 0.14.0 that registering and forgetting backends stands on."""

import inspect

from labs import toolchain

toolchain.activate()
from tinygrad import Device, Tensor
from tinygrad.device import Allocator, Buffer, Compiled, CompileError, LRUAllocator, Program
from tinygrad.engine import realize, worker

from labs.backends import opened, validation


def test_a_device_is_the_class_of_that_name_in_a_module_of_that_name():
    source = inspect.getsource(type(Device).get_class)
    assert ".runtime.ops_{x}" in source and 'cname.lower() == x + "device"' in source


def test_opened_devices_are_cached_as_a_whole_and_finalized_by_name():
    kind = type(Device)
    for cached in (kind.get_class, kind._Device__get_canonicalized_item):
        assert callable(cached.cache_clear) and not hasattr(cached, "cache_remove")
    Tensor([1.0], device="CPU").realize()
    assert "CPU" in Device._opened_devices
    assert "get_class" in inspect.getsource(kind._Device__get_canonicalized_item)


def test_loaded_kernels_are_kept_by_device_name():
    (Tensor([1.0, 2.0], device="CPU") * 3).realize()
    devices = {key[1] for key in realize.runtime_cache}
    assert "CPU" in devices and all(isinstance(d, str) for d in devices)
    assert hasattr(realize.graph_cache, "items")


def test_a_buffer_is_used_through_the_methods_that_a_lost_one_replaces():
    for name in ("ensure_allocated", "allocate", "get_buf", "as_memoryview", "copy_from", "view"):
        assert callable(getattr(Buffer, name)), name
        assert getattr(opened.LostBuffer, name) is opened.LostBuffer._gone
    buffer = Tensor([1.0], device="CPU").realize().uop.base.buffer
    assert {"device", "_bufs", "_base", "allocator"} <= vars(buffer).keys()


def test_an_allocator_has_the_methods_that_a_backend_must_write():
    for method in validation._ALLOCATOR_METHODS:
        assert "NotImplementedError" in inspect.getsource(getattr(Allocator, method))
        assert getattr(LRUAllocator, method) is getattr(Allocator, method)
    assert list(inspect.signature(Program.__init__).parameters) == ["self", "dev", "obj"]
    assert "timeout=ctx.timeout" in inspect.getsource(realize.exec_kernel)
    assert "device" in inspect.signature(Compiled.__init__).parameters


def test_the_compile_workers_can_be_ended_and_compile_errors_are_ordinary_exceptions():
    assert callable(worker.terminate_worker_pool)
    assert issubclass(CompileError, Exception) and not issubclass(CompileError, RuntimeError)


def test_an_allocator_hides_runtime_errors_behind_a_memory_error():
    # so what a template's _alloc says is the cause of what the reader sees: describe() shows both
    assert "except (RuntimeError, MemoryError)" in inspect.getsource(Allocator.alloc)

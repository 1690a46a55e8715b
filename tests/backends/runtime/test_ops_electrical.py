import ctypes
import gc
import mmap
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest

from labs import backends, toolchain

toolchain.activate()
backends.register()

from tinygrad import Context, Device, Tensor, TinyJit, Variable
from tinygrad.device import Buffer, BufferSpec, CompileError
from tinygrad.dtype import dtypes
from tinygrad.engine.worker import terminate_worker_pool

from labs.backends.runtime import ops_electrical
from labs.errors import DeviceError, ToolchainError


@pytest.fixture
def device() -> ops_electrical.ElectricalDevice:
    return Device["ELECTRICAL"]


@pytest.fixture(autouse=True)
def _in_this_process():
    with Context(PARALLEL=0):
        yield


def on(array, device="ELECTRICAL") -> Tensor:
    return Tensor(np.asarray(array), device=device).realize()


# **************** Allocator ****************


@pytest.mark.parametrize("size", [1, 63, 64, 4096, 65536, 3 << 20])
def test_memory_of_any_size_then_aligned_with_a_readable_margin(device, size):
    block = device.allocator.alloc(size)
    assert block.va_addr % ops_electrical.ALIGNMENT_BYTES == 0
    for place in (block.va_addr - 64, block.va_addr + size + 63):
        assert ctypes.c_ubyte.from_address(place).value >= 0  # a fault would end the process
    device.allocator.free(block, size)


def test_usage_then_counts_new_reused_and_freed_memory(device):
    size = 1234 * 4
    gc.collect()
    device.allocator.free_cache()
    start = device.allocator.usage()
    x = Tensor.empty(1234, device="ELECTRICAL").realize()
    x.uop.buffer.ensure_allocated()
    grown = device.allocator.usage()
    assert grown.used_bytes - start.used_bytes == size
    assert grown.allocations - start.allocations == 1 and grown.peak_bytes >= grown.used_bytes
    del x
    gc.collect()
    freed = device.allocator.usage()
    assert (freed.used_bytes, freed.pooled_bytes) == (start.used_bytes, size)
    y = Tensor.empty(1234, device="ELECTRICAL").realize()
    y.uop.buffer.ensure_allocated()
    reused = device.allocator.usage()
    assert reused.reuses - freed.reuses == 1 and reused.pooled_bytes == 0
    device.allocator.free_cache()
    assert device.allocator.usage().limit_bytes is None


def test_block_when_freed_twice_then_refused_and_the_device_goes_on(device):
    block = device.allocator.alloc(512)
    device.allocator.free(block, 512)
    with pytest.raises(DeviceError, match="freed already"):
        device.allocator.free(block, 512)
    assert (on([1.0]) + 1).item() == 2


def test_more_memory_than_there_is_then_memory_error_and_the_device_goes_on(device):
    with pytest.raises(MemoryError, match="ELECTRICAL"):
        device.allocator.alloc(1 << 60)
    assert (on([1.0]) + 1).item() == 2


def test_views_with_an_offset_then_share_their_base(device):
    base = Buffer("ELECTRICAL", 64, dtypes.float32).allocate()
    view = base.view(8, dtypes.float32, 20).allocate()
    assert view._buf.va_addr == base._buf.va_addr + 20
    x = on(np.arange(64, dtype=np.float32))
    np.testing.assert_array_equal((x[5:29] * 2).numpy(), np.arange(5, 29) * 2)


def test_memory_of_numpy_then_used_in_place(device):
    array = np.arange(256, dtype=np.float32)
    x = Tensor.from_blob(array.ctypes.data, (256,), dtype=dtypes.float32, device="ELECTRICAL")
    used = device.allocator.usage().used_bytes
    np.testing.assert_array_equal((x + 1).numpy(), array + 1)
    array[:] = 7
    assert x.numpy()[3] == 7 and device.allocator.usage().used_bytes == used


@pytest.mark.skipif(sys.platform != "linux", reason="arranges pages as Linux does")
def test_memory_of_others_when_nothing_lies_behind_it_then_refused():
    libc = ctypes.CDLL(None)
    libc.mmap.restype = ctypes.c_void_p
    page = mmap.PAGESIZE
    start = libc.mmap(None, ctypes.c_size_t(2 * page), 3, 0x22, -1, 0)
    try:
        libc.munmap(ctypes.c_void_p(start + page), ctypes.c_size_t(page))
        allocator = Device["ELECTRICAL"].allocator
        with pytest.raises(DeviceError, match="readable bytes"):
            allocator._alloc(256, BufferSpec(external_ptr=start + page - 256))
        assert allocator._alloc(256, BufferSpec(external_ptr=start + page - 1024)).size == 256
    finally:
        libc.munmap(ctypes.c_void_p(start), ctypes.c_size_t(page))


# **************** Compiler ****************


def test_source_that_is_no_c_then_the_error_names_the_line(device):
    with pytest.raises(CompileError, match="nonsense"):
        device.renderer.compiler.compile("void f(void) {\n  nonsense here;\n}")


def test_cache_of_kernels_then_the_compiler_and_every_option_are_in_its_name(device):
    here = device.renderer.compiler
    assert toolchain.activate().compiler.identity in here.cachekey
    with Context(DEV="ELECTRICAL::x86_64,native,v32,O2"):
        assert device.renderer.compiler.cachekey != here.cachekey


def test_no_compiler_then_it_says_what_to_install(monkeypatch):
    tools = toolchain.activate()
    without = toolchain.Toolchain(None, None, None, None, {}, {"compiler": "none was found"})
    monkeypatch.setattr(ops_electrical.toolchain, "activate", lambda: without)
    with pytest.raises(ToolchainError, match="none was found") as caught:
        ops_electrical.ElectricalCompiler(ops_electrical.options.parse("x86_64,native,v16"))
    assert "ziglang" in str(caught.value) and tools.compiler


def test_arch_when_it_means_nothing_then_refused_and_the_device_stays(device):
    with Context(DEV="ELECTRICAL::x86_64,native,v99"), pytest.raises(DeviceError, match="v99"):
        _ = device.renderer
    assert (on([1.0]) + 1).item() == 2


# **************** Program and Graph ****************


def test_jit_then_a_batch_is_one_call_and_inputs_may_change(device):
    def chain(x: Tensor) -> Tensor:
        for _ in range(4):
            x = (x * 2).contiguous()
        return x.realize()

    step = TinyJit(chain)
    before = device.counters().graphs
    for value in range(6):
        assert step(on(np.full(40, value, np.float32))).tolist() == [value * 16.0] * 40
    assert device.counters().graphs - before == 5  # the first call captures nothing


def test_jit_with_a_symbolic_size_then_each_size_is_right():
    n = Variable("n", 1, 64)
    x = on(np.arange(64, dtype=np.float32))
    step = TinyJit(lambda t, v: ((t[:v] + 1).contiguous() * 2).sum().realize())
    for size in (3, 9, 64, 1, 17):
        assert step(x, n.bind(size)).item() == 2 * sum(range(1, size + 1))


def test_waited_for_then_seconds_and_counters(device):
    from tinygrad.engine.realize import compile_linear, time_call
    from tinygrad.uop.ops import Ops

    x = on(np.ones((64, 64), np.float32))
    call = [c for c in compile_linear((x + 1).schedule_linear()).src if c.src[0].op is Ops.PROGRAM]
    before = device.counters()
    assert 0 < next(time_call(call[0])) < 10
    after = device.counters()
    assert after.timed_launches - before.timed_launches == 1 and after.timed_s > before.timed_s


def test_profile_when_on_then_each_kernel_leaves_a_range():
    from tinygrad.helpers import cpu_events

    x = on(np.ones(77, np.float32))
    with Context(PROFILE=1):
        (x + 1).realize()
    assert any(getattr(e, "device", "") == "ELECTRICAL" and getattr(e, "en", 0) for e in cpu_events)


def test_large_result_then_written_past_the_caches_and_right_at_any_offset():
    values = np.random.default_rng(0).standard_normal(1 << 20).astype(np.float32)
    x = on(values)
    np.testing.assert_array_equal((x * 3).numpy(), values * 3)
    base = Tensor.zeros((1 << 20) + 16, device="ELECTRICAL").contiguous().realize()
    base[3 : 3 + (1 << 20)].assign(x * 3).realize()  # not aligned: the other way to store
    np.testing.assert_array_equal(base.numpy()[3 : 3 + (1 << 20)], values * 3)


def test_in_place_assignment_then_each_element_once():
    x = on(np.arange(100, dtype=np.float32))
    for _ in range(3):
        x.assign(x + 1).realize()
    np.testing.assert_array_equal(x.numpy(), np.arange(100) + 3)


# **************** Device ****************


def test_two_instances_then_each_has_its_memory_and_both_compute():
    first, second = Device["ELECTRICAL"], Device["ELECTRICAL:1"]
    assert first is not second and first.allocator is not second.allocator
    assert first.pool is second.pool  # one set of cores
    x = on(np.arange(8, dtype=np.float32)).shard(("ELECTRICAL", "ELECTRICAL:1"), 0)
    assert (x * 2).sum().item() == 56


@pytest.mark.parametrize("other", ["CPU", "PYTHON"])
def test_copies_to_and_from_other_devices_then_every_byte(other):
    values = np.random.default_rng(0).integers(0, 255, 1023).astype(np.uint8)
    there = on(values).to(other).realize()
    back = there.to("ELECTRICAL").realize()
    np.testing.assert_array_equal(back.numpy(), values)
    np.testing.assert_array_equal(there.numpy(), values)


def test_pickled_tensor_then_the_same_in_another_process(tmp_path):
    (tmp_path / "tensor").write_bytes(pickle.dumps(on(np.arange(5, dtype=np.float32))))
    program = (
        "import pickle, sys\n"
        "from labs import backends, toolchain\n"
        "toolchain.activate(); backends.register()\n"
        "print((pickle.load(open(sys.argv[1], 'rb')) + 1).tolist())\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "tensor")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[1.0, 2.0, 3.0, 4.0, 5.0]"


@pytest.mark.slow
def test_dev_in_the_environment_then_the_default_and_workers_compile_for_it():
    program = (
        "from labs import backends, toolchain\n"
        "toolchain.activate(); backends.register()\n"
        "from tinygrad import Device, Tensor\n"
        "if __name__ == '__main__':\n"
        "    a = Tensor([1., 2.]).realize(); b, c = a.exp().log() + 1, (a * 3).sin().asin()\n"
        "    Tensor.realize(b, c)\n"
        "    print(Device.DEFAULT, [round(v) for v in b.tolist()])\n"
    )
    done = subprocess.run(
        [sys.executable, "-"],
        input=program,
        env=os.environ | {"DEV": "ELECTRICAL", "PARALLEL": "2"},
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
    )
    assert done.stdout.strip() == "ELECTRICAL [2, 3]"


@pytest.mark.slow
def test_beam_then_finds_something_and_the_answer_stays():
    values = np.random.default_rng(0).standard_normal((64, 64)).astype(np.float32)
    with Context(BEAM=1, CACHELEVEL=0):
        got = (on(values) @ on(values)).numpy()
    np.testing.assert_allclose(got, values.astype(np.float64) @ values, rtol=1e-4, atol=1e-4)
    terminate_worker_pool()


def test_sensors_then_readings_of_this_machine_or_a_reason(device):
    readings = device.sensors()
    assert readings and all(r.value is not None or r.reason for r in readings)

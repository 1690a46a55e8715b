"""trace_memory(): right bytes on real devices, restored afterwards, whatever happens inside."""

import threading

import numpy as np
import pytest
from tinygrad import Device, GlobalCounters, Tensor, TinyJit

from labs.errors import DeviceError
from labs.lowering import trace_memory
from labs.lowering.trace import KINDS

KIB = 1024
SIDE = 256  # float32: 256 KiB
BLOCK = SIDE * SIDE * 4


def block(device: str = "CPU") -> Tensor:
    return Tensor(np.ones((SIDE, SIDE), np.float32), device=device).realize()


@pytest.fixture(autouse=True)
def warm_and_clean():
    """What a device allocates for itself is there before, and no kept block is reused by chance."""
    block()
    allocator = Device["CPU"].allocator
    allocator.free_cache()
    attributes = set(vars(allocator))
    yield
    assert set(vars(allocator)) == attributes  # every test leaves the allocator as it was


def test_allocate_free_and_reuse():
    with trace_memory("CPU") as trace:
        a = block()
        assert trace.live_bytes == BLOCK
        del a
        assert trace.live_bytes == 0
        b = block()
        del b
    kinds = [e.kind for e in trace.events if e.kind in ("allocate", "reuse", "free")]
    assert kinds == ["allocate", "free", "reuse", "free"]
    assert trace.peak_bytes == BLOCK and not trace.leaks
    freed = [e for e in trace.events if e.kind == "free"]
    assert freed[0].detail == "kept for reuse" and freed[0].kept_bytes == BLOCK


def test_peak_of_an_expression():
    with trace_memory("CPU") as trace:
        result = (block() + block()).realize()
    assert trace.peak_bytes == 3 * BLOCK
    assert trace.live_bytes == BLOCK and len(trace.leaks) == 1
    assert result.shape == (SIDE, SIDE)


def test_agrees_with_tinygrads_own_counter():
    kept = []
    with trace_memory("CPU") as trace:
        start = GlobalCounters.mem_used_per_device["CPU"]
        for i in range(4):
            kept.append((block() * i).sum(0).realize())
            used = GlobalCounters.mem_used_per_device["CPU"] - start
            assert trace.live_bytes == used
    del kept


def test_leak_names_the_readers_line():
    history = []
    with trace_memory("CPU") as trace:
        for _ in range(3):
            history.append(block().square().realize())  # the leak
    assert len(trace.leaks) == 3
    leak = trace.leaks[0]
    assert leak.bytes == BLOCK and leak.place.startswith("test_memory.py:")
    assert "history.append" in leak.code
    assert "3 blocks" in str(trace.leaks.table()) and "<table" in trace.leaks._repr_html_()
    history.clear()
    assert len(trace.leaks) == 3  # what was in use when the trace ended


def test_a_reference_cycle_is_not_a_leak():
    class Holder:
        pass

    with trace_memory("CPU") as trace:
        holder = Holder()
        holder.itself, holder.tensor = holder, block()
        del holder
    assert not trace.leaks


def test_copies_on_a_device_that_shares_memory_with_the_host():
    x = block()
    with trace_memory("CPU") as trace:
        y = block()
        x.numpy()
    copies = [(e.kind, e.bytes) for e in trace.events if "copy" in e.kind]
    # the host writes into the device's memory, so tinygrad never calls _copyin here
    assert ("zero_copy", BLOCK) in copies and trace.count("copy_in") == 0
    assert trace.count("copy_out") == 1
    del y


def test_free_of_an_older_block_is_told_apart():
    old = block()
    with trace_memory("CPU") as trace:
        del old
    assert trace.count("free_untraced") == 1 and trace.count("free") == 0
    assert trace.live_bytes == 0 and trace.peak_bytes == 0


def test_views_are_not_allocations():
    x = block()
    with trace_memory("CPU") as trace:
        view = x[: SIDE // 2].contiguous().realize()
    assert trace.count("allocate") + trace.count("reuse") == 0
    assert view.shape == (SIDE // 2, SIDE)


def test_kernels_compiled_before_do_not_matter():
    for _ in range(2):  # the second time every schedule and kernel is cached
        with trace_memory("CPU") as trace:
            y = (block() * 3 + 1).realize()
        assert trace.peak_bytes == 2 * BLOCK
        del y


def test_inside_a_jit_replay():
    step = TinyJit(lambda x: (x + 1).realize())
    x = block()
    for _ in range(3):
        y = step(x)
    with trace_memory("CPU") as trace:
        y = step(x)
    assert trace.count("allocate") == 0 and y.shape == x.shape


def test_exception_inside_the_block():
    context = trace_memory("CPU")
    with pytest.raises(ZeroDivisionError), context as trace:
        1 / (block().sum().item() * 0)
    assert trace.peak_bytes >= BLOCK


def test_nested_traces():
    with trace_memory("CPU") as outer:
        a = block()
        with trace_memory("CPU") as inner:
            b = block()
        c = block()
    assert outer.peak_bytes == 3 * BLOCK and inner.peak_bytes == BLOCK
    assert len(inner.leaks) == 1
    del a, b, c


def test_overlapping_traces_of_two_threads():
    first_in, second_in, first_out = (threading.Event() for _ in range(3))
    traces = {}

    def first():
        with trace_memory("CPU") as traces["first"]:
            first_in.set()
            second_in.wait(10)
        first_out.set()

    def second():
        first_in.wait(10)
        with trace_memory("CPU") as traces["second"]:
            second_in.set()
            first_out.wait(10)
            traces["tensor"] = block()  # the other trace has ended meanwhile

    threads = [threading.Thread(target=work) for work in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert traces["second"].peak_bytes == BLOCK and traces["first"].peak_bytes == 0


def test_allocations_of_another_thread_are_seen():
    held = []
    with trace_memory("CPU") as trace:
        thread = threading.Thread(target=lambda: held.append(block()))
        thread.start()
        thread.join()
    assert trace.live_bytes == BLOCK


def test_two_devices():
    with trace_memory("CPU", "PYTHON") as trace:
        a = Tensor(np.ones(64, np.float32), device="CPU").realize()
        b = a.to("PYTHON").realize()
    assert trace.devices == ("CPU", "PYTHON")
    assert trace.peak_by_device == {"CPU": 256, "PYTHON": 256} and trace.peak_bytes == 512
    assert b.device == "PYTHON"


def test_device_without_a_cache_returns_memory():
    with trace_memory("PYTHON") as trace:
        x = Tensor(np.ones(64, np.float32), device="PYTHON").realize()
        del x
    freed = [e for e in trace.events if e.kind == "free"]
    assert freed[0].detail == "returned to the device" and freed[0].kept_bytes == 0


def test_device_whose_blocks_share_one_handle():
    with trace_memory("NULL") as trace:
        a = Tensor.empty(16, device="NULL").realize().uop.buffer.ensure_allocated()
        b = Tensor.empty(32, device="NULL").realize().uop.buffer.ensure_allocated()
        assert trace.live_bytes == 64 + 128
        del a
    assert [leak.bytes for leak in trace.leaks][-1:] == [128]
    del b


@pytest.mark.slow
def test_a_device_with_its_own_memory_copies():
    try:
        Device["CL"]
    except Exception as e:
        pytest.skip(f"no OpenCL device ({type(e).__name__}); pip install pocl-binary-distribution")
    with trace_memory("CL") as trace:
        x = block("CL")
        np.testing.assert_array_equal(x.numpy(), np.ones((SIDE, SIDE)))
    assert (trace.count("copy_in"), trace.count("copy_out")) == (1, 1)
    assert trace.count("zero_copy") == 0


def test_out_of_memory_releases_kept_blocks():
    allocator = Device["CPU"].allocator
    x = block()
    del x
    refuse = {"times": 1}
    original = type(allocator)._alloc

    def scarce(size, options):
        if refuse["times"]:
            refuse["times"] -= 1
            raise MemoryError("full")
        return original(allocator, size, options)

    allocator._alloc = scarce
    try:
        with trace_memory("CPU") as trace:
            y = Tensor(np.ones(100, np.float32), device="CPU").realize()
        refuse["times"] = 2
        with pytest.raises(MemoryError), trace_memory("CPU") as failed:
            Tensor(np.ones(300, np.float32), device="CPU").realize()
        assert allocator._alloc is scarce
    finally:
        del allocator._alloc
    released = [e for e in trace.events if e.kind == "release"]
    assert released[0].bytes == BLOCK and trace.live_bytes == 400
    assert failed.count("failed") == 1
    del y


def test_a_real_refusal_of_the_device_is_an_event():
    with trace_memory("CPU") as trace, pytest.raises((MemoryError, OSError)):
        Device["CPU"].allocator.alloc(2**62)
    assert [e.kind for e in trace.events][-1] == "failed" and trace.live_bytes == 0


def test_no_device_named_means_the_open_ones():
    with trace_memory() as trace:
        x = block()
    assert "CPU" in trace.devices and trace.live_bytes == BLOCK
    del x


def test_tables():
    with trace_memory("CPU") as trace:
        tensors = [Tensor(np.ones(i + 1, np.float32), device="CPU").realize() for i in range(5)]
    table = trace.table(max_rows=3)
    assert len(table.rows) == 3 and "more events" in table.note
    assert trace.summary().rows[0][0] == "CPU"
    assert "<table" in trace._repr_html_()
    assert all(e.kind in KINDS for e in trace.events)
    del tensors


@pytest.mark.parametrize("device", ["FOO", "EDGEX:1"])
def test_unknown_device(device):
    with pytest.raises(DeviceError) as error:
        with trace_memory(device):
            pass
    assert device in str(error.value) and error.value.next_step


def test_a_trace_runs_once():
    trace = trace_memory("CPU")
    with trace:
        pass
    with pytest.raises(DeviceError):
        with trace:
            pass

"""Opening, using and forgetting one device; the others never notice."""

import numpy as np
import pytest
from tinygrad import Device, Tensor, TinyJit
from tinygrad.device import CompileError
from tinygrad.helpers import GlobalCounters

from labs import backends
from labs.devices.names import missing_part
from labs.errors import DeviceError

pytestmark = pytest.mark.usefixtures("unregister_after")


def test_open_when_init_raises_then_says_where_and_other_devices_go_on(write_backend, ones):
    change = ("super().__init__(device, alloc", "[][1]; super().__init__(device, alloc")
    backends.register("BROKEN", write_backend("broken", change))
    for _ in range(2):
        with pytest.raises(DeviceError) as caught:
            backends.open_backend("BROKEN")
        assert "IndexError: list index out of range (ops_broken.py, line" in caught.value.got
        assert "in __init__" in caught.value.got
    assert "BROKEN" not in Device._opened_devices
    assert ones("CPU") == [3.0, 5.0, 7.0]


def test_open_when_an_unchecked_module_lacks_a_part_then_names_it(write_backend):
    wrong = write_backend("unchecked", ("class UncheckedDevice", "class SomeDevice"))
    backends.register("UNCHECKED", wrong, check=False)  # as the conformance suite may do
    with pytest.raises(DeviceError, match="rename it to UncheckedDevice"):
        backends.open_backend("UNCHECKED")
    backends.register("ABSENT", "no_such_module", check=False)
    with pytest.raises(DeviceError, match="no module 'no_such_module'"):
        backends.open_backend("ABSENT")
    with pytest.raises(DeviceError, match="Open the backend NOSUCH"):
        backends.open_backend("NOSUCH")


def test_a_kernel_that_does_not_compile_then_its_lines_are_shown(write_backend, ones):
    change = ("f\"__builtin_sqrt{'' if", "f\"no_such_function{'' if")
    backends.register("REFUSED", write_backend("refused", change))
    with pytest.raises(CompileError) as caught:
        Tensor([4.0], device="REFUSED").sqrt().tolist()
    text = str(caught.value)
    assert "no_such_function" in text and "\n>" in text and "Next:" in text
    assert ones("REFUSED") == [3.0, 5.0, 7.0]


def test_unregister_when_tensors_live_then_they_say_so_and_nothing_leaks(write_backend):
    backends.register("LEAVING", write_backend("leaving"))
    cpu = Device["CPU"]
    here = Tensor([5.0, 6.0], device="CPU").realize()
    there = Tensor([1.0, 2.0, 3.0, 4.0], device="LEAVING").realize()
    part = there[1:3].contiguous().realize()
    jitted = TinyJit(lambda x: (x + 1).realize())
    for _ in range(3):
        jitted(there)
    assert GlobalCounters.mem_used_per_device["LEAVING"] > 0
    backends.unregister("LEAVING")
    assert GlobalCounters.mem_used_per_device["LEAVING"] == 0
    uses = [(Tensor.tolist, there), (Tensor.tolist, part), (lambda t: (t + 1).tolist(), part)]
    for use, lost in [*uses, (jitted, there)]:
        with pytest.raises(DeviceError, match="was unregistered"):
            use(lost)
    with pytest.raises(DeviceError, match="register\\('LEAVING'"):
        Tensor([1.0], device="LEAVING").realize()
    assert Device["CPU"] is cpu and (here + 1).tolist() == [6.0, 7.0]
    del there, part, jitted, uses, lost  # and their finalizers are silent


def test_register_again_then_old_tensors_stay_lost_and_new_ones_work(write_backend, ones):
    file = write_backend("again")
    backends.register("AGAIN", file)
    old = Tensor([1.0, 2.0], device="AGAIN").realize()
    backends.unregister("AGAIN")
    backends.register("AGAIN", file)
    assert ones("AGAIN") == [3.0, 5.0, 7.0]
    with pytest.raises(DeviceError):
        old.tolist()


def test_unregister_when_the_name_is_unknown_then_nothing_happens():
    backends.unregister("NEVER_SEEN")


def test_memory_that_ends_in_a_jit_then_a_clear_error_and_the_next_use_works(write_backend, ones):
    limit = "        if size > 4096:\n            raise MemoryError('this device has 4096 B')\n"
    line = "        memory = ctypes.create_string_buffer(size + ALIGNMENT)\n"
    backends.register("SMALL", write_backend("small", (line, limit + line)))

    @TinyJit
    def grow(x: Tensor) -> Tensor:
        big = x.reshape(-1, 1).expand(-1, 64).contiguous()  # 64 times as long
        return (big * 2).sum(1).contiguous().realize()

    small = Tensor(np.ones(8, np.float32), device="SMALL").realize()
    large = Tensor(np.ones(64, np.float32), device="SMALL").realize()
    for _ in range(3):
        with pytest.raises(MemoryError, match="failed on SMALL"):
            grow(large)
    fresh = TinyJit(grow.fxn)
    for _ in range(4):
        assert fresh(small).tolist() == [128.0] * 8
    assert ones("SMALL") == [3.0, 5.0, 7.0]


@pytest.mark.skipif(bool(missing_part("EDGE")), reason=missing_part("EDGE"))
def test_memory_that_ends_while_a_jit_is_captured_then_it_captures_once_there_is_room():
    backends.register()

    @TinyJit
    def grow(x: Tensor) -> Tensor:
        rows = x.reshape(-1, 1).expand(-1, 64).contiguous()  # 4 MiB
        return rows.sum(1).contiguous().realize()

    x = Tensor(np.ones(16384, np.float32), device="EDGE").realize()
    assert grow(x).sum().item() == 64 * 16384
    hog = Tensor(np.ones(29 << 18, np.float32), device="EDGE").realize()  # 29 MiB of 32
    with pytest.raises(MemoryError, match="limit 32 MiB"):
        grow(x)
    del hog
    for _ in range(3):  # captured, then replayed twice
        assert grow(x).sum().item() == 64 * 16384
    assert grow.captured is not None


def test_a_type_that_the_language_lacks_then_the_kernel_is_shown(write_backend, ones):
    change = ("    has_threads = False\n", "    has_threads = False\n    type_map = {}\n")
    backends.register("HALFLESS", write_backend("halfless", change))
    with pytest.raises(CompileError, match="half") as caught:
        (Tensor([1.0, 2.0], device="HALFLESS").half() * 3).tolist()
    assert "E_" in caught.value.asked and "\n>" in caught.value.got
    assert ones("HALFLESS") == [3.0, 5.0, 7.0]


def test_describe_when_tinygrad_wraps_an_error_then_says_both():
    from labs.backends.opened import describe

    error = MemoryError("Allocation of 4 B failed on X")
    error.__cause__ = NotImplementedError("XAllocator._alloc is not written yet\nmore")
    text = "MemoryError: Allocation of 4 B failed on X (from NotImplementedError: XAllocator._alloc"
    assert describe(error) == text + " is not written yet)"
    assert describe(StopIteration()) == "StopIteration"

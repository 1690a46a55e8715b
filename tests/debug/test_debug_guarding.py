"""labs.debug.guard: each misuse of memory is told, with its buffer and its writer; else nothing."""

import ctypes
import gc

import numpy as np
import pytest

from labs.debug import DebugError, find_uninitialised, guard
from labs.errors import DeviceError


def allocator(device="CPU"):
    from tinygrad import Device

    return Device[device].allocator


def poke(block, offset, count):
    """Write in the memory around a block of CPU."""
    ctypes.memset(block.va_addr + offset, 7, count)


def kinds(g):
    return [finding.kind for finding in g.findings]


def test_guard_when_nothing_is_wrong_then_clean_and_undone(x):
    before = set(vars(allocator()))
    with guard("CPU") as g:
        y = (x * 2 + 1).realize()
        inside = set(vars(allocator()))
        np.testing.assert_allclose(y.numpy(), x.numpy() * 2 + 1)
    assert inside - before == {"alloc", "free"}
    assert g.report.clean
    assert (g.report.guarded, g.report.checks > 1) == (1, True)
    assert "nothing wrong" in str(g)
    del y  # it had outlived the guard: its memory goes back as it was given
    gc.collect()
    assert set(vars(allocator())) == before


@pytest.mark.parametrize(
    ("offset", "count", "kind", "distance"),
    [
        (100, 8, "behind", 0),
        (110, 1, "behind", 10),
        (-8, 8, "in front", 0),
        (-20, 4, "in front", 16),
    ],
)
def test_guard_when_written_outside_then_how_much_and_how_far(offset, count, kind, distance):
    with guard("CPU") as g:
        block = allocator().alloc(100)
        poke(block, offset, count)
        allocator().free(block, 100)
    (found,) = g.findings
    assert (found.kind, found.bytes, found.distance_bytes) == (kind, count, distance)
    assert (found.size_bytes, found.place.split(":")[0]) == (100, "test_debug_guarding.py")
    assert found.code == "block = allocator().alloc(100)"


def test_guard_when_freed_memory_is_written_then_found():
    with guard("CPU") as g:
        block = allocator().alloc(64)
        allocator().free(block, 64)
        poke(block, 16, 4)
    (found,) = g.findings
    assert (found.kind, found.bytes, found.distance_bytes) == ("after free", 4, 16)


def test_guard_when_freed_twice_then_told_once_and_not_done():
    with guard("CPU") as g:
        block = allocator().alloc(64)
        allocator().free(block, 64)
        allocator().free(block, 64)
    assert kinds(g) == ["double free"]


def test_guard_then_fresh_memory_holds_nan_and_a_write_inside_is_fine():
    with guard("CPU") as g:
        block = allocator().alloc(64)
        seen = np.frombuffer(allocator()._as_buffer(block), np.float32)
        assert np.isnan(seen).all()
        poke(block, 0, 64)
        allocator().free(block, 64)
    assert g.report.clean


def test_guard_when_a_kernel_writes_too_far_then_its_name_is_told(broken, x):
    device = broken("OVERRUN")
    y = x.flatten()[:7].contiguous().to(device).realize()
    with guard(device) as g:
        z = (y * 3).realize()
        (z + 1).realize()
    first = g.findings[0]
    assert (first.kind, first.bytes, first.distance_bytes) == ("behind", 4, 0)
    assert first.writer == "E_7"
    assert "written behind the end of a buffer" in g.report._repr_html_()
    assert "by E_7" in str(first)


@pytest.mark.slow
def test_guard_when_a_kernel_writes_into_freed_memory_then_found(broken, x):
    device = broken("WRITESLATER")
    y = x.to(device).realize()
    with guard(device) as g:
        z = (y * 3).realize()
        del z
        gc.collect()
        (y * 3).realize()
    assert "after free" in kinds(g)


@pytest.mark.parametrize(
    ("name", "kind"),
    [("POOLINUSE", "overlap"), ("POOLTOOSMALL", "overlap"), ("VIEWOFFSET", "views")],
)
def test_guard_when_an_allocator_is_broken_then_found(name, kind, broken):
    device = broken(name)
    with guard(device, quarantine_bytes=0) as g:
        held = [allocator(device).alloc(4000) for _ in range(2)]
        allocator(device).free(held[0], 4000)
        held += [allocator(device).alloc(size) for size in (7000, 4000, 4000)]
    assert kinds(g)[0] == kind


def test_guard_when_two_instances_share_memory_then_found(broken):
    device = broken("SHARED")
    with guard(device, f"{device}:1") as g:
        _kept = [allocator(name).alloc(256) for name in (device, f"{device}:1")]
    assert not g.report.clean


@pytest.mark.parametrize("device", ["ELECTRICAL", "EDGE", "CL"])
def test_guard_on_healthy_devices_then_nothing(device, x):
    from tinygrad import Device, Tensor, TinyJit

    try:
        Device[device]
    except Exception as error:
        pytest.skip(f"{device}: {error}")
    step = TinyJit(lambda a: (a * 2 + 1).realize())
    with guard(device) as g:
        y = Tensor(x.numpy(), device=device).realize()
        for _ in range(3):
            z = step(y)
        z.numpy()
    assert g.report.clean, str(g)
    assert g.report.guarded >= 2


def test_find_uninitialised_then_what_depends_on_it_is_found(broken, x):
    from tinygrad import Tensor

    found = find_uninitialised(lambda: Tensor.empty(4, device="CPU") + 1, "CPU")
    assert (found.output, found.mismatch.count) == (0, 4)
    assert "never written" in str(found)
    assert find_uninitialised(lambda: x + 1, "CPU") is None
    device = broken("TAIL")
    y = x.flatten().to(device).realize()
    assert find_uninitialised(lambda: (y * 2, y * 2), device).mismatch.index == (34,)


def test_find_uninitialised_when_random_then_it_doesn_t_judge():
    from tinygrad import Tensor

    with pytest.raises(DebugError, match="changes from call to call"):
        find_uninitialised(lambda: Tensor(np.random.rand(3), device="PYTHON"), "CPU")


@pytest.mark.parametrize(
    ("devices", "options", "error", "said"),
    [
        ((), {}, DebugError, "a device's name"),
        (("CPU",), {"zone_bytes": 0}, DebugError, "zone_bytes a whole number"),
        (("CPU",), {"poison": 1.5}, DebugError, "poison a whole number"),
        (("NULL",), {}, DebugError, "a device that computes"),
        (("NOWHERE",), {}, DeviceError, "course doctor"),
    ],
)
def test_guard_when_asked_for_nonsense_then_it_says_what_to_do(devices, options, error, said):
    with pytest.raises(error, match=said):
        guard(*devices, **options)


def test_guard_when_used_twice_then_refused():
    g = guard("CPU")
    with g:
        pass
    with pytest.raises(DebugError, match="already ran"), g:
        pass
    with pytest.raises(DebugError, match="a function"):
        find_uninitialised(3, "CPU")

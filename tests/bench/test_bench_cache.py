import pytest

from labs.bench.cache import FLUSH_FACTOR, last_level_cache, make_flush
from labs.errors import DeviceError

tinygrad = pytest.importorskip("tinygrad")


def test_the_hosts_cache_is_asked_for():
    size = last_level_cache("CPU")
    assert size.bytes >= 2**18 and size.source


def test_a_flush_writes_twice_the_cache_on_that_device(monkeypatch):
    # a small one, so that the test is quick
    monkeypatch.setattr(
        type(tinygrad.Device["CPU"]), "last_level_cache_bytes", 2**20, raising=False
    )
    assert last_level_cache("CPU").source == "declared by CPU"
    before = tinygrad.helpers.GlobalCounters.mem_used_per_device["CPU"]
    flush = make_flush("CPU")
    taken = tinygrad.helpers.GlobalCounters.mem_used_per_device["CPU"] - before
    assert taken >= FLUSH_FACTOR * 2**20
    kernels = tinygrad.helpers.GlobalCounters.kernel_count
    flush()
    assert tinygrad.helpers.GlobalCounters.kernel_count == kernels  # not counted as work


def test_a_device_without_a_cache_is_always_cold(monkeypatch):
    device = type(tinygrad.Device["PYTHON"])
    monkeypatch.setattr(device, "last_level_cache_bytes", 0, raising=False)
    assert make_flush("PYTHON")() is None


def test_a_device_that_does_not_tell_is_assumed_to_have_a_large_one():
    assert last_level_cache("NULL").source.startswith("assumed")


def test_an_unknown_device_is_refused():
    with pytest.raises((DeviceError, ModuleNotFoundError)):
        last_level_cache("TOASTER")

from types import SimpleNamespace

import pytest

from labs.devices.sensors import Reading
from labs.engineering.monitor_sources import (
    CounterSource,
    ProcessSource,
    SensorSource,
    SystemSource,
    default_sources,
)


@pytest.fixture
def counters():
    return SimpleNamespace(
        kernel_count=10, global_ops=1000, global_mem=500, mem_used_per_device={"CPU": 64}
    )


def test_counters_then_rates_since_the_last_time(counters):
    source = CounterSource(counters)
    first = source(100.0)
    assert first.values == {}
    assert "two readings" in first.reasons["flop_per_s"]
    assert first.memory_bytes == {"CPU": 64}
    counters.kernel_count, counters.global_ops, counters.global_mem = 14, 5000, 2500
    found = source(102.0)
    assert found.values == {"kernels_per_s": 2.0, "flop_per_s": 2000.0, "bytes_per_s": 1000.0}


def test_counters_when_somebody_reset_them_then_what_came_after_and_never_less_than_nothing(
    counters,
):
    source = CounterSource(counters)
    source(0.0)
    counters.kernel_count, counters.global_ops, counters.global_mem = 3, 90, 30
    assert source(1.0).values["flop_per_s"] == 90.0


def test_counters_when_two_read_then_each_has_its_own_difference(counters):
    a, b = CounterSource(counters), CounterSource(counters)
    a(0.0), b(0.0)
    counters.kernel_count += 8
    assert a(1.0).values["kernels_per_s"] == 8
    assert b(2.0).values["kernels_per_s"] == 4


def test_counters_when_kernels_run_then_they_are_counted(tinygrad):
    source = CounterSource()
    source(0.0)
    (tinygrad.Tensor.ones(16, 16, device="CPU").contiguous() + 1).realize()
    assert source(1.0).values["kernels_per_s"] >= 1


@pytest.fixture
def tinygrad():
    import tinygrad

    return tinygrad


def test_counters_when_a_device_is_opened_meanwhile_then_asked_again():
    class Growing(dict):
        tries = 0

        def keys(self):
            Growing.tries += 1
            if Growing.tries < 3:
                raise RuntimeError("dictionary changed size during iteration")
            return super().keys()

    counters = SimpleNamespace(
        kernel_count=0, global_ops=0, global_mem=0, mem_used_per_device=Growing(CPU=1)
    )
    assert CounterSource(counters)(0.0).memory_bytes == {"CPU": 1}


class FakeSensors:
    def __init__(self):
        self.asked = 0

    def read(self):
        self.asked += 1
        if self.asked == 3:
            raise OSError("gone")
        yield Reading("power", "GPU 0: X", 70.0 + self.asked, "W", "NVML")
        yield Reading("temperature", "GPU 0: X", None, "degC", "NVML", "not supported")
        yield Reading("load", "host", 0.5, "1", "psutil")


def test_sensors_then_once_a_second_with_reasons_for_what_is_missing():
    sensors = FakeSensors()
    source = SensorSource(sensors, period_s=1.0)
    assert source(0.0).values == {"power GPU 0: X": 71.0}
    assert source(0.5).values == {"power GPU 0: X": 71.0}
    assert sensors.asked == 1
    assert source(1.0).values == {"power GPU 0: X": 72.0}
    assert source(1.1).reasons == {"temperature GPU 0: X": "not supported"}


def test_sensors_when_they_fail_then_the_last_value_does_not_keep_standing():
    source = SensorSource(FakeSensors(), period_s=1.0)
    source(0.0), source(1.0)
    with pytest.raises(OSError, match="gone"):
        source(2.0)
    assert source(2.5).values == {}
    assert source(3.0).values == {"power GPU 0: X": 74.0}


def test_process_then_memory_now_and_processors_by_the_second_reading():
    source = ProcessSource()
    first = source(0.0)
    assert first.values["process_memory"] > 1 << 20
    assert "process_cpu" in first.reasons
    sum(range(200_000))
    assert source(1.0).values["process_cpu"] > 0


def test_system_then_a_share_or_a_reason():
    found = SystemSource()(0.0)
    assert found.reasons["system_load"]


def test_default_sources_then_each_call_makes_its_own():
    assert default_sources()["counters"] is not default_sources()["counters"]

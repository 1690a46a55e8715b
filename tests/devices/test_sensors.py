"""Sensors: a value with its unit, or None with a reason; averages over the time between calls."""

import types
from pathlib import Path

import pytest

from labs.devices import sensors


def by_quantity(readings, device=sensors.HOST):
    return {r.quantity: r for r in readings if r.device == device}


def test_every_quantity_is_a_value_or_a_reason():
    readings = sensors.read()
    host = by_quantity(readings)
    assert set(sensors.QUANTITIES) <= host.keys()
    assert 0 < host["memory_used"].value < host["memory_total"].value
    for reading in readings:
        assert (reading.value is None) is bool(reading.reason)
        assert reading.unit and reading.source
    assert any(r.device != sensors.HOST for r in readings)  # a GPU, or why there is none
    assert "memory_used" in str(sensors.table(readings))


def _times(monkeypatch, **seconds):
    class Times(tuple):
        def __new__(cls, items):
            made = super().__new__(cls, items.values())
            made.__dict__.update(items)
            return made

    monkeypatch.setattr(sensors.psutil, "cpu_times", lambda: Times(seconds))


def test_the_load_is_an_average_between_two_calls(monkeypatch):
    watch = sensors.Sensors()
    _times(monkeypatch, user=10.0, idle=90.0, guest=0.0)
    assert watch._load() is None
    _times(monkeypatch, user=10.0, idle=90.01, guest=0.0)
    assert watch._load() is None  # a tick of the clock is no average
    _times(monkeypatch, user=11.0, idle=93.0, guest=0.0)
    assert watch._load() == pytest.approx(0.25)


@pytest.fixture
def rapl(tmp_path, monkeypatch):
    """One processor package with an energy counter of 1000 J."""
    zone = tmp_path / "intel-rapl:0"
    zone.mkdir()
    (zone / "max_energy_range_uj").write_text("1000000000")
    monkeypatch.setattr(sensors.sys, "platform", "linux")

    class Root(type(Path())):
        def glob(self, pattern):
            return [zone] if pattern.startswith("intel-rapl") else []

    monkeypatch.setattr(sensors, "Path", Root)
    clock = iter(range(0, 1000, 2))
    monkeypatch.setattr(sensors.time, "monotonic", lambda: float(next(clock)))
    return zone / "energy_uj"


def test_power_is_energy_over_time_and_survives_the_counters_end(rapl):
    watch = sensors.Sensors()
    rapl.write_text("900000000")
    assert watch._host_power().reason == sensors.FIRST_CALL
    rapl.write_text("940000000")
    assert watch._host_power().value == pytest.approx(20.0)  # 40 J in 2 s
    rapl.write_text("20000000")
    assert watch._host_power().value == pytest.approx(40.0)  # 60 J to the end, then 20 J


def test_a_counter_for_root_only_is_a_reason(rapl, monkeypatch):
    rapl.write_text("1")

    def denied(self):
        raise PermissionError("no")

    monkeypatch.setattr(sensors.Path, "read_text", denied, raising=False)
    monkeypatch.setattr(type(rapl), "read_text", denied)
    reading = sensors.Sensors()._host_power()
    assert reading.value is None and "root only" in reading.reason


class FakeNvml:
    """NVML of a card that has no power sensor."""

    NVML_CLOCK_SM, NVML_CLOCK_MEM, NVML_TEMPERATURE_GPU = 1, 2, 0

    class NVMLError(Exception):
        pass

    calls = 0

    def nvmlDeviceGetMemoryInfo(self, handle):  # noqa: N802
        self.calls += 1
        return types.SimpleNamespace(used=2**30, total=2**34)

    def nvmlDeviceGetUtilizationRates(self, handle):  # noqa: N802
        return types.SimpleNamespace(gpu=50)

    def nvmlDeviceGetClockInfo(self, handle, kind):  # noqa: N802
        return 1000 * kind

    def nvmlDeviceGetPowerUsage(self, handle):  # noqa: N802
        raise self.NVMLError("Not Supported")

    def nvmlDeviceGetTemperature(self, handle, kind):  # noqa: N802
        return 40


def test_a_gpu_gives_units_of_the_si_and_a_reason_for_what_it_lacks():
    watch = sensors.Sensors()
    watch._nvml = FakeNvml()
    got = {r.quantity: r for r in watch._nvidia("GPU 0", None)}
    assert got["clock"].value == 1e9 and got["memory_clock"].value == 2e9
    assert got["load"].value == 0.5 and got["memory_total"].text() == "16 GiB"
    assert got["temperature"].text() == "40.0 °C"
    assert got["power"].value is None and got["power"].reason == "Not Supported"
    assert watch._nvml.calls == 1  # one question for two quantities


def test_units_as_text():
    def text(value, unit):
        return sensors.Reading("q", "d", value, unit, "s").text()

    assert text(2.5e9, "Hz") == "2.5 GHz" and text(71.23, "W") == "71.2 W"
    assert text(0.123, "1") == "12.3%" and text(None, "W") == "–"

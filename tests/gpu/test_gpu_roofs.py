"""labs.gpu.roofs: measured on real devices at small sizes; what can't be measured says why."""

import pytest

from labs.errors import DeviceError, MeasurementError
from labs.gpu import roof_cases as choosing
from labs.gpu import roofs as room
from labs.gpu.roofs import measure_roofs


@pytest.fixture
def small(monkeypatch):
    """Arrays of kibibytes and one short call: the numbers mean nothing then, the way is the same"""
    monkeypatch.setattr(choosing, "_MOST_ARRAY", 1 << 16)
    monkeypatch.setattr(choosing, "_CHAIN_CALL_S", 1e-5)
    monkeypatch.setattr(choosing, "LAUNCH_SHARE", 1.0)
    monkeypatch.setattr(choosing, "_PILOT", 1 << 10)


def test_measure_roofs_when_cpu_then_memory_and_arithmetic_are_measured_and_verified(small):
    steps = []
    roofs = measure_roofs(
        "CPU", ("float32",), rounds=2, round_time_s=0.002, progress=lambda *a: steps.append(a)
    )
    assert [r.name for r in roofs.roofs] == ["copy", "triad", "float32", "matmul"]
    measured = [r for r in roofs.roofs if r.value]
    assert [r.name for r in measured] == ["copy", "triad", "float32"]
    assert all(r.measurement.verification.startswith("numpy") for r in measured)
    assert all(r.value > 0 and r.interval.low <= r.value <= r.interval.high for r in measured)
    assert roofs.memory.value == max(r.value for r in measured[:2])
    assert (roofs.clock, roofs.modelled) == ("device", False)
    assert "ClangRenderer" in roofs.roofs[-1].reason  # no matrix units
    assert any("cache" in note for note in roofs.notes)  # such arrays stay in it, and it says so
    assert roofs.host.kind == "model" and not roofs.sheet
    assert steps


@pytest.mark.slow
def test_measure_roofs_when_edge_then_all_is_a_model(small):
    roofs = measure_roofs("EDGE", ("float32",))
    assert roofs.modelled and roofs.host is None
    assert all(r.measurement.modelled for r in roofs.roofs if r.value)
    assert roofs.memory.interval.width == pytest.approx(0, abs=1)
    assert "(model)" in str(roofs)


def test_launch_notes_when_a_call_is_short_then_said():
    class Call:
        median_s = 1e-3

    roof = room.Roof("copy", "memory", "float32", 1e9, measurement=Call())
    assert room._launch_notes([roof], 9e-6) == []
    assert room._launch_notes([roof], None) == []
    assert "2% of the time of copy" in room._launch_notes([roof], 2e-5)[0]


def measured(*medians_s):
    from labs.bench import Measurement, Round

    rounds = tuple(Round((m,) * 9, index=i) for i, m in enumerate(medians_s))
    name = "copy/n=8/float32/warm/device"
    return Measurement(name, "CPU", "C", "device", "warm", rounds, min_bytes=64.0)


def test_filled_when_some_rounds_were_slow_then_the_best_one_is_the_roof():
    m = measured(4e-9, 2e-9, 4e-9, 4e-9)
    case = choosing.Case(room.Roof("copy", "memory", "float32"), choosing.copy_workload(8))
    roof = room._filled(case, room.bench.ResultSet((m,)))
    assert roof.value == pytest.approx(64 / 2e-9)
    assert roof.interval.low < 64 / 4e-9 and roof.interval.high >= roof.value
    assert "busy: copy" in room._busy_notes([roof])[0]


def test_busy_notes_when_rounds_agree_then_nothing():
    m = measured(2.0e-9, 2.01e-9, 2.02e-9)
    assert room._busy_notes([room.Roof("copy", "memory", "float32", measurement=m)]) == []


@pytest.mark.parametrize("dtypes", ["float31", ("float32", "complex64"), ()])
def test_measure_roofs_when_the_dtype_is_unknown_then_said(dtypes):
    with pytest.raises(MeasurementError, match="some of float16, float32"):
        measure_roofs("CPU", dtypes)


@pytest.mark.parametrize("device", ["PYTHON"])
def test_measure_roofs_when_nothing_is_compiled_then_said(device):
    with pytest.raises(MeasurementError, match="interprets each operation"):
        measure_roofs(device)


def test_measure_roofs_when_the_device_is_unknown_then_said():
    with pytest.raises(DeviceError, match="CUDDA"):
        measure_roofs("CUDDA")


@pytest.mark.parametrize("wrong", [{"rounds": 0}, {"round_time_s": 0}, {"rounds": -1}])
def test_measure_roofs_when_the_settings_are_wrong_then_said(wrong):
    with pytest.raises(MeasurementError, match="a number above 0"):
        measure_roofs("CPU", **wrong)

"""labs.gpu.roofs: measured on real devices at small sizes; what can't be measured says why."""

import pytest

from labs.errors import DeviceError, MeasurementError
from labs.gpu import roofs as room
from labs.gpu.roofs import measure_roofs


@pytest.fixture
def small(monkeypatch):
    """Arrays of kibibytes and one short call: the numbers mean nothing then, the way is the same"""
    monkeypatch.setattr(room, "_MOST_ARRAY", 1 << 16)
    monkeypatch.setattr(room, "_CHAIN_CALL_S", 1e-5)
    monkeypatch.setattr(room, "LAUNCH_SHARE", 1.0)
    monkeypatch.setattr(room, "_PILOT", 1 << 10)


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


def test_choose_when_the_device_lacks_a_dtype_then_the_reason(monkeypatch):
    place = room._Place("CPU")
    monkeypatch.setattr(room, "_streams", lambda place, quick: [])
    monkeypatch.setattr(type(place.renderer), "supported_dtypes", lambda self: set())
    cases, missing = room._choose(place, ("float64",), True)
    assert not cases
    assert "ClangRenderer has no float64 of its own" in missing[0].reason


def test_choose_when_the_compiler_refuses_then_the_reason(monkeypatch):
    def refuse(*arguments):
        raise RuntimeError("no such instruction")

    place = room._Place("CPU")
    monkeypatch.setattr(room, "_streams", lambda place, quick: [])
    monkeypatch.setattr(room.arithmetic, "chain_workload", refuse)
    cases, missing = room._choose(place, ("float32",), True)
    assert not cases
    assert "no such instruction" in missing[0].reason


def test_chain_when_operations_vanish_then_it_is_refused(monkeypatch, small):
    place = room._Place("CPU")
    real = room.count_work

    def fewer(workload, device):
        from dataclasses import replace

        return replace(real(workload, device), flop=workload.flop / 2)

    monkeypatch.setattr(room, "count_work", fewer)
    with pytest.raises(MeasurementError, match="rewrote the chain"):
        room._chain(place, "float32", None)


def test_launch_notes_when_a_call_is_short_then_said():
    class Call:
        median_s = 1e-3

    roof = room.Roof("copy", "memory", "float32", 1e9, measurement=Call())
    assert room._launch_notes([roof], 9e-6) == []
    assert room._launch_notes([roof], None) == []
    assert "2% of the time of copy" in room._launch_notes([roof], 2e-5)[0]


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

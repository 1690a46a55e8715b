import pytest

from labs.bench.clocks import Timer, device_clock, is_modelled, wall_overhead_s
from labs.devices import discover
from labs.devices.names import missing_part
from labs.errors import MeasurementError

Tensor = pytest.importorskip("tinygrad").Tensor


def test_the_cpus_clock_is_real_and_its_source_is_named():
    found = device_clock("CPU")
    assert "perf_counter" in found.source and found.reason is None


def test_a_timer_runs_the_kernels_again_into_the_same_tensor():
    a = Tensor([1.0, 2.0], device="CPU").realize()
    timer = Timer(a + 1, "CPU")
    assert timer() > 0 and timer.result.tolist() == [2.0, 3.0]
    a.assign(Tensor([5.0, 6.0], device="CPU")).realize()
    timer()
    assert timer.result.tolist() == [6.0, 7.0]


def test_a_copy_has_no_device_time():
    a = Tensor([1.0, 2.0], device="CPU").realize()
    with pytest.raises(MeasurementError, match="COPY"):
        Timer(a.to("PYTHON"), "PYTHON")


def test_what_needs_no_kernel_has_no_device_time():
    with pytest.raises(MeasurementError, match="no kernel"):
        Timer(Tensor([1.0], device="CPU").realize(), "CPU")


def test_a_runtime_that_does_not_answer_is_a_reason_and_not_a_zero(monkeypatch):
    from tinygrad.runtime.ops_python import PythonProgram

    monkeypatch.setattr(PythonProgram, "__call__", lambda *args, **others: None)
    found = device_clock("PYTHON")
    assert found.source is None and "0 s with wait=True" in found.reason


def test_opencls_clock_is_its_events():
    if not discover(["CL"])["CL"].usable:
        pytest.skip(f"CL: {discover(['CL'])['CL'].reason}; `python3 course.py doctor` says the fix")
    found = device_clock("CL")
    assert "event profiling" in found.source
    timer = Timer(Tensor.ones(1000, 1000, device="CL").contiguous().sum(), "CL")
    assert 0 < timer() < 10 and timer.result.item() == 1e6


def test_null_is_a_model_and_the_cpu_is_not():
    assert is_modelled("NULL") and not is_modelled("CPU")


def test_the_overhead_of_an_empty_sample_is_the_median():
    times = iter([0, 1, 10, 13, 20, 22])
    assert wall_overhead_s(lambda: None, lambda: next(times), n=3) == 2


def test_electricals_clock_is_measured_and_edges_is_a_model():
    discover(["ELECTRICAL"])  # registers the course's own
    assert not is_modelled("ELECTRICAL") and "perf_counter" in device_clock("ELECTRICAL").source
    if missing_part("EDGE"):
        pytest.skip(missing_part("EDGE"))
    assert is_modelled("EDGE") and is_modelled("EDGE:1")
    assert "a model" in device_clock("EDGE").source

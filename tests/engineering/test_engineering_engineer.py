import pytest

from labs.engineering import CrossDevicePerformanceEngineer
from labs.errors import DeviceError, MeasurementError


@pytest.fixture(scope="module")
def engineer():
    return CrossDevicePerformanceEngineer(["CPU", "PYTHON"])


@pytest.fixture(scope="module")
def results(engineer):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSE_QUICK", "1")
        return engineer.comprehensive_device_benchmark(
            size="small",
            sections=["elementwise"],
            rounds=2,
            roofs=False,
            energy=False,
            isolated=False,
        )


def test_engineer_then_its_devices_once_and_by_their_names():
    assert CrossDevicePerformanceEngineer(["cpu", "CPU"]).devices == ("CPU",)


def test_engineer_when_a_device_is_not_usable_then_says_so_at_once():
    with pytest.raises(DeviceError):
        CrossDevicePerformanceEngineer(["TOASTER"])


def test_benchmark_then_results_that_the_engineer_keeps(engineer, results):
    assert results.devices == ("PYTHON", "CPU") or set(results.devices) == {"CPU", "PYTHON"}
    assert engineer.results is results
    assert [p.device_name for p in engineer.profiles()] == list(results.devices)


def test_report_then_of_the_last_benchmark_or_of_files(engineer, results, tmp_path):
    path = results.save(tmp_path / "a.json")
    assert engineer.generate_performance_report().summary
    again = engineer.generate_performance_report(path)
    assert [p.device_name for p in again.profiles] == list(results.devices)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"size": "huge"}, "one of full, small"),
        ({"sections": ["dancing"]}, "matmul"),
        ({"budget_s": 0}, "above 0"),
        ({"rounds": -1}, "above 0"),
    ],
)
def test_benchmark_when_it_is_asked_wrongly_then_what_would_be_right(engineer, wrong, words):
    with pytest.raises(MeasurementError, match=words):
        engineer.comprehensive_device_benchmark(**wrong)


def test_monitoring_then_what_a_workload_does_is_seen(engineer):
    calls = []

    def work():
        from tinygrad import Tensor

        calls.append((Tensor.ones(64, 64, device="CPU").contiguous() + 1).realize())

    told = []
    recording = engineer.real_time_performance_monitoring(
        0.6, workload=work, rate_hz=20, progress=lambda *event: told.append(event)
    )
    assert calls
    assert max(v for _, v in recording.series("kernels_per_s")) > 0
    assert told[-1][0] == told[-1][1]


def test_monitoring_when_no_workload_is_given_then_a_varying_one_runs(engineer):
    recording = engineer.real_time_performance_monitoring(0.6, rate_hz=20)
    assert max(v for _, v in recording.series("flop_per_s")) > 0


def test_monitoring_when_cancelled_then_it_ends(engineer):
    recording = engineer.real_time_performance_monitoring(
        60.0, workload=lambda: None, cancel=lambda: True
    )
    assert recording.duration_s < 30

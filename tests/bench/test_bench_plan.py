import pytest

from labs.bench import SUITES, WORKLOADS
from labs.bench.plan import QUICK, make_plan, make_settings, resolve_workloads
from labs.bench.sampler import Settings
from labs.errors import DeviceError, MeasurementError


def test_a_case_for_every_workload_on_every_device_named_by_the_protocol():
    plan = make_plan(["matmul:n=8", "tiny"][:1], ["NULL", "PYTHON"], cache="cold", clock="device")
    assert [(c.name, c.device) for c in plan.cases] == [
        ("matmul/n=8/float32/cold/device", "NULL"),
        ("matmul/n=8/float32/cold/device", "PYTHON"),
    ]
    (eager,) = make_plan("sum:n=4", "PYTHON", mode="eager").cases
    assert eager.name == "sum/n=4/float32/warm/wall/eager"


def test_the_default_settings_are_the_protocol():
    assert make_settings(0.25, 0.02) == Settings()
    assert make_settings(0.1, 0.02).warmup_time_s == pytest.approx(0.04)


def test_settings_when_it_shall_be_quick_then_brief_and_the_plan_tells_it(monkeypatch):
    monkeypatch.setenv(QUICK, "1")
    plan = make_plan("sum:n=4", "PYTHON", round_time_s=5.0, precision=0.1)
    assert (plan.settings.round_time_s, plan.settings.precision) == (0.01, 0.1)
    assert plan.as_data()["settings"]["min_samples"] == 2
    monkeypatch.setenv(QUICK, "0")
    assert make_settings(5.0, 0.1).round_time_s == 5.0


def test_suites_specs_and_workloads_mix():
    mixed = resolve_workloads(["tiny", "matmul:n=9", WORKLOADS["exp"](n=3)])
    assert [w.name for w in mixed] == [*(w.name for w in SUITES["tiny"]), "matmul", "exp"]
    assert resolve_workloads("matmul")[0].shape == "n=500"


@pytest.mark.parametrize(
    ("workloads", "said"),
    [
        ("nothing", "a suite (tiny, quick, day4, backends) or a workload (add,"),
        ([], "none"),
        (["matmul:n=8", "matmul:n=8"], "twice: matmul:n=8"),
        ([print], "measure_call"),
    ],
)
def test_wrong_workloads_are_refused(workloads, said):
    with pytest.raises(MeasurementError) as caught:
        resolve_workloads(workloads)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"clock": "sun"}, "one of wall, device"),
        ({"cache": "hot"}, "one of warm, cold"),
        ({"mode": "fast"}, "one of jit, eager"),
        ({"rounds": 0}, "above 0"),
        ({"round_time_s": -1}, "above 0"),
        ({"precision": float("nan")}, "above 0"),
    ],
)
def test_wrong_options_are_refused_with_the_right_ones(options, said):
    with pytest.raises(MeasurementError) as caught:
        make_plan("tiny", "PYTHON", **options)
    assert said in str(caught.value) and next(iter(options)) in str(caught.value)


def test_wrong_devices_are_refused():
    with pytest.raises(DeviceError, match="TOASTER"):
        make_plan("tiny", ["PYTHON", "TOASTER"])
    with pytest.raises(MeasurementError, match="at least one device"):
        make_plan("tiny", [])

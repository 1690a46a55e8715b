import numpy as np
import pytest

from labs.bench.results import Measurement, ResultSet, Round
from labs.bench.workloads import WORKLOADS
from labs.engineering.predict import CopyCost, fit_costs, held_out_errors
from labs.errors import MeasurementError


def measured(workload, seconds, device="CPU", modelled=False):
    return Measurement(
        f"{workload.name}/{workload.shape}/{workload.dtype}/warm/wall",
        device,
        "R",
        "wall",
        "warm",
        (Round((seconds,)),),
        flop=workload.flop,
        min_bytes=workload.min_bytes,
        modelled=modelled,
    )


def results(*measurements):
    return ResultSet(tuple(measurements), (), {}, "complete", {})


def matmul_s(n):
    return 1e-4 + 2 * n**3 / 1e10  # launch and a constant rate


SIZES = [WORKLOADS["matmul"](n=n) for n in (64, 128, 256, 512, 1024)]
MATMULS = [measured(w, matmul_s(int(w.shape[2:]))) for w in SIZES]


def test_predict_between_measured_sizes_is_near_the_truth():
    model = fit_costs(results(*MATMULS), "CPU")
    found = model.predict(WORKLOADS["matmul"](n=400))
    assert found.how == "interpolated"
    assert found.seconds == pytest.approx(matmul_s(400), rel=0.1)
    assert found.launch_s == pytest.approx(matmul_s(64))


def test_predict_beyond_the_measured_sizes_goes_on_at_the_last_rate():
    found = fit_costs(results(*MATMULS), "CPU").predict(WORKLOADS["matmul"](n=2048))
    assert found.how == "extrapolated"
    assert found.seconds == pytest.approx(8 * matmul_s(1024), rel=0.01)
    small = fit_costs(results(*MATMULS), "CPU").predict(WORKLOADS["matmul"](n=32))
    assert 0 < small.seconds < matmul_s(64)


def test_predict_of_a_kind_never_measured_uses_the_roofline_and_says_so():
    found = fit_costs(results(*MATMULS), "CPU").predict(WORKLOADS["exp"](n=512))
    assert found.how == "roofline"
    assert found.seconds > found.launch_s


def test_predict_with_transfer_adds_the_copies():
    model = fit_costs(results(*MATMULS), "CPU", CopyCost(1e-5, 1e9))
    work = WORKLOADS["matmul"](n=256)
    there, here = model.predict(work), model.predict(work, transfer=True)
    assert here.transfer_s == pytest.approx(1e-5 + work.min_bytes / 1e9)
    assert here.seconds == pytest.approx(there.seconds + here.transfer_s)


def test_fit_costs_without_measurements_of_the_device_says_what_to_measure():
    with pytest.raises(MeasurementError, match="measure a suite on it first"):
        fit_costs(results(*MATMULS), "CL")
    modelled = results(measured(SIZES[0], 1.0, "EDGE", modelled=True))
    with pytest.raises(MeasurementError):  # a model's time predicts nothing
        fit_costs(modelled, "EDGE")


def test_held_out_errors_ask_only_for_sizes_the_model_has_not_seen():
    found = held_out_errors(results(*MATMULS), SIZES, ["CPU"])
    assert [e.name.split("/")[1] for e in found.items] == ["n=128", "n=512"]
    assert 0 < found.median < 0.25
    assert all(e.how == "interpolated" for e in found.items)
    spoiled = [measured(SIZES[1], 10 * matmul_s(128)), *MATMULS[:1], *MATMULS[2:]]
    worse = held_out_errors(results(*spoiled), SIZES, ["CPU"])
    assert np.isclose(worse.items[0].relative, 0.9, atol=0.05)

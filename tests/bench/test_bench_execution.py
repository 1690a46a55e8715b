import numpy as np
import pytest

from labs import bench
from labs.bench.execution import prepare, verify
from labs.errors import MeasurementError

Tensor = pytest.importorskip("tinygrad").Tensor


@pytest.mark.parametrize("name", bench.WORKLOADS)
def test_every_workload_is_right_on_the_cpu(name):
    small = {
        "linear": {"batch": 3, "inputs": 7, "outputs": 5},
        "conv3x3": {"batch": 1, "channels": 2, "size": 9, "outputs": 3},
        "attention": {"batch": 2, "sequence": 5, "width": 7},
    }.get(name, {"n": 9})
    workload = bench.WORKLOADS[name](**small)
    ready = prepare(workload, "CPU", "wall", "jit", seed=0)
    assert ready.verification.startswith("numpy") and ready.renderer.endswith("Renderer")


@pytest.mark.parametrize("workload", bench.SUITES["day4"], ids=lambda w: w.name)
def test_the_days_workloads_are_within_their_tolerance(workload):
    assert "largest error" in prepare(workload, "CPU", "device", "jit", seed=1).verification


def check(got, want, rtol=0.0, atol=0.1):
    return verify("'x' on CPU", Tensor(got, device="CPU"), np.array(want), rtol, atol)


def test_an_answer_within_tolerance_says_how_far_off_it_is():
    assert check([1.0, 2.05], [1.0, 2.0]) == "numpy, largest error 5.0e-02"
    assert check([100.5], [100.0], rtol=0.01, atol=0)


@pytest.mark.parametrize(
    ("got", "said"),
    [
        ([1.0, 2.2], "2 at index (1,)"),
        ([1.0, float("nan")], "nan; 1 of 2"),
        ([float("inf"), 2.0], "inf; 1 of 2"),
        ([1.0], "a result of shape (2,)"),
        ([[1.0, 2.0]], "shape (1, 2)"),
    ],
)
def test_a_wrong_answer_names_index_and_values(got, said):
    with pytest.raises(MeasurementError) as caught:
        check(got, [1.0, 2.0])
    assert said in str(caught.value)


def test_an_expected_nan_is_no_right_answer():
    with pytest.raises(MeasurementError):
        check([float("nan")], [float("nan")])

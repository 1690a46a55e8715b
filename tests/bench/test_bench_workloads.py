import numpy as np
import pytest

from labs.bench import SUITES, WORKLOADS, parse_workload
from labs.errors import MeasurementError

FLOATS = [name for name in WORKLOADS if WORKLOADS[name]().dtype == "float32"]
SMALL = {"conv3x3": {"batch": 1, "size": 8}, "fir64": {"n": 512}, "sliding_rms": {"n": 512}}


def make_small(name, **settings):
    sizes = SMALL.get(name) or {s.split("=")[0]: 24 for s in WORKLOADS[name]().shape.split(",")}
    return WORKLOADS[name](**sizes, **settings)


@pytest.mark.parametrize("name", FLOATS)
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_numpy_agrees_with_itself_in_every_dtype(name, dtype):
    workload = make_small(name, dtype=dtype)
    arrays = workload.inputs(np.random.default_rng(0))
    assert {a.dtype.name for a in arrays} == {dtype}
    assert np.isfinite(workload.reference(*arrays)).all()
    same = workload.inputs(np.random.default_rng(0))
    assert all((a == b).all() for a, b in zip(arrays, same, strict=True))


@pytest.mark.parametrize("name", WORKLOADS)
def test_compulsory_bytes_are_those_of_inputs_and_output(name):
    workload = make_small(name)
    arrays = workload.inputs(np.random.default_rng(0))
    outputs = np.asarray(workload.reference(*arrays)).size
    itemsize = 4 if name == "int8_matmul" else arrays[0].itemsize  # it sums in int32
    assert workload.min_bytes == sum(a.nbytes for a in arrays) + outputs * itemsize


def test_work_is_counted_by_hand():
    assert WORKLOADS["matmul"](n=10).flop == 2000
    assert WORKLOADS["add"](n=10).flop == 100
    assert WORKLOADS["linear"](batch=2, inputs=3, outputs=5).flop == 2 * 2 * 3 * 5 + 10


def test_the_days_suite_has_the_sizes_of_the_syllabus():
    shapes = {w.name: w.shape for w in SUITES["day4"]}
    assert shapes == {
        "add": "n=1000",
        "matmul": "n=500",
        "sum": "n=1000",
        "linear": "batch=128,inputs=784,outputs=256",
    }


@pytest.mark.parametrize("suite", SUITES)
def test_every_workload_of_a_suite_is_found_again_by_its_spec(suite):
    for workload in SUITES[suite]:
        again = parse_workload(workload.spec)
        assert (again.spec, again.flop, again.rtol) == (
            workload.spec,
            workload.flop,
            workload.rtol,
        )


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("matmull", "one of add, mul"),
        ("matmul:n=0", "whole numbers above 0"),
        ("matmul:n=ten", "whole numbers"),
        ("matmul:n=-3", "whole numbers"),
        ("matmul:m=3", "'matmul' with n=..."),
        ("matmul:n", "matmul:n=500"),
        ("linear:n=3", "batch=..., inputs=..., outputs=..."),
        ("add:dtype=complex64", "float16|float32|float64"),
        ("add:dtype=banana", "float16|float32|float64"),
    ],
)
def test_a_wrong_spec_says_what_would_be_right(spec, said):
    with pytest.raises(MeasurementError) as caught:
        parse_workload(spec)
    assert said in str(caught.value)

import numpy as np
import pytest

from labs import bench
from labs.bench.sampler import Settings
from labs.errors import MeasurementError

FAST = Settings(warmup_time_s=0, warmup_calls=1, window=1, round_time_s=0.01, min_sample_s=0)


@pytest.fixture(scope="module")
def tensor():
    from labs import toolchain

    toolchain.activate()
    from tinygrad import Tensor

    return Tensor(np.arange(16, dtype=np.float32), device="CPU").realize()


def test_a_function_returning_a_tensor_is_realized_verified_and_timed(tensor):
    ran = []

    def call():
        ran.append(tensor + 1)
        return ran[-1]

    expected = np.arange(16) + 1
    m = bench.measure_call(call, name="add one", expected=expected, rounds=2, settings=FAST)
    assert m.name == "add one/warm/wall" and m.verification == "numpy, largest error 0.0e+00"
    assert all(t.uop.is_realized for t in ran) and m.overhead_s > 0


def test_functions_may_return_several_tensors_nothing_or_plain_data(tensor):
    functions = {
        "pair": lambda: (tensor + 1, tensor + 2),
        "nothing": lambda: None,
        "numpy": lambda: (tensor + 1).numpy(),
    }
    results = bench.measure_calls(functions, rounds=1, settings=FAST)
    assert len(results) == 3 and not results.failures


def test_a_wrong_answer_is_said_as_it_is(tensor):
    want = np.arange(16.0)
    want[3] = 99
    with pytest.raises(MeasurementError, match=r"1 of 16 values are off") as caught:
        bench.measure_call(lambda: tensor * 1, name="x", expected=want, settings=FAST)
    assert str(caught.value).count("Expected:") == 1 and "(3,)" in str(caught.value)


def test_results_on_another_device_are_refused_since_their_time_would_be_missing(tensor):
    with pytest.raises(MeasurementError, match="pass device='CPU'"):
        bench.measure_call(lambda: tensor + 1, name="x", device="NULL", settings=FAST)


def test_a_failing_function_names_its_error():
    with pytest.raises(MeasurementError, match="ZeroDivisionError: division by zero"):
        bench.measure_call(lambda: 1 / 0, name="x", settings=FAST)


def test_two_ways_to_do_the_same_are_compared_as_pairs(tensor):
    functions = {"one": lambda: tensor + 1, "two": lambda: tensor + 1 + tensor.sin().sum()}
    one, two = bench.measure_calls(functions, rounds=3, settings=FAST, flop=16)
    found = bench.compare(one, two, implementations=True)
    assert found.interleaved and found.name == "one/warm/wall -> two/warm/wall"
    assert one.flop_per_s == pytest.approx(16 / one.median_s)

"""The manager with real processes and real devices; what fails is real, too."""

import os
import time

import numpy as np
import pytest

from labs.bench.workloads import WORKLOADS
from labs.engineering.manager import ManagerError, MultiDeviceManager, split
from labs.engineering.predict import CostModel
from labs.errors import DeviceError, LabError, MeasurementError

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def manager():
    with MultiDeviceManager(["CPU", "CPU:1"]) as made:
        yield made


@pytest.fixture(autouse=True)
def released(manager):
    yield
    for device in manager.devices:
        manager.release(device)


@pytest.fixture(scope="module")
def batches():
    rng = np.random.default_rng(0)
    return [rng.standard_normal(64).astype(np.float32) for _ in range(1000)]


def test_run_of_a_lambda_keeps_the_order_of_the_batches(manager):
    weights = np.arange(12, dtype=np.float32).reshape(4, 3)
    array = np.random.default_rng(0).standard_normal((50, 4)).astype(np.float32)
    run = manager.run(lambda x, w: (x @ w).relu(), split(array, 8), constants=[weights])
    np.testing.assert_allclose(run.result, np.maximum(array @ weights, 0), rtol=1e-5, atol=1e-5)
    assert [r.index for r in run.records] == list(range(7))
    assert "batches" in str(run)


# each: what the device CPU:1 does at its second batch
def _dies(x):
    os._exit(7)


def _hangs(x):
    time.sleep(3600)


def _exhausts_memory(x):
    raise MemoryError("planted: no room")


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (_dies, "ended with code 7"),
        (_hangs, "not finished after"),
        (_exhausts_memory, "no room"),
    ],
)
def test_run_of_1000_batches_with_a_failing_device_loses_and_doubles_nothing(
    manager, batches, fault, reason
):
    calls = [0]  # each process counts in its own copy

    def plus_one(x):
        calls[0] += 1
        return fault(x) if calls[0] >= 2 and str(x.device) == "CPU:1" else x + 1

    run = manager.run(plus_one, batches, timeout_s=2.0)
    assert run.complete and len(run.records) == 1000
    for got, batch in zip(run.results, batches, strict=True):
        np.testing.assert_array_equal(got, batch + 1)
    assert reason in run.quarantined["CPU:1"] and reason in manager.quarantined["CPU:1"]
    assert run.redone >= 1
    assert manager.run(lambda x: x * 2, batches[:4]).count("CPU") == 4  # it is still out


def test_run_with_a_function_that_fails_everywhere_says_so_and_keeps_what_was_done(manager):
    def picky(x):
        if x.numpy()[0] > 5:
            raise ValueError("too large")
        return x + 1

    batches = [np.full(4, i, np.float32) for i in (0, 1, 9, 2)]
    with pytest.raises(ManagerError, match="too large") as caught:
        manager.run(picky, batches, jit=False)
    assert not caught.value.partial.complete
    assert set(manager.quarantined) == {"CPU", "CPU:1"}


def test_run_on_the_best_devices_takes_the_set_that_was_fastest(manager):
    def slow_on_one(x):
        if str(x.device) == "CPU:1":
            time.sleep(0.02)
        return x + 1

    batches = [np.full(4, i, np.float32) for i in range(12)]
    options = {"jit": False, "steal": False}  # equal work: the slow device holds the other up
    assert manager.run(slow_on_one, batches, devices="best", **options).devices == manager.devices
    for devices in (["CPU"], ["CPU:1"], None):
        manager.run(slow_on_one, batches, devices=devices, **options)
    run = manager.run(slow_on_one, batches, devices="best", **options)
    assert "CPU" in run.devices and run.complete
    assert run.predicted_s is not None  # from the first moment: its speeds are known


def test_run_again_of_the_same_function_replays_what_was_captured(manager):
    batches = [np.full(4, i, np.float32) for i in range(8)]

    def double(x):
        return x * 2

    manager.run(double, batches)
    again = manager.run(double, batches)
    assert not any(r.compiled for r in again.records)
    np.testing.assert_array_equal(again.result, 2 * np.concatenate(batches))
    other = manager.run(lambda x: x * 3, batches)  # another function is not mixed up with it
    np.testing.assert_array_equal(other.result, 3 * np.concatenate(batches))


def test_map_of_a_stream_asks_for_more_only_when_results_were_taken(manager):
    asked = []

    def source():
        for i in range(200):
            asked.append(i)
            yield np.full(4, i, np.float32)

    results = manager.map(lambda x: x + 1, source())
    assert next(results)[0] == 1
    assert len(asked) <= 64
    assert [r[0] for r in results] == [i + 1 for i in range(1, 200)]


def test_run_cancelled_returns_what_was_finished(manager, batches):
    started = time.monotonic()
    run = manager.run(lambda x: x + 1, batches, cancel=lambda: time.monotonic() - started > 0.2)
    assert not run.complete or len(run.records) == 1000
    for record in run.records:
        np.testing.assert_array_equal(run.results[record.index], batches[record.index] + 1)


def test_run_of_no_arrays_or_an_unpicklable_function_says_what_to_pass(manager, tmp_path):
    with pytest.raises(LabError, match="each a numpy array"):
        manager.run(lambda x: x, [[1, 2]])
    with pytest.raises(LabError, match="at least one batch"):
        manager.run(lambda x: x, [])
    with open(tmp_path / "f", "w") as file, pytest.raises(LabError, match="constants="):
        manager.run(lambda x: file.write(str(x)), [np.zeros(1)])
    with pytest.raises(DeviceError, match="CPU, CPU:1"):
        manager.run(lambda x: x, [np.zeros(1)], devices=["CPU:9"])
    with pytest.raises(MeasurementError):
        split(np.zeros(4), 0)


def test_choose_takes_the_device_with_the_least_expected_time():
    def model(device, rate, launch_s):
        return CostModel(device, {}, launch_s, rate, rate)

    costs = {"CPU": model("CPU", 1e9, 1e-6), "CPU:1": model("CPU:1", 1e11, 1e-3)}
    manager = MultiDeviceManager(["CPU", "CPU:1"], costs=costs)
    assert manager.choose(WORKLOADS["matmul"](n=8)).device == "CPU"
    assert manager.choose(WORKLOADS["matmul"](n=512)).device == "CPU:1"
    manager.quarantined["CPU:1"] = "planted"
    assert manager.choose(WORKLOADS["matmul"](n=512)).device == "CPU"
    with pytest.raises(DeviceError, match="fit_costs"):
        MultiDeviceManager(["CPU"]).choose(WORKLOADS["matmul"](n=8))

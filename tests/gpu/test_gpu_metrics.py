"""labs.gpu.metrics: on CPU with roofs that are given, so that each ratio can be done by hand."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from labs.errors import LabError
from labs.gpu import metrics
from labs.gpu.advice.situation import Situation
from labs.gpu.bounds import bound_seconds, flop_roof, memory_roof
from labs.gpu.compiled import CompiledKernel
from labs.gpu.counters import Counters
from labs.gpu.cubin import read_kernel
from labs.gpu.datasheet import Datasheet
from labs.gpu.launch import LaunchFit, LaunchLine, LaunchPoint
from labs.gpu.metric import Metric, missing
from labs.gpu.metrics import FIELDS, collect_metrics
from labs.gpu.nsight import L1_HIT_RATE, L2_HIT_RATE, WARPS_ACTIVE, Launch
from labs.gpu.resources import KernelResources
from labs.gpu.roof_data import ARITHMETIC, MEMORY, Roof, Roofs
from labs.gpu.subject import as_workload, prepare_subject

N = 64
ROOFS = Roofs(
    "CPU",
    "a test",
    (
        Roof("copy", MEMORY, "float32", 8e9),
        Roof("triad", MEMORY, "float32", 10e9),
        Roof("float32", ARITHMETIC, "float32", 50e9),
        Roof("int32", ARITHMETIC, "int32", reason="this device has none"),
    ),
    "device",
    False,
    1e-6,
    Datasheet("a test", reason="made up"),
)


class Timed(Situation):
    """The device time is given: 2 us."""

    device_s, launch_s = 2e-6, 7e-6


@pytest.fixture(scope="module")
def subject():
    rng = np.random.default_rng(0)
    arrays = [rng.random((N, N), np.float32) for _ in range(2)]
    size = 3 * N * N * 4
    work = as_workload(
        lambda a, b: a + b, *arrays, reference=lambda a, b: a + b, flop=N * N, min_bytes=size
    )
    return prepare_subject(work, "CPU")


@pytest.fixture(scope="module")
def found(subject):
    return collect_metrics(Timed(subject, ROOFS), "CPU", ROOFS, profile=False)


def test_utilizations_then_rates_over_the_measured_roofs(found):
    # 49152 B in 2 us are 24.6 GB/s of 10; 4096 FLOP in 2 us are 2.05 GFLOP/s of 50
    assert found.memory_bandwidth_utilization.value == pytest.approx(100 * 24.576 / 10)
    assert "caches serve a part" in found.memory_bandwidth_utilization.evidence
    assert found.compute_utilization.value == pytest.approx(100 * 2.048 / 50)
    assert found.compute_utilization.how == "measured"


def test_metrics_then_each_has_a_value_with_its_origin_or_a_reason(found):
    assert [name for name, _ in found] == list(FIELDS)
    for _, metric in found:
        assert (metric.value is None) == bool(metric.reason)
    assert found.memory_coalescing_efficiency.how == "derived"
    assert found.cache_hit_rate.how == "model" and "not profiled" in found.cache_hit_rate.evidence
    assert "one thread" in found.occupancy_percentage.reason
    text = str(found)
    assert "model" in text and "not available" in text and found.kernel in text


def test_launch_overhead_then_the_slope_when_there_is_one(subject):
    line = LaunchLine(
        "TinyJit", 5e-6, points=(LaunchPoint(1, 1.0, None), LaunchPoint(9, 2.0, None))
    )
    fit = LaunchFit("CPU", (line,), None)
    situation = Timed(subject)
    assert metrics._launch(situation, fit).value == 5e-6
    assert metrics._launch(situation, None).value == 7e-6
    unmeasured = LaunchFit("CPU", (LaunchLine("TinyJit", reason="no"),), None)
    assert metrics._launch(situation, unmeasured).value == 7e-6


def test_utilizations_when_no_roofs_then_the_reason(subject):
    assert "measure_roofs" in metrics._bandwidth(Timed(subject), "").reason
    assert metrics._compute(Timed(subject, ROOFS), "its clock is a model").reason
    none = flop_roof(ROOFS, "int32")
    assert none == (None, "the int32 arithmetic roof was not measured: this device has none")
    assert flop_roof(ROOFS, "float64") == (50e9, "float32")  # held against another's, and said
    assert memory_roof(ROOFS) == (10e9, "")


def test_bound_then_the_larger_of_the_two_times(subject):
    # 49152 B at 10 GB/s are 4.9 us, 4096 FLOP at 50 GFLOP/s 0.08 us
    assert bound_seconds(subject.workload, (), ROOFS) == pytest.approx(4.9152e-6)
    assert bound_seconds(replace(subject.workload, flop=1e6), (), ROOFS) == pytest.approx(2e-5)
    assert bound_seconds(subject.workload, (), None) is None


def kernel(resources, local=(256,)):
    return CompiledKernel(0, "k", "CUDA", (132,), local, 1, 1, 1, resources, 1e-6)


def test_occupancy_then_from_the_cubin_and_achieved_when_counted():
    data = (Path(__file__).parent / "data" / "resources_sm_90.cubin").read_bytes()
    theory, why = metrics._theoretical(kernel(read_kernel(data, "tile_sum")))
    # 18 registers, 4 KiB, 256 threads: warp slots allow 8 blocks of 8 warps
    assert (theory.percent, why) == (100.0, "")
    derived = metrics._occupancy(theory, why, None)
    assert (derived.value, derived.how) == (100.0, "derived")
    counted = Counters("CUDA", "Nsight Compute", (Launch("k", {WARPS_ACTIVE: 61.5}),))
    achieved = metrics._occupancy(theory, why, counted)
    assert (achieved.value, achieved.how) == (61.5, "measured")
    assert "theoretical 100%" in achieved.evidence


@pytest.mark.parametrize(
    ("resources", "local", "why"),
    [
        (KernelResources("k", "sm_61", 32), (32,), "not in the table"),
        (KernelResources("k", "CL", reasons=(("registers", "untold"),)), (32,), "untold"),
        (KernelResources("k", "sm_90", 32), None, "no block size"),
    ],
)
def test_occupancy_when_it_cannot_be_derived_then_the_reason(resources, local, why):
    theory, reason = metrics._theoretical(kernel(resources, local))
    assert theory is None and why in reason
    assert metrics._occupancy(theory, reason, None).value is None


def test_hit_rate_when_counted_then_measured_and_no_model(subject):
    counted = Counters(
        "CUDA", "Nsight Compute", (Launch("k", {L2_HIT_RATE: 71.0, L1_HIT_RATE: 20.0}),)
    )
    metric = metrics._hit_rate(Timed(subject), kernel(KernelResources("k", "sm_90")), counted)
    assert (metric.value, metric.how) == (71.0, "measured")
    assert "first level 20%" in metric.evidence


@pytest.mark.parametrize("bad", [(None, "%", "", "", ""), (1.0, "%", "guessed", "", "")])
def test_metric_when_it_has_neither_origin_nor_reason_then_refused(bad):
    with pytest.raises(ValueError):
        Metric(*bad)
    assert str(missing("%", "no sensor")) == "not available: no sensor"


def test_workload_when_none_then_refused():
    with pytest.raises(LabError, match="as_workload"):
        collect_metrics(lambda: 1, "CPU")

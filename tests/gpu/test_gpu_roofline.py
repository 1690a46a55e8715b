"""labs.gpu.roofline: workloads measured on CPU, under roofs made up so that verdicts are known."""

import pickle

import pytest

from labs.bench.statistics import Interval
from labs.errors import MeasurementError
from labs.gpu.datasheet import Datasheet
from labs.gpu.roof_data import Roof, Roofs
from labs.gpu.roofline import place


def made(device="CPU", gb=1e6, gflop=1e6):
    memory = Roof("copy", "memory", "float32", gb * 1e9, Interval(gb * 0.9e9, gb * 1.1e9))
    compute = Roof("float32", "arithmetic", "float32", gflop * 1e9, None)
    sheet = Datasheet("a", reason="none")
    return Roofs(device, "a processor", (memory, compute), "device", False, 1e-6, sheet)


@pytest.fixture(scope="module")
def roofline():
    return place(
        ["add:n=64", "matmul:n=64", "transpose:n=64"], "CPU", made(), cache="warm", rounds=2,
        round_time_s=0.002,
    )  # fmt: skip


def test_place_when_measured_then_time_work_and_rates_belong_together(roofline):
    p = roofline["matmul n=64"]
    assert p.work.flop == p.min_flop == 2 * 64**3
    assert p.work.mem_bytes == p.min_bytes == 3 * 64 * 64 * 4
    assert p.intensity == pytest.approx(2 * 64**3 / (3 * 64 * 64 * 4))
    assert p.flop_per_s == pytest.approx(p.work.flop / p.time.median_s)
    assert p.bytes_per_s == pytest.approx(p.work.mem_bytes / p.time.median_s)
    assert p.flop_per_s_interval.low <= p.flop_per_s <= p.flop_per_s_interval.high
    # right of the ridge point, 1 FLOP/B: held against the arithmetic roof
    assert p.attainable_flop_per_s == pytest.approx(1e15)
    assert p.fraction == pytest.approx(p.flop_per_s / 1e15)
    assert p.time.clock == "device" and p.wall.clock == "wall"
    assert p.time.verification.startswith("numpy")


def test_place_when_left_of_the_ridge_then_held_against_bandwidth(roofline):
    p = roofline["add n=64"]
    assert p.intensity == pytest.approx(1 / 12)
    assert p.fraction == pytest.approx(p.bytes_per_s / 1e15)
    share = max(0, 1 - p.time.median_s / p.wall.median_s)
    assert p.empty_call_s > 0 and p.launch_share == pytest.approx(share)


def test_place_when_without_arithmetic_then_bytes_alone(roofline):
    p = roofline["transpose n=64"]
    assert p.intensity == 0 and p.bound_by in ("memory", "launch")
    assert p.fraction == pytest.approx(p.bytes_per_s / 1e15)


def test_roofline_when_shown_then_rule_and_counts_are_named(roofline):
    text = str(roofline)
    assert "ops" in text and "mem" in text and "matmul n=64" in text
    one = str(roofline[1])
    assert "by hand: 524 kFLOP" in one and "every load and store" in one
    assert "<table" in roofline._repr_html_()


def test_roofline_when_pickled_then_the_same_table(roofline):
    assert str(pickle.loads(pickle.dumps(roofline))) == str(roofline)


def test_roofline_when_the_label_is_unknown_then_the_known_ones(roofline):
    with pytest.raises(MeasurementError, match="matmul n=64"):
        roofline["matmul n=65"]


def test_place_when_the_roofs_are_of_another_device_then_said():
    with pytest.raises(MeasurementError, match="roofs of ELECTRICAL"):
        place("add:n=16", "CPU", made("ELECTRICAL"))


def test_place_when_a_workload_is_unknown_then_said_before_measuring():
    with pytest.raises(MeasurementError, match="'addd:n=16'"):
        place("addd:n=16", "CPU")

from dataclasses import replace

import numpy as np
import pytest

from labs.bench import Failure, compare, compare_devices, compare_files, compare_sets
from labs.errors import ResultError

DRIFT = np.exp(np.random.default_rng(3).normal(0, 0.1, 10))  # the machine's mood, by round
OWN = np.exp(np.random.default_rng(4).normal(0, 0.005, 10))


def test_a_measurement_compared_with_itself_is_not_resolved(make_measurement):
    m = make_measurement()
    found = compare(m, m)
    assert (found.word, found.speedup, found.interleaved) == ("not resolved", 1.0, True)


def test_pairs_see_through_a_drift_that_both_shared(make_measurement):
    slow = make_measurement(DRIFT)
    fast = make_measurement(DRIFT * OWN / 1.1, device="CL")
    found = compare(slow, fast)
    assert (found.word, found.rounds, found.interleaved) == ("faster", 10, True)
    assert 1.1 in found.interval and found.interval.width < 0.03
    assert compare(fast, slow).word == "slower"


def test_without_pairs_the_same_drift_hides_the_change(make_measurement):
    slow = make_measurement(DRIFT)
    fast = make_measurement(DRIFT[::-1] * OWN / 1.1, device="CL", run_id="run-2")
    found = compare(slow, fast)
    assert (found.word, found.interleaved) == ("not resolved", False)
    assert found.note == "not interleaved: two runs"


def test_unequal_rounds_pair_by_their_index(make_measurement):
    found = compare(make_measurement(DRIFT), make_measurement(DRIFT[:6] * 2, device="CL"))
    assert found.rounds == 6 and found.speedup == pytest.approx(0.5)


def test_a_change_below_the_practical_threshold_is_not_resolved(make_measurement):
    base = make_measurement(DRIFT)
    assert compare(base, make_measurement(DRIFT / 1.019)).word == "not resolved"
    assert compare(base, make_measurement(DRIFT / 1.021)).word == "faster"
    assert compare(base, make_measurement(DRIFT * 1.021)).word == "slower"


def test_models_without_variance_are_compared_exactly(make_measurement):
    one = make_measurement((1e-3,) * 5, device="EDGE", modelled=True)
    two = make_measurement((2e-3,) * 5, device="NULL", modelled=True)
    found = compare(one, two)
    assert (found.word, found.speedup) == ("slower", pytest.approx(0.5))
    assert found.interval.width == 0
    assert compare(one, replace(two, run_id="other")).word == "slower"


def test_one_round_is_never_resolved(make_measurement):
    found = compare(make_measurement((1.0,)), make_measurement((9.0,), device="CL"))
    assert (found.word, found.interval) == ("not resolved", None)
    assert "fewer than two rounds" in found.note


def test_two_hosts_are_named_and_not_interleaved(make_measurement):
    there = make_measurement(run_id="run-2", environment={"hostname": "there"})
    found = compare(make_measurement(), there)
    assert (found.baseline, found.candidate) == ("CPU on here", "CPU on there")
    assert found.note == "not interleaved: two hosts, here and there"


def test_an_unverified_side_is_remarked(make_measurement):
    null = make_measurement(device="NULL", verification="not verified: NULL computes nothing")
    assert compare(make_measurement(), null).note == "not verified: NULL"


@pytest.mark.parametrize(
    "name",
    [
        "sum/n=8/float32/warm/wall",
        "matmul/n=9/float32/warm/wall",
        "matmul/n=8/float16/warm/wall",
        "matmul/n=8/float32/cold/wall",
        "matmul/n=8/float32/warm/device",
        "matmul/n=8/float32/warm/wall/eager",
    ],
)
def test_what_differs_in_more_than_the_device_is_refused(make_measurement, name):
    with pytest.raises(ResultError, match="differ in more than the device") as caught:
        compare(make_measurement(), make_measurement(name=name))
    assert name in str(caught.value)


def test_two_implementations_may_differ_in_name_and_mode_but_not_in_size(make_measurement):
    base = make_measurement()
    for name in ("blocked/n=8/float32/warm/wall", "matmul/n=8/float32/warm/wall/eager"):
        found = compare(base, make_measurement(name=name), implementations=True)
        assert found.name == f"{base.name} -> {name}"
    for name in ("blocked/n=9/float32/warm/wall", "matmul/n=8/float32/warm/device"):
        with pytest.raises(ResultError):
            compare(base, make_measurement(name=name), implementations=True)


def test_a_model_is_never_compared_with_a_measured_time(make_measurement):
    with pytest.raises(ResultError, match="EDGE's time comes from a model, CPU's was measured"):
        compare(make_measurement(), make_measurement(device="EDGE", modelled=True))


def test_devices_of_a_run_against_a_baseline(make_measurement, make_results):
    results = make_results(
        make_measurement(DRIFT),
        make_measurement(DRIFT / 2, device="CL"),
        make_measurement(device="EDGE", modelled=True),
        make_measurement(name="sum/n=8/float32/warm/wall", device="CL"),
        failures=(Failure("sum/n=8/float32/warm/wall", "CPU", "no"),),
    )
    found = compare_devices(results, "CPU")
    assert [(c.candidate, c.word) for c in found] == [("CL", "faster")]
    assert len(found.missing) == 3 and "failed" in str(found)
    assert "2x" in str(found) and "<table" in found._repr_html_()


def test_an_unmeasured_baseline_is_refused_with_the_measured_ones(make_results):
    with pytest.raises(ResultError, match="measured devices: CPU"):
        compare_devices(make_results(), "CUDA")


def test_sets_meet_by_name_and_device(make_measurement, make_results):
    one = make_results(make_measurement(), make_measurement(device="CL"))
    two = make_results(make_measurement(run_id="2"), make_measurement(device="NULL"))
    found = compare_sets(one, two)
    assert [(c.baseline, c.candidate) for c in found] == [("CPU", "CPU")]
    assert any("CL (only in the first)" in text for text in found.missing)
    assert any("NULL (only in the second)" in text for text in found.missing)


def test_sets_of_one_device_each_meet_by_name(make_measurement, make_results):
    found = compare_sets(make_results(), make_results(make_measurement(device="CL", run_id="2")))
    assert (found[0].baseline, found[0].candidate) == ("CPU", "CL")


def test_sets_with_nothing_in_common_are_refused(make_measurement, make_results):
    other = make_results(make_measurement(name="sum/n=8/float32/warm/wall"))
    with pytest.raises(ResultError, match="the second has sum/n=8"):
        compare_sets(make_results(), other)


def test_files_are_compared(make_measurement, make_results, tmp_path):
    one = make_results(make_measurement(DRIFT)).save(tmp_path / "a.json")
    other = make_measurement(DRIFT / 3, run_id="2", environment={"hostname": "there"})
    two = make_results(other).save(tmp_path / "b.json")
    (found,) = compare_files(one, two)
    assert found.word == "faster" and "two hosts" in found.note

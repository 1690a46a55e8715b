"""labs.gpu.recommendations: rules on CPU workloads that are made to need them, or not to."""

from dataclasses import replace

import numpy as np
import pytest
from tinygrad import Tensor

from labs.errors import LabError
from labs.gpu.advice import (
    AREAS,
    NotAdvised,
    rules_algorithm,
    rules_launches,
    rules_management,
    rules_memory,
)
from labs.gpu.advice.rules_compute import advise_search
from labs.gpu.advice.situation import Situation
from labs.gpu.recommendations import recommend
from labs.gpu.subject import as_workload, prepare_subject

N = 48


def steps(a: Tensor, b: Tensor) -> Tensor:
    """Three kernels where one would do."""
    y = (a + b).realize()
    return ((y * 2).contiguous() + 1).realize()


@pytest.fixture(scope="module")
def arrays():
    rng = np.random.default_rng(0)
    return tuple(rng.random((N, N), np.float32) for _ in range(2))


@pytest.fixture(scope="module")
def unfused(arrays):
    work = as_workload(steps, *arrays, reference=lambda a, b: (a + b) * 2 + 1)
    return Situation(prepare_subject(work, "CPU"))


@pytest.fixture(scope="module")
def plain(arrays):
    work = as_workload(lambda a, b: a + b, *arrays, reference=lambda a, b: a + b, name="add")
    return Situation(prepare_subject(work, "CPU"))


class Timed(Situation):
    """A situation whose times are given, so that a rule's arithmetic can be followed by hand."""

    eager_s, jit_s, launch_s, device_s = 1e-3, 1e-4, 1e-5, 9e-5


def test_fuse_when_results_are_realized_on_the_way_then_advised_with_its_bytes(unfused):
    found = rules_memory.advise_fuse(Timed(unfused.subject))
    assert found.rule == "fuse" and "3 kernels, 1" in found.evidence[0]
    # bytes: 3 + 2 + 2 arrays against 3; time: (90 + 3 x 10) / (90 x 3 / 7 + 10) us
    assert found.expected_gain == pytest.approx(120 / (90 * 3 / 7 + 10))
    trial = found.make_trial()
    for name, function in trial.functions.items():
        np.testing.assert_allclose(function().numpy(), trial.answers[name], rtol=1e-5)


def test_fuse_when_nothing_is_realized_then_silent(plain):
    assert "nothing is realized on the way" in rules_memory.advise_fuse(plain).reason


def test_jit_when_scheduling_costs_then_advised_and_its_gain_follows_from_the_times(plain):
    found = rules_launches.advise_jit(Timed(plain.subject))
    assert found.expected_gain == pytest.approx(1e-3 / (9e-5 + 1e-5))
    trial = found.make_trial()
    np.testing.assert_allclose(trial.functions["captured"]().numpy(), plain.subject.answer)


def test_jit_when_the_device_is_busy_anyway_then_silent(plain):
    class Busy(Timed):
        eager_s, device_s = 1.0, 0.99

    assert isinstance(rules_launches.advise_jit(Busy(plain.subject)), NotAdvised)


def test_batch_when_launches_are_most_of_a_call_then_advised(plain):
    class Small(Timed):
        jit_s, device_s = 2e-5, 1e-6

    found = rules_launches.advise_batch(Small(plain.subject))
    assert found.expected_gain == pytest.approx(16 * 11 / (16 * 1 + 10))
    trial = found.make_trial()
    assert trial.functions["one call of all"]().shape == (16, N, N)


def test_batch_when_the_work_would_mix_its_inputs_then_silent(arrays):
    work = as_workload(lambda a: a.sum(), arrays[0], reference=lambda a: a.sum(), name="sum")
    subject = prepare_subject(work, "CPU")

    class Small(Timed):
        jit_s, device_s = 2e-5, 1e-6

    found = rules_launches.advise_batch(Small(subject))
    assert isinstance(found, NotAdvised) and found.rule == "batch"


def test_half_when_the_result_allows_it_then_its_error_is_evidence(plain):
    found = rules_memory.advise_half(Timed(plain.subject))
    assert found.expected_gain == pytest.approx(100 / 55) and found.expected_is_limit
    assert "largest error" in found.evidence[0]


def test_half_when_the_result_leaves_its_range_then_silent(arrays):
    work = as_workload(lambda a: a * 1e6, arrays[0], reference=lambda a: a.astype(np.float64) * 1e6)
    found = rules_memory.advise_half(Timed(prepare_subject(work, "CPU")))
    assert isinstance(found, NotAdvised) and "off by" in found.reason


def test_half_when_not_float32_then_silent(arrays):
    work = as_workload(lambda a: a + 1, arrays[0].astype(np.int32), reference=lambda a: a + 1)
    assert "int32" in rules_memory.advise_half(Timed(prepare_subject(work, "CPU"))).reason


def test_layout_when_a_loads_rounds_are_far_apart_then_the_sectors_are_the_evidence():
    # sums of columns: 16 rounds of the inner loop touch 16 lines of 64 bytes, and one if the
    # matrix lies the other way round
    rows = np.random.default_rng(0).random((64, 64), np.float32)
    work = as_workload(lambda a: a.sum(0), rows, reference=lambda a: a.sum(0), name="columns")
    found = rules_memory.advise_layout(Timed(prepare_subject(work, "CPU")))
    assert "touches 16 sectors where 1 would do" in found.evidence[0]
    assert found.expected_is_limit and found.expected_gain > 3
    trial = found.make_trial()
    for name, function in trial.functions.items():
        np.testing.assert_allclose(function().numpy(), trial.answers[name], rtol=1e-4)


def test_layout_when_loads_are_in_order_then_silent(plain):
    assert "no load touches" in rules_memory.advise_layout(plain).reason


def test_resident_when_copies_cost_then_their_share_is_the_gain(plain, monkeypatch):
    monkeypatch.setattr(rules_management, "median_call_s", lambda call, device: 3e-4)
    found = rules_management.advise_resident(Timed(plain.subject))
    assert found.expected_gain == pytest.approx(4.0)
    monkeypatch.setattr(rules_management, "median_call_s", lambda call, device: 1e-6)
    assert isinstance(rules_management.advise_resident(Timed(plain.subject)), NotAdvised)


def test_reuse_when_the_allocator_keeps_blocks_then_silent(plain):
    assert "from what was freed before" in rules_management.advise_reuse(plain).reason


@pytest.mark.parametrize(
    ("bound_s", "expected"), [(None, None), (9e-6, 100 / 19), (8.9e-5, "silent")]
)
def test_search_when_the_roofs_leave_room_then_the_room_is_the_limit(plain, bound_s, expected):
    found = advise_search(Timed(plain.subject), bound_s)
    if expected == "silent":
        assert isinstance(found, NotAdvised) and "98.9%" in found.reason
    elif expected is None:
        assert found.expected_gain is None and "no roof" in found.expected_how
    else:
        assert found.expected_gain == pytest.approx(expected) and found.expected_is_limit


@pytest.mark.parametrize("pair", rules_algorithm.pairs(2048), ids=lambda p: p.rule)
def test_formulations_then_both_give_numpys_answer(pair):
    if pair.launches_usual > 1:
        pair = replace(pair, launches_usual=2)
    trial = rules_algorithm.trial_of(pair, "CPU")
    for name, function in trial.functions.items():
        np.testing.assert_allclose(
            function().numpy(), trial.answers[name], rtol=pair.rtol, atol=pair.atol
        )


def test_recommend_when_asked_then_every_rule_answers(plain):
    found = recommend(plain.subject, "CPU", areas=("memory", "memory management"))
    rules = {r.rule for r in found} | {n.rule for n in found.not_advised}
    assert rules == {"fuse", "layout", "half", "resident", "reuse"}
    assert not [n for n in found.not_advised if "can't be judged" in n.reason]


def test_recommend_when_an_area_is_unknown_then_the_known_ones():
    with pytest.raises(LabError, match="memory management"):
        recommend("add", "CPU", areas=("speed",))
    assert "algorithm" in AREAS

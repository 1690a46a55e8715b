import pytest

from labs.engineering import budget


def test_visit_then_warm_up_calibration_and_samples():
    # 0.025 s of samples, 0.005 s of warm-up; a call of nothing adds nothing
    assert budget.visit_s(0.0, 0.025) == pytest.approx(0.030)
    # a slow call: one before, one to choose loops, then three samples of 1 s
    assert budget.visit_s(1.0, 0.025) == pytest.approx(5.0)


def test_longest_call_then_its_rounds_take_its_share():
    longest = budget.longest_call_s(280.0)
    assert longest == pytest.approx(0.28)
    assert budget.FEWEST_ROUNDS * 5 * longest == pytest.approx(0.03 * 280)


def test_schedule_when_there_is_room_then_all_cases_in_the_longest_rounds():
    plan = budget.schedule({"a": 1e-3, "b": 1e-3}, 60.0)
    assert plan.kept == ("a", "b")
    assert plan.left_out == {}
    assert (plan.rounds, plan.round_time_s) == (budget.MOST_ROUNDS, 0.1)
    assert plan.expected_s <= 60


def test_schedule_when_it_is_narrow_then_shorter_rounds_before_fewer_of_them():
    cases = dict.fromkeys(range(10), 0.0)
    # 10 visits of 0.11, 0.055 and 0.03 s: ten rounds take 11, 5.5 and 3 s
    assert budget.schedule(cases, 12.0).round_time_s == 0.1
    assert budget.schedule(cases, 6.0).round_time_s == 0.05
    tight = budget.schedule(cases, 2.5)
    assert (tight.round_time_s, tight.rounds) == (0.025, 8)


def test_schedule_when_not_all_fit_then_the_costliest_are_left_out_with_the_reason():
    plan = budget.schedule({"quick": 1e-3, "slow": 2.0, "slower": 5.0}, 3.0)
    assert plan.kept == ("quick",)
    assert set(plan.left_out) == {"slow", "slower"}
    assert "no room" in plan.left_out["slow"]
    assert "2 s" in plan.left_out["slow"]


def test_schedule_when_only_one_is_there_then_it_is_kept_whatever_it_takes():
    assert budget.schedule({"only": 100.0}, 1.0).kept == ("only",)


def test_schedule_when_rounds_are_given_then_exactly_those_and_nothing_left_out():
    plan = budget.schedule({"a": 0.1, "b": 3.0}, 1.0, rounds=4)
    assert (plan.rounds, plan.kept, plan.left_out) == (4, ("a", "b"), {})


def test_schedule_when_nothing_is_there_then_nothing():
    assert budget.schedule({}, 10.0).kept == ()

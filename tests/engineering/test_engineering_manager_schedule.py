import heapq
from random import Random

import pytest

from labs.engineering.manager_schedule import Schedule, equal_shares


def simulate(schedule, seconds, fails_at=None):
    """Plays a run: each device works on one batch at a time; returns the time at the end."""
    fails_at, clock, busy, events = dict(fails_at or {}), 0.0, set(), []
    while not schedule.finished:
        for device in schedule.devices:
            while schedule.take(device) is not None:
                pass
            if device not in busy and schedule.held[device]:
                heapq.heappush(events, (clock + seconds[device], device))
                busy.add(device)
        assert events, "nobody works, and work is left"
        clock, device = heapq.heappop(events)
        busy.discard(device)
        if clock >= fails_at.get(device, float("inf")):
            schedule.give_up(device)
            continue
        assert schedule.finish(device, schedule.held[device][0], seconds[device])
    return clock


def test_schedule_shares_are_in_proportion_to_speed():
    schedule = Schedule(60, {"a": 1.0, "b": 2.0, "c": 3.0}, steal=False)
    simulate(schedule, {"a": 1.0, "b": 2.0, "c": 3.0})
    counts = [list(schedule.done.values()).count(d) for d in "abc"]
    assert counts == [33, 16, 11]  # 6/11, 3/11 and 2/11 of 60


def test_schedule_with_wrong_speeds_ends_near_the_best_time_by_stealing():
    truth = {"a": 1.0, "b": 4.0}
    best = 100 / (1 / 1.0 + 1 / 4.0)
    wrong = Schedule(100, {"a": 4.0, "b": 1.0})
    assert simulate(wrong, truth) <= best + 4.0
    assert wrong.stolen > 0
    stuck = Schedule(100, {"a": 4.0, "b": 1.0}, steal=False)
    assert simulate(stuck, truth) > 3 * best


def test_schedule_gives_a_slow_device_nothing_that_the_others_finish_sooner():
    schedule = Schedule(10, {"fast": 0.01, "slow": 10.0})
    assert simulate(schedule, {"fast": 0.01, "slow": 10.0}) < 0.2
    assert "slow" not in schedule.done.values()


@pytest.mark.parametrize("seed", range(20))
def test_schedule_loses_and_doubles_nothing_whatever_fails_when(seed):
    rng = Random(seed)
    names = [f"d{i}" for i in range(rng.randint(2, 5))]
    truth = {d: rng.choice([0.1, 1.0, 3.0]) for d in names}
    guess = {d: rng.choice([None, 0.5, 1.0]) for d in names}
    fails = {d: rng.uniform(0, 200) for d in names[1:]}  # one survives
    schedule = Schedule(1000, guess, hold=rng.randint(1, 3))
    simulate(schedule, truth, fails)
    assert sorted(schedule.done) == list(range(1000))
    assert schedule.waiting == 0


def test_schedule_refuses_a_result_of_a_device_that_was_given_up():
    schedule = Schedule(4, {"a": None, "b": None})
    index = schedule.take("a")
    assert schedule.give_up("a") == (index,)
    assert schedule.finish("a", index) is False
    while not schedule.finished:
        while schedule.take("b") is not None:
            pass
        schedule.finish("b", schedule.held["b"][0])
    assert schedule.done[index] == "b"


def test_schedule_with_nobody_left_keeps_what_is_not_done():
    schedule = Schedule(5, {"a": 1.0})
    schedule.take("a")
    schedule.give_up("a")
    assert schedule.devices == () and schedule.waiting == 5 and not schedule.finished


def test_schedule_holds_no_more_than_it_is_told():
    schedule = Schedule(9, {"a": 1.0}, hold=2)
    assert [schedule.take("a") for _ in range(3)] == [0, 1, None]


def test_equal_shares_are_neighbours_and_all_there():
    assert equal_shares(7, ["a", "b"]) == {"a": (0, 1, 2, 3), "b": (4, 5, 6)}

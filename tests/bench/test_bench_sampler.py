"""The sampler against a scripted device: no test here knows what time it is."""

import gc
import itertools
from dataclasses import replace

import pytest

from labs.bench.sampler import Cancelled, Hooks, Settings, is_valid_time, sample_round, take_sample

QUICK = Settings(warmup_time_s=0, warmup_calls=1, window=1, min_sample_s=0)


class FakeDevice:
    """Work that is enqueued takes no time until it is waited for, as on a GPU."""

    def __init__(self, costs=None, flush_cost=0.0):
        self.now, self.pending, self.log = 100.0, 0.0, []
        self.costs, self.flush_cost = iter(costs or itertools.repeat(1e-3)), flush_cost

    def run(self):
        self.log.append("run")
        self.pending += next(self.costs)

    def sync(self):
        self.log.append("sync")
        self.now += self.pending
        self.pending = 0.0

    def flush(self):
        self.log.append("flush")
        self.pending += self.flush_cost

    def clock(self):
        self.log.append("clock")
        return self.now

    def hooks(self, **others):
        return Hooks(run=self.run, sync=self.sync, clock=self.clock, **others)


def test_a_sample_synchronizes_before_its_start_and_before_its_end():
    device = FakeDevice()
    device.pending = 5.0  # somebody else's work
    assert take_sample(device.hooks()) == pytest.approx(1e-3)
    assert device.log == ["sync", "clock", "run", "sync", "clock"]


def test_the_flush_is_outside_of_the_timed_span():
    device = FakeDevice(flush_cost=7.0)
    assert take_sample(device.hooks(flush=device.flush)) == pytest.approx(1e-3)
    assert device.log == ["flush", "sync", "clock", "run", "sync", "clock"]


def test_a_looped_sample_is_the_mean_of_its_calls():
    device = FakeDevice(costs=[1.0, 3.0])
    assert take_sample(device.hooks(), loops=2) == pytest.approx(2.0)


def test_a_device_clock_is_asked_and_not_the_wall():
    device = FakeDevice()
    hooks = device.hooks(device_time=lambda: 42.0, flush=device.flush)
    assert take_sample(hooks) == 42.0
    assert device.log == ["flush", "sync"]


def test_warm_up_ends_when_two_windows_agree():
    settling = itertools.chain([0.3], [5e-3] * 10, itertools.repeat(1e-3))
    taken = sample_round(FakeDevice(settling).hooks(), Settings(warmup_time_s=0.2, precision=1))
    # call 27 is the first for which no more than 4 of the 10 calls before the last 10 were slow
    assert len(taken.warmups_s) == 27 and not taken.warmup_capped


def test_warm_up_lasts_its_time_even_when_calls_agree_at_once():
    taken = sample_round(FakeDevice().hooks(), Settings(warmup_time_s=0.2, precision=1))
    assert len(taken.warmups_s) == 200


def test_warm_up_gives_up_at_its_cap_and_says_so():
    ever_slower = (1e-4 * 1.01**i for i in itertools.count())
    settings = Settings(warmup_time_s=0.2, warmup_cap_s=0.5)
    taken = sample_round(FakeDevice(ever_slower).hooks(), settings)
    assert taken.warmup_capped
    assert sum(taken.warmups_s) == pytest.approx(0.5, rel=0.02)


def test_warm_up_of_slow_calls_takes_three_of_them():
    taken = sample_round(FakeDevice(itertools.repeat(0.7)).hooks(), Settings())
    assert len(taken.warmups_s) == 3 and not taken.warmup_capped


def test_a_round_stops_when_the_median_is_known_well_enough():
    taken = sample_round(FakeDevice().hooks(), QUICK)
    assert (taken.stop_reason, len(taken.samples_s)) == ("precision", 10)


def test_a_round_is_looked_at_at_doubling_counts_only():
    noisy = itertools.cycle([1e-3, 1.5e-3])
    settings = replace(QUICK, round_time_s=1e9, precision=0.6)
    settings_never = replace(QUICK, round_time_s=0.05, precision=1e-9)
    assert len(sample_round(FakeDevice(noisy).hooks(), settings).samples_s) in (10, 20, 40, 80)
    taken = sample_round(FakeDevice(noisy).hooks(), settings_never)
    assert taken.stop_reason == "time" and 35 <= len(taken.samples_s) <= 45


def test_a_round_out_of_time_still_takes_six_samples():
    slow = (1.0 + i for i in itertools.count())
    taken = sample_round(FakeDevice(slow).hooks(), replace(QUICK, round_time_s=0.5))
    assert (taken.stop_reason, len(taken.samples_s)) == ("time", 6)


def test_loops_make_a_sample_long_enough_to_be_timed():
    device = FakeDevice(itertools.repeat(1e-5))
    taken = sample_round(device.hooks(), Settings(warmup_time_s=0))
    assert taken.loops == 128  # the first power of two with 1 ms
    assert taken.samples_s[0] == pytest.approx(1e-5)
    assert sample_round(device.hooks(), Settings(warmup_time_s=0), loops=7).loops == 7


def test_cold_and_device_times_are_never_looped():
    device = FakeDevice(itertools.repeat(1e-5))
    assert sample_round(device.hooks(flush=device.flush), QUICK, loops=64).loops == 1
    assert sample_round(device.hooks(device_time=lambda: 1e-5), QUICK).loops == 1


def test_throttled_samples_are_retaken_and_counted():
    answers = iter([True, True, False] + [False] * 100)
    values = itertools.chain([1e-3, 9e-3, 9e-3], itertools.repeat(1e-3))  # warm-up first
    device = FakeDevice(values)
    taken = sample_round(device.hooks(throttled=lambda: next(answers)), QUICK, loops=1)
    assert taken.retaken == 2
    assert max(taken.samples_s) == pytest.approx(1e-3)


def test_a_device_that_always_throttles_does_not_hang_the_round():
    taken = sample_round(
        FakeDevice().hooks(throttled=lambda: True), replace(QUICK, round_time_s=0.1)
    )
    assert len(taken.samples_s) == 6 and taken.retaken > 50


def test_cancel_is_asked_between_samples():
    answers = iter([False] * 5 + [True])
    with pytest.raises(Cancelled):
        sample_round(FakeDevice().hooks(cancelled=lambda: next(answers)), QUICK)


def test_garbage_collection_pauses_and_comes_back():
    states = []
    device = FakeDevice()
    hooks = Hooks(
        run=lambda: (states.append(gc.isenabled()), device.run()),
        sync=device.sync,
        clock=device.clock,
    )
    sample_round(hooks, QUICK)
    assert set(states) == {False} and gc.isenabled()

    def fail():
        raise RuntimeError("driver")

    with pytest.raises(RuntimeError):
        sample_round(Hooks(run=fail, sync=device.sync, clock=device.clock), QUICK)
    assert gc.isenabled()


@pytest.mark.parametrize("value", [0, -1.0, float("nan"), float("inf"), None, "1"])
def test_what_is_no_duration_is_refused(value):
    assert not is_valid_time(value)
    assert is_valid_time(1e-9)

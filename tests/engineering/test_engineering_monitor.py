import threading

import pytest

from labs.engineering.monitor import Monitor
from labs.engineering.monitor_sources import Readings
from labs.errors import LabError

ENOUGH_S = 30.0  # to wait at most: no test waits so long


def constant(now):
    return Readings({"kernels_per_s": 5.0}, {}, {"CPU": 64})


def watch(monitor, count):
    """Runs until `count` samples have come."""
    seen, enough = [], threading.Event()

    def see(sample):
        seen.append(sample)
        if len(seen) >= count:
            enough.set()

    unsubscribe = monitor.subscribe(see)
    with monitor:
        assert enough.wait(ENOUGH_S)
    unsubscribe()
    return seen


def test_monitor_then_samples_in_order_until_it_is_stopped():
    monitor = Monitor(rate_hz=50, sources={"one": constant})
    watch(monitor, 4)
    assert not monitor.running
    recording = monitor.recording()
    times = [s.t_s for s in recording]
    assert len(times) >= 4
    assert times == sorted(times)
    assert times[0] < 0.5
    assert recording.series("kernels_per_s")[0][1] == 5.0
    assert recording.series("memory CPU")[0][1] == 64
    assert 0 <= recording.own_cpu_share < 1
    count = len(monitor.samples)
    assert len(monitor.stop().samples) == count


def test_monitor_when_a_sensor_starts_failing_then_none_with_the_reason_and_the_others_go_on():
    calls = []

    def failing(now):
        calls.append(now)
        if len(calls) > 2:
            raise OSError("the sensor fell off")
        return Readings({"power GPU 0": 70.0})

    monitor = Monitor(rate_hz=50, sources={"gpu": failing, "one": constant})
    seen = watch(monitor, 5)
    assert seen[0].values["power GPU 0"] == 70.0
    assert "power GPU 0" not in seen[4].values
    assert seen[4].reasons["gpu"] == "OSError: the sensor fell off"
    assert seen[4].values["kernels_per_s"] == 5.0
    assert monitor.recording().reasons["gpu"]


def test_monitor_when_the_ring_is_full_then_the_oldest_go_and_it_says_so():
    monitor = Monitor(rate_hz=50, capacity=3, sources={"one": constant})
    seen = watch(monitor, 6)
    recording = monitor.recording()
    assert len(recording) == 3
    assert recording.samples[-1].t_s >= seen[5].t_s
    assert "left the ring buffer of 3" in recording.notes[-1]


def test_monitor_when_a_subscriber_fails_then_it_is_dropped_and_noted():
    def broken(sample):
        raise ValueError("cannot draw")

    monitor = Monitor(rate_hz=50, sources={"one": constant})
    monitor.subscribe(broken)
    assert len(watch(monitor, 3)) >= 3
    notes = monitor.recording().notes
    assert len(notes) == 1
    assert "cannot draw" in notes[0]


def test_monitor_when_unsubscribed_then_not_called_again():
    monitor, seen = Monitor(rate_hz=50, sources={"one": constant}), []
    monitor.subscribe(seen.append)()
    watch(monitor, 2)
    assert seen == []


def test_monitor_when_started_twice_then_a_clear_answer_and_it_still_runs():
    with Monitor(rate_hz=50, sources={"one": constant}) as monitor:
        with pytest.raises(LabError, match="another Monitor"):
            monitor.start()
        assert monitor.running


def test_monitor_when_stopped_by_its_own_subscriber_then_it_ends():
    monitor, ended = Monitor(rate_hz=50, sources={"one": constant}), threading.Event()

    def once(sample):
        monitor.stop()
        ended.set()

    monitor.subscribe(once)
    monitor.start()
    assert ended.wait(ENOUGH_S)
    monitor.stop()
    assert len(monitor.samples) <= 2  # that one, and a last one


def test_monitors_when_two_run_at_once_then_each_sees_everything():
    first, second = (Monitor(rate_hz=50, sources={"one": constant}) for _ in range(2))
    with first:
        watch(second, 3)
        assert first.running
    assert len(second.samples) >= 3
    assert first.samples


def test_monitor_when_started_again_then_time_goes_on():
    monitor = Monitor(rate_hz=50, sources={"one": constant})
    watch(monitor, 2)
    before = monitor.samples[-1].t_s
    watch(monitor, 2)
    assert monitor.samples[-1].t_s > before


@pytest.mark.parametrize("settings", [{"rate_hz": 0}, {"rate_hz": 1000}, {"capacity": 0}])
def test_monitor_when_it_can_not_be_then_says_what_can(settings):
    with pytest.raises(LabError, match="up to 50 Hz"):
        Monitor(**settings)

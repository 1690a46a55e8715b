import pytest

from labs.electrical.sources.scpi_block import Preamble
from labs.electrical.sources.scpi_clock import RecordClock
from labs.errors import LabError


def record(origin_s, points=100, fs_hz=1000.0):
    return Preamble(points, 1 / fs_hz, origin_s, 1.0, 0.0, 0.0)


def test_records_then_numbered_by_their_times_whatever_the_rate():
    clock = RecordClock(1000.0)
    assert clock.place(record(0.0), "") == 0
    assert clock.place(record(0.1), "") == 100
    assert clock.place(record(0.25), "") == 250  # 50 were lost
    assert clock.place(record(0.35, fs_hz=2000.0), "") == 350
    assert clock.place(record(0.45, fs_hz=2000.0), "") == 550  # 50 ms of the new rate were lost
    assert (clock.index, clock.fs_hz) == (650, 2000.0)


def test_first_record_then_what_came_before_it_is_lost_but_not_what_came_before_a_trigger():
    assert RecordClock(1000.0).place(record(0.3), "") == 300
    clock = RecordClock(1000.0)
    assert clock.place(record(-0.05), "") == 0 and clock.zero_s == -0.05
    assert clock.place(record(0.05), "") == 100


@pytest.mark.parametrize("rounded", [0.1 + 4e-4, 0.1 - 4e-4])
def test_time_that_is_rounded_then_no_gap(rounded):
    clock = RecordClock(1000.0)
    clock.place(record(0.0), "")
    assert clock.place(record(rounded), "") == 100


def test_time_that_runs_backwards_then_an_error():
    clock = RecordClock(1000.0)
    clock.place(record(0.0), "")
    with pytest.raises(LabError, match="restarted, or its records overlap"):
        clock.place(record(0.0), "an instrument")

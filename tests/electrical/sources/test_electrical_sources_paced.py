import threading
import time

import numpy as np
import pytest
from joined import counts, joined

from labs.electrical.sources import (
    Bursts,
    Flood,
    Jitter,
    Paced,
    RateChange,
    Stop,
    stress,
    supply,
)
from labs.errors import LabError


def test_paced_then_the_same_blocks_and_none_before_its_time():
    paced, began, ends = Paced(supply(duration_s=0.1), block_s=0.02), time.perf_counter(), []
    assert np.array_equal(joined(Paced(supply(duration_s=0.1), 1000, 50.0)), joined(paced.source))
    began = time.perf_counter()
    for block in paced.blocks():
        ends.append((block.index + block.length) / block.fs_hz)
        assert time.perf_counter() - began >= ends[-1]
    assert ends[-1] == pytest.approx(0.1) and len(ends) == 5
    assert paced.pace.blocks == 5 and len(paced.pace.late_s) == 5 and min(paced.pace.late_s) >= 0
    assert "late p99" in paced.pace._repr_html_()
    assert (paced.dtype, paced.length, paced.notes) == (np.float32, 1024, ())


def test_paced_by_rate_then_that_many_samples_a_second():
    paced = Paced(stress(1e6, 1.0), rate_hz=20e6)
    assert paced.speed == 20 and paced.due_s(1.0) == 0.05
    assert counts(paced).shape == (1, 1_000_000)


def test_faults_then_blocks_are_due_as_ordered():
    def due(fault, *times):
        return [Paced(supply(), faults=(fault,)).due_s(t) for t in times]

    assert due(Flood(0.2, 0.6, 6.0), 0.2, 0.8, 1.0) == pytest.approx([0.2, 0.3, 0.5])
    assert due(Bursts(0.1), 0.01, 0.1, 0.11) == pytest.approx([0.1, 0.1, 0.2])
    assert due(RateChange(0.5, 4.0), 0.4, 0.5, 0.9) == pytest.approx([0.4, 0.5, 0.6])
    assert due(Stop(0.5), 0.4, 0.51) == [0.4, float("inf")]
    times = np.arange(1, 200) / 100
    late = np.array(due(Jitter(1e-3, seed=1), *times)) - times
    assert late.min() >= 0 and late.mean() == pytest.approx(0.8e-3, rel=0.2)
    assert late.tolist() != (np.array(due(Jitter(1e-3, seed=2), *times)) - times).tolist()


def test_rate_that_changes_then_blocks_say_so_if_it_is_announced():
    change = RateChange(0.05, 2.0)
    paced = Paced(supply(duration_s=0.1), block_s=0.02, speed=20, faults=(change,))
    blocks = list(paced.blocks())
    assert [(b.index, b.fs_hz) for b in blocks] == [
        (0, 10_240), (205, 10_240), (410, 10_240), (512, 20_480), (615, 20_480), (820, 20_480),
    ]  # fmt: skip
    ends = [b.t0_s + b.length / b.fs_hz for b in blocks]
    assert ends == pytest.approx([*(b.t0_s for b in blocks[1:]), 0.075])
    quiet = RateChange(0.05, 2.0, is_announced=False)
    silent = Paced(supply(duration_s=0.1), speed=20, faults=(quiet,))
    assert {b.fs_hz for b in silent.blocks()} == {10_240}


def test_reader_that_is_slow_then_what_has_no_room_is_a_counted_gap():
    paced = Paced(supply(duration_s=0.3), 102, 50.0, buffer_blocks=3)
    blocks = paced.blocks()
    got = [next(blocks)]
    while not paced.pace.lost_samples:
        time.sleep(0.002)
    got += list(blocks)
    ends = [b.index + b.length for b in got]
    jumps = sum(b.index - end for b, end in zip(got[1:], ends, strict=False))
    assert jumps == paced.pace.lost_samples > 0 and ends[-1] == 3072
    assert sum(b.length for b in got) + jumps == 3072
    assert "3 blocks were waiting" in paced.notes[0]


def test_source_that_stops_then_nothing_more_until_it_is_closed():
    paced = Paced(supply(duration_s=1.0), speed=100, faults=(Stop(0.5),))
    got = []
    thread = threading.Thread(target=lambda: got.extend(paced.blocks()))
    thread.start()
    while not got or got[-1].index + got[-1].length < 5000:
        assert thread.is_alive()
        time.sleep(0.002)
    thread.join(0.05)
    assert thread.is_alive()
    paced.close()
    thread.join(5)
    assert not thread.is_alive() and got[-1].index + got[-1].length <= 5120


def test_source_that_fails_then_so_does_the_paced_one_after_its_blocks():
    class Broken(type(supply())):
        def blocks(self, length):
            yield next(super().blocks(length))
            raise OSError("gone")

    blocks = Paced(Broken(supply().signal), speed=100).blocks()
    assert next(blocks).index == 0
    with pytest.raises(OSError, match="gone"):
        next(blocks)


def test_reading_given_up_then_its_thread_ends():
    blocks = Paced(supply(duration_s=60)).blocks()
    next(blocks)
    (maker,) = [t for t in threading.enumerate() if t.name == "paced source"]
    blocks.close()
    maker.join(5)
    assert not maker.is_alive()


@pytest.mark.parametrize(
    "wrong", [{"speed": 0}, {"speed": float("inf")}, {"block_s": 0}, {"buffer_blocks": 0},
              {"rate_hz": -1.0}, {"block_length": -1}]
)  # fmt: skip
def test_pace_that_cannot_be_then_refused(wrong):
    with pytest.raises(LabError, match="above 0|1 sample"):
        Paced(supply(), **wrong)

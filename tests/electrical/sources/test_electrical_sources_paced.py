import threading
import time

import pytest

from labs.electrical.sources import Flood, Paced, Stop, supply
from labs.errors import LabError


def test_paced_source_gives_the_same_blocks_none_before_its_time():
    began, ends = time.perf_counter(), []
    for block in Paced(supply(duration_s=0.1), block_s=0.02).blocks():
        ends.append((block.index + block.length) / block.fs_hz)
        assert time.perf_counter() - began >= ends[-1]
    assert ends[-1] == pytest.approx(0.1) and len(ends) == 5


def test_flood_comes_sooner_and_nothing_is_lost():
    paced = Paced(supply(duration_s=1.0), speed=10, faults=(Flood(0.2, 0.6, 1e6),))
    assert paced.due_s(0.2) == pytest.approx(0.02)
    assert paced.due_s(0.8) == pytest.approx(0.02, abs=1e-5)
    assert paced.due_s(1.0) == pytest.approx(0.04, abs=1e-5)
    assert sum(b.length for b in paced.blocks()) == 10_240


def test_source_that_stops_gives_nothing_more_until_it_is_closed():
    paced = Paced(supply(duration_s=1.0), speed=100, faults=(Stop(0.5),))
    got = []
    thread = threading.Thread(target=lambda: got.extend(paced.blocks()))
    thread.start()
    while not got or got[-1].index + got[-1].length < 5000:
        assert thread.is_alive()
    thread.join(0.2)
    assert thread.is_alive()
    paced.close()
    thread.join(5)
    assert not thread.is_alive() and got[-1].index + got[-1].length <= 5120


def test_speed_that_cannot_be_is_refused():
    with pytest.raises(LabError, match="above 0"):
        Paced(supply(), speed=0)

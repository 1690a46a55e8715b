"""labs.debug.why_slow: hints follow from the numbers, and one real run has all of them."""

import pytest

from labs.debug import DebugError, Timeline, TimelineEvent, why_slow
from labs.debug.diagnosis import _heaviest, _hints
from labs.debug.yardsticks import Yardsticks

# an empty kernel takes 10 us, 1 GB/s, 1 GFLOP/s
YARDSTICKS = Yardsticks(1e-5, 1e9, 1e9, 64, "wall")


def hints(total_s, *events, first_s=1e-3, later_s=1e-3):
    t = Timeline("CPU", tuple(events), total_s)
    return _hints(t, _heaviest(t, YARDSTICKS), YARDSTICKS, first_s, later_s)


def kernel(name, start_s, duration_s, nbytes=0, flop=0):
    return TimelineEvent(name, "kernel", "CPU", start_s, duration_s, bytes=nbytes, flop=flop)


CASES = (
    ("Python", (10e-3, kernel("E", 0, 1e-3, 10**6))),
    ("memory-bound", (1e-3, kernel("E", 0, 1e-3, 10**6))),
    ("compute-bound", (1e-3, kernel("E", 0, 1e-3, 10, 10**6))),
    ("neither-bound", (1e-3, kernel("E", 0, 1e-3, 10**4, 10**4))),
    ("launches", (1e-4, *(kernel(f"E{i}", i * 1e-5, 1e-5) for i in range(9)))),
    ("transfers", (1e-3, TimelineEvent("copy", "copy", "CPU", 0, 9e-4, bytes=9 * 10**5))),
    ("spread out", (1e-3, *(kernel(f"E{i}", i * 1e-4, 1e-4, 10) for i in range(9)))),
)


@pytest.mark.parametrize(("kind", "run"), CASES, ids=[kind for kind, _ in CASES])
def test_hints_then_the_first_is_what_takes_the_time(kind, run):
    found = hints(*run)
    assert found[0].kind == kind
    assert found[0].evidence
    assert found[0].next_step


def test_hints_when_the_first_call_is_slow_then_it_is_told_last():
    found = hints(1e-3, kernel("E", 0, 1e-3, 10**6), first_s=1.0)
    assert [h.kind for h in found] == ["memory-bound", "first call"]
    assert "1,000x" in found[-1].text


@pytest.mark.slow
def test_why_slow_then_numbers_and_next_steps():
    found = why_slow("matmul:n=32", "EDGE", rounds=3)
    assert found.hints
    assert found.first_call_s > 0
    assert found.later.median_s > 0
    assert found.heaviest[0].flop_per_s > 0
    assert found.yardsticks.clock == "wall"  # the device's own seconds are a model's
    assert "Yardsticks" in str(found)
    assert "<table" in found._repr_html_()


def test_why_slow_when_asked_for_nonsense_then_it_says_so():
    with pytest.raises(DebugError, match="a workload, its name"):
        why_slow(3, "CPU")

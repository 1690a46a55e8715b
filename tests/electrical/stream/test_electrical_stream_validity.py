"""Which windows are invalid, against looking at each sample."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labs.electrical.stream.validity import (
    CLIPPED,
    GAP,
    MASKED,
    NAN,
    REASONS,
    Inspector,
    InvalidRanges,
)

SHORTEST = 7


def test_reason_when_any_sample_is_bad_then_just_the_windows_that_touch_it():
    @settings(max_examples=40, deadline=None)
    @given(
        st.lists(st.integers(0, 199), max_size=40),
        st.lists(st.integers(1, 50), min_size=1, max_size=5),
    )
    def check(places, sizes):
        samples = np.ones((1, 200), np.float32)
        samples[0, places] = np.nan
        ranges = InvalidRanges(SHORTEST)
        inspector = Inspector(ranges, (None,))
        at = number = 0
        while at < 200:
            size = sizes[number % len(sizes)]
            inspector.look(at, samples[:, at : at + size], None)
            at, number = at + size, number + 1
        for count in (SHORTEST, 31):
            for index in range(200 - count):
                bad = np.isnan(samples[0, index : index + count]).any()
                assert ranges.reason(index, count, (0,)) == (REASONS[NAN] if bad else "")

    check()


@pytest.mark.parametrize(
    ("value", "reason"),
    [(np.nan, NAN), (np.inf, NAN), (10.0, CLIPPED), (-10.0, CLIPPED), (9.999, None)],
)
def test_look_when_float_then_finds_what_no_meter_may_use(value, reason):
    ranges = InvalidRanges(4)
    samples = np.zeros((2, 20), np.float32)
    samples[1, 10] = value
    Inspector(ranges, ((-10.0, 10.0), (-10.0, 10.0))).look(100, samples, None)
    assert ranges.reason(105, 10, (0,)) == ""
    assert ranges.reason(105, 10, (1,)) == ("" if reason is None else REASONS[reason])
    assert ranges.reason(100, 10, (1,)) == ranges.reason(111, 9, (1,)) == ""


def test_look_when_counts_reach_full_scale_then_clipped():
    ranges = InvalidRanges(1)
    samples = np.array([[-32768, 0, 32766, 32767]], np.int16)
    Inspector(ranges, ((-32767, 32767),)).look(0, samples, None)
    found = [bool(ranges.reason(i, 1, (0,))) for i in range(4)]
    assert found == [True, False, False, True]


def test_look_when_the_source_has_a_mask_then_it_counts():
    ranges, valid = InvalidRanges(1), np.ones((1, 4), bool)
    valid[0, 2] = False
    Inspector(ranges, (None,)).look(0, np.zeros((1, 4), np.int16), valid)
    assert [ranges.reason(i, 1, (0,)) for i in range(4)] == ["", "", REASONS[MASKED], ""]
    assert ranges.mask(0, 4, 1).tolist() == [[True, True, False, True]]


def test_ranges_when_every_other_sample_is_bad_then_memory_is_bounded():
    ranges = InvalidRanges(SHORTEST)
    for i in range(0, 20_000, 2):
        ranges.add(i, i + 1, MASKED, 0)
    assert sum(len(r) for r in ranges._ranges.values()) == 1


def test_forget_when_nothing_needs_them_then_ranges_go():
    ranges = InvalidRanges(1)
    ranges.add(10, 20, GAP)
    ranges.forget(19)
    assert ranges.reason(19, 1, (3,)) == REASONS[GAP]
    ranges.forget(20)
    assert not ranges.any and ranges.mask(0, 30, 1) is None

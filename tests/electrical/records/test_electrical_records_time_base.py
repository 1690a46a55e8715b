"""Gaps, rates and disagreements: what sample numbers and time stamps may tell."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from record_files import binary, counting, header, put, whole

from labs.electrical.records.rates import Rates, rate_of, simplest


def test_rates_when_exact_then_no_rounding():
    rates = Rates(((3.0, 10), (7.0, 20)))
    assert rates.time_s(9) == Fraction(3)
    assert rates.time_s(10) == Fraction(3) + Fraction(1, 7)
    assert rates.time_s(19) == Fraction(3) + Fraction(10, 7)
    assert rates.time_s(25) == Fraction(3) + Fraction(16, 7)  # the last rate goes on
    assert (rates.end(9), rates.end(10)) == (10, None)


def test_gap_when_numbers_and_stamps_jump_then_the_index_does(tmp_path):
    numbers, stamps, counts = counting(20)
    numbers[8:] += 5
    stamps[8:] += 5000
    got = whole(put(tmp_path, header(((1000, 25),)), binary(numbers, stamps, counts)))
    assert got.index.tolist() == [*range(8), *range(13, 25)]
    np.testing.assert_allclose(got.time_s, got.index / 1000, rtol=1e-14)
    assert "5 samples are missing in 1 gaps" in got.text


@pytest.mark.parametrize("by", ["numbers", "stamps"])
def test_gap_when_one_of_them_tells_and_the_other_says_nothing_then_believed(tmp_path, by):
    numbers, stamps, counts = counting(20)
    if by == "numbers":
        numbers[8:] += 5
        stamps[:] = 0
    else:
        stamps[8:] += 5000
        numbers[:] = 1
    got = whole(put(tmp_path, header(((1000, 20),)), binary(numbers, stamps, counts)))
    assert got.index.tolist() == [*range(8), *range(13, 25)]
    np.testing.assert_allclose(got.time_s, got.index / 1000, rtol=1e-14)


def test_gap_when_numbers_contradict_stamps_then_the_stamps_count(tmp_path):
    numbers, stamps, counts = counting(20)
    numbers[8:] += 5
    got = whole(put(tmp_path, header(((1000, 20),)), binary(numbers, stamps, counts)))
    assert got.index.tolist() == list(range(20))
    assert "sample numbers and time stamps disagree at row 9" in got.text


@pytest.mark.parametrize("slip", [4_000_000_000, 1_000_000])
def test_gap_when_a_single_number_or_stamp_is_wrong_then_none(tmp_path, slip):
    numbers, stamps, counts = counting(20)
    numbers[8] = slip
    stamps[12] = slip
    stamps[15] = 2**32 - 1  # missing
    got = whole(put(tmp_path, header(((1000, 20),)), binary(numbers, stamps, counts)))
    assert got.index.tolist() == list(range(20))
    assert "row 9" in got.text and "row 13" in got.text


def test_gap_when_between_chunks_of_the_reader_then_found(tmp_path):
    count = 220_000  # some chunks
    numbers, stamps, counts = counting(count, 10.0)
    at = 2**20 // 10  # rows of 10 bytes in a chunk
    numbers[at:] += 3
    stamps[at:] += 30
    got = whole(put(tmp_path, header(((100_000, count),)), binary(numbers, stamps, counts)), 2**17)
    assert np.flatnonzero(np.diff(got.index) != 1).tolist() == [at - 1]
    assert got.index[-1] == count + 2


def test_stamps_when_they_wrap_then_no_gap(tmp_path):
    numbers, _, counts = counting(20)
    stamps = (2**32 - 10_000 + np.arange(20) * 1000) % 2**32
    got = whole(put(tmp_path, header(((1000, 20),)), binary(numbers, stamps, counts)))
    assert got.index.tolist() == list(range(20))
    assert got.notes == ()


def test_stamps_when_they_drift_then_noted_and_the_header_counts(tmp_path):
    numbers, _, counts = counting(2000)
    stamps = np.rint(np.arange(2000) * 1000 * 1.002)
    got = whole(put(tmp_path, header(((1000, 2000),)), binary(numbers, stamps, counts)), 512)
    assert "the time stamps say 2.003 s from first to last, the header's rates 1.999 s" in got.text
    np.testing.assert_allclose(got.time_s, np.arange(2000) / 1000, rtol=1e-14)


def test_stamps_when_a_multiplier_scales_them_then_they_agree(tmp_path):
    numbers, _, counts = counting(100)
    path = put(tmp_path, header(((1000, 100),), factor="0.5"),
               binary(numbers, np.arange(100) * 2000, counts))  # fmt: skip
    assert whole(path).notes == ()


def test_stamps_when_of_several_rates_then_a_gap_in_the_second_is_found(tmp_path):
    numbers, _, counts = counting(12)
    stamps = np.array([0, 1, 2, 3, 4, 104, 204, 504, 604, 704, 804, 904]) * 1000
    got = whole(put(tmp_path, header(((1000, 5), (10, 14))), binary(numbers, stamps, counts)))
    assert got.index.tolist() == [*range(7), *range(9, 14)]
    np.testing.assert_allclose(got.time_s, stamps / 1e6, rtol=1e-14)


@given(
    st.lists(st.tuples(st.integers(1, 30), st.integers(1, 50)), min_size=1, max_size=5),
    st.integers(1, 40),
    st.sampled_from([100.0, 1000.0, 12_800.0]),
)
@settings(max_examples=25, deadline=None)
def test_gaps_when_any_then_index_and_time_are_those_of_the_samples(tmp_path_factory, runs, length,
                                                                     fs):  # fmt: skip
    index = np.concatenate([
        np.arange(n) + sum(a + b for a, b in runs[:i]) for i, (n, _) in enumerate([*runs, (30, 0)])
    ])  # fmt: skip
    counts = index[:, None].astype(np.int16)
    data = binary(index + 1, np.rint(index / fs * 1e6), counts)
    path = put(tmp_path_factory.mktemp("r"), header(((fs, int(index[-1]) + 1),)), data)
    got = whole(path, length)
    assert np.array_equal(got.index, index)
    assert np.array_equal(got.values[0], index * 0.5 + 1)
    np.testing.assert_allclose(got.time_s, index / fs, rtol=1e-13, atol=1e-16)


def test_simplest_when_between_two_then_fewest_digits():
    assert simplest(1199.9, 1200.1) == 1200
    assert simplest(0.3333, 0.3341) == 0.334
    assert simplest(49.99, 50.3) == 50


def test_rate_of_when_stamps_are_rounded_then_the_rate_that_was_meant():
    for fs in (50.0, 1200.0, 12_800.0, 44_100.0, 100_000.0):
        assert rate_of(np.rint(np.arange(4000) / fs * 1e6), 1e-6) == pytest.approx(fs, rel=1e-9)
    assert rate_of(np.array([0.0, 1, 5, 6, 20, 30, 31]), 1e-6) is None
    assert rate_of(np.zeros(5), 1e-6) is None
    assert rate_of(np.array([np.nan, np.nan]), 1e-6) is None

import math

import numpy as np
import pytest

from labs.bench import statistics as st
from labs.errors import MeasurementError


def test_interval_of_a_median_covers_it_about_as_often_as_it_says():
    rng = np.random.default_rng(0)
    found = [st.quantile_interval(rng.lognormal(size=40)) for _ in range(300)]
    covered = sum(1.0 in interval for interval in found)  # the median of exp(N(0, 1))
    assert 0.92 <= covered / len(found) <= 1.0


@pytest.mark.parametrize("n", [0, 1, 5])
def test_interval_of_a_median_is_missing_below_six_samples(n):
    assert st.quantile_interval([float(i) for i in range(1, n + 1)]) is None


def test_interval_of_a_median_is_there_from_six_samples():
    assert st.quantile_interval([1, 2, 3, 4, 5, 6]) == st.Interval(1, 6)


@pytest.mark.parametrize(("p", "needed"), [(0.95, 72), (0.99, 368)])
def test_percentile_is_refused_with_one_sample_too_few(p, needed):
    samples = list(np.random.default_rng(1).random(needed))
    with pytest.raises(MeasurementError, match=f"at least {needed} samples") as caught:
        st.percentile_s(samples[:-1], p)
    assert f"{needed - 1} samples" in str(caught.value)
    value, interval = st.percentile_s(samples, p)
    assert value in interval and math.isfinite(interval.high)


def test_geometric_mean_treats_ratios_alike():
    assert st.geometric_mean([0.5, 2.0]) == pytest.approx(1.0)


def test_interval_of_a_geometric_mean_is_students_on_logarithms():
    values = [1.0, 1.1, 0.9, 1.05]
    interval = st.interval_of_geometric_mean(values)
    logs = np.log(values)
    half = 3.182446 * logs.std(ddof=1) / 2  # t(0.975, 3) / sqrt(4)
    assert interval.low == pytest.approx(np.exp(logs.mean() - half), rel=1e-6)
    assert interval.high == pytest.approx(np.exp(logs.mean() + half), rel=1e-6)


def test_six_rounds_are_summarized_by_their_median_whatever_a_bad_round_does():
    calm = [1.0, 1.01, 0.99, 1.02, 0.98, 1.0, 1.01, 0.99, 1.0, 1.0]
    centre, interval = st.summarize_rounds(calm)
    with_a_bad_round = st.summarize_rounds([*calm[:-1], 50.0])
    assert centre == pytest.approx(1.0) and interval.width < 0.04
    assert with_a_bad_round[0] == pytest.approx(1.0, abs=0.01)
    assert with_a_bad_round[1].width < 0.04


def test_fewer_than_six_rounds_are_summarized_by_their_geometric_mean():
    centre, interval = st.summarize_rounds([1.0, 4.0])
    assert centre == pytest.approx(2.0) and interval == st.interval_of_geometric_mean([1.0, 4.0])
    assert st.summarize_rounds([3.0]) == (pytest.approx(3.0), None)


@pytest.mark.parametrize("rounds", [4, 10, 20])
def test_the_interval_over_rounds_covers_at_least_as_often_as_it_says(rounds):
    rng = np.random.default_rng(5)
    found = [st.summarize_rounds(rng.lognormal(size=rounds))[1] for _ in range(300)]
    assert sum(1.0 in interval for interval in found) / len(found) >= 0.93


def test_interval_of_a_geometric_mean_needs_two_values():
    assert st.interval_of_geometric_mean([1.0]) is None


def test_equal_values_give_a_point_and_no_warning(recwarn):
    assert st.interval_of_geometric_mean([2.0] * 5) == st.Interval(
        pytest.approx(2), pytest.approx(2)
    )
    assert st.welch_ratio_interval([2.0] * 3, [1.0] * 4) == st.Interval(
        pytest.approx(2), pytest.approx(2)
    )
    assert st.quantile_interval([1e-3] * 10) == st.Interval(1e-3, 1e-3)
    assert not recwarn.list


def test_welch_interval_contains_the_true_ratio_of_unequal_spreads():
    rng = np.random.default_rng(2)
    slow, fast = 2 * rng.lognormal(sigma=0.05, size=10), rng.lognormal(sigma=0.2, size=7)
    assert 2.0 in st.welch_ratio_interval(slow, fast)
    assert st.welch_ratio_interval([1.0], [1.0, 2.0]) is None


def test_outliers_are_counted_by_both_fences():
    values = [10.0, 11, 12, 13, 14, 15, 16, 17]  # quartiles 11.75 and 15.25, range 3.5
    assert st.tukey_outliers(values) == st.Outliers(0, 0)
    assert st.tukey_outliers([*values, 22.5]) == st.Outliers(mild=1, severe=0)
    assert st.tukey_outliers([*values, 100.0]) == st.Outliers(mild=0, severe=1)
    assert st.tukey_outliers([1.0, 2.0]).count == 0

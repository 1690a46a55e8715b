import pytest

from labs.bench import Failure, Measurement, ResultSet, Round
from labs.bench.results import remarks
from labs.errors import MeasurementError


def test_a_measurement_reports_the_centre_of_its_round_medians(make_measurement):
    m = make_measurement((1.0, 4.0))
    assert m.median_s == pytest.approx(2.0)
    many = make_measurement((1.0, 1.0, 2.0, 2.1, 9.0, 9.0, 2.0))
    assert many.median_s == pytest.approx(2.0)
    assert m.n == 6 and m.workload == "matmul"
    assert m.best_s == pytest.approx(0.99)
    assert m.median_s in m.interval_s


def test_one_round_has_no_interval(make_measurement):
    assert make_measurement((1.0,)).interval_s is None
    assert make_measurement((1.0,)).flop_per_s_interval is None


def test_rates_come_from_work_and_time(make_measurement):
    m = make_measurement((0.5, 0.5))
    assert m.flop_per_s == pytest.approx(2048)
    assert m.bytes_per_s == pytest.approx(1536)
    assert m.flop_per_s in m.flop_per_s_interval
    none = make_measurement(flop=None, min_bytes=None)
    assert none.flop_per_s is None and none.bytes_per_s is None


def test_rate_intervals_turn_around_with_time(make_measurement):
    m = make_measurement((1.0, 2.0, 3.0))
    assert m.flop_per_s_interval.low == pytest.approx(m.flop / m.interval_s.high)


def test_a_percentile_of_looped_samples_is_refused(make_measurement):
    with pytest.raises(MeasurementError, match="means over 8 calls"):
        make_measurement((1.0,) * 200, loops=8).percentile_s(0.95)
    with pytest.raises(MeasurementError, match="at least 368"):
        make_measurement((1.0, 1.1) * 60).percentile_s(0.99)
    value, interval = make_measurement(tuple(1 + i / 200 for i in range(200))).percentile_s(0.95)
    assert value in interval


def test_outliers_are_counted_round_by_round():
    calm = Round((1.0, 1.01, 1.02, 1.03, 1.04, 1.05))
    slow = Round((9.0, 9.01, 9.02, 9.03, 9.04, 50.0))
    m = Measurement("a/b/c/d/e", "CPU", "R", "wall", "warm", (calm, slow))
    assert m.outliers.severe == 1  # and not a whole slow round


def test_remarks_say_what_a_reader_must_know(make_measurement):
    assert remarks(make_measurement()) == ""
    rounds = (Round((1.0, 1.1), warmup_capped=True, retaken=3), Round((1.0, 1.1)))
    m = Measurement("a/b/c/d/e", "CPU", "R", "wall", "warm", rounds)
    assert remarks(m) == (
        "† 2 of 2; warm-up never settled in 1 rounds; 3 samples retaken (throttling); not verified"
    )


def test_a_set_is_selected_by_device_workload_and_name(make_measurement):
    other = make_measurement(name="sum/n=8/float32/warm/wall", device="CL")
    failure = Failure("sum/n=8/float32/warm/wall", "NULL", "no")
    results = ResultSet((make_measurement(), other), (failure,))
    assert results.devices == ("CPU", "CL") and len(results) == 2
    assert list(results.select(device="CL")) == [other]
    assert list(results.select(name="sum")) == [other]
    assert list(results.select(name=other.name, device="CPU")) == []
    assert results.select(name="sum").failures == (failure,)


def test_the_table_shows_medians_models_and_failures(make_measurement):
    model = make_measurement((1e-3, 1e-3), device="NULL", modelled=True)
    failure = Failure("sum/n=8/float32/warm/wall", "CL", "check\n  Expected: 1\n  Got:      2")
    results = ResultSet((make_measurement(), model), (failure,), stop_reason="interrupted")
    text = str(results)
    assert "1 ms (model)" in text
    assert "failed" in text and "check (got: 2)" in text
    assert "The run was interrupted" in text
    assert "<table" in results._repr_html_()


def test_an_empty_set_still_has_a_table():
    assert "benchmark" in str(ResultSet(()))

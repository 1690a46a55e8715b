import pytest

from labs.bench import Interval
from labs.engineering.figure import MEASURED, MODEL, Figure, missing, ratio


def test_figure_then_value_interval_and_origin():
    figure = Figure(2e9, "FLOP/s", Interval(1.9e9, 2.1e9), MEASURED, "matmul n=512")
    assert str(figure) == "2 GFLOP/s [1.9 GFLOP/s, 2.1 GFLOP/s], matmul n=512"


@pytest.mark.parametrize(
    ("unit", "value", "text"),
    [
        ("s", 1.5e-6, "1.5 µs"),
        ("B/s", 2e9, "2 GB/s"),
        ("FLOP/J", 3e9, "3 GFLOP/J"),
        ("degC", 41.6, "42 °C"),
        ("1", 0.25, "25%"),
        ("W", 70.0, "70 W"),
    ],
)
def test_text_then_in_its_unit(unit, value, text):
    assert Figure(value, unit, how=MEASURED).text() == text


def test_text_when_from_a_model_then_says_so():
    assert Figure(1.0, "s", how=MODEL).text() == "1 s (model)"


def test_missing_then_a_dash_and_the_reason():
    figure = missing("W", "no sensor")
    assert (figure.text(), figure.interval_text()) == ("–", "–")
    assert str(figure) == "not available: no sensor"
    assert figure.to_dict()["reason"] == "no sensor"


@pytest.mark.parametrize(
    "parts",
    [{"value": None, "unit": "s"}, {"value": 1.0, "unit": "s", "how": MEASURED, "reason": "why"}],
)
def test_figure_when_it_has_both_or_neither_then_refused(parts):
    with pytest.raises(ValueError, match="a value or a reason"):
        Figure(**parts)


def test_figure_when_its_origin_is_not_said_then_refused():
    with pytest.raises(ValueError, match="how it was obtained"):
        Figure(1.0, "s")


def test_ratio_then_the_interval_takes_both_apart():
    above = Figure(8.0, "FLOP/s", Interval(6.0, 10.0), MEASURED)
    below = Figure(16.0, "FLOP/s", Interval(12.0, 20.0), MEASURED)
    found = ratio(above, below, "both")
    assert found.value == 0.5
    assert (found.interval.low, found.interval.high) == (0.3, pytest.approx(10 / 12))


def test_ratio_when_a_part_is_missing_then_its_reason():
    assert ratio(missing("s", "no clock"), Figure(1.0, "s", how=MEASURED), "").reason == "no clock"


def test_ratio_of_a_measured_to_a_modelled_figure_then_refused():
    with pytest.raises(ValueError, match="no ratio of measured to model"):
        ratio(Figure(1.0, "s", how=MEASURED), Figure(1.0, "s", how=MODEL), "")

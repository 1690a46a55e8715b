import pytest

from labs.electrical.report import by_requirement, normalised_margin, offending
from labs.electrical.report.rows import limits_text, sentence, value_text, when_text


def test_by_requirement_then_in_the_order_asked_with_the_worst_row_first(made):
    other = made.row("voltage", 1.0, "PASS", 0.0, 0.1, channel="u3", quantity="minimum")
    judged = by_requirement([*reversed(made.rows), other], ["frequency", "flicker", "voltage"])
    assert [(j.title, j.status) for j in judged] == [
        ("frequency on u1", "PASS"),
        ("voltage urms on u1", "FAIL"),
        ("voltage minimum on u3", "PASS"),
        (f"thd & co thds on {made.hostile}", "MARGINAL"),
    ]
    assert judged[1].worst.value == 140.0
    assert [r.t_start_s for r in judged[1].rows] == [0.0, 0.2, 0.49]


def test_offending_then_each_requirement_has_its_turn(made):
    many = [made.row("a", 1.0, "FAIL", i / 10, i / 10) for i in range(50)]
    late = made.row("b", 1.0, "FAIL", 9.0, 9.0)
    invalid = made.row("a", float("nan"), "INVALID", 0.0, 0.0)
    chosen = offending([*many, late, invalid, made.rows[0]], most=4)
    assert [(r.name, r.status, r.t_start_s) for r in chosen] == [
        ("a", "FAIL", 0.0),
        ("b", "FAIL", 9.0),
        ("a", "FAIL", 0.1),
        ("a", "FAIL", 0.2),
    ]
    assert offending([*many, late, invalid], most=99)[-1] is invalid
    assert offending([made.rows[0]]) == ()


@pytest.mark.parametrize(
    ("value", "lower", "upper", "expected"),
    [
        (230.0, 207.0, 253.0, 1.0),
        (207.0, 207.0, 253.0, 0.0),
        (184.0, 207.0, 253.0, -1.0),
        (6.0, None, 8.0, 0.25),
        (9.0, None, 8.0, -0.125),
        (1.0, 0.0, None, None),
        (float("nan"), 207.0, 253.0, None),
        (1.0, None, None, None),
    ],
)
def test_normalised_margin(made, value, lower, upper, expected):
    row = made.row("a", value, "PASS", 0.0, 0.0, lower=lower, upper=upper)
    found = normalised_margin(row)
    assert found == (None if expected is None else pytest.approx(expected))


def test_words_then_values_limits_and_places_can_be_read(made):
    voltage, fail, invalid, thd, _ = made.rows
    assert value_text(fail) == "140 V" and value_text(invalid) == "–"
    assert limits_text(voltage) == "207 to 253 V" and limits_text(thd) == "at most 8 %"
    assert when_text(fail) == "from 200 ms to 220 ms, sample 2,000"
    assert sentence(invalid).endswith("sample 4,900: samples are missing")
    ratio = made.row("pf", 0.9, "PASS", 0.0, 0.0, lower=0.8, unit="1")
    tiny = made.row("thd", 8.9194e-6, "PASS", 0.0, 0.0, unit="%")
    assert value_text(tiny) == "8.92e-06 %"
    assert value_text(ratio) == "0.9" and limits_text(ratio) == "at least 0.8"

import json
import math
import pickle
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labs.electrical.limits import Judge, parse_limits
from labs.electrical.limits import judge as judging
from labs.electrical.limits.stretches import MOST_ROWS
from labs.electrical.limits.verdict import worst_of
from labs.electrical.readings import Reading


def reading(value, i=0, quantity="rms", kind="rms", channel="u", unit="V", **more):
    return Reading(
        kind, quantity, channel, value, unit, 100 * i, 100, i * 0.1, (i + 1) * 0.1, **more
    )


def gap(i=0, reason="gap", **more):
    return reading(math.nan, i, valid=False, reason=reason, **more)


def judge(limit, measure="rms", extra=""):
    points = "parameters: {points: [[0, 0, 1], [1, 0, 1]]}, " if measure == "mask" else ""
    return Judge(
        parse_limits(f"""
name: t
supply: {{nominal_hz: 50, nominal_v: 230}}
measurements:
  - {{name: level, measure: {measure}, channels: u, {points}limits: [{limit}]}}
{extra}""")
    )


def verdict(limit, *values, **more):
    j = judge(limit, **more)
    j.feed([reading(v, i) for i, v in enumerate(values)])
    return j.finish()


BAND = "{quantity: rms, lower: 1, upper: 2, marginal: 0.1, hysteresis: 0.05}"


@pytest.mark.parametrize(
    ("value", "status", "exit_code", "margin"),
    [
        (1.5, "PASS", 0, 0.5),
        (2.0, "MARGINAL", 0, 0.0),  # on the limit is inside
        (1.0, "MARGINAL", 0, 0.0),
        (np.nextafter(2.0, 3), "FAIL", 1, -(2.0**-51)),
        (np.nextafter(1.0, 0), "FAIL", 1, -(2.0**-53)),
        (np.float32(1.95), "MARGINAL", 0, 2 - float(np.float32(1.95))),
        (1.875, "PASS", 0, 0.125),
        (math.nan, "FAIL", 1, math.nan),
        (math.inf, "FAIL", 1, -math.inf),
        (-math.inf, "FAIL", 1, -math.inf),
    ],
)
def test_value_at_its_limits_then_judged_to_the_last_bit(value, status, exit_code, margin):
    found = verdict(BAND, value)
    assert (found.status, found.exit_code, found.counts) == (status, exit_code, {status: 1})
    (row,) = found.rows
    assert row.status == status and row.index == 0 and len(row.config_hash) == 64
    assert row.margin == pytest.approx(margin, abs=0, nan_ok=True)
    assert row.reason == ("the value is no number" if value != value else "")
    assert json.loads(json.dumps(found.as_json(), allow_nan=False))["verdict"] == status


@pytest.mark.parametrize("side", ["lower", "upper"])
@settings(max_examples=25, deadline=None)
@given(limit=st.floats(-1e300, 1e300), away=st.sampled_from([-1, 0, 1]))
def test_limit_then_one_ulp_decides(side, limit, away):
    value = math.nextafter(limit, away * math.inf) if away else limit
    found = verdict(f"{{quantity: rms, {side}: {limit!r}}}", value)
    inside = value >= limit if side == "lower" else value <= limit
    assert found.status == ("PASS" if inside else "FAIL")


def test_value_that_dances_on_its_limit_then_one_violation():
    j = judge(BAND)
    alarms = j.feed([reading(v, i) for i, v in enumerate((1.5, 2.01, 1.98, 2.02, 1.97, 1.9, 2.5))])
    assert [(a.index, a.value) for a in alarms] == [(100, 2.01), (600, 2.5)]
    found = j.finish()
    first, second = found.violations
    assert (first.value, first.index, first.count, first.t_end_s) == (2.02, 100, 400, 0.5)
    assert (second.value, second.t_end_s) == (2.5, pytest.approx(0.7))
    # what is inside counts as such
    assert found.counts == {"PASS": 2, "FAIL": 3, "MARGINAL": 2}


def test_value_that_dances_without_hysteresis_then_a_violation_each_time():
    found = verdict("{quantity: rms, upper: 2}", 3, 2, 3, 2, 3)
    assert [v.index for v in found.violations] == [0, 200, 400]


def test_invalid_window_then_it_ends_a_violation_and_is_never_passed_over():
    j = judge(BAND)
    alarms = j.feed([reading(2.5), gap(1), reading(2.5, 2)])
    assert [a.status for a in alarms] == ["FAIL", "INVALID", "FAIL"]
    found = j.finish()
    assert (found.status, found.exit_code) == ("FAIL", 1)
    assert [(r.status, r.index) for r in found.rows] == [("FAIL", 0), ("INVALID", 100),
                                                         ("FAIL", 200)]  # fmt: skip
    assert found.rows[1].reason == "gap"
    only = judge(BAND)
    only.feed([reading(1.5), gap(1)])
    found = only.finish()
    assert (found.status, found.exit_code) == ("INVALID", 2)
    assert [r.status for r in found.rows] == ["PASS", "INVALID"]


def test_invalid_windows_in_a_row_then_one_row_until_the_reason_changes():
    j = judge(BAND)
    alarms = j.feed([gap(0), gap(1), gap(2, "clipped"), reading(1.5, 3), gap(4, "clipped")])
    assert [(a.index, a.reason) for a in alarms] == [(0, "gap"), (200, "clipped"), (400, "clipped")]
    rows = [r for r in j.finish().rows if r.status == "INVALID"]
    assert [(r.index, r.count) for r in rows] == [(0, 200), (200, 100), (400, 100)]


def test_family_when_a_window_is_invalid_then_one_row_for_all():
    j = judge("{quantity: h2..h4, upper: 5}", "harmonics")
    orders = ("h2", "h3", "h4")
    more = {"kind": "harmonics", "unit": "%"}
    alarms = j.feed([gap(i, quantity=q, **more) for i in (0, 1) for q in orders])
    alarms += j.feed([reading(4.0, 2, quantity=q, **more) for q in orders])
    alarms += j.feed(
        [reading(v, 3, quantity=q, **more) for q, v in zip(orders, (4, 6, 7), strict=True)]
    )
    assert [(a.quantity, a.status) for a in alarms] == [
        ("h2..h4", "INVALID"), ("h3", "FAIL"), ("h4", "FAIL"),
    ]  # fmt: skip
    found = j.finish()
    assert [(r.quantity, r.status, r.count) for r in found.rows] == [
        ("h2..h4", "INVALID", 200), ("h3", "FAIL", 100), ("h4", "FAIL", 100),
    ]  # fmt: skip
    j = judge("{quantity: h2..h4, upper: 5}", "harmonics")
    j.feed([reading(v, 0, quantity=q, **more) for q, v in zip(orders, (1, 3, 2), strict=True)])
    (row,) = j.finish().rows
    assert (row.quantity, row.value, row.status) == ("h3", 3.0, "PASS")


def test_family_when_a_member_was_never_measured_then_invalid():
    for quantity, status in (("h2..h4", "INVALID"), ("h#", "PASS")):
        j = judge(f"{{quantity: {quantity}, upper: 5}}", "harmonics")
        j.feed([reading(1, 0, q, "harmonics", unit="%") for q in ("h2", "h4")])
        found = j.finish()
        assert found.status == status
    rows = judge("{quantity: h2..h4, upper: 5}", "harmonics").finish().rows
    assert [(r.quantity, r.status) for r in rows] == [("h2..h4", "INVALID")]


def test_requirement_without_a_reading_then_invalid():
    found = verdict(BAND)
    assert (found.status, found.exit_code) == ("INVALID", 2)
    assert found.rows[0].reason == "never measured" and found.rows[0].value is None
    j = judge(BAND)
    assert j.feed([reading(1.5, channel="other"), reading(1.5, kind="fir")]) == []
    assert j.finish().status == "INVALID"
    j.feed([reading(1.5, quantity="peak")])
    assert j.finish().rows[0].reason == "its meter gave no such value"


@pytest.mark.parametrize(
    ("measure", "limit", "counter", "quantity", "unit"),
    [
        ("voltage_events", "{quantity: dip_duration, upper: 100 ms}", "dips", "dip_duration", "s"),
        ("voltage_events", "{quantity: swell, upper: 250 V}", "swells", "swell", "V"),
        ("mask", "{quantity: first_violation, lower: 2}", "violations", "first_violation", "s"),
    ],
)
def test_what_needs_not_happen_then_passes_only_where_its_meter_counted_none(
    measure, limit, counter, quantity, unit
):
    def says(*readings):
        j = judge(limit, measure)
        j.feed(readings)
        return j.finish()

    more = {"kind": measure, "unit": "1"}
    assert says().status == "INVALID"
    assert says(reading(0, quantity="swells", **more)).status == (
        "PASS" if counter == "swells" else "INVALID"
    )
    found = says(reading(0, quantity=counter, **more))
    assert found.status == "PASS" and found.rows[0].reason == "none happened"
    assert says(reading(1, quantity=counter, **more)).status == "INVALID"
    found = says(gap(quantity=counter, **more))
    assert found.status == "INVALID" and found.rows[0].reason == "gap"
    happened = reading(1e9 if "upper" in limit else 1.0, 0, quantity, measure, unit=unit)
    assert says(happened, reading(1, quantity=counter, **more)).status == "FAIL"


def test_part_of_the_windows_then_enough_where_the_limit_says_so():
    limit = "{quantity: rms, upper: 2, within: 75 %}"
    found = verdict(limit, 1, 1, 1, 3)
    assert found.status == "PASS" and found.rows[0].value == 3.0
    assert "3 of 4 windows are within (75%), 75% are needed" in found.rows[0].reason
    found = verdict(limit, 1, 1, 3, 3)
    assert found.status == "FAIL" and "50%" in found.rows[0].reason
    j = judge(limit)
    assert j.feed([reading(3.0)]) == []  # only the verdict can say
    j.feed([gap(1)])
    assert [r.status for r in j.finish().rows] == ["FAIL", "INVALID"]


@pytest.mark.parametrize(("percent", "count"), [(p, n) for p in (55, 57, 95) for n in (20, 100)])
def test_part_of_the_windows_then_exact_at_its_edge(percent, count):
    limit = f"{{quantity: rms, upper: 2, within: {percent} %}}"
    needed = -(-percent * count // 100)
    for inside, status in ((needed, "PASS"), (needed - 1, "FAIL")):
        assert verdict(limit, *[1] * inside, *[3] * (count - inside)).status == status


def test_limit_in_another_unit_than_the_reading_then_invalid():
    found = verdict("{quantity: rms, upper: 2 A}", 1.0)
    assert (
        found.status == "INVALID" and "the limit is in A, the channel in V" in found.rows[0].reason
    )


OTHER = """
  - {name: other, measure: fir, channels: i, limits: [{quantity: peak, upper: {of: level.rms,
     times: 2, plus: 1}}]}
"""


def peak(value, i=0, **more):
    return reading(value, i, "peak", "fir", "i", **more)


def others(*readings):
    j = judge("{quantity: rms, lower: 1, upper: 2}", extra=OTHER)
    j.feed(readings)
    return [r for r in j.finish().rows if r.name == "other"]


def test_limit_that_refers_to_another_measurement_then_follows_it():
    (row,) = others(reading(1.5, 0), peak(4.0, 0))
    assert (row.status, row.upper, row.margin) == ("PASS", 4.0, 0.0)
    (row,) = others(reading(1.5, 0), peak(math.nextafter(4.0, 5), 0))
    assert row.status == "FAIL"
    # the one of the same instant counts, whichever comes first
    rows = others(reading(1.5, 0), peak(1, 0), peak(4.1, 1), reading(1.6, 1), peak(4.2, 2))
    assert [(r.status, r.upper, r.value) for r in rows] == [("PASS", 4.2, 4.2)]
    # early ones wait for the first
    rows = others(peak(4.1, 0), peak(3.9, 1), reading(1.5, 2), peak(1, 3))
    assert [(r.status, r.index, r.upper) for r in rows] == [("FAIL", 0, 4.0)]


def test_limit_that_refers_to_what_was_never_there_then_invalid():
    (row,) = others(peak(1.0), peak(1.0, 1))
    assert row.status == "INVALID" and row.reason.startswith(
        "2 readings: the limit follows level.rms"
    )
    j = judge("{quantity: rms, lower: 1, upper: 2}", extra=OTHER)
    j.feed([peak(1.0), reading(1.5, channel="elsewhere")])
    assert j.finish().counts == {"INVALID": 1}


def test_limit_that_refers_to_an_invalid_window_then_invalid_there():
    rows = others(reading(1.5, 0), peak(1, 0), gap(1), peak(1, 1), reading(1.5, 2), peak(1, 2))
    assert [(r.status, r.index) for r in rows] == [("PASS", 0), ("INVALID", 100)]
    assert rows[1].reason == "its limit follows level.rms, which isn't valid: gap"


def test_limit_that_refers_to_nan_or_another_unit_then_never_passed():
    (row,) = others(reading(math.nan, 0), peak(1, 0))
    assert (row.status, row.reason) == ("FAIL", "its limit is no number")
    (row,) = others(reading(1.5, 0), peak(1, 0, unit="A"))
    assert row.status == "INVALID" and "level.rms in V" in row.reason


def test_limit_that_refers_to_several_channels_then_to_its_own():
    j = Judge(parse_limits("""
name: t
measurements:
  - {name: a, measure: rms, channels: [x, y], limits: [{quantity: rms, upper: 100}]}
  - {name: b, measure: fir, channels: [x, y], limits: [{quantity: rms, upper: {of: a.rms}}]}
"""))  # fmt: skip
    for i in range(2):
        j.feed([reading(1, i, channel="x"), reading(10, i, channel="y")])
        j.feed([reading(5, i, kind="fir", channel=c) for c in "xy"])
    rows = {r.channel: r for r in j.finish().rows if r.name == "b"}
    assert (rows["x"].status, rows["x"].upper) == ("FAIL", 1.0)
    assert (rows["y"].status, rows["y"].upper) == ("PASS", 10.0)


def test_readings_that_wait_for_ever_then_bounded_and_counted(monkeypatch):
    monkeypatch.setattr(judging, "MOST_WAITING", 50)
    j = judge("{quantity: rms, lower: 1, upper: 2}", extra=OTHER)
    for i in range(200):
        j.feed([peak(1.0, i)])
    assert len(j._waiting) + len(j._fresh) == 50
    found = j.finish()
    assert found.counts == {"INVALID": 200} and found.status == "INVALID"
    assert j.finish() == found


def test_very_many_readings_then_few_rows_and_the_worst_among_them():
    j = judge("{quantity: rms, upper: 2}")
    for i in range(1000):
        j.feed([reading(9.0 if i == 700 else 3.0, 2 * i), reading(1.0, 2 * i + 1)])
    found = j.finish()
    assert len(found.rows) == MOST_ROWS + 1 and found.counts == {"FAIL": 1000, "PASS": 1000}
    assert found.rows[-1].value == 9.0
    assert found.notes == ("level rms, u: 1000 violations; 101 are listed, with the worst",)
    assert "FAIL" in str(found) and "<table" in found._repr_html_()
    # what is kept doesn't grow with the stream
    sizes = []
    for _ in range(2):
        for i in range(1000):
            j.feed([reading(3.0, 2 * i), gap(2 * i + 1)])
        sizes.append(len(pickle.dumps([vars(t) for t in j._trackers])))
    assert sizes[1] <= sizes[0] * 1.1
    assert len(j.finish().rows) == 2 * MOST_ROWS + 1


def test_verdict_then_the_worst_of_all_and_nothing_is_no_pass():
    assert worst_of({"PASS", "MARGINAL", "INVALID", "FAIL"}) == "FAIL"
    assert worst_of({"PASS", "MARGINAL", "INVALID"}) == "INVALID"
    assert worst_of({"PASS", "MARGINAL"}) == "MARGINAL"
    assert worst_of({"PASS"}) == "PASS" and worst_of(set()) == "INVALID"


def plainly(values, low, high, marginal, hysteresis):
    """Statuses and violations from the definition, looking at all values at once."""
    statuses, violations, since = [], [], None
    for i, v in enumerate(values):
        if v is None:
            statuses.append("INVALID")
        elif not low <= v <= high:
            statuses.append("FAIL")
        else:
            close = v - low < marginal or high - v < marginal
            statuses.append("MARGINAL" if close else "PASS")
        back = v is None or low + hysteresis <= v <= high - hysteresis
        if since is not None and back:
            violations.append((since, i))
            since = None
        if since is None and statuses[-1] == "FAIL":
            since = i
    return statuses, violations + ([(since, len(values))] if since is not None else [])


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.none() | st.integers(-3, 12).map(lambda n: n / 2) | st.just(math.nan), max_size=30),
    st.sampled_from([0.0, 0.5, 1.0]),
    st.sampled_from([0.0, 0.5, 1.0]),
    st.randoms(use_true_random=False),
)
def test_any_values_then_as_the_definition_says_however_they_come(
    values, marginal, hysteresis, random
):
    limit = f"{{quantity: rms, lower: 1, upper: 4, marginal: {marginal}, hysteresis: {hysteresis}}}"
    readings = [gap(i) if v is None else reading(v, i) for i, v in enumerate(values)]
    whole, split = judge(limit), judge(limit)
    alarms, pieces = whole.feed(readings), []
    while readings:
        cut = random.randint(1, len(readings))
        pieces += split.feed(readings[:cut])
        readings = readings[cut:]
    statuses, violations = plainly(values, 1.0, 4.0, marginal, hysteresis)
    found = whole.finish()
    assert found.counts == Counter(statuses)
    assert [(r.index // 100, (r.index + r.count) // 100) for r in found.violations] == violations
    assert [a.index // 100 for a in alarms if a.status == "FAIL"] == [v[0] for v in violations]
    assert found.status == worst_of(set(statuses))
    as_text = [repr(x) for x in (alarms, found.rows, found.counts)]  # NaN isn't equal to itself
    assert as_text == [repr(x) for x in (pieces, split.finish().rows, split.finish().counts)]

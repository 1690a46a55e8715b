import json
import math

import numpy as np
import pytest

from labs.electrical.limits import Judge, parse_limits
from labs.electrical.limits.judge import MOST_ROWS
from labs.electrical.readings import Reading


def reading(value, i=0, quantity="rms", kind="rms", channel="u", unit="V", **more):
    return Reading(
        kind, quantity, channel, value, unit, 100 * i, 100, i * 0.1, (i + 1) * 0.1, **more
    )


def judge(limit, measure="rms", extra=""):
    return Judge(
        parse_limits(f"""
name: t
supply: {{nominal_hz: 50, nominal_v: 230}}
measurements:
  - {{name: level, measure: {measure}, channels: u, limits: [{limit}]}}
{extra}""")
    )


def verdict(limit, *values, **more):
    j = judge(limit, **more)
    j.feed([reading(v, i) for i, v in enumerate(values)])
    return j.finish()


BAND = "{quantity: rms, lower: 1, upper: 2, marginal: 0.1, hysteresis: 0.05}"


@pytest.mark.parametrize(
    ("value", "status", "exit_code"),
    [
        (1.5, "PASS", 0),
        (2.0, "MARGINAL", 0),  # on the limit is inside
        (1.0, "MARGINAL", 0),
        (np.nextafter(2.0, 3), "FAIL", 1),
        (np.nextafter(1.0, 0), "FAIL", 1),
        (1.95, "MARGINAL", 0),
        (math.nan, "FAIL", 1),
        (math.inf, "FAIL", 1),
        (-math.inf, "FAIL", 1),
    ],
)
def test_value_at_its_limits_is_judged(value, status, exit_code):
    found = verdict(BAND, value)
    assert (found.status, found.exit_code) == (status, exit_code)
    (row,) = found.rows
    assert row.status == status and row.index == 0 and len(row.config_hash) == 64
    assert "NaN" not in json.dumps(found.as_json(), allow_nan=False)


def test_value_that_dances_on_the_limit_is_one_violation():
    j = judge(BAND)
    alarms = j.feed([reading(v, i) for i, v in enumerate((1.5, 2.01, 1.98, 2.02, 1.97, 1.9, 2.5))])
    assert [a.index for a in alarms] == [100, 600]
    first, second = j.finish().violations
    assert (first.value, first.index, first.count) == (2.02, 100, 400)
    assert (second.value, second.t_end_s) == (2.5, pytest.approx(0.7))


def test_invalid_window_makes_it_invalid_and_ends_a_violation():
    j = judge(BAND)
    alarms = j.feed(
        [reading(2.5), reading(math.nan, 1, valid=False, reason="gap"), reading(2.5, 2)]
    )
    assert [a.status for a in alarms] == ["FAIL", "INVALID", "FAIL"]
    found = j.finish()
    assert found.status == "FAIL" and [r.status for r in found.rows] == ["FAIL", "INVALID", "FAIL"]
    assert found.rows[1].reason == "gap"
    only = judge(BAND)
    only.feed([reading(1.5), reading(math.nan, 1, valid=False, reason="gap")])
    assert (only.finish().status, only.finish().exit_code) == ("INVALID", 2)


def test_requirement_without_a_reading_is_invalid():
    found = verdict(BAND)
    assert found.status == "INVALID" and found.rows[0].reason == "never measured"


def test_event_that_never_came_passes_only_if_its_meter_said_so():
    limit = "{quantity: dip_duration, upper: 100 ms}"
    assert judge(limit, "voltage_events").finish().status == "INVALID"
    j = judge(limit, "voltage_events")
    j.feed([reading(0, quantity="dips", kind="voltage_events", unit="1")])
    assert j.finish().status == "PASS"
    j.feed([reading(0.2, quantity="dip_duration", kind="voltage_events", unit="s")])
    assert j.finish().status == "FAIL"


def test_part_of_the_windows_is_enough_where_the_limit_says_so():
    limit = "{quantity: rms, upper: 2, within: 75 %}"
    assert verdict(limit, 1, 1, 1, 3).status == "PASS"
    found = verdict(limit, 1, 1, 3, 3)
    assert found.status == "FAIL" and "50%" in found.rows[0].reason


def test_limit_in_another_unit_than_the_channel_is_invalid():
    found = verdict("{quantity: rms, upper: 2 A}", 1.0)
    assert found.status == "INVALID" and "the limit is in A" in found.rows[0].reason


REFERENCE = """
  - {name: other, measure: rms, channels: i, limits: [{quantity: peak, upper: {of: level.rms, times: 2}}]}
"""  # noqa: E501


def test_limit_that_refers_to_another_measurement_follows_it():
    j = judge(BAND, extra=REFERENCE)
    early = reading(2.9, channel="i", quantity="peak")  # waits for its reference
    j.feed([early, reading(1.5), reading(3.1, 1, channel="i", quantity="peak")])
    j.feed([reading(1.6, 1), reading(3.1, 2, channel="i", quantity="peak")])
    found = j.finish()
    assert [(r.name, r.upper, r.value) for r in found.violations] == [("other", 3.0, 3.1)]
    assert found.counts == {"PASS": 4, "FAIL": 1}
    alone = judge(BAND, extra=REFERENCE)
    alone.feed([early])
    rows = [r for r in alone.finish().rows if r.name == "other"]
    assert rows[0].status == "INVALID" and "refers" in rows[0].reason


def test_very_many_readings_are_kept_in_few_rows():
    j = judge("{quantity: rms, upper: 2}")
    for i in range(1000):
        j.feed([reading(3.0, 2 * i), reading(1.0, 2 * i + 1)])
    found = j.finish()
    assert len(found.rows) == MOST_ROWS and found.counts == {"FAIL": 1000, "PASS": 1000}
    assert "1000 violations" in found.notes[0]
    assert "FAIL" in str(found) and "<table" in found._repr_html_()

from labs.electrical.limits import Limit, Reference, Requirement, Specification
from labs.electrical.readings import Reading
from labs.electrical.report.latest import Alarms, Latest, takes_readings


def reading(kind, quantity, value, unit="V", at_s=0.2, valid=True, reason=""):
    return Reading(kind, quantity, "u1", value, unit, 0, 10, at_s - 0.2, at_s, valid, reason)


LIMITS = Specification(
    "s",
    (
        Requirement("voltage", "urms_half", ("u1",), (Limit("urms", "V", 207.0, 253.0),)),
        Requirement(
            "distortion",
            "harmonics",
            ("u1",),
            (
                Limit("h#", "%", None, 6.0, stem="h", first=2, last=5),
                Limit("thds", "%", None, Reference("voltage", "urms")),
            ),
        ),
        Requirement("flow", "power", ("u1",), (Limit("p", "W", 0.0),)),
    ),
)


def test_latest_then_the_last_value_of_each_limit_beside_what_is_allowed():
    latest = Latest()
    for value in (230.0, 231.0, 140.0):
        latest.read(reading("urms_half", "urms", value))
    latest.read(reading("harmonics", "h3", 1.0, "%"))
    latest.read(reading("harmonics", "h5", 7.0, "%", at_s=0.4))
    latest.read(reading("harmonics", "h9", 50.0, "%"))  # outside of the family
    latest.read(reading("harmonics", "thds", float("nan"), "%", valid=False, reason="a gap"))
    assert latest.table(LIMITS).rows == (
        ("voltage urms on u1", "140 V", "207 to 253 V", "200 ms", "outside"),
        ("distortion h5 on u1", "7 %", "at most 6 %", "400 ms", "outside"),
        ("distortion thds on u1", None, "follows another measurement", "200 ms", "a gap"),
        ("flow p on u1", None, "at least 0 W", None, None),
    )
    latest.read(reading("urms_half", "urms", 207.0))
    assert latest.table(LIMITS).rows[0][-1] == ""  # on the limit is inside


def test_alarms_then_they_stay_in_bounded_memory_and_are_counted(made):
    alarms = Alarms()
    assert alarms.text() == ""
    alarms.add("12:00:00", made.rows)
    assert alarms.count == 2
    alarms.add("12:00:01", [made.rows[1]] * 1000)
    assert alarms.count == 1002 and len(alarms.rows) == 200
    table = alarms.table()
    assert table.rows[0][:4] == ("12:00:01", "FAIL", "voltage urms on u1", "140 V")
    assert "992 earlier ones" in table.note and "140 V" in alarms.text()


def test_takes_readings_then_only_of_a_function_that_has_such_a_parameter():
    assert takes_readings(lambda on_reading: None)
    assert not takes_readings(lambda: None) and not takes_readings(1)

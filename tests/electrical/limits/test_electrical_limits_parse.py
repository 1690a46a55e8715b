import contextlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labs.electrical.limits import Reference, load_limits, parse_limits
from labs.electrical.limits.text import MOST_BYTES
from labs.electrical.meters import NAMES, kind
from labs.errors import LabError

GOOD = """\
name: bench
supply: {nominal_hz: 50 Hz, nominal_v: 0.23 kV}
channels:
  VA: u
  CH2: {alias: i, unit: mV, scale: 10}
measurements:
  - name: level
    measure: rms
    channels: [u, i]
    parameters: {window_s: 100 ms}
    limits:
      - {quantity: rms, lower: 220 V, upper: 0.24 kV, marginal: 10 %, hysteresis: 500 mV}
      - {quantity: peak, upper: {of: level.rms, times: 1.5, plus: 10 mV}}
  - name: thd
    measure: harmonics
    channels: u
    limits:
      - {quantity: h2..h9, upper: 3 %, within: 95 %, action: record}
      - {quantity: thds, upper: {of: thd.h5, times: 2, plus: 1 %}}
      - {quantity: ih#, upper: 1 %}
  - name: trace
    measure: mask
    channels: u
    parameters:
      points: [[0, -1 V, 1 V], [1 ms, -1 V, 1 V], [1 ms, null, 2 V], [2 ms, null, 2 V]]
    limits:
      - {quantity: margin, upper: 0 mV}
"""


def refused(text, *words):
    with pytest.raises(LabError) as error:
        parse_limits(text, "my.yaml")
    said = str(error.value)
    for word in ("read the limits of my.yaml, line ", "column", *words):
        assert word in said, said
    return said


def test_limits_with_units_then_in_base_units():
    spec = parse_limits(GOOD)
    level, other, thd, trace = spec.requirements
    limit, peak = level.limits
    assert (spec.nominal_hz, spec.nominal_v) == (50.0, 230.0)
    assert (limit.lower, limit.upper, limit.unit) == (220.0, 240.0, "V")
    assert (limit.marginal, limit.hysteresis, limit.within) == (2.0, 0.5, 1.0)
    assert peak.upper == Reference("level", "rms", 1.5, 0.01) and peak.unit == "V"
    assert (level.channels, other.channels) == (("u",), ("i",))
    assert dict(level.parameters) == {"window_s": 0.1}
    family, reference, between = thd.limits
    assert (family.within, family.action) == (0.95, "record")
    assert [q for q in ("h1", "h2", "h9", "h10", "h²", "ih2", "h", "h02x") if family.covers(q)] == [
        "h2",
        "h9",
    ]
    assert (reference.upper.times, reference.upper.plus) == (2.0, 1.0)
    assert (between.stem, between.first, between.last) == ("ih", 1, 49)
    assert trace.parameters["points"] == ((0, -1, 1), (1e-3, -1, 1), (1e-3, None, 2),
                                          (2e-3, None, 2))  # fmt: skip
    assert [(c.record, c.name, c.unit, c.scale) for c in spec.channels] == [
        ("VA", "u", "", 1.0), ("CH2", "i", "mV", 10.0),
    ]  # fmt: skip


def test_text_and_file_then_the_same(tmp_path):
    path = tmp_path / "limits.yaml"
    path.write_text("\ufeff" + GOOD, encoding="utf-8")
    spec = load_limits(path)
    assert spec.path == path and load_limits(str(path)) == spec
    assert load_limits(GOOD).requirements == spec.requirements
    assert parse_limits(json.dumps({"name": "j", "measurements": [
        {"name": "a", "measure": "rms", "channels": "u",
         "limits": [{"quantity": "rms", "upper": 1}]}]})).name == "j"  # fmt: skip


def test_hash_then_of_what_it_means():
    spec = parse_limits(GOOD)
    assert len(spec.config_hash) == 64
    for same in ("# a comment\n" + GOOD, GOOD.replace("0.24 kV", "240 V"), GOOD + "about: x\n"):
        assert parse_limits(same).config_hash == spec.config_hash
    for old, new in (("0.24 kV", "241 V"), ("VA: u", "VB: u"), ("50 Hz", "60 Hz"),
                     ("100 ms", "200 ms"), ("record", "stop"), ("bench", "other")):  # fmt: skip
        assert parse_limits(GOOD.replace(old, new)).config_hash != spec.config_hash


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("measure: rms", "measure: rmss", ("line 8, column 14", "'rmss'", "did you mean 'rms'",
                                           "measurements[0].measure")),
        ("measure: rms", "mesure: rms", ("line 8, column 5", "'mesure'", "did you mean 'measure'")),
        ("    measure: rms\n", "", ("the key 'measure'", "measurements[0]")),
        ("name: bench", "title: bench", ("line 1, column 1", "'title'")),
        ("name: bench", "name: ''", ("a text of 1 to 200", "''")),
        ("name: bench", "name: 7", ("a text of 1 to 200", "Got:      7")),
        ("name: level", "name: a.b", ("without dots",)),
        ("name: thd", "name: level", ("line 14, column 11", "a name of its own", "'level' again")),
        ("quantity: thds", "quantity: thd", ("a quantity of harmonics", "did you mean 'thds'")),
        ("quantity: rms", "quantity: 7", ("thds, h5, or a family", "7")),
        ("quantity: rms, ", "", ("the key 'quantity'",)),
        ("h2..h9", "h9..h2", ("h2 to h50, in order", "h9..h2")),
        ("h2..h9", "h1..h9", ("h2 to h50",)),
        ("h2..h9", "h2..h51", ("h2 to h50",)),
        ("h2..h9", "h60", ("h2 to h50",)),
        ("h2..h9", "h2..ih9", ("a quantity of harmonics",)),
        ("h2..h9", "h05", ("a quantity of harmonics",)),
        ("    channels: u\n    limits:\n      - {quantity: h2",
         "    channels: u\n    parameters: {highest: 8}\n    limits:\n      - {quantity: h2",
         ("h2 to h8",)),
        ("    channels: u\n    limits:\n      - {quantity: h2", "    channels: u\n"
         "    parameters: {interharmonics: no}\n    limits:\n      - {quantity: h2",
         ("leave them out", "ih#")),
        ("window_s", "windows", ("a parameter", "did you mean 'window_s'")),
        ("100 ms", "-1", ("a value from 0 s", "-1")),
        ("100 ms", "100 mV", ("a value in s", "'100 mV'")),
        ("100 ms", "[1]", ("a number",)),
        ("0.24 kV", "200 V", ("isn't above the upper one", "220 and 200")),
        ("0.24 kV", ".nan", ("a finite number", "nan")),
        ("0.24 kV", ".inf", ("a finite number", "inf")),
        ("0.24 kV", "1e999", ("finite",)),
        ("0.24 kV", "1 kA", ("one unit, V as above", "A")),
        ("0.24 kV", "null", ("a number, a text such as '250 mV'", "nothing")),
        ("0.24 kV", "true", ("a number, a text", "True")),
        ("0.24 kV", "[1]", ("a number, a text",)),
        ("500 mV", "5 A", ("one unit, V as above",)),
        ("500 mV", "-1", ("a value from 0", "-1")),
        ("500 mV", "11 V", ("half of the range", "10", "11")),
        ("3 %", "3 V", ("a value in %", "'3 V'")),
        ("marginal: 10 %", "marginal: 60 %", ("half of the range", "12")),
        ("upper: 3 %, within", "within", ("lower, upper, or both", "only quantity")),
        ("within: 95 %", "within: 95", ("a value from 0 up to 1", "95")),
        ("action: record", "action: alert", ("'alert'", "did you mean 'alarm'")),
        ("plus: 10 mV}", "plus: 10 mV}, marginal: 10 %", ("follows a measurement", "10 %")),
        ("of: level.rms", "of: levl.rms", ("upper.of", "did you mean 'level'")),
        ("of: level.rms", "of: level.rmss", ("a quantity of rms", "did you mean 'rms'")),
        ("of: level.rms", "of: level", ("such as voltage.urms", "'level'")),
        ("of: level.rms", "off: level.rms", ("'off'", "did you mean 'of'")),
        ("of: level.rms", "of: level.crest", ("a quantity in V", "level.crest in 1")),
        ("of: thd.h5", "of: level.rms", ("a quantity in %, as the limit is",)),
        ("of: thd.h5", "of: thd.h#", ("a quantity of harmonics", "'h#'")),
        ("of: level.rms", "of: level.peak", ("a circle", "level.peak -> level.peak")),
        ("upper: 3 %, within", "upper: {of: thd.thds}, within",
         ("a circle", "thd.h2..h9 -> thd.thds -> thd.h2..h9")),
        ("supply: {nominal_hz: 50 Hz, nominal_v: 0.23 kV}\n", "",
         ("supply.nominal_hz", "harmonics")),
        ("50 Hz", "0", ("above 0 Hz",)),
        ("50 Hz", "50 V", ("supply.nominal_hz", "a value in Hz")),
        ("nominal_v:", "nominal_u:", ("did you mean 'nominal_v'",)),
        ("[u, i]", "[u, u]", ("each channel once",)),
        ("[u, i]", "[]", ("measurements[0].channels", "a list of 1 to 256", "an empty list")),
        ("[u, i]", "[u, 7]", ("channels[1]", "in quotes")),
        ("[u, i]", "[VA, i]", ("'u', as `channels` calls it", "'VA'")),
        ("VA: u", "VA: i", ("a name of its own", "'i' again")),
        ("VA: u", "VA: {alia: u}", ("did you mean 'alias'",)),
        ("VA: u", "VA: {}", ("alias, unit, scale",)),
        ("VA: u", "VA: {alias: u, unit: Volt}", ("a unit, with a prefix", "'Volt'")),
        ("scale: 10", "scale: 0", ("a factor other than 0",)),
        ("scale: 10", "scale: .nan", ("finite",)),
        ("scale: 10", "scale: ten", ("a factor on the record's values", "'ten'")),
        ("measure: harmonics\n    channels: u", "measure: power\n    channels: u",
         ("2 channels (V, A), or a multiple", "1")),
        ("measure: harmonics\n    channels: u", "measure: power\n    channels: [u, i, a]",
         ("2 channels (V, A)",)),
        ("    channels: u\n    limits:\n      - {quantity: h2",
         "    channels: u\n    together: true\n    limits:\n      - {quantity: h2",
         ("together only for voltage_events",)),
        ("[0, -1 V, 1 V]", "[0, 2 V, 1 V]", ("points[0]", "isn't above the upper one", "2 and 1")),
        ("[0, -1 V, 1 V]", "[0, -1 V, 1 A]", ("points[0][2]", "one unit, V as above")),
        ("[0, -1 V, 1 V]", "[0, -1 V]", ("points[0]", "[time, lower, upper]")),
        ("[0, -1 V, 1 V]", "[null, -1 V, 1 V]", ("points[0]", "[time, lower, upper]")),
        ("[0, -1 V, 1 V]", "[-1, -1 V, 1 V]", ("points[0][0]", "a value from 0 s")),
        ("[0, -1 V, 1 V]", "[5 ms, -1 V, 1 V]", ("points[1]", "times that don't go back")),
        ("[0, -1 V, 1 V]", "[0, -1 V, .nan]", ("points[0][2]", "finite")),
        ("[0, -1 V, 1 V]", "[0, null, 1 V]", ("points[1][1]", "the lower limit at both ends",
                                              "the mask has a gap there")),
        ("[[0, -1 V, 1 V], [1 ms, -1 V, 1 V], [1 ms, null, 2 V], [2 ms, null, 2 V]]",
         "[[0, null, null], [1, null, null]]", ("at least one limit",)),
        ("[[0, -1 V, 1 V], [1 ms, -1 V, 1 V], [1 ms, null, 2 V], [2 ms, null, 2 V]]",
         "[[1, 0, 1], [1, 0, 1]]", ("a mask that lasts",)),
        ("[[0, -1 V, 1 V], [1 ms, -1 V, 1 V], [1 ms, null, 2 V], [2 ms, null, 2 V]]",
         "[[0, 0, 1]]", ("at least two",)),
        ("[[0, -1 V, 1 V], [1 ms, -1 V, 1 V], [1 ms, null, 2 V], [2 ms, null, 2 V]]",
         "high", ("at least two", "'high'")),
        ("points:", "period_s: 1\n      point:", ("did you mean 'points'",)),
        ("      points:", "      period_s: 1\n#", ("parameters: {points:", "no mask")),
    ],
)  # fmt: skip
def test_limits_when_something_is_wrong_then_refused_with_its_place(old, new, words):
    assert old in GOOD
    refused(GOOD.replace(old, new, 1), *words)


WHOLE = """
name: t
measurements:
  - {name: a, measure: fir, channels: u, parameters: {taps: %s},
     limits: [{quantity: rms, upper: 1}]}
"""


def test_parameter_that_counts_then_only_whole_numbers():
    (requirement,) = parse_limits(WHOLE % 32.0).requirements
    assert repr(requirement.parameters) == "{'taps': 32}"
    refused(WHOLE % 32.5, "parameters.taps", "a whole number", "32.5")
    refused(WHOLE % 1, "a value from 2", "1")


def test_references_between_several_channels_then_to_the_same_one():
    text = """
name: t
measurements:
  - {name: a, measure: rms, channels: [x, y], limits: [{quantity: rms, upper: 1}]}
  - {name: b, measure: fir, channels: %s, limits: [{quantity: rms, upper: {of: a.rms}}]}
"""
    assert len(parse_limits(text % "[x, y]").requirements) == 4
    refused(text % "z", "line 5", "on one channel, or on the same channels", "several others")


def test_two_sets_of_parameters_on_one_channel_then_refused():
    text = """
name: t
measurements:
  - {name: a, measure: rms, channels: x, limits: [{quantity: rms, upper: 1}]}
  - name: b
    measure: rms
    channels: x
    parameters: {window_s: %s}
    limits: [{quantity: peak, upper: 1}]
"""
    refused(text % 1, "line 5", "one set of parameters for rms on x", "those of 'a'")


def test_channel_when_its_unit_is_no_meters_then_refused():
    text = """
name: t
supply: {nominal_hz: 50}
channels: {CH1: {alias: i, unit: mA}}
measurements:
  - {name: a, measure: urms_half, channels: i, limits: [{quantity: urms, upper: 1}]}
"""
    refused(text, "line 6", "a channel in V for urms_half", "'i' in A")
    refused(GOOD.replace("unit: mV", "unit: mA"), "measurements[0].limits[0]",
            "a channel in V, as the limit is", "'i' in A")  # fmt: skip


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda p: p.mkdir(), ("Is a directory",)),
        (lambda p: None, ("No such file", "check the path")),
        (lambda p: p.write_bytes("name: Ä".encode("latin-1")), ("byte 6", "UTF-8")),
        (lambda p: p.write_bytes("name: Ä".encode("utf-16")), ("byte 0", "UTF-8")),
        (lambda p: p.write_bytes(b"a" * (MOST_BYTES + 1)), ("262,144",)),
        (lambda p: p.write_text(""), ("keys such as name", "nothing")),
        (lambda p: p.write_text("[1]"), ("keys such as name", "[1]")),
        (lambda p: p.write_text("[" * 40), ("levels",)),
    ],
)
def test_file_when_it_is_no_limit_file_then_refused(tmp_path, make, words):
    path = tmp_path / "x.yaml"
    make(path)
    with pytest.raises(LabError) as error:
        load_limits(path)
    for word in ("x.yaml", *words):
        assert word in str(error.value)


def test_file_when_it_never_ends_then_refused():
    with pytest.raises(LabError, match="at most"):
        load_limits("/dev/zero")
    with pytest.raises(LabError, match="check the path"):
        load_limits("a\0b")


@pytest.mark.parametrize("name", NAMES)
def test_kind_then_each_of_its_quantities_can_be_asked_for(name):
    what = kind(name)
    limits = [{"quantity": q.replace("#", "3"), "upper": 1} for q in what.quantities]
    points = [[0, -1, 1], [1, -1, 1]]
    document = {
        "name": name,
        "supply": {"nominal_hz": 50, "nominal_v": 230},
        "measurements": [
            {"name": "a", "measure": name, "channels": [f"c{i}" for i in range(len(what.roles))],
             "parameters": {"points": points} if "points" in what.parameters else {},
             "limits": limits}
        ],
    }  # fmt: skip
    (requirement,) = parse_limits(json.dumps(document)).requirements
    assert len(requirement.limits) == len(what.quantities)
    assert [x.unit for x in requirement.limits] == [
        "" if u == "=" else u for u in what.quantities.values()
    ]


_scalars = st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8)
_words = ["name", "measurements", "supply", "limits", "quantity", "upper", "channels", "measure",
          "of", "parameters", "points", "rms", "nominal_hz", "alias"]  # fmt: skip
_trees = st.recursive(
    _scalars | st.sampled_from(_words),
    lambda c: st.lists(c, max_size=3) | st.dictionaries(st.sampled_from(_words), c, max_size=4),
    max_leaves=12,
)
_DATA = {
    "name": "n",
    "supply": {"nominal_hz": 50, "nominal_v": 230},
    "channels": {"A": "u", "B": {"alias": "i", "unit": "A", "scale": 2}},
    "measurements": [
        {"name": "a", "measure": "rms", "channels": ["u"], "parameters": {"window_s": 1},
         "limits": [{"quantity": "rms", "lower": 0, "upper": {"of": "b.h3", "times": 2, "plus": 1},
                     "marginal": 1, "within": 0.5, "action": "stop"}]},
        {"name": "b", "measure": "harmonics", "channels": "u",
         "limits": [{"quantity": "h2..h9", "upper": 3, "hysteresis": 1}]},
        {"name": "c", "measure": "mask", "channels": "u", "limits": [{"quantity": "margin",
         "upper": 0}], "parameters": {"points": [[0, 0, 1], [1, 0, 1]], "period_s": 2}},
    ],
}  # fmt: skip


def _places(data, path=()):
    yield path
    if isinstance(data, dict | list):
        for key, value in data.items() if isinstance(data, dict) else enumerate(data):
            yield from _places(value, (*path, key))


def _with(data, path, value):
    if not path:
        return value
    made = dict(data) if isinstance(data, dict) else list(data)
    made[path[0]] = _with(data[path[0]], path[1:], value)
    return made


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(sorted(_places(_DATA), key=str)), _trees)
def test_any_part_replaced_by_anything_then_limits_or_a_clear_error(path, tree):
    with contextlib.suppress(LabError):  # anything else is a crash
        assert parse_limits(json.dumps(_with(_DATA, path, tree))).requirements


@settings(max_examples=40, deadline=None)
@given(st.integers(0, len(GOOD) - 1), st.text(max_size=3), st.integers(0, 4))
def test_any_characters_replaced_then_limits_or_a_clear_error(place, text, cut):
    with contextlib.suppress(LabError):
        parse_limits(GOOD[:place] + text + GOOD[place + cut :])

import contextlib
import json

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labs.electrical.limits import EXAMPLES, example, load_limits, parse_limits, schema
from labs.electrical.limits.quantities import read_value
from labs.electrical.meters import NAMES, kind
from labs.errors import LabError

GOOD = """
name: bench
supply: {nominal_hz: 50 Hz, nominal_v: 0.23 kV}
measurements:
  - name: level
    measure: rms
    channels: [u, i]
    parameters: {window_s: 100 ms}
    limits:
      - {quantity: rms, lower: 220 V, upper: 0.24 kV, marginal: 10 %, hysteresis: 500 mV}
  - name: thd
    measure: harmonics
    channels: u
    limits:
      - {quantity: h2..h9, upper: 3 %}
      - {quantity: thds, upper: {of: level.crest, times: 2, plus: 1 %}}
"""


def test_limits_with_units_become_base_units():
    spec = parse_limits(GOOD)
    level, other, thd = spec.requirements
    (limit,) = level.limits
    assert (spec.nominal_hz, spec.nominal_v) == (50.0, 230.0)
    assert (limit.lower, limit.upper, limit.unit) == (220.0, 240.0, "V")
    assert limit.marginal == pytest.approx(2.0) and limit.hysteresis == pytest.approx(0.5)
    assert (level.channels, other.channels) == (("u",), ("i",))
    assert dict(level.parameters) == {"window_s": pytest.approx(0.1)}
    family, reference = thd.limits
    assert family.covers("h9") and not family.covers("h10") and not family.covers("h1")
    assert not family.covers("h²") and not family.covers("h1")
    assert (reference.upper.times, reference.upper.plus) == (2.0, 1.0)


def test_hash_with_other_content_differs_and_with_other_layout_does_not():
    spec = parse_limits(GOOD)
    assert parse_limits(GOOD + "\n# a comment\n").config_hash == spec.config_hash
    assert parse_limits(GOOD.replace("240", "241")).config_hash == spec.config_hash  # not there
    assert parse_limits(GOOD.replace("0.24 kV", "241 V")).config_hash != spec.config_hash


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("measure: rms", "measure: rmss", ("line 6", "'rmss'", "did you mean 'rms'")),
        ("measure: rms", "mesure: rms", ("'mesure'", "did you mean 'measure'")),
        ("quantity: thds", "quantity: thd", ("'thd'", "did you mean 'thds'")),
        ("window_s", "windows", ("parameter of rms", "did you mean 'window_s'")),
        ("100 ms", "-1", ("a value from 0", "-1")),
        ("0.24 kV", "200 V", ("lower limit below the upper", "220 and 200")),
        ("0.24 kV", ".nan", ("finite", "nan")),
        ("0.24 kV", "1e999", ("finite",)),
        ("3 %", "3 V", ("value in %", "'3 V'")),
        ("marginal: 10 %", "marginal: 60 %", ("half of the range",)),
        ("of: level.crest", "of: levl.crest", ("did you mean 'level'",)),
        ("of: level.crest", "of: level.crst", ("did you mean 'crest'",)),
        ("of: level.crest", "of: thd.thds", ("a circle",)),
        ("supply: {nominal_hz: 50 Hz, nominal_v: 0.23 kV}", "", ("supply.nominal_hz",)),
        ("[u, i]", "[u, u]", ("each channel once",)),
        ("[u, i]", "[]", ("measurements[0].channels",)),
        ("name: thd", "name: thd\n    name: thd", ("each key once",)),
        ("name: bench", "name: &a bench", ("no anchors",)),
        ("name: bench", "name: [bench", ("YAML",)),
    ],
)
def test_limits_with_a_mistake_are_refused_with_its_place(old, new, words):
    assert old in GOOD
    with pytest.raises(LabError) as error:
        parse_limits(GOOD.replace(old, new, 1), "my.yaml")
    for word in ("my.yaml", *words):
        assert word in str(error.value)


@pytest.mark.parametrize(
    "points",
    ["[[0, 1, 2]]", "[[0, 2, 1], [1, 2, 3]]", "[[0, 1, 2], [0, 1, 2]]", "[[0, 1], [1, 2]]"],
)
def test_mask_that_makes_no_sense_is_refused(points):
    text = f"""
name: m
measurements:
  - {{name: m, measure: mask, channels: u, parameters: {{points: {points}}},
      limits: [{{quantity: margin, upper: 0}}]}}
"""
    with pytest.raises(LabError, match="points"):
        parse_limits(text)


def test_two_sets_of_parameters_on_one_channel_are_refused():
    second = GOOD.split("measurements:")[1].split("  - name: thd")[0]
    text = GOOD + second.replace("level", "again").replace("100 ms", "200 ms")
    with pytest.raises(LabError, match="one set of parameters"):
        parse_limits(text)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda p: p.mkdir(), "Is a directory"),
        (lambda p: None, "No such file"),
        (lambda p: p.write_bytes("name: Ä".encode("latin-1")), "UTF-8"),
        (lambda p: p.write_bytes(b"a" * 1_000_001), "1,000,000"),
        (lambda p: p.write_text("[" * 40), "levels"),
    ],
)
def test_file_that_is_no_limit_file_is_refused(tmp_path, make, words):
    make(tmp_path / "x.yaml")
    with pytest.raises(LabError, match=words):
        load_limits(tmp_path / "x.yaml")


def test_examples_with_the_published_schema_are_valid():
    jsonschema.Draft202012Validator.check_schema(schema())
    names = sorted(p.stem for p in EXAMPLES.glob("*.yaml"))
    assert names == ["adc", "mask", "step", "supply"]
    for name in names:
        assert load_limits(example(name)).requirements
    with pytest.raises(LabError, match="supply"):
        example("suply")


def test_every_kind_can_be_asked_for_with_each_of_its_quantities():
    for name in NAMES:
        what = kind(name)
        channels = [f"c{i}" for i in range(len(what.roles))]
        limits = [{"quantity": q.replace("#", "3"), "upper": 1} for q in what.quantities]
        document = {
            "name": name,
            "supply": {"nominal_hz": 50, "nominal_v": 230},
            "measurements": [
                {"name": "a", "measure": name, "channels": channels, "limits": limits}
            ],
        }
        (requirement,) = parse_limits(json.dumps(document)).requirements
        assert len(requirement.limits) == len(what.quantities)


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [("250 mV", "V", 0.25), ("5 %", "1", 0.05), ("5 %", "%", 5), ("3 mA", "=", 3e-3),
     ("1e3", "Hz", 1e3), ("-2 dB", "dB", -2), ("50 µs", "s", 5e-5), (7, "V", 7)],
)  # fmt: skip
def test_value_with_its_unit_is_read(text, unit, value):
    assert read_value(text, unit) == pytest.approx(value)


_scalars = st.one_of(st.none(), st.booleans(), st.floats(), st.integers(), st.text(max_size=8))
_trees = st.recursive(
    _scalars,
    lambda c: st.lists(c, max_size=3) | st.dictionaries(
        st.sampled_from(["name", "measurements", "supply", "limits", "quantity", "upper",
                         "channels", "measure", "of", "parameters", "points"]), c, max_size=4),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(_trees | st.text(max_size=60), st.integers(0, 500), st.characters())
def test_any_text_gives_limits_or_a_clear_error(tree, place, character):
    broken = GOOD[: place % len(GOOD)] + character + GOOD[place % len(GOOD) + 1 :]
    for text in (tree if isinstance(tree, str) else json.dumps(tree), broken):
        with contextlib.suppress(LabError):  # anything else is a crash
            parse_limits(text)

import json
import re

import jsonschema
import pytest

from labs.electrical.limits import EXAMPLES, parse_limits, schema
from labs.electrical.limits.published import FILE, quantity_pattern, schema_text
from labs.electrical.limits.quantities import UNITS
from labs.electrical.limits.text import read_text
from labs.electrical.meters import NAMES, kind
from labs.errors import LabError


def test_schema_file_then_it_is_what_the_meters_are():
    said = "a meter has changed: run `python -m labs.electrical.limits`"
    assert FILE.read_text(encoding="utf-8") == schema_text(), said
    jsonschema.Draft202012Validator.check_schema(schema())


def test_schema_then_it_knows_every_kind_with_its_parameters():
    measurement = schema()["$defs"]["measurement"]
    assert measurement["properties"]["measure"]["enum"] == list(NAMES)
    by_kind = {x["if"]["properties"]["measure"]["const"]: x["then"] for x in measurement["allOf"]}
    assert list(by_kind) == list(NAMES)
    for name, then in by_kind.items():
        assert list(then["properties"]["parameters"]["properties"]) == list(kind(name).parameters)


def test_units_then_limits_can_be_in_every_one_that_meters_use():
    for name in NAMES:
        what = kind(name)
        assert set(what.quantities.values()) <= {*UNITS, "="}
        assert {p.unit for p in what.parameters.values()} <= {*UNITS, ""}
        assert set(what.roles) <= {*UNITS, "*"}
        assert set(what.needs) <= {"nominal_hz", "nominal_v"}


def valid(data):
    return not list(
        jsonschema.Draft202012Validator(json.loads(FILE.read_text("utf-8"))).iter_errors(data)
    )


def test_examples_then_valid_by_the_published_file_alone():
    for path in sorted(EXAMPLES.glob("*.yaml")):
        assert valid(read_text(path.read_text(encoding="utf-8"), path.name).data), path


@pytest.mark.parametrize("name", NAMES)
def test_quantities_then_the_schema_and_the_parser_agree(name):
    what = kind(name)
    words = {"rms", "h#", "h1", "h2", "h50", "h51", "h05", "h2..h9", "h2..ih9", "ih#", "ih7", "",
             "thds", "u2", "nothing", "h", "#", "h²"} | set(what.quantities)  # fmt: skip
    pattern = re.compile(quantity_pattern(what))
    for word in sorted(words):
        data = {
            "name": "n",
            "supply": {"nominal_hz": 50, "nominal_v": 230},
            "measurements": [
                {"name": "a", "measure": name, "channels": list("abc"[: len(what.roles)]),
                 "parameters": {"points": [[0, 0, 1], [1, 0, 1]]}
                 if "points" in what.parameters else {},
                 "limits": [{"quantity": word, "upper": 1}]}
            ],
        }  # fmt: skip
        try:
            parse_limits(json.dumps(data))
            is_read = True
        except LabError as error:
            is_read = "quantities that" in str(error)  # known, but not of that number
        assert is_read == bool(pattern.search(word)) == valid(data), word

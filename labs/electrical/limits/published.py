"""The JSON schema of limit files: its structure, and what each kind of meter can be asked for.

The structure is written by hand in schema.json; kinds, parameters and quantities are the meters'
own. `python -m labs.electrical.limits` writes them into the file, which editors can use.
"""

import json
import re
from collections.abc import Iterator
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import jsonschema

from labs.electrical.limits.refusal import shown, unknown, wrong
from labs.electrical.limits.text import Text
from labs.electrical.meters import NAMES, Kind, kind
from labs.errors import LabError

FILE = Path(__file__).parent / "schema.json"
_MOST_ERRORS = 100  # that are looked through for the first one in the file


@cache
def schema() -> dict[str, Any]:
    """The schema with the meters as they are now."""
    found = json.loads(FILE.read_text(encoding="utf-8"))
    measurement = found["$defs"]["measurement"]
    measurement["properties"]["measure"]["enum"] = list(NAMES)
    measurement["allOf"] = [_asked_for(kind(name)) for name in NAMES]
    return found


def schema_text() -> str:
    """What schema.json has to hold."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def quantity_pattern(what: Kind) -> str:
    """A regular expression of the quantities that a limit may name, families included."""
    words = [re.escape(q) for q in what.quantities if not q.endswith("#")]
    for stem in (q[:-1] for q in what.quantities if q.endswith("#")):
        number = "[1-9][0-9]?"
        words.append(f"{stem}(#|{number}|{number}\\.\\.{stem}{number})")
    return f"^({'|'.join(words)})$"


def check_schema(text: Text) -> None:
    """Raises: LabError: the first thing in the file that the schema doesn't allow."""
    errors = islice(_validator().iter_errors(text.data), _MOST_ERRORS)
    # a quantity's own error, of the code that reads it, names the nearest one
    errors = [e for e in errors if not _is_unknown_quantity(e)]
    if errors:
        raise _said(text, min(errors, key=lambda e: _place(text, e)))


@cache
def _validator() -> Any:
    return jsonschema.Draft202012Validator(schema())


def _asked_for(what: Kind) -> dict[str, Any]:
    parameters = {
        name: {"description": f"{p.about}; {_default(p.default, p.unit)}"}
        | ({"enum": [*p.choices, *_booleans(p.choices)]} if p.choices else {})
        for name, p in what.parameters.items()
    }
    quantity = {"pattern": quantity_pattern(what)}
    limits = {"items": {"properties": {"quantity": quantity}}}
    return {
        "if": {"properties": {"measure": {"const": what.name}}, "required": ["measure"]},
        "then": {
            "description": what.about,
            "properties": {
                "parameters": {"properties": parameters, "additionalProperties": False},
                "limits": limits,
            },
        },
    }


def _default(value: Any, unit: str) -> str:
    if value in (None, ()):
        return "no default"
    return f"default {value} {'' if unit == '1' else unit}".rstrip()


def _booleans(choices: tuple[str, ...]) -> Iterator[bool]:
    """YAML 1.2 reads true and false as such; people write them for yes and no."""
    return (word == "yes" for word in choices if word in ("yes", "no"))


def _is_unknown_quantity(error: jsonschema.ValidationError) -> bool:
    path = error.absolute_path
    return bool(path) and path[-1] == "quantity" and error.validator == "pattern"


def _place(text: Text, error: jsonschema.ValidationError) -> tuple[tuple[int, int], bool]:
    """Where it is; a misspelt key comes before the one that is missing for it."""
    place = text.places.get(tuple(error.absolute_path), (1, 1))
    return place, error.validator != "additionalProperties"


def _extra(error: jsonschema.ValidationError) -> list[str]:
    known = error.schema.get("properties", {})
    return [k for k in error.instance if k not in known]


def _said(text: Text, error: jsonschema.ValidationError) -> LabError:
    path = tuple(error.absolute_path)
    where, got = text.where(path), error.instance
    if error.validator == "anyOf" and isinstance(got, dict | list):
        inner = _closest(error)
        if inner is not None:
            return _said(text, inner)
    if error.validator == "anyOf" and isinstance(got, dict):
        return wrong(where, "lower, upper, or both", f"only {', '.join(got)}", "add a limit")
    if error.validator == "additionalProperties":
        keys = _extra(error)
        key = min(keys, key=lambda k: text.keys.get((*path, k), (1, 1)))
        what = "a parameter" if path[-1:] == ("parameters",) else "a key"
        return unknown(text.where_key((*path, key)), what, key, error.schema["properties"])
    if error.validator == "required":
        missing = [k for k in error.validator_value if k not in got]
        return wrong(where, f"the key '{missing[0]}'", "none", f"add {missing[0]}")
    if error.validator == "enum":
        what = error.schema.get("description", "one of")
        return unknown(where, what, got, error.validator_value)
    return wrong(where, error.schema.get("description", error.message[:200]), _words(got))


def _closest(error: jsonschema.ValidationError) -> jsonschema.ValidationError | None:
    """What is wrong in the branch that a mapping or a list is meant for, if any is."""
    kinds = {"object": dict, "array": list}
    found = []
    for inner in error.context or ():
        branch = error.validator_value[inner.schema_path[0]]
        if "$ref" in branch:
            branch = schema()["$defs"][branch["$ref"].rpartition("/")[2]]
        if isinstance(error.instance, kinds.get(branch.get("type"), ())):
            found.append(inner)
    misspelt = (inner for inner in found if inner.validator == "additionalProperties")
    return next(misspelt, found[0] if found else None)


def _words(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, dict | list) and not value:
        return "an empty list" if isinstance(value, list) else "nothing"
    return shown(value)

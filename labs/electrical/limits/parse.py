"""Limit files: YAML with a published schema, checked against what the meters can measure.

    name: Bench supply
    supply: {nominal_hz: 50, nominal_v: 230 V}
    measurements:
      - name: voltage
        measure: urms_half
        channels: [u1, u2, u3]        # each by itself; `together: true` for a polyphase event
        limits:
          - {quantity: urms, lower: 207 V, upper: 253 V, marginal: 2 V, hysteresis: 1 V}

The schema is `schema.json` beside this file. Whatever is wrong is said with its line.
"""

import difflib
import hashlib
import json
import math
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema

from labs.electrical.limits.quantities import read_value, unit_of
from labs.electrical.limits.specification import Limit, Reference, Requirement, Specification
from labs.electrical.limits.text import MOST_BYTES, Text, read_text
from labs.electrical.meters import NAMES, Kind, kind
from labs.errors import LabError

_FAMILY = re.compile(r"([a-z]+)(\d+)\.\.\1(\d+)")
MOST_ORDER = 50


def load_limits(path: str | Path) -> Specification:
    """Read a limit file.

    Raises:
        LabError: it can't be read, or something in it is wrong; the message has the line.
    """
    path = Path(path)
    try:
        if path.stat().st_size > MOST_BYTES:
            raise _wrong(str(path), f"at most {MOST_BYTES:,} bytes", f"{path.stat().st_size:,}")
        text = path.read_bytes().decode("utf-8")
    except OSError as error:
        raise _wrong(str(path), "a limit file", error.strerror or str(error)) from error
    except UnicodeDecodeError as error:
        said = f"byte {error.start} can't be read"
        raise _wrong(str(path), "UTF-8 text", said, "save it as UTF-8") from error
    return parse_limits(text, path.name, path)


def parse_limits(text: str, name: str = "limits", path: Path | None = None) -> Specification:
    """The same from text."""
    found = read_text(text, name)
    _check_schema(found)
    data = found.data
    supply = data.get("supply", {})
    values = {
        key: _value(found, ("supply", key), supply[key], unit, lowest=0)
        for key, unit in (("nominal_hz", "Hz"), ("nominal_v", "V"))
        if key in supply
    }
    requirements: list[Requirement] = []
    for i, item in enumerate(data["measurements"]):
        requirements += _requirements(found, ("measurements", i), item, values)
    _check_together(found, requirements)
    _check_references(found, requirements)
    canonical = json.dumps(data, sort_keys=True, default=str).encode()
    return Specification(
        data["name"],
        tuple(requirements),
        values.get("nominal_hz"),
        values.get("nominal_v"),
        hashlib.sha256(canonical).hexdigest(),
        data.get("about", ""),
        path,
    )


@cache
def schema() -> dict[str, Any]:
    """The published JSON schema of a limit file."""
    return json.loads((Path(__file__).parent / "schema.json").read_text(encoding="utf-8"))


def _check_schema(text: Text) -> None:
    if not isinstance(text.data, dict):
        got = "nothing" if text.data is None else type(text.data).__name__
        raise _wrong(text.name, "keys such as name and measurements", got)
    validator = jsonschema.Draft202012Validator(schema())
    errors = list(validator.iter_errors(text.data))
    # a misspelt key is also a missing one: the misspelling is what a person must see
    misspelt = [e for e in errors if e.validator == "additionalProperties"]
    error = misspelt[0] if misspelt else jsonschema.exceptions.best_match(errors)
    if error is None:
        return
    path = tuple(error.absolute_path)
    if error.validator == "additionalProperties":
        known = error.schema["properties"]
        key = next(k for k in error.instance if k not in known)
        raise _unknown(text.where((*path, key)), "key", key, known)
    if error.validator == "required":
        missing = [k for k in error.validator_value if k not in error.instance]
        raise _wrong(text.where(path), f"the key '{missing[0]}'", "none", f"add {missing[0]}")
    raise _wrong(text.where(path), _expected(error), f"{error.instance!r:.80}")


def _expected(error: jsonschema.ValidationError) -> str:
    about = error.schema.get("description", "") if isinstance(error.schema, dict) else ""
    wanted = f"{error.validator} {error.validator_value!r:.120}"
    return about or wanted


def _requirements(
    text: Text, path: tuple, item: dict[str, Any], supply: dict[str, float]
) -> list[Requirement]:
    name = item["measure"]
    if name not in NAMES:
        raise _unknown(text.where((*path, "measure")), "measurement", name, NAMES)
    what = kind(name)
    for need in what.needs:
        if need not in supply:
            raise _wrong(text.where(path), f"supply.{need}, which {name} needs", "none",
                         "add it under supply")  # fmt: skip
    given = item["channels"]
    channels = (given,) if isinstance(given, str) else tuple(given)
    if len(set(channels)) < len(channels):
        raise _wrong(text.where((*path, "channels")), "each channel once", ", ".join(channels))
    roles, together = len(what.roles), item.get("together", False)
    if roles == 1:
        sets = [channels] if together else [(c,) for c in channels]
    elif len(channels) % roles == 0:
        sets = [channels[i : i + roles] for i in range(0, len(channels), roles)]
    else:
        units = ", ".join(what.roles)
        raise _wrong(text.where((*path, "channels")), f"{roles} channels ({units}), or a multiple",
                     f"{len(channels)}")  # fmt: skip
    parameters = _parameters(text, (*path, "parameters"), item.get("parameters", {}), what)
    limits = tuple(
        _limit(text, (*path, "limits", i), limit, what) for i, limit in enumerate(item["limits"])
    )
    return [Requirement(item["name"], name, tuple(s), limits, parameters) for s in sets]


def _parameters(text: Text, path: tuple, given: dict[str, Any], what: Kind) -> dict[str, Any]:
    found = {}
    for key, value in given.items():
        here = (*path, key)
        if key not in what.parameters:
            raise _unknown(text.where(here), f"parameter of {what.name}", key, what.parameters)
        known = what.parameters[key]
        if key == "points":
            found[key] = _points(text, here, value)
        elif known.choices:
            word = (
                {True: "yes", False: "no"}.get(value, value) if isinstance(value, bool) else value
            )
            if word not in known.choices:
                raise _unknown(text.where(here), "value", str(value), known.choices)
            found[key] = word
        else:
            number = _value(text, here, value, known.unit or "1", known.lowest, known.highest)
            whole = isinstance(known.default, int) or known.unit in ("1", "bit")
            is_whole = number == int(number) and known.unit in ("1", "bit")
            found[key] = int(number) if whole and is_whole else number
    return found


def _points(text: Text, path: tuple, value: Any) -> tuple[tuple[float, float | None, float | None]]:
    """A mask's polyline: times that increase, lower below upper, null where there is no limit."""
    if not isinstance(value, list) or len(value) < 2:
        raise _wrong(text.where(path), "a list of at least two [time_s, lower, upper]",
                     f"{value!r:.60}")  # fmt: skip
    points, before = [], -math.inf
    for i, point in enumerate(value):
        here = (*path, i)
        if not isinstance(point, list) or len(point) != 3 or point[0] is None:
            raise _wrong(text.where(here), "[time_s, lower, upper]", f"{point!r:.60}")
        t = _value(text, here, point[0], "s")
        low, high = (None if v is None else _value(text, here, v, "=") for v in point[1:])
        if t <= before:
            raise _wrong(text.where(here), "times that increase", f"{t:g} s after {before:g} s")
        if low is not None and high is not None and low > high:
            raise _wrong(text.where(here), "a lower limit below the upper", f"{low:g} and {high:g}")
        points.append((t, low, high))
        before = t
    return tuple(points)


def _limit(text: Text, path: tuple, item: dict[str, Any], what: Kind) -> Limit:
    said = str(item["quantity"])
    stem, first, last, unit = _quantity(text, (*path, "quantity"), said, what)
    bounds = {
        key: _bound(text, (*path, key), item[key], unit)
        for key in ("lower", "upper")
        if key in item
    }
    low, high = bounds.get("lower"), bounds.get("upper")
    numbers = [b for b in (low, high) if isinstance(b, float)]
    if len(numbers) == 2 and low > high:
        raise _wrong(text.where((*path, "lower")), "a lower limit below the upper",
                     f"{low:g} and {high:g}", "exchange them")  # fmt: skip
    room = high - low if len(numbers) == 2 else math.inf
    bands = {}
    for key in ("marginal", "hysteresis"):
        if key not in item:
            continue
        here, value = (*path, key), item[key]
        if unit_of(value) == "%" and unit != "%":
            if not numbers:
                raise _wrong(text.where(here), f"a value in {unit}", value, "a reference has no %")
            part = _value(text, here, value, "%", 0)
            bands[key] = part / 100 * (room if len(numbers) == 2 else abs(numbers[0]))
        else:
            bands[key] = _value(text, here, value, unit, 0)
        if bands[key] * 2 > room:
            raise _wrong(text.where(here), f"at most half of the range, {room / 2:g}",
                         f"{bands[key]:g}", "make it narrower")  # fmt: skip
    within = 1.0
    if "within" in item:
        within = _value(text, (*path, "within"), item["within"], "1", 0, 1)
    named = next((unit_of(item[k]) for k in bounds if unit_of(item[k])), "")
    return Limit(
        said, named if unit == "=" else unit, low, high, bands.get("marginal", 0.0),
        bands.get("hysteresis", 0.0), within, item.get("action", "alarm"), stem, first, last,
    )  # fmt: skip


def _quantity(text: Text, path: tuple, said: str, what: Kind) -> tuple[str, int, int, str]:
    """(stem, first, last, unit) of a quantity or a family of them; no stem for a single one."""
    if said in what.quantities and not said.endswith("#"):
        return "", 0, 0, what.quantities[said]
    families = {name[:-1]: unit for name, unit in what.quantities.items() if name.endswith("#")}
    least = 2 if "h" in families else 1
    for stem, unit in families.items():
        if said == f"{stem}#":
            return stem, 1 if stem != "h" else least, MOST_ORDER, unit
        if re.fullmatch(rf"{stem}\d+", said):
            return "", 0, 0, unit
        match = _FAMILY.fullmatch(said)
        if match and match[1] == stem and int(match[2]) <= int(match[3]):
            return stem, int(match[2]), int(match[3]), unit
    raise _unknown(text.where(path), f"quantity of {what.name}", said, what.quantities)


def _bound(text: Text, path: tuple, value: Any, unit: str) -> float | Reference:
    if not isinstance(value, dict):
        return _value(text, path, value, unit)
    requirement, quantity = value["of"].split(".")
    plus = _value(text, (*path, "plus"), value.get("plus", 0), unit)
    times = _value(text, (*path, "times"), value.get("times", 1), "1")
    return Reference(requirement, quantity, times, plus)


def _value(
    text: Text,
    path: tuple,
    value: Any,
    unit: str,
    lowest: float | None = None,
    highest: float | None = None,
) -> float:
    try:
        number = read_value(value, unit)
    except ValueError as error:
        raise _wrong(text.where(path), str(error), f"{value!r:.60}") from None
    if (lowest is not None and number < lowest) or (highest is not None and number > highest):
        low = "" if lowest is None else f"from {lowest:g}"
        high = "" if highest is None else f" up to {highest:g}"
        raise _wrong(text.where(path), f"a value {low}{high}".replace("  ", " "), f"{number:g}")
    return number


def _check_together(text: Text, requirements: list[Requirement]) -> None:
    """Readings carry their kind and channel: two meters of one kind there can't be told apart."""
    known: dict[tuple[str, tuple[str, ...]], Requirement] = {}
    for r in requirements:
        other = known.setdefault((r.kind, r.channels), r)
        if repr(other.parameters) != repr(r.parameters):
            raise _wrong(
                f"{text.name}, '{other.name}' and '{r.name}'",
                f"one set of parameters for {r.kind} of {'+'.join(r.channels)}",
                "two",
                "give both the same parameters, or put one into a file of its own",
            )


def _check_references(text: Text, requirements: list[Requirement]) -> None:
    by_name: dict[str, list[Requirement]] = {}
    for r in requirements:
        by_name.setdefault(r.name, []).append(r)
    edges: dict[str, set[str]] = {name: set() for name in by_name}
    for r in requirements:
        for bound in (b for limit in r.limits for b in (limit.lower, limit.upper)):
            if not isinstance(bound, Reference):
                continue
            where = f"{text.name}, '{r.name}'"
            if bound.requirement not in by_name:
                raise _unknown(where, "measurement to refer to", bound.requirement, by_name)
            others = by_name[bound.requirement]
            known = kind(others[0].kind).quantities
            stem = re.sub(r"\d+$", "#", bound.quantity)
            if bound.quantity not in known and stem not in known:
                raise _unknown(where, f"quantity of {others[0].kind}", bound.quantity, known)
            if len(others) > 1 and r.channels not in [o.channels for o in others]:
                raise _wrong(where, "a reference to one channel, or to the same channel",
                             f"'{bound.requirement}' of several others")  # fmt: skip
            edges[r.name].add(bound.requirement)
    _check_cycles(text, edges)


def _check_cycles(text: Text, edges: dict[str, set[str]]) -> None:
    left = dict(edges)
    while done := [name for name, needs in left.items() if not needs & left.keys()]:
        for name in done:
            del left[name]
    if left:
        raise _wrong(f"{text.name}, {', '.join(left)}", "limits that don't refer to each other in "
                     "a circle", "a circle")  # fmt: skip


def _unknown(where: str, what: str, said: str, known: Any) -> LabError:
    names = [str(k) for k in known]
    near: Callable = difflib.get_close_matches
    close = near(said, names, 1)
    step = f"did you mean '{close[0]}'?" if close else "correct the name"
    return _wrong(where, f"a {what}: {', '.join(names)}", f"'{said:.60}'", step)


def _wrong(where: str, expected: str, got: str, next_step: str = "correct it") -> LabError:
    return LabError(
        f"read the limits of {where}", expected=expected, got=str(got), next_step=next_step
    )

"""One limit of a limit file: its quantity, bounds, bands, and part of the windows."""

import math
import re
from typing import Any

from labs.electrical.limits.quantities import read_value, unit_of
from labs.electrical.limits.refusal import shown, unknown, wrong
from labs.electrical.limits.specification import Limit, Reference
from labs.electrical.limits.text import Text
from labs.electrical.meters import Kind
from labs.errors import LabError

_FAMILY = re.compile(r"([a-z]+)([1-9][0-9]?)\.\.\1([1-9][0-9]?)")
_ONE = re.compile(r"([a-z]+)([1-9][0-9]?)")
MOST_ORDER = 99


def read_limit(
    text: Text, path: tuple, item: dict[str, Any], what: Kind, parameters: dict[str, Any]
) -> Limit:
    """One limit.

    Raises:
        LabError: what is wrong, with its line.
    """
    said = item["quantity"]
    stem, first, last, unit = read_quantity(text, (*path, "quantity"), said, what, parameters)
    named = _named_unit(text, path, item, unit)
    bounds = {
        key: _bound(text, (*path, key), item[key], unit)
        for key in ("lower", "upper")
        if key in item
    }
    low, high = bounds.get("lower"), bounds.get("upper")
    numbers = [b for b in (low, high) if isinstance(b, float)]
    if len(numbers) == 2 and low > high:
        raise wrong(text.where((*path, "lower")), "a lower limit that isn't above the upper one",
                    f"{low:g} and {high:g}", "exchange them")  # fmt: skip
    room = high - low if len(numbers) == 2 else math.inf
    bands = {
        key: _band(text, (*path, key), item[key], unit, numbers, room)
        for key in ("marginal", "hysteresis")
        if key in item
    }
    within = read_number(text, (*path, "within"), item.get("within", 1), "1", 0, 1)
    return Limit(
        said, named, low, high, bands.get("marginal", 0.0), bands.get("hysteresis", 0.0), within,
        item.get("action", "alarm"), stem, first, last,
    )  # fmt: skip


def read_quantity(
    text: Text, path: tuple, said: str, what: Kind, parameters: dict[str, Any]
) -> tuple[str, int, int, str]:
    """(stem, first, last, unit) of a quantity or a family of them; no stem for a single one."""
    if said in what.quantities and not said.endswith("#"):
        return "", 0, 0, what.quantities[said]
    for stem, unit in ((q[:-1], u) for q, u in what.quantities.items() if q.endswith("#")):
        lowest, highest = _orders(stem, what, parameters)
        if said == f"{stem}#":
            first, last = lowest, highest
        elif (match := _ONE.fullmatch(said)) and match[1] == stem:
            first = last = int(match[2])
        elif (match := _FAMILY.fullmatch(said)) and match[1] == stem:
            first, last = int(match[2]), int(match[3])
        else:
            continue
        if not lowest <= first <= last <= highest:
            known = f"{stem}{lowest} to {stem}{highest}, in order"
            if highest < lowest:
                known = "none: the parameters leave them out"
            raise wrong(text.where(path), f"quantities that {what.name} has: {known}", said)
        return ("" if said == f"{stem}{first}" else stem), first, last, unit
    raise unknown(text.where(path), f"a quantity of {what.name}", said, what.quantities)


def read_number(
    text: Text,
    path: tuple,
    value: Any,
    unit: str,
    lowest: float | None = None,
    highest: float | None = None,
) -> float:
    """A value in `unit`.

    Raises:
        LabError: it isn't one, or out of its range; with its line.
    """
    try:
        number = read_value(value, unit)
    except ValueError as error:
        raise wrong(text.where(path), str(error), shown(value)) from None
    if (lowest is not None and number < lowest) or (highest is not None and number > highest):
        ends = [f"from {lowest:g}"] if lowest is not None else []
        ends += [f"up to {highest:g}"] if highest is not None else []
        unit = "" if unit in ("1", "=") else f" {unit}"
        raise wrong(text.where(path), f"a value {' '.join(ends)}{unit}", shown(value))
    return number


def _orders(stem: str, what: Kind, parameters: dict[str, Any]) -> tuple[int, int]:
    """The lowest and highest number of a family; the highest is below the lowest if there is none.

    Interharmonics lie between harmonics: ih1 above h1, the last below the highest harmonic.
    """
    if "highest" not in what.parameters:
        return 1, MOST_ORDER
    highest = int(parameters.get("highest", what.parameters["highest"].default))
    if stem == "h":
        return 2, highest
    return 1, highest - 1 if parameters.get("interharmonics", "yes") == "yes" else 0


def _named_unit(text: Text, path: tuple, item: dict[str, Any], unit: str) -> str:
    """The quantity's unit; of one that has its channel's, what the limit's values say, or ""."""
    if unit != "=":
        return unit
    named = ""
    for key in ("lower", "upper", "marginal", "hysteresis"):
        value = item.get(key)
        value = value.get("plus") if isinstance(value, dict) else value
        said = unit_of(value)
        if not said or (said == "%" and key in ("marginal", "hysteresis")):
            continue
        if named and said != named:
            raise wrong(text.where((*path, key)), f"one unit, {named} as above", said)
        named = said
    return named


def _bound(text: Text, path: tuple, value: Any, unit: str) -> float | Reference:
    if not isinstance(value, dict):
        return read_number(text, path, value, unit)
    requirement, _, quantity = value["of"].partition(".")
    plus = read_number(text, (*path, "plus"), value.get("plus", 0), unit)
    times = read_number(text, (*path, "times"), value.get("times", 1), "1")
    return Reference(requirement, quantity, times, plus)


def _band(
    text: Text, path: tuple, value: Any, unit: str, numbers: list[float], room: float
) -> float:
    """A distance from a limit, in the quantity's unit; % is of the range, or of a single limit."""
    if unit_of(value) == "%" and unit != "%":
        if not numbers:
            raise _no_percent(text, path, value)
        part = read_number(text, path, value, "%", 0) / 100
        band = part * (room if len(numbers) == 2 else abs(numbers[0]))
    else:
        band = read_number(text, path, value, unit, 0)
    if band * 2 > room:
        raise wrong(text.where(path), f"at most half of the range between the limits, {room / 2:g}",
                    f"{band:g}", "make it narrower")  # fmt: skip
    return band


def _no_percent(text: Text, path: tuple, value: Any) -> LabError:
    return wrong(text.where(path), "a value, as the limit follows a measurement", shown(value),
                 "% needs a limit that is a number")  # fmt: skip

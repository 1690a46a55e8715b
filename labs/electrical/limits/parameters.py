"""Parameters of a measurement in a limit file, as its meter's kind wants them."""

from typing import Any

from labs.electrical.limits.items import read_number
from labs.electrical.limits.quantities import unit_of
from labs.electrical.limits.refusal import shown, unknown, wrong
from labs.electrical.limits.text import Text
from labs.electrical.meters import Kind, Parameter
from labs.electrical.meters.polyline import check_points
from labs.errors import LabError

# quantities that need a mask
_OF_A_MASK = ("margin", "violations", "first_violation")


def read_parameters(text: Text, path: tuple, item: dict[str, Any], what: Kind) -> dict[str, Any]:
    """The parameters of one measurement.

    Raises:
        LabError: what is wrong, with its line.
    """
    given = item.get("parameters", {})
    found = {}
    for key, value in given.items():
        known = what.parameters[key]
        if key == "points":
            found[key] = _points(text, (*path, key), value)
        elif known.choices:
            found[key] = _choice(text, (*path, key), value, known)
        else:
            found[key] = _number(text, (*path, key), value, known)
    needs = what.name == "mask" or any(x["quantity"] in _OF_A_MASK for x in item["limits"])
    if "points" in what.parameters and "points" not in given and needs:
        raise wrong(text.where(path[:-1]), "parameters: {points: [[time_s, lower, upper], ...]}",
                    "no mask", "add points")  # fmt: skip
    return found


def _choice(text: Text, path: tuple, value: Any, known: Parameter) -> str:
    word = {True: "yes", False: "no"}.get(value, value) if isinstance(value, bool) else value
    if word not in known.choices:
        raise unknown(text.where(path), known.about, word, known.choices)
    return word


def _number(text: Text, path: tuple, value: Any, known: Parameter) -> float:
    number = read_number(text, path, value, known.unit or "1", known.lowest, known.highest)
    if not isinstance(known.default, int):
        return number
    if number != int(number):
        raise wrong(text.where(path), "a whole number", shown(value))
    return int(number)


def _points(
    text: Text, path: tuple, value: Any
) -> tuple[tuple[float, float | None, float | None], ...]:
    """A mask's polyline: times that don't go back, lower not above upper, null for no limit."""
    form = "[time, lower, upper], with null for no limit"
    if not isinstance(value, list) or len(value) < 2:
        raise wrong(text.where(path), f"a list of at least two {form}", shown(value))
    points: list[tuple[float, float | None, float | None]] = []
    unit = ""
    for i, point in enumerate(value):
        here = (*path, i)
        if not isinstance(point, list) or len(point) != 3 or point[0] is None:
            raise wrong(text.where(here), form, shown(point))
        t = read_number(text, (*here, 0), point[0], "s", 0)
        levels: list[float | None] = []
        for k, level in enumerate(point[1:], 1):
            said = unit_of(level)
            if said and unit and said != unit:
                raise wrong(text.where((*here, k)), f"one unit, {unit} as above", said)
            unit = said or unit
            levels.append(None if level is None else read_number(text, (*here, k), level, "="))
        low, high = levels
        if points and t < points[-1][0]:
            raise wrong(text.where(here), "times that don't go back",
                        f"{t:g} s after {points[-1][0]:g} s")  # fmt: skip
        if low is not None and high is not None and low > high:
            raise wrong(text.where(here), "a lower limit that isn't above the upper one",
                        f"{low:g} and {high:g}", "exchange them")  # fmt: skip
        if points and t > points[-1][0]:
            _check_gap(text, here, points[-1], (t, low, high))
        points.append((t, low, high))
    try:
        check_points(points)
    except LabError as error:
        raise wrong(text.where(path), error.expected, error.got) from error
    return tuple(points)


def _check_gap(text: Text, path: tuple, before: tuple, point: tuple) -> None:
    for k, word in ((1, "lower"), (2, "upper")):
        if (before[k] is None) != (point[k] is None):
            raise wrong(
                text.where((*path, k)),
                f"the {word} limit at both ends of a segment, or at neither",
                f"one end only, from {before[0]:g} s to {point[0]:g} s: the mask has a gap there",
                "add a point at the same time with null, where the limit begins or ends",
            )

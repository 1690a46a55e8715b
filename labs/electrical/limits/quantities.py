"""Numbers with units in limit files: 230, "230 V", "250 mV", "5 %"."""

import math
import re

# Powers of ten of the SI prefixes that test equipment uses.
# Source: https://www.bipm.org/en/measurement-units/si-prefixes, read 2026-11-25.
PREFIXES = {"p": -12, "n": -9, "u": -6, "µ": -6, "μ": -6, "m": -3, "k": 3, "M": 6, "G": 9}
UNITS = ("V", "A", "Hz", "s", "W", "VA", "var", "deg", "dB", "bit", "LSB", "Hz/s", "1", "%")
_UNSCALED = ("1", "%", "dB", "bit", "LSB", "deg")  # prefixes make no sense there
_FORM = re.compile(
    r"\s*([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+))(?:[eE]([+-]?[0-9]{1,4}))?\s*((?![eE][+-]?\d)[^\d\s]\S*|1)?\s*"
)
_MOST_CHARACTERS = 60


def read_value(value: object, unit: str) -> float:
    """The value in `unit`; "=" takes any unit, and a part of 1 may be said in %.

    What a prefix scales is rounded once: "50 us" is 5e-5 and no bit else, so that a measured 5e-5
    is on its limit.

    Raises:
        ValueError: with what was expected, in words.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f"a number, or a text with its unit such as {_example(unit)}")
    if not isinstance(value, str):
        try:
            return _finite(float(value))
        except OverflowError:  # an integer beyond floats
            return _finite(math.inf)
    match = _FORM.fullmatch(value) if len(value) <= _MOST_CHARACTERS else None
    if match is None:
        raise ValueError(f"a number, or a text with its unit such as {_example(unit)}")
    said = match[3] or unit
    if said == unit or (unit == "=" and said in UNITS):
        return _scaled(match, 0)
    if unit == "1" and said == "%":
        return _scaled(match, -2)
    base, power = split_prefix(said)
    if base == unit or (unit == "=" and base in UNITS):
        return _scaled(match, power)
    if unit == "=":
        raise ValueError(f"a unit of {', '.join(UNITS)}, with a prefix or without")
    prefixes = "" if unit in _UNSCALED else ", with a prefix or without"
    raise ValueError(f"a value in {'parts of 1 or %' if unit == '1' else unit}{prefixes}")


def unit_of(value: object) -> str:
    """The base unit that a text names; "" for a number or a text without one."""
    is_text = isinstance(value, str) and len(value) <= _MOST_CHARACTERS
    match = _FORM.fullmatch(value) if is_text else None
    return split_prefix((match[3] or "") if match else "")[0]


def split_prefix(unit: str) -> tuple[str, int]:
    """ "mV" -> ("V", -3): the base unit, and the power of ten."""
    base = unit[1:]
    if unit not in UNITS and unit[:1] in PREFIXES and base in UNITS and base not in _UNSCALED:
        return base, PREFIXES[unit[0]]
    return unit, 0


def _scaled(match: re.Match, power: int) -> float:
    return _finite(float(f"{match[1]}e{int(match[2] or 0) + power}"))


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError("a finite number")
    return value


def _example(unit: str) -> str:
    return f"'5 {'V' if unit == '=' else unit}'" if unit != "1" else "'5 %'"

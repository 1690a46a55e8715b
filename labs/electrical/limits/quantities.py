"""Numbers with units in limit files: 230, "230 V", "250 mV", "5 %"."""

import math
import re

# SI prefixes that test equipment uses; https://www.bipm.org/en/measurement-units/si-prefixes
PREFIXES = {"p": 1e-12, "n": 1e-9, "u": 1e-6, "µ": 1e-6, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9}
UNITS = ("V", "A", "Hz", "s", "W", "VA", "var", "deg", "dB", "bit", "LSB", "Hz/s", "1", "%")
_UNSCALED = ("1", "%", "dB", "bit", "LSB", "deg")  # prefixes make no sense there
_FORM = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*([^\d\s]\S*|1)?\s*")


def read_value(value: object, unit: str) -> float:
    """The value in `unit`; "=" takes any unit, and a part of 1 may be said in %.

    Raises:
        ValueError: with what was expected, in words.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f"a number, or a text with its unit such as '5 {_example(unit)}'")
    if not isinstance(value, str):
        return _finite(float(value) if abs(value) < 1e300 else math.inf)
    match = _FORM.fullmatch(value)
    if match is None:
        raise ValueError(f"a number, or a text with its unit such as '5 {_example(unit)}'")
    number, said = float(match[1]), match[2] or unit
    if said == unit or (unit == "=" and said in UNITS):
        return _finite(number)
    if unit == "1" and said == "%":
        return _finite(number / 100)
    base, factor = split_prefix(said)
    if base == unit or (unit == "=" and base in UNITS):
        return _finite(number * factor)
    raise ValueError(f"a value in {_example(unit)}, with a prefix or without")


def unit_of(value: object) -> str:
    """The base unit that a text names; "" for a number."""
    match = _FORM.fullmatch(value) if isinstance(value, str) else None
    said = (match[2] or "") if match else ""
    return said if said in UNITS else split_prefix(said)[0]


def split_prefix(unit: str) -> tuple[str, float]:
    """ "mV" -> ("V", 0.001)."""
    base = unit[1:]
    if unit not in UNITS and unit[:1] in PREFIXES and base in UNITS and base not in _UNSCALED:
        return base, PREFIXES[unit[0]]
    return unit, 1.0


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError("a finite number")
    return value


def _example(unit: str) -> str:
    return "V" if unit == "=" else unit

"""The only place that turns numbers into text with units: a leaf, standard library only.

Everything elsewhere holds SI base units (seconds, bytes, FLOP/s). Rates use powers of 1000 (GB/s),
memory sizes powers of 1024 (MiB), as vendors do. `None` becomes an en dash, so that a missing value
never looks like a number.
"""

import math

MISSING = "–"
_SI = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""))
_TIME = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))
_BINARY = ((2**40, "TiB"), (2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"), (1, "B"))


def format_seconds(value_s: float | None, digits: int = 3) -> str:
    """12.3e-6 -> '12.3 µs'."""
    return _scaled(value_s, _TIME, digits)


def format_bytes(value_bytes: float | None, digits: int = 3) -> str:
    """A memory size in powers of 1024: 4194304 -> '4 MiB'."""
    return _scaled(value_bytes, _BINARY, digits)


def format_bytes_per_s(value: float | None, digits: int = 3) -> str:
    """A bandwidth in powers of 1000: 18.6e9 -> '18.6 GB/s'."""
    return _scaled(value, tuple((f, f"{p}B/s") for f, p in _SI), digits)


def format_flop_per_s(value: float | None, digits: int = 3) -> str:
    """A throughput in powers of 1000: 82.7e9 -> '82.7 GFLOP/s'."""
    return _scaled(value, tuple((f, f"{p}FLOP/s") for f, p in _SI), digits)


def format_flop(value: float | None, digits: int = 3) -> str:
    """A count of floating-point operations: 2e6 -> '2 MFLOP'."""
    return _scaled(value, tuple((f, f"{p}FLOP") for f, p in _SI), digits)


def format_hertz(value: float | None, digits: int = 3) -> str:
    """2445428000 -> '2.45 GHz'."""
    return _scaled(value, tuple((f, f"{p}Hz") for f, p in _SI), digits)


def format_intensity(value: float | None, digits: int = 3) -> str:
    """An arithmetic intensity: 0.25 -> '0.25 FLOP/B'."""
    return MISSING if _absent(value) else f"{_short(value, digits)} FLOP/B"


def format_count(value: float | None) -> str:
    """A whole number with thin groups: 12345678 -> '12,345,678'."""
    return MISSING if _absent(value) else f"{value:,.0f}"


def format_ratio(value: float | None, digits: int = 3) -> str:
    """A speedup: 1.894 -> '1.89x'."""
    return MISSING if _absent(value) else f"{_short(value, digits)}x"


def format_percent(value: float | None, digits: int = 3) -> str:
    """A fraction as percent: 0.0512 -> '5.12%'."""
    return MISSING if _absent(value) else f"{_short(100 * value, digits)}%"


def format_quantity(value: float | None, unit: str, digits: int = 3) -> str:
    """A number in the unit it already has: (3.5, 'GB/s') -> '3.5 GB/s'; no unit, no space."""
    return MISSING if _absent(value) else f"{_short(value, digits)} {unit}".rstrip()


def format_interval(low: float | None, high: float | None, formatter, /) -> str:
    """An interval in the given formatter: '[1.2 ms, 1.4 ms]'; a dash when there is none."""
    if _absent(low) or _absent(high):
        return MISSING
    return f"[{formatter(low)}, {formatter(high)}]"


def _absent(value: float | None) -> bool:
    return value is None or not math.isfinite(value)


def _scaled(value: float | None, scale: tuple[tuple[float, str], ...], digits: int) -> str:
    if _absent(value):
        return MISSING
    # 0.9999 of a unit rounds up to 1000 of the one below: choose the unit by the rounded value
    size = max(abs(value), abs(float(f"{value:.{digits}g}")))
    factor, name = next(((f, n) for f, n in scale if size >= f), scale[-1])
    return f"{_short(value / factor, digits)} {name}"


def _short(value: float, digits: int) -> str:
    """`digits` significant digits, never in exponent form below 1e6, no trailing zeros."""
    if value == 0:
        return "0"
    places = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    text = f"{value:,.{places}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text

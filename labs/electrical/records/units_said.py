"""Units as files write them, in the form that limits and meters use."""

_WORDS = {
    "volt": "V", "volts": "V", "kilovolt": "kV", "kilovolts": "kV", "millivolts": "mV",
    "ampere": "A", "amperes": "A", "amp": "A", "amps": "A", "milliamps": "mA",
    "second": "s", "seconds": "s", "sec": "s", "secs": "s", "milliseconds": "ms",
    "microseconds": "us", "nanoseconds": "ns", "minutes": "min", "hours": "h", "µs": "us",
    "μs": "us", "hertz": "Hz", "watt": "W", "watts": "W", "percent": "%",
}  # fmt: skip
_SYMBOLS = {
    "s", "ms", "us", "ns", "min", "h", "V", "kV", "mV", "A", "kA", "mA", "Hz", "W", "kW", "VA",
    "var", "%", "1",
}  # fmt: skip
TIME_UNITS_S = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9, "min": 60.0, "h": 3600.0}


def short_unit(text: str) -> str:
    """'Volts' -> 'V'; what isn't known stays."""
    text = text.strip()
    return _WORDS.get(text.lower(), text)


def is_unit(text: str) -> bool:
    """Whether it is a unit for sure."""
    return short_unit(text) in _SYMBOLS or text.lower() in {s.lower() for s in _SYMBOLS}

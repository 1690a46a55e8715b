import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labs.electrical.limits.quantities import PREFIXES, read_value, split_prefix, unit_of


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [("250 mV", "V", 0.25), ("5 %", "1", 0.05), ("95%", "1", 0.95), ("5 %", "%", 5.0),
     ("3 mA", "=", 3e-3), ("1e3", "Hz", 1e3), ("-2 dB", "dB", -2.0), ("50 µs", "s", 5e-5),
     ("50 us", "s", 5e-5), ("0.24 kV", "V", 240.0), ("1.5e-3 MHz", "Hz", 1500.0), (7, "V", 7.0),
     ("2 Hz/s", "Hz/s", 2.0), ("2 mHz/s", "Hz/s", 2e-3), (" 3kV ", "V", 3000.0), ("0.5", "1", 0.5)],
)  # fmt: skip
def test_value_with_its_unit_then_read_exactly(text, unit, value):
    assert read_value(text, unit) == value


@settings(max_examples=40, deadline=None)
@given(st.integers(-(10**6), 10**6), st.sampled_from(sorted(PREFIXES)))
def test_prefix_then_rounded_once(number, prefix):
    assert read_value(f"{number} {prefix}V", "V") == float(f"{number}e{PREFIXES[prefix]}")


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [("3 V", "%", "a value in %"), ("3 A", "V", "a value in V, with a prefix"),
     (True, "V", "'5 V'"),
     (None, "V", "a number"), ([1], "V", "a number"), ("", "V", "a number"), ("V", "V", "a number"),
     ("1 2", "V", "a number"), ("1e9999 V", "V", "finite"), ("1e99999", "V", "a number"),
     ("1" * 61, "V", "a number"), (float("nan"), "V", "finite"), (float("inf"), "V", "finite"),
     (10**400, "V", "finite"), ("3 m%", "%", "a value in %"), ("3 kdB", "dB", "a value in dB"),
     ("3 x", "=", "a unit of V"), ("3 V", "1", "parts of 1 or %"), ("٣ V", "V", "a number")],
)  # fmt: skip
def test_value_when_it_is_none_then_said_what_was_expected(value, unit, words):
    with pytest.raises(ValueError, match="^") as error:
        read_value(value, unit)
    assert words in str(error.value)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=12), st.sampled_from(["V", "=", "1", "%", "Hz/s"]))
def test_any_text_then_a_number_or_a_value_error(text, unit):
    with contextlib.suppress(ValueError):
        assert abs(read_value(text, unit)) < float("inf")
    assert isinstance(unit_of(text), str)


def test_units_then_the_base_and_the_power_of_ten():
    assert [split_prefix(u) for u in ("mV", "V", "kHz", "m%", "var", "")] == [
        ("V", -3), ("V", 0), ("Hz", 3), ("m%", 0), ("var", 0), ("", 0),
    ]  # fmt: skip
    assert unit_of("3 mV") == "V" and unit_of(3) == "" and unit_of("3") == ""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labs.electrical.limits.text import MOST_BYTES, MOST_DEPTH, MOST_PARTS, read_text
from labs.errors import LabError


@pytest.mark.parametrize(
    ("word", "value"),
    [("12", 12), ("-0.5", -0.5), ("1e3", 1000.0), (".5", 0.5), ("5.", 5.0), ("010", 10),
     ("true", True), ("false", False), ("null", None), ("~", None), ("", None),
     ("yes", "yes"), ("on", "on"), ("1:30", "1:30"), ("2026-11-25", "2026-11-25"),
     ("1_000", "1_000"), ("0x10", "0x10"), ("'12'", "12"), ('"a b"', "a b"), ("5 %", "5 %"),
     (".inf", float("inf")), ("-.inf", float("-inf")), ("9" * 400, float("inf"))],
)  # fmt: skip
def test_word_then_read_as_yaml_1_2_has_it(word, value):
    found = read_text(f"a: {word}\n", "x").data["a"]
    assert found == value and type(found) is type(value)


def test_places_then_every_value_and_key_has_its_line_and_column():
    found = read_text("a:\n  - {b: 1, c: [2]}\n  - d\n", "x.yaml")
    assert found.where(("a", 0, "c", 0)) == "x.yaml, line 2, column 16, a[0].c[0]"
    assert found.where_key(("a", 0, "c")) == "x.yaml, line 2, column 12, a[0].c"
    assert found.where(("a", 1)) == "x.yaml, line 3, column 5, a[1]"
    assert found.where(("a", 0, "none")) == "x.yaml, line 2, column 5, a[0].none"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: 1\nb: 2\na: 3", ("line 3, column 1", "each key once", "'a' again")),
        ("a: &x 1", ("line 1, column 4", "no anchors")),
        ("a: *x", ("no anchors",)),
        ("a: &a [x]\nb: &b [*a, *a]\nc: [*b, *b]", ("no anchors",)),
        ("a: !!python/object/apply:os.system [ls]", ("no tags",)),
        ("a: !!timestamp x", ("no tags",)),
        ("a: ! x", ("no tags",)),
        ("{[a]: 1}", ("a plain word as the key",)),
        ("? {a: 1}\n: 2", ("a plain word as the key",)),
        ("a: 1\n---\nb: 2", ("line 2", "one document")),
        ("[" * 100_000, (f"at most {MOST_DEPTH} levels",)),
        ("- " * 100_000, (f"at most {MOST_DEPTH} levels",)),
        ("a: [" + "1," * MOST_PARTS + "1]", ("at most 20,000 keys",)),
        (" " * (MOST_BYTES + 1), ("at most 262,144 characters",)),
        ("a: [1", ("line 1", "YAML", "expected")),
        ("a:\n\tb: 1", ("line 2, column 1", "YAML")),
        ("a: b: c", ("line 1, column 5", "mapping values")),
        ('a: "\\U00110000"', ("YAML", "ValueError")),
        ("a: \0", ("YAML", "#x0000")),
        ("a: \ud800", ("YAML", "#xd800")),
        ("%YAML 9.9\n---\na", ("YAML", "incompatible")),
    ],
)  # fmt: skip
def test_text_when_not_for_a_limit_file_then_refused_with_its_place(text, words):
    with pytest.raises(LabError) as error:
        read_text(text, "x.yaml")
    for word in ("read the limits of x.yaml", *words):
        assert word in str(error.value)
    assert len(str(error.value)) < 600


@settings(max_examples=60, deadline=None)
@given(st.text(st.sampled_from("ab1:-?#&*!|>'\"%@`{}[], \n\t\\é\ud800\0."), max_size=40))
def test_any_characters_then_data_or_a_clear_error(text):
    with contextlib.suppress(LabError):  # anything else is a crash
        assert read_text(text, "x").where(()).startswith("x, line ")

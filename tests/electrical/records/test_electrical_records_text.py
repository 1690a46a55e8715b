"""Chunks of lines as tables: the quick way and the slow way agree."""

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labs.electrical.records import text as module
from labs.electrical.records.text import MISSING, Grammar, Lines, Parser, line_chunks
from labs.errors import LabError

CELLS = st.one_of(
    st.integers(-(10**6), 10**6).map(str),
    st.floats(allow_nan=False, allow_infinity=False, width=32).map(repr),
    st.sampled_from(["", "nan", "0", "-0", "+5", "1e3", " 7 ", "99999999999999999999"]),
)


@given(
    st.integers(1, 4), st.data(), st.sampled_from(["\n", "\r\n"]), st.sampled_from([",", ";", "\t"])
)
@settings(max_examples=60, deadline=None)
def test_table_when_of_any_numbers_then_as_python_reads_them(columns, data, end, delimiter):
    rows = data.draw(st.lists(st.lists(CELLS, min_size=columns, max_size=columns), min_size=1,
                              max_size=6))  # fmt: skip
    text = end.join(delimiter.join(row) for row in rows) + end
    if columns == 1 and any(not row[0].strip() for row in rows):
        return  # an empty line isn't a line
    parser = Parser(Path("x"), Grammar(columns, delimiter.encode()))
    got = parser.table(Lines(1, text.encode(), False)).astype(float)
    got[got == MISSING] = np.nan
    expected = [[float(c) if c.strip() not in ("", "nan") else np.nan for c in r] for r in rows]
    np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize(
    "line", ["1,2,5abc", "1,2,12-3", "1,2,--", "1,2,0x10", "1,2,1_000", "1,2,3 4", "1,2,\u0661"]
)
def test_table_when_a_cell_only_begins_as_a_number_then_refused(line):
    parser = Parser(Path("x"), Grammar(3, names=("a", "b", "c")))
    text = f"1,2,3\n{line}\n".encode()
    if line.endswith("--"):
        assert np.isnan(parser.table(Lines(1, text, False))[1, 2])
        return
    with pytest.raises(LabError, match="line 2"):
        parser.table(Lines(1, text, False))


def test_table_when_lines_have_too_many_and_too_few_then_refused():
    parser = Parser(Path("x"), Grammar(3))
    with pytest.raises(LabError, match="line 2"):
        parser.table(Lines(1, b"1,2,3\n1,2,3,4\n1,2\n", False))


def test_table_when_whole_numbers_then_int64():
    got = Parser(Path("x"), Grammar(2)).table(Lines(1, b"1,-2\r\n,4\r\n5,\r\n", False))
    assert got.dtype == np.int64
    assert got.tolist() == [[1, -2], [MISSING, 4], [5, MISSING]]


def test_chunks_when_of_any_size_then_whole_lines():
    text = b"".join(b"%d,%d\n" % (i, i * i) for i in range(50)) + b"50,0"
    for size in (3, 17, 1000):
        chunks = list(line_chunks(Path("x"), io.BytesIO(text), 5, size))
        assert b"".join(c.text for c in chunks) == text
        assert all(c.text.endswith(b"\n") for c in chunks[:-1])
        assert [c.first - 5 for c in chunks] == [
            text[: sum(len(d.text) for d in chunks[:i])].count(b"\n") for i in range(len(chunks))
        ]


def test_chunks_when_a_line_has_no_end_then_refused(monkeypatch):
    monkeypatch.setattr(module, "LONGEST_LINE", 1000)
    with pytest.raises(LabError, match="a line of more than 1000 bytes"):
        list(line_chunks(Path("x"), io.BytesIO(b"1" * 5000), 1, 100))
    with pytest.raises(LabError, match="carriage return only"):
        list(line_chunks(Path("x"), io.BytesIO(b"1,2\r3,4\r"), 1, 100))

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labs.electrical.sources.scpi_block import (
    Preamble,
    ScpiTrouble,
    block_header,
    read_preamble,
)


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"#41000rest", (6, 1000)),
        (b"#10", (3, 0)),
        (b"#9000000002ab\n", (11, 2)),
        (b"", None),
        (b"#", None),
        (b"#3", None),
        (b"#312", None),
    ],
)
def test_block_header_then_its_length_or_that_more_is_needed(data, found):
    assert block_header(data) == found


@pytest.mark.parametrize("data", [b"1000", b"#0abc", b"#A1", b"#2x1", b"#21x", b"#2-1", b"\n#11a"])
def test_block_header_when_malformed_then_said(data):
    with pytest.raises(ScpiTrouble, match="header|indefinite|begins with"):
        block_header(data)


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.binary(max_size=14), st.binary(max_size=12).map(lambda b: b"#" + b)))
def test_block_header_of_any_bytes_then_an_answer_that_holds_for_every_continuation(data):
    try:
        found = block_header(data)
    except ScpiTrouble:
        with pytest.raises(ScpiTrouble):
            block_header(data + b"0")
        return
    if found is None:
        return
    start, size = found
    assert block_header(data + b"anything") == found
    assert data[:start] == b"#%d%b" % (start - 2, data[2:start]) and 0 <= size < 10 ** (start - 2)


NUMBER = st.floats(allow_nan=False, allow_infinity=False, width=64)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 1 << 28), st.floats(1e-12, 1e3), NUMBER, NUMBER.filter(bool), NUMBER, NUMBER)
def test_preamble_as_text_and_back_then_the_same(points, step, origin, gain, offset, reference):
    p = Preamble(points, step, origin, gain, offset, reference)
    assert read_preamble(p.text("1")) == p


@pytest.mark.parametrize(
    "text",
    ["", "1,2,3", "0,0,nan,1,1,0,0,1,0,0", "0,0,-1,1,1,0,0,1,0,0", "0,0,1.5,1,1,0,0,1,0,0",
     "0,0,1e12,1,1,0,0,1,0,0", "0,0,1,1,0,0,0,1,0,0", "0,0,1,1,1,0,0,0,0,0",
     "0,0,1,1,inf,0,0,1,0,0", "a,b,c,d,e,f,g,h,i,j"],
)  # fmt: skip
def test_preamble_that_cannot_be_then_said(text):
    with pytest.raises(ScpiTrouble, match="preamble|points"):
        read_preamble(text)


@settings(max_examples=100, deadline=None)
@given(st.one_of(st.text(max_size=40), st.lists(st.floats(), min_size=10, max_size=10).map(
    lambda v: ",".join(map(str, v)))))  # fmt: skip
def test_preamble_of_any_text_then_finite_or_said(text):
    try:
        p = read_preamble(text)
    except ScpiTrouble:
        return
    assert p.points >= 0 and p.x_increment_s > 0 and math.isfinite(p.x_origin_s)

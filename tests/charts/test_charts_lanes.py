"""labs.charts.lanes: titles, numbers and marks of the picture follow from the addresses."""

import pytest

from labs import charts
from labs.errors import ResultError
from labs.gpu.access.coalescing import coalescing_of_addresses
from labs.gpu.access.model import Access


def make_access(addresses, width=4, **unit):
    shown = coalescing_of_addresses(addresses, width, **unit)
    return Access(
        *(0, 0, "data1", "load", "float", width // 4, width, "global", "lidx0"),
        lanes=len(addresses),
        addresses=tuple(addresses),
        where="block 0, warp 0",
        shown=shown,
    )


def texts(chart):
    return [t.get_text() for t in chart.figure.axes[0].texts]


def test_lanes_when_strided_then_the_title_has_sectors_and_efficiency():
    chart = charts.lanes_chart(make_access([8 * i for i in range(32)]), target="CUDA")
    assert "32 lanes touch 8 sectors where 4 would do: efficiency 50%" in chart.alt
    assert "CUDA" in chart.alt and "between byte 0 and byte 256" in chart.alt
    assert texts(chart)[:8] == ["0–3", "4–7", "8–11", "12–15", "16–19", "20–23", "24–27", "28–31"]


def test_lanes_then_each_byte_mark_lies_in_its_sector():
    chart = charts.lanes_chart(make_access([4 * i + 4 for i in range(32)]))
    marks = [p for p in chart.figure.axes[0].patches if p.get_height() < 0.3]
    # 32 lanes of 4 bytes, an eighth of a sector each, from an eighth on
    assert [m.get_x() for m in marks] == pytest.approx([(i + 1) / 8 for i in range(32)])
    assert {m.get_width() for m in marks} == {1 / 8}


def test_lanes_when_an_access_crosses_sectors_then_marked_in_both():
    chart = charts.lanes_chart(make_access([24], 16))
    marks = [p for p in chart.figure.axes[0].patches if p.get_height() < 0.3]
    assert [(m.get_x(), m.get_width()) for m in marks] == [(0.75, 0.25), (1, 0.25)]


def test_lanes_when_a_broadcast_then_one_sector_serves_all():
    chart = charts.lanes_chart(make_access([64] * 32))
    assert "1 sector, which serves all of them" in chart.alt and "0–31" in texts(chart)


def test_lanes_when_far_apart_then_only_their_lines():
    chart = charts.lanes_chart(make_access([100_000 * i for i in range(32)]))
    rows = [t for t in texts(chart) if t.startswith("byte")]
    assert len(rows) == 8 and rows[1].endswith("…")


def test_lanes_when_too_many_rows_then_it_says_how_many_are_left():
    access = make_access([100_000 * i for i in range(128)])
    chart = charts.lanes_chart(access)
    notes = " ".join(t.get_text().replace("\n", " ") for t in chart.figure.texts)
    assert "64 more touched sectors follow" in notes


def test_lanes_when_cpu_lines_then_called_lines():
    access = make_access([64 * i for i in range(16)], sector_bytes=64, line_bytes=64)
    assert "16 lines where 1 would do" in charts.lanes_chart(access).alt


@pytest.mark.parametrize("access", [None, make_access([None, None])])
def test_lanes_when_nothing_is_known_then_an_error(access):
    with pytest.raises(ResultError, match="draw lanes"):
        charts.lanes_chart(access)

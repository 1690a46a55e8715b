"""labs.charts.recorded: bars and marks of a recorded file, always labelled as recorded."""

import pytest

from labs import charts
from labs.errors import ResultError
from labs.gpu.recorded import Recorded, Row

WORK = "matmul 64 float32"


def row(by, rate, work=WORK, unit="TFLOP/s", **more):
    return Row(work, by, seconds=1.0, rate=rate, unit=unit, **more)


@pytest.fixture
def recorded():
    ladder = (
        row("by hand: naive", 2.0, low=0.9, high=1.1),
        row("by hand: vector", 40.0),
        Row(WORK, "by hand: mma", failure="it needs float16"),
        row("tinygrad", 10.0),
        row("PyTorch", 50.0),
    )
    streams = (
        row("tinygrad", 100.0, "x + 1", "GB/s"),
        row("by hand", 390.0, "x + 1", "GB/s"),
        row("PyTorch", 400.0, "x + 1", "GB/s"),
        row("tinygrad", 300.0, "x.T", "GB/s"),
        row("PyTorch", 200.0, "x.T", "GB/s"),
    )
    mixed = (row("a", 1.0, "z"), row("b", 2.0, "z", "GB/s"))
    sections = {"matmul": ladder, "streams": streams, "mixed": mixed}
    return Recorded("Imagined GPU", "bench --save", "2026-01-02", {}, sections)


def title(chart):
    return chart.figure.texts[0].get_text().replace("\n", " ")


def subtitle(chart):
    return chart.figure.texts[1].get_text()


def test_ladder_has_a_bar_for_each_rate_in_base_units(recorded):
    axes = charts.recorded_ladder_chart(recorded, WORK).figure.axes[0]
    assert [p.get_width() for p in axes.patches] == pytest.approx([2e12, 40e12, 10e12])
    names = [t.get_text() for t in axes.get_yticklabels()]
    assert names == ["naive", "vector", "mma", "tinygrad"]
    assert axes.get_xlim()[0] == 0


def test_ladder_draws_the_reference_as_a_line_and_reads_against_it(recorded):
    chart = charts.recorded_ladder_chart(recorded, WORK)
    axes = chart.figure.axes[0]
    lines = [x.get_xdata() for x in axes.lines if x.get_linestyle() == "--"]
    assert [list(x) for x in lines] == [[50e12, 50e12]]
    texts = [t.get_text() for t in axes.texts]
    assert texts[1] == "40 TFLOP/s, 20x\n80% of the line"
    assert texts[3] == "10 TFLOP/s\n20% of the line"
    assert "80% of PyTorch (cuBLAS)" in title(chart) and "20x 'naive'" in title(chart)


def test_ladder_shows_why_a_rung_is_missing(recorded):
    texts = [
        t.get_text() for t in charts.recorded_ladder_chart(recorded, WORK).figure.axes[0].texts
    ]
    assert texts[2] == "not there: it needs float16"


def test_interval_of_the_time_becomes_one_of_the_rate(recorded):
    axes = charts.recorded_ladder_chart(recorded, WORK).figure.axes[0]
    ends = [x.get_xdata() for x in axes.lines if x.get_marker() == "|"]
    assert ends == [pytest.approx([2e12 / 1.1, 2e12 / 0.9])]


def test_without_the_reference_there_is_no_line(recorded):
    chart = charts.recorded_ladder_chart(recorded, WORK, reference="nobody")
    assert not [x for x in chart.figure.axes[0].lines if x.get_linestyle() == "--"]
    assert "%" not in title(chart)


def test_section_has_a_mark_for_each_way(recorded):
    chart = charts.recorded_section_chart(recorded, "streams")
    axes = chart.figure.axes[0]
    marks = {line.get_label(): list(line.get_xdata()) for line in axes.lines}
    assert marks == {
        "tinygrad": pytest.approx([100e9, 300e9]),
        "by hand": pytest.approx([390e9]),
        "PyTorch": pytest.approx([400e9, 200e9]),
    }
    assert title(chart) == (
        "Of PyTorch's rate, tinygrad reaches 25% to 150% and by hand reaches 98%"
    )


def test_both_say_recorded_where_and_when_and_have_their_numbers_in_the_alt_text(recorded):
    for chart in (
        charts.recorded_ladder_chart(recorded, WORK),
        charts.recorded_section_chart(recorded, "streams"),
    ):
        assert "Recorded on Imagined GPU, not on this machine" in subtitle(chart)
        assert "2026-01-02" in subtitle(chart)
        assert chart.alt.startswith("Recorded on Imagined GPU") and title(chart) in chart.alt
        assert "recorded" in chart.figure.axes[0].get_xlabel()


def test_unknown_work_names_those_there_are(recorded):
    with pytest.raises(ResultError, match="matmul 64 float32"):
        charts.recorded_ladder_chart(recorded, "matmul 65 float32")


def test_rates_in_two_units_are_refused(recorded):
    with pytest.raises(ResultError, match="rates in one unit"):
        charts.recorded_section_chart(recorded, "mixed")

import re

import pytest

from labs.charts import monitor_chart, monitor_strip
from labs.engineering.recording import Recording, Sample
from labs.errors import ResultError


@pytest.fixture
def recording():
    samples = [
        Sample(
            0.1 * i,
            1e9,
            {"flop_per_s": 1e9 * i, "kernels_per_s": 10.0, "process_cpu": 0.5, "system_load": 0.9},
            {"CPU": i << 20, "CL": 0},
            {"power GPU": "no sensor"},
        )
        for i in range(30)
    ]
    return Recording(tuple(samples), 10.0, 0.001)


def test_chart_then_a_panel_for_each_kind_and_the_highest_as_its_title(recording):
    chart = monitor_chart(recording)
    titles = [axes.get_title(loc="left") for axes in chart.figure.axes]
    assert titles == [
        "Kernels per second (1/s)",
        "Arithmetic (GFLOP/s)",
        "Memory of tinygrad's buffers (MiB)",
        "Load (1: one processor, or the whole system)",
    ]
    assert "29 GFLOP/s, was seen 2.9 s after the start" in chart.alt
    assert "power GPU" in chart.figure.texts[-1].get_text()


def test_chart_then_devices_without_memory_are_left_out(recording):
    memory = monitor_chart(recording).figure.axes[2]
    assert [line.get_label() for line in memory.lines] == ["buffers on CPU"]


def test_chart_of_nothing_then_refused():
    with pytest.raises(ResultError, match="let the monitor run"):
        monitor_chart(Recording((), 10.0))


def test_strip_then_lines_with_their_words_and_no_script(recording):
    html = monitor_strip(recording)
    assert html.count("<svg") == 5
    assert "29 GFLOP/s" in html
    assert all(re.search(r'aria-label="[^"]{10,}"', svg) for svg in re.findall("<svg[^>]*>", html))
    assert all(re.fullmatch(r"#[0-9a-f]{6}", c) for c in re.findall('none" stroke="([^"]*)"', html))
    assert "<script" not in html


def test_strip_when_the_recording_is_long_then_no_more_points_than_pixels():
    samples = tuple(Sample(0.1 * i, 0.0, {"flop_per_s": float(i)}) for i in range(5000))
    points = re.search('points="([^"]*)"', monitor_strip(Recording(samples, 10.0)))[1]
    assert len(points.split()) <= 400


def test_strip_before_the_first_samples_then_says_it_waits():
    assert "Waiting" in monitor_strip(Recording((), 10.0))


def test_monitor_strip_when_nothing_happened_then_it_says_zero():
    from labs.charts.monitor import _strip_row

    row = _strip_row("Arithmetic", "FLOP/s", [(0.0, 0.0), (1.0, 0.0)], "black")
    assert "at most 0" in row and "0.000" not in row

import re
from dataclasses import replace

import pytest

from labs.charts import stream_gauges
from labs.electrical.stream.statistics import Lateness, Statistics

FINE = Statistics("running", blocks=100, load=0.5, recent_load=0.6, ring_fill=0.2,
                  ring_high_water=0.4, deadline_s=0.07, latency_p50_s=1e-3, latency_p99_s=2e-3,
                  latency_max_s=0.01, control=Lateness(1000, 1e-4, 5e-3, 8e-3))  # fmt: skip


def test_gauges_then_every_bar_has_words_and_nothing_is_lost():
    html = stream_gauges(FINE)
    labels = re.findall('aria-label="([^"]*)"', html)
    assert [x.partition(":")[0] for x in labels] == ["load", "ring fill", "latency p99"]
    assert "60%" in labels[0] and "bare timer: p50 100 µs" in labels[2]
    assert "0 dropped samples" in html and "⚠" not in html and "<script" not in html


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"dropped_samples": 1234}, "1,234 dropped samples ⚠"),
        ({"deadline_misses": 2}, "2 deadline misses ⚠"),
        ({"gap_count": 1}, "1 gap ⚠"),
    ],
)
def test_gauges_when_something_is_lost_then_it_stands_out(change, words):
    assert words in stream_gauges(replace(FINE, **change))


def test_gauges_when_overloaded_then_the_bar_changes_and_stays_in_its_frame():
    widths = [float(w) for w in re.findall('rect width="([^"]*)"', stream_gauges(
        replace(FINE, recent_load=40.0)))]  # fmt: skip
    assert max(widths) == 240.0
    assert stream_gauges(replace(FINE, recent_load=40.0)) != stream_gauges(FINE)


def test_gauges_before_the_first_block_then_no_number_is_made_up():
    html = stream_gauges(Statistics("running"))
    assert "no block yet" in html and "p50 –" in html

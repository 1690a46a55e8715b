"""labs.charts.samples: nothing dropped, p95 only where it is one."""

import numpy as np
import pytest

from labs import charts


def strip_values(chart):
    strip = chart.figure.axes[-2]
    dots = [line for line in strip.lines if line.get_marker() == "."]
    return np.concatenate([line.get_ydata() for line in dots])


def test_every_sample_is_drawn_round_by_round(make):
    m = make.measurement(rounds=3)
    chart = charts.samples_chart(m)
    assert strip_values(chart).tolist() == list(m.samples_s)
    medians = [ln for ln in chart.figure.axes[-2].lines if ln.get_marker() in ("None", "", None)]
    assert [float(ln.get_ydata()[0]) for ln in medians] == [r.median_s for r in m.rounds]


def test_warmups_have_a_panel_of_their_own(make):
    m = make.measurement(rounds=2)
    warm = charts.samples_chart(m).figure.axes[0]
    assert warm.get_xlabel() == "Warm-up call"
    assert [tuple(line.get_ydata()) for line in warm.lines] == [r.warmups_s for r in m.rounds]


def test_the_reading_names_p50_p95_and_the_spread(make):
    m = make.measurement(median_s=1e-3)
    chart = charts.samples_chart(m)
    assert "p50 1.01 ms" in chart.alt and "p95" in chart.alt
    assert "of each other" in chart.alt
    assert "half of the samples take at most 1.01 ms" in chart.figure.texts[0].get_text()


@pytest.mark.parametrize("settings", [{"loops": 8}, {"samples": 5}])
def test_no_p95_from_means_or_from_few_samples(make, settings):
    assert "p95" not in charts.samples_chart(make.measurement(**settings)).alt


def test_capped_rounds_are_marked_on_the_axis_and_counted(make):
    chart = charts.samples_chart(make.measurement(rounds=4, capped=2))
    labels = [t.get_text() for t in chart.figure.axes[-2].get_xticklabels()]
    assert labels == ["1†", "2†", "3", "4"]
    assert "2 rounds ended at their time limit" in chart.alt


def test_a_single_round_says_nothing_about_rounds(make):
    assert "medians" not in charts.samples_chart(make.measurement(rounds=1)).alt

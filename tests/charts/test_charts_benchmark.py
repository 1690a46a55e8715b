"""labs.charts.benchmark: medians with intervals."""

import pytest
from matplotlib.colors import to_rgb

from labs import charts
from labs.errors import ResultError

TWO = {
    ("add", "CPU"): 2e-4,
    ("add", "CL"): 2e-4,
    ("matmul", "CPU"): 4e-3,
    ("matmul", "CL"): 2e-3,
}


def texts(chart):
    return [t.get_text() for t in chart.figure.axes[0].texts]


def points(chart):
    lines = chart.figure.axes[0].lines
    return [float(line.get_xdata()[0]) for line in lines if len(line.get_xdata()) == 1]


def intervals(chart):
    lines = [ln for ln in chart.figure.axes[0].lines if ln.get_marker() == "|"]
    return [tuple(map(float, line.get_xdata())) for line in lines]


def title(chart):
    return chart.figure.texts[0].get_text().replace("\n", " ")


def test_the_figure_holds_the_data_in_seconds(make):
    results = make.results(TWO)
    chart = charts.benchmark_chart(results)
    assert points(chart) == pytest.approx([m.median_s for m in results])
    assert intervals(chart) == [(m.interval_s.low, m.interval_s.high) for m in results]
    assert chart.figure.axes[0].get_xlabel() == "Wall time per call, median (µs, log scale)"


def test_the_title_states_the_finding(make):
    chart = charts.benchmark_chart(make.results(TWO))
    assert title(chart) == "Against CPU, CL is faster at matmul (2x); add is not resolved"
    assert title(chart) in chart.alt


def test_the_slower_device_is_never_the_candidate(make):
    swapped = {(w, "CL" if d == "CPU" else "CPU"): t for (w, d), t in TWO.items()}
    chart = charts.benchmark_chart(make.results({k: swapped[k] for k in sorted(swapped)}))
    assert "CPU is faster at matmul" in title(chart)


def test_three_devices_name_the_fastest_and_what_is_open(make):
    times = {
        **TWO,
        ("add", "PYTHON"): 1.0,
        ("matmul", "PYTHON"): 3.0,
    }
    chart = charts.benchmark_chart(make.results(times))
    assert "CL is fastest at matmul (2x over CPU)" in title(chart)
    assert "which is fastest is not resolved at add (" in title(chart)


def test_one_device_names_the_longest_and_the_shortest(make):
    chart = charts.benchmark_chart(make.results({("add", "CPU"): 1e-4, ("sum", "CPU"): 3e-4}))
    assert title(chart).startswith("On CPU, sum takes longest (")
    chart = charts.benchmark_chart(make.results({("add", "CPU"): 1e-4}))
    assert title(chart).startswith("add takes ")


def test_failures_stand_in_their_row_with_their_reason(make):
    results = make.results(TWO, failures=[("add", "WEBGPU", "device lost.\n  more")])
    chart = charts.benchmark_chart(results)
    assert "failed" in texts(chart)
    labels = [t.get_text() for t in chart.figure.axes[0].get_yticklabels()]
    assert "WEBGPU" in labels
    assert "WEBGPU failed at add: device lost." in chart.figure.texts[2].get_text()
    assert "Failed: WEBGPU at add." in chart.alt


def test_time_limits_are_marked_and_counted(make):
    chart = charts.benchmark_chart(make.results({("add", "CPU"): 1e-4}, capped=4))
    assert texts(chart)[0].endswith("†")
    assert "† 4 of 10 rounds" in chart.figure.texts[2].get_text()


def test_no_interval_is_said(make):
    chart = charts.benchmark_chart(make.results({("add", "CPU"): 1e-4}, rounds=1))
    assert intervals(chart) == []
    assert "no interval" in chart.figure.texts[2].get_text()


def test_modelled_times_are_hollow_and_labelled(make):
    chart = charts.benchmark_chart(make.results({("add", "EDGE"): 1e-4}, modelled=True))
    marker = chart.figure.axes[0].lines[0]
    assert to_rgb(marker.get_markerfacecolor()) == (1, 1, 1)
    assert "model" in texts(chart)[0]
    assert "Modelled time per call" in chart.figure.axes[0].get_xlabel()


def test_modelled_beside_measured_is_refused(make):
    rows = [make.measurement(), make.measurement(device="EDGE", modelled=True)]
    with pytest.raises(ResultError, match="beside measured"):
        charts.benchmark_chart(rows)


def test_all_failed_is_a_clear_error(make):
    with pytest.raises(ResultError, match=r"\.failures"):
        charts.benchmark_chart(make.results({}, failures=[("add", "CL", "no")]))

from types import SimpleNamespace

import pytest

from labs.bench import Interval
from labs.charts import profile_chart
from labs.engineering.figure import MEASURED, MODEL, Figure, missing
from labs.errors import ResultError

NAMES = (
    *("peak_throughput", "memory_bandwidth", "avg_latency"),
    *("copy_to_device", "copy_to_host", "power_efficiency"),
)


def profile(device, flop_per_s, spread=0.05, modelled=False, host="host-a"):
    how = MODEL if modelled else MEASURED
    between = Interval(flop_per_s * (1 - spread), flop_per_s * (1 + spread))
    figures = {name: missing("1", "not measured") for name in NAMES}
    figures["peak_throughput"] = Figure(flop_per_s, "FLOP/s", between, how, "matmul")
    figures["avg_latency"] = Figure(1e-4, "s", Interval(9e-5, 2e-4), how, "add")
    return SimpleNamespace(device_name=device, host=host, modelled=modelled, **figures)


def test_profiles_then_the_title_names_who_is_resolved_and_says_what_is_not():
    chart = profile_chart([profile("CPU", 1e9), profile("CL", 4e9)])
    title = chart.figure.texts[0].get_text().replace("\n", " ")
    assert "CL: best peak throughput (4 GFLOP/s)" in title
    assert "not resolved for latency of one small call" in title
    assert "CPU 1 GFLOP/s, CL 4 GFLOP/s" in chart.alt


def test_profiles_then_a_panel_for_each_figure_that_somebody_has():
    chart = profile_chart([profile("CPU", 1e9), profile("CL", 4e9)])
    labels = [axes.get_xlabel() for axes in chart.figure.axes]
    assert labels == [
        "Peak throughput, more is better (GFLOP/s, log scale)",
        "Latency of one small call, less is better (µs, log scale)",
    ]


def test_profiles_when_intervals_overlap_then_nobody_is_best():
    chart = profile_chart([profile("CPU", 1e9, spread=0.5), profile("CL", 1.1e9, spread=0.5)])
    assert "best peak" not in chart.alt
    assert "not resolved for peak throughput" in chart.alt


def test_profiles_of_a_model_then_hollow_and_said():
    chart = profile_chart([profile("EDGE", 1e8, spread=0.0, modelled=True)])
    assert "(model)" in chart.alt
    (point, *_) = chart.figure.axes[0].lines
    assert point.get_markerfacecolor() == "white"


def test_profiles_when_models_stand_beside_measurements_then_refused():
    with pytest.raises(ResultError, match="two charts"):
        profile_chart([profile("CPU", 1e9), profile("EDGE", 1e8, modelled=True)])


def test_profiles_of_two_hosts_then_the_host_is_in_the_label():
    chart = profile_chart([profile("CPU", 1e9), profile("CPU", 2e9, host="host-b")])
    labels = [t.get_text() for t in chart.figure.axes[0].get_yticklabels()]
    assert labels == ["CPU on host-a", "CPU on host-b"]


def test_profiles_without_any_figure_then_refused():
    empty = SimpleNamespace(
        device_name="CPU", host="", modelled=False,
        **{name: missing("1", "why") for name in NAMES},
    )  # fmt: skip
    with pytest.raises(ResultError, match="reasons"):
        profile_chart([empty])

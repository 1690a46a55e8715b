"""labs.widgets.benchmark: the panel driven from the kernel's side, with a real short run."""

import pytest

from labs import bench, widgets


@pytest.fixture
def panel(discovery):
    return widgets.benchmark_panel(discovery=discovery, suite="tiny", rounds=3, round_time_s=0.01)


def only(panel, *names):
    for row in panel.workloads.children:
        row.children[0].value = row.children[0].description in names


def test_the_suite_fills_workloads_and_sizes(panel):
    assert panel.specs() == tuple(f"{w.name}:{w.shape}" for w in bench.SUITES["tiny"])
    panel.suite.value = "quick"
    only(panel, "matmul")
    size = panel.workloads.children[1].children[1]
    size.value = "n=64"
    assert panel.specs() == ("matmul:n=64",)


@pytest.mark.slow
def test_a_run_fills_chart_and_table_and_the_next_result_replaces_them(panel, wait):
    only(panel, "add")
    panel.button.run.click()
    wait(panel.button)
    assert panel.button.error is None
    first, chart = panel.results, panel.chart.value
    assert [m.name.split("/")[0] for m in first] == ["add"]
    assert 'alt="' in chart and "data:image/png" in chart
    assert "add n=16" in panel.table.value and "CPU" in panel.table.value
    # the second in this process, to be quick: the browser test presses twice
    panel.button.result = bench.measure("sum:n=16", "CPU", rounds=3, round_time_s=0.01)
    assert [m.name.split("/")[0] for m in panel.results] == ["sum"]
    assert panel.chart.value != chart
    bundle = panel._repr_mimebundle_()
    assert panel.chart.value in bundle["text/html"]
    assert "sum" in bundle["text/plain"]


def test_a_wrong_size_is_said_in_the_panel_and_keeps_the_results(panel, wait):
    panel.results = before = bench.ResultSet((), (), {}, "complete")
    panel.workloads.children[0].children[1].value = "n=oops"
    panel.button.run.click()
    wait(panel.button)
    assert "add:n=oops" in panel.button.message.value
    assert panel.results is before


def test_no_device_chosen_is_said_in_the_panel(panel, wait):
    panel.devices.boxes["CPU"].value = False
    panel.button.run.click()
    wait(panel.button)
    assert "at least one device" in panel.button.message.value


def test_a_run_cancelled_at_once_says_that_nothing_was_measured(panel):
    panel._take(bench.ResultSet((), (), {}, "cancelled"))
    assert "Nothing was measured: the run was cancelled." in panel.chart.value


def test_without_a_front_end_it_names_the_call_that_does_the_same(panel):
    bundle = panel._repr_mimebundle_()
    assert "bench.measure([" in bundle["text/html"]
    assert "nothing measured yet" in bundle["text/plain"]
    assert "application/vnd.jupyter.widget-view+json" in bundle

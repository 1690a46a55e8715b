"""labs.widgets.flags: choices to a variant, a real short run, history, and errors in the panel."""

import pytest

from labs import bench, widgets
from labs.bench import Variant
from labs.widgets import flags


@pytest.fixture
def panel():
    return widgets.flags_explorer("matmul:n=32", rounds=3, round_time_s=0.01)


def test_choices_become_an_arch_and_a_label_that_names_them(panel):
    panel.vector.value, panel.level.value, panel.tile.value = 32, "Os", 4
    panel.vectorize.value = panel.schedule.value = False
    variant = panel.variant
    assert variant.arch.split(",")[2:] == ["v32", "Os", "t4", "scalar", "stock"]
    assert variant.label == "v32 Os t4 scalar stock, 1 thread" and variant.threads == 1
    panel.threads.value = 0
    assert panel.variant.label.endswith(", all cores")


def test_a_choice_shows_another_source_at_once(panel):
    before = panel.kernel.value
    assert "loops split:" in before and "color: #" in before
    panel.schedule.value = panel.vectorize.value = False
    assert panel.kernel.value != before
    assert panel.results is None


def test_another_workload_brings_its_sizes_and_forgets_the_history(panel):
    panel.history = [panel.variant]
    panel.workload.value = "sum"
    assert panel.size.value == bench.WORKLOADS["sum"]().shape
    assert panel.history == []
    assert panel.spec() == f"sum:{panel.size.value}"


@pytest.mark.slow
def test_a_run_measures_the_chosen_variant_beside_the_last_ones(panel, wait):
    first = panel.variant
    panel.button.run.click()
    wait(panel.button)
    assert panel.button.error is None
    assert [m.workload for m in panel.results] == [first.label]
    assert "GFLOP/s" in panel.headline.value or "MFLOP/s" in panel.headline.value
    panel.vectorize.value = False
    second = panel.variant
    panel.button.run.click()
    wait(panel.button)
    assert [m.workload for m in panel.results] == [first.label, second.label]
    assert len({m.run_id for m in panel.results}) == 1  # interleaved in one run
    assert second.label in panel.headline.value
    assert 'alt="Throughput of 2 variants' in panel.chart.value
    assert panel.history == [first, second]


def test_only_the_last_are_measured_again(panel, monkeypatch):
    asked = []

    def measured(spec, variants, **_):
        asked.append(variants)
        return bench.ResultSet((), (), {}, "cancelled")

    monkeypatch.setattr(flags, "measure_variants_isolated", measured)
    panel.history = [Variant(str(i)) for i in range(9)] + [panel.variant]
    panel._measure(None, None)
    assert [v.label for v in asked[0]] == ["4", "5", "6", "7", "8", panel.variant.label]


def test_a_run_cancelled_at_once_says_that_nothing_was_measured(panel):
    panel._take(bench.ResultSet((), (), {}, "cancelled"))
    assert "Nothing was measured: the run was cancelled." in panel.chart.value
    assert panel.headline.value == ""


def test_a_wrong_size_is_said_in_the_panel(panel, wait):
    panel.size.value = "n=oops"
    assert "matmul:n=oops" in panel.kernel.value and "Error" in panel.kernel.value
    panel.button.run.click()
    wait(panel.button)
    assert "matmul:n=oops" in panel.button.message.value
    panel.size.value = "n=32"
    assert "loops split:" in panel.kernel.value


def test_without_a_front_end_source_and_call_are_shown(panel):
    bundle = panel._repr_mimebundle_()
    assert "bench.measure_variants(&#x27;matmul:n=32&#x27;" in bundle["text/html"]
    assert "loops split:" in bundle["text/html"]
    assert "nothing measured yet" in bundle["text/plain"]

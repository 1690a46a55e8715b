"""labs.widgets.conformance: the panel driven from the kernel's side, with a real short run."""

import pytest

from labs import widgets
from labs.backends.conformance import GROUPS, CaseResult, Report


def only(panel, *names):
    for name, box in panel.boxes.items():
        box.value = name in names


def a_report(status="failed"):
    return Report("MINE", "small", 0, (CaseResult("copy/one", status, "bytes <differ>"),), 0.1)


def test_groups_are_chosen_by_ticking_and_by_two_buttons():
    panel = widgets.conformance_panel("CPU", groups=["copy", "open"])
    assert panel.groups() == ("open", "copy")  # the suite's order
    every, none = panel.children[0].children[2:]
    every.click()
    assert panel.groups() == tuple(g for g in GROUPS if g != "tinygrad")
    none.click()
    assert panel.groups() == ()


def test_the_size_suits_the_device():
    panel = widgets.conformance_panel("EDGE")
    assert panel.size.value == "small"
    panel.device.value = "CPU"
    assert panel.size.value == "full"
    assert widgets.conformance_panel("CPU", size="small").size.value == "small"


def test_a_backend_of_ones_own_is_offered_under_its_whole_name():
    panel = widgets.conformance_panel("MINE=ops_mine.py")
    assert panel.device.value == "MINE=ops_mine.py"
    assert {"CPU", "ELECTRICAL", "EDGE"} <= set(panel.device.options)


@pytest.mark.slow
def test_a_run_fills_card_chart_and_table(wait):
    panel = widgets.conformance_panel("CPU", groups="open")
    panel.button.run.click()
    wait(panel.button)
    assert panel.button.error is None
    assert panel.report.ok and set(panel.report.groups) == {"open"}
    assert "CPU: score 1.000" in panel.card.value
    assert 'alt="Conformance cases by group' in panel.chart.value
    assert "open" in panel.table.value


@pytest.mark.slow
def test_cancelling_keeps_the_cases_until_then(wait):
    panel = widgets.conformance_panel("CPU", size="small")
    seen = []

    def stop_at_the_third(change):
        if change["new"] == 2:
            panel.button.stop()
        seen.append(change["new"])

    panel.button.bar.observe(stop_at_the_third, "value")
    panel.button.run.click()
    wait(panel.button)
    assert 2 <= len(panel.report.results) <= 4
    assert "The run was cancelled" in panel.card.value


def test_no_group_is_said_in_the_panel_and_keeps_the_report(wait):
    panel = widgets.conformance_panel("CPU", report=a_report())
    before = panel.report
    only(panel)
    panel.button.run.click()
    wait(panel.button)
    assert "at least one group" in panel.button.message.value
    assert panel.report is before


@pytest.mark.slow
def test_a_device_that_is_none_is_said_in_the_panel(wait):
    panel = widgets.conformance_panel("NOSUCH", groups="open")
    panel.button.run.click()
    wait(panel.button)
    assert "Run the conformance suite on NOSUCH" in panel.button.message.value
    assert panel.report is None


def test_a_failure_says_what_to_write_next():
    panel = widgets.conformance_panel("MINE", report=a_report())
    assert "Next: copy: write XAllocator._copyin" in panel.card.value
    assert "bytes &lt;differ&gt;" in panel.table.value


def test_without_a_front_end_the_report_and_the_call_are_shown():
    bundle = widgets.conformance_panel("CPU", groups=["copy"])._repr_mimebundle_()
    assert (
        "conformance.run(&#x27;CPU&#x27;, groups=[&#x27;copy&#x27;], size=" in bundle["text/html"]
    )
    assert bundle["text/plain"] == "Conformance panel: CPU, nothing run yet"
    shown = widgets.conformance_panel("MINE", report=a_report("passed"))._repr_mimebundle_()
    assert "MINE: score 1.000" in shown["text/html"] and "1 passed" in shown["text/plain"]

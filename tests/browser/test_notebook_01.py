"""Notebook 01 in a real JupyterLab: run all, measure with the panel, see the chart change."""

import pytest

NOTEBOOK = "01_backend_architecture.ipynb"
MEASURE_MS = 60_000

pytestmark = [pytest.mark.ui, pytest.mark.slow]


def test_notebook_01_runs_and_its_panel_measures(browser, server):
    notebook, page = browser, browser.page
    notebook.run_notebook(server, NOTEBOOK)
    explorer = page.locator(".course-lowering-explorer").first
    explorer.scroll_into_view_if_needed()
    before = explorer.inner_text()
    explorer.get_by_label("target").select_option("WGSL")
    page.wait_for_function("(e) => e.innerText.includes('WebGPU')", arg=explorer.element_handle())
    assert explorer.inner_text() != before
    notebook.screenshot("lowering_explorer", explorer)
    notebook.screenshot("device_picker", page.locator(".course-device-picker").first)
    notebook.screenshot("kernel_comparison", page.locator(".course-kernel-comparison").first)

    panel = page.locator(".course-benchmark-panel").first
    panel.scroll_into_view_if_needed()
    _make_it_short(panel)
    notebook.screenshot("benchmark_panel_before", panel)
    first = _run(page, panel, ["CPU"])
    notebook.screenshot("benchmark_panel_one_device", panel)
    devices = _usable(panel)[:2]
    second = _run(page, panel, devices)
    notebook.screenshot("benchmark_panel_all_devices", panel)
    assert second != first
    assert all(d in panel.locator("table").last.inner_text() for d in devices)
    assert notebook.errors() == []


def _usable(panel):
    """The devices whose box can be ticked, without the one that takes minutes."""
    boxes = panel.locator(".course-device-picker input[type=checkbox]:enabled")
    names = [boxes.nth(i).locator("xpath=..").inner_text().strip() for i in range(boxes.count())]
    return [n for n in names if n != "PYTHON"]


def _make_it_short(panel):
    panel.get_by_label("suite").select_option("tiny")
    for name, value in (("rounds", "3"), ("s per round", "0.02")):
        panel.get_by_label(name, exact=True).fill(value)
        panel.get_by_label(name, exact=True).press("Enter")


def _run(page, panel, devices):
    """Tick exactly these devices, press Run, and return the new chart's source."""
    picker = panel.locator(".course-device-picker")
    for name in (*_usable(panel), "PYTHON"):
        picker.get_by_label(name, exact=True).set_checked(name in devices)
    image = panel.locator("img")
    before = image.first.get_attribute("src") if image.count() else None
    button = panel.get_by_role("button", name="Run")
    button.click()
    panel.get_by_role("button", name="Run: running").wait_for(timeout=5_000)
    assert panel.get_by_role("button", name="Cancel").is_enabled()
    changed = (
        "([panel, before]) => {const i = panel.querySelector('img'); return i && i.src !== before}"
    )
    page.wait_for_function(changed, arg=[panel.element_handle(), before], timeout=MEASURE_MS)
    panel.get_by_role("button", name="Run", exact=True).wait_for(timeout=MEASURE_MS)
    assert image.first.get_attribute("alt")
    return image.first.get_attribute("src")

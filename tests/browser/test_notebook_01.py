"""Notebook 01 in a real JupyterLab: run all, measure with the panel, see the chart change."""

import pytest

from labs.paths import PROJECT_ROOT

NOTEBOOK = "01_backend_architecture.ipynb"
RUN_ALL_MS, MEASURE_MS = 240_000, 60_000

KERNEL_IS_IDLE = """() => {
  const widget = window.jupyterapp?.shell?.currentWidget;
  return widget?.sessionContext?.session?.kernel?.status === 'idle';
}"""
RUN_ALL = "() => window.jupyterapp.commands.execute('notebook:run-all-cells')"
OUTPUTS = """() => window.jupyterapp.shell.currentWidget.content.widgets
  .filter(cell => cell.model.type === 'code')
  .map(cell => ({count: cell.model.executionCount, outputs: cell.model.outputs.toJSON()}))"""

pytestmark = [pytest.mark.ui, pytest.mark.slow]


@pytest.fixture
def notebook(browser, server):
    """Notebook 01, opened and run from top to bottom."""
    if not (PROJECT_ROOT / "notebooks" / NOTEBOOK).exists():
        pytest.skip(f"no notebooks/{NOTEBOOK}: python3 course.py build")
    page = browser.page
    page.goto(server.notebook_url(NOTEBOOK))
    page.wait_for_function(KERNEL_IS_IDLE, timeout=60_000)
    browser.screenshot("opened")
    page.set_default_timeout(RUN_ALL_MS)
    page.evaluate(RUN_ALL)  # resolves when the last cell is done
    page.wait_for_function(KERNEL_IS_IDLE, timeout=RUN_ALL_MS)
    page.set_default_timeout(20_000)
    page.set_viewport_size({"width": 1280, "height": 2400})  # whole panels on one screenshot
    return browser


def test_notebook_01_runs_and_its_panel_measures(notebook):
    page = notebook.page
    cells = page.evaluate(OUTPUTS)
    outputs = [output for cell in cells for output in cell["outputs"]]
    failed = [o for o in outputs if o["output_type"] == "error"]
    assert not failed, "\n".join(f"{o['ename']}: {o['evalue']}" for o in failed)
    assert len([c for c in cells if c["count"]]) > 20
    assert _images_without_alt(page) == []

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


def _images_without_alt(page):
    find = "(images) => images.filter(i => !i.alt).map(i => i.outerHTML.slice(0, 200))"
    return page.locator(".jp-OutputArea img").evaluate_all(find)

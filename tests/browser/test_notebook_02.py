"""Notebook 02 in a real JupyterLab: run all, compile a filter otherwise, see the chart change."""

import pytest

NOTEBOOK = "02_custom_backends.ipynb"
MEASURE_MS = 60_000

pytestmark = [pytest.mark.ui, pytest.mark.slow]


def test_notebook_02_runs_and_its_flags_explorer_measures(browser, server):
    browser.run_notebook(server, NOTEBOOK)
    page = browser.page
    for panel in ("backend-anatomy", "edge-memory", "conformance-panel"):
        browser.screenshot(f"02_{panel}", page.locator(f".course-{panel}").first)

    explorer = page.locator(".course-flags-explorer").first
    explorer.scroll_into_view_if_needed()
    first = _measure(page, explorer)
    browser.screenshot("02_flags_explorer_one", explorer)
    explorer.get_by_label("vectoriser").uncheck()
    second = _measure(page, explorer)
    browser.screenshot("02_flags_explorer_two", explorer)
    assert second != first
    assert browser.errors() == []


def _measure(page, explorer):
    """Press Run and return the new chart's source."""
    image = explorer.locator("img")
    before = image.first.get_attribute("src") if image.count() else None
    explorer.get_by_role("button", name="Run", exact=True).click()
    changed = (
        "([panel, before]) => {const i = panel.querySelector('img'); return i && i.src !== before}"
    )
    page.wait_for_function(changed, arg=[explorer.element_handle(), before], timeout=MEASURE_MS)
    explorer.get_by_role("button", name="Run", exact=True).wait_for(timeout=MEASURE_MS)
    assert image.first.get_attribute("alt")
    return image.first.get_attribute("src")

"""Every notebook in a real JupyterLab: its outputs are shown, its panels come up, and what a reader
presses there changes what they show. A new notebook needs no line here, its panels' buttons do.
"""

import pytest

from labs.paths import PROJECT_ROOT

NAMES = sorted(path.stem for path in (PROJECT_ROOT / "solutions").glob("[0-9][0-9]_*.ipynb"))
MEASURE_MS = 60_000
PICTURE_CHANGED = (
    "([panel, before]) => {const i = panel.querySelector('img'); return i && i.src !== before}"
)

pytestmark = [pytest.mark.ui, pytest.mark.slow]


@pytest.mark.parametrize("name", NAMES)
def test_notebook_then_its_panels_come_up_and_answer(name, browser, server):
    browser.open_notebook(server, f"{name}.ipynb")
    panels = browser.run_panels(server, f"{name}.ipynb")
    press = PRESS.get(name[:2])
    if press:
        press(browser, browser.page)
    assert panels or not press
    assert browser.errors() == []


def _press_01(browser, page):
    explorer = page.locator(".course-lowering-explorer").first
    explorer.scroll_into_view_if_needed()
    before = explorer.inner_text()
    explorer.get_by_label("target").select_option("WGSL")
    page.wait_for_function("(e) => e.innerText.includes('WebGPU')", arg=explorer.element_handle())
    assert explorer.inner_text() != before
    browser.screenshot("lowering_explorer", explorer)
    browser.screenshot("device_picker", page.locator(".course-device-picker").first)
    browser.screenshot("kernel_comparison", page.locator(".course-kernel-comparison").first)

    panel = page.locator(".course-benchmark-panel").first
    panel.scroll_into_view_if_needed()
    _make_it_short(panel)
    browser.screenshot("benchmark_panel_before", panel)
    first = _measure_on(page, panel, ["CPU"])
    browser.screenshot("benchmark_panel_one_device", panel)
    devices = _usable(panel)[:2]
    second = _measure_on(page, panel, devices)
    browser.screenshot("benchmark_panel_all_devices", panel)
    assert second != first
    assert all(d in panel.locator("table").last.inner_text() for d in devices)


def _press_02(browser, page):
    for panel in ("backend-anatomy", "edge-memory", "conformance-panel"):
        browser.screenshot(f"02_{panel}", page.locator(f".course-{panel}").first)
    explorer = page.locator(".course-flags-explorer").first
    explorer.scroll_into_view_if_needed()
    first = _run(page, explorer)
    browser.screenshot("02_flags_explorer_one", explorer)
    explorer.get_by_label("vectoriser").uncheck()
    second = _run(page, explorer)
    browser.screenshot("02_flags_explorer_two", explorer)
    assert second != first


def _press_03(browser, page):
    rungs = page.locator(".course-rung-explorer").first
    rungs.scroll_into_view_if_needed()
    assert "matmul_naive" in rungs.inner_text()
    rungs.get_by_role("button", name="register", exact=True).click()
    page.wait_for_function("e => e.innerText.includes('matmul_register')", arg=_element(rungs))
    browser.screenshot("03_rung_explorer", rungs)

    lanes = page.locator(".course-access-explorer").first
    lanes.scroll_into_view_if_needed()
    before = lanes.locator("img").first.get_attribute("src")
    lanes.get_by_label("pattern").select_option("broadcast")
    page.wait_for_function(PICTURE_CHANGED, arg=[_element(lanes), before])
    browser.screenshot("03_access_explorer", lanes)

    ladder = page.locator(".course-matmul-ladder").first
    ladder.scroll_into_view_if_needed()
    before = ladder.inner_text()
    ladder.get_by_role("button", name="upcast", exact=True).click()
    page.wait_for_function("([e, t]) => e.innerText !== t", arg=[_element(ladder), before])
    browser.screenshot("03_matmul_ladder", ladder)
    browser.screenshot("03_roofline_panel", page.locator(".course-roofline-panel").first)


def _press_04(browser, page):
    browser.screenshot("04_device_picker", page.locator(".course-device-picker").first)
    monitor = page.locator(".course-live-monitor").first
    monitor.scroll_into_view_if_needed()
    monitor.get_by_role("button", name="Start", exact=True).click()
    monitor.locator("svg").first.wait_for(timeout=10_000)  # a second later: lines that move
    browser.screenshot("04_monitor_live", monitor)
    monitor.get_by_role("button", name="Stop", exact=True).click()
    monitor.locator("img").first.wait_for()
    browser.screenshot("04_monitor_stopped", monitor)

    report = page.locator(".course-report-panel").first
    report.scroll_into_view_if_needed()
    for part, expected in (("Best performers", "fastest"), ("Profiles", "memory bandwidth")):
        report.get_by_role("button", name=part, exact=True).click()
        page.wait_for_function(
            "([e, t]) => e.innerText.includes(t)", arg=[_element(report), expected]
        )
        browser.screenshot(f"04_report_{part.split()[0].lower()}", report)


def _press_05(browser, page):
    stream = page.locator(".course-live-stream").first
    stream.scroll_into_view_if_needed()
    browser.screenshot("05_stream_ready", stream)
    stream.get_by_role("button", name="Start", exact=True).click()
    page.wait_for_function("e => e.innerText.includes('running')", arg=_element(stream))
    stream.get_by_role("button", name="Pause", exact=True).click()
    stream.get_by_role("button", name="Resume", exact=True).wait_for()
    browser.screenshot("05_stream_paused", stream)
    stream.get_by_role("button", name="Resume", exact=True).click()
    page.wait_for_function(
        "e => e.innerText.includes('Verdict')", arg=_element(stream), timeout=MEASURE_MS
    )
    stream.locator("img").first.wait_for()
    browser.screenshot("05_stream_ended", stream)


def _element(locator):
    return locator.element_handle()


# what is pressed in a notebook, by its number
PRESS = {"01": _press_01, "02": _press_02, "03": _press_03, "04": _press_04, "05": _press_05}


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


def _measure_on(page, panel, devices):
    """Tick exactly these devices, press Run, and return the new chart's source."""
    picker = panel.locator(".course-device-picker")
    for name in (*_usable(panel), "PYTHON"):
        picker.get_by_label(name, exact=True).set_checked(name in devices)
    return _run(page, panel, cancellable=True)


def _run(page, panel, *, cancellable=False):
    """Press Run and return the new chart's source."""
    image = panel.locator("img")
    before = image.first.get_attribute("src") if image.count() else None
    panel.get_by_role("button", name="Run", exact=True).click()
    if cancellable:
        panel.get_by_role("button", name="Run: running").wait_for(timeout=5_000)
        assert panel.get_by_role("button", name="Cancel").is_enabled()
    page.wait_for_function(
        PICTURE_CHANGED, arg=[panel.element_handle(), before], timeout=MEASURE_MS
    )
    panel.get_by_role("button", name="Run", exact=True).wait_for(timeout=MEASURE_MS)
    assert image.first.get_attribute("alt")
    return image.first.get_attribute("src")

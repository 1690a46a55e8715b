import threading

import pytest

from labs.engineering.monitor import Monitor
from labs.engineering.monitor_sources import Readings
from labs.widgets import monitor_panel


def counting(now):
    return Readings({"flop_per_s": 2e9}, {}, {"CPU": 1 << 20})


@pytest.fixture
def panel():
    made = monitor_panel(Monitor(rate_hz=50, sources={"one": counting}))
    yield made
    made.close()


def wait_for(panel, count):
    enough = threading.Event()
    stop = panel.monitor.subscribe(
        lambda sample: enough.set() if len(panel.monitor.samples) >= count else None
    )
    assert enough.wait(30)
    stop()


def test_panel_then_start_watches_and_stop_draws_the_whole(panel):
    assert panel.button.description == "Start"
    panel.button.click()
    assert panel.button.description == "Stop"
    wait_for(panel, 3)
    assert "<svg" in panel.live.value or "Waiting" in panel.live.value
    panel.button.click()
    assert not panel.monitor.running
    assert "<img" in panel.live.value
    assert "of one processor" in panel.status.value
    assert len(panel.recording) >= 3
    assert "<img" in panel.static_html()
    assert "2 GFLOP/s" in panel.static_text()


def test_panel_before_anything_then_says_what_to_do(panel):
    assert "press Start" in panel.static_html()
    assert "press Start" in panel.static_text()


def test_panel_when_its_monitor_runs_already_then_the_error_is_shown(panel):
    panel.start()
    panel.start()
    assert "running since" in panel.message.value
    panel.stop()


def test_panel_when_closed_then_it_stops_watching():
    panel = monitor_panel(Monitor(rate_hz=50, sources={"one": counting}))
    panel.start()
    panel.close()
    assert not panel.monitor.running

"""The dashboard on a run that does what the test says, and on a real one."""

import threading

import numpy as np
import pytest

from labs import backends, toolchain

toolchain.activate()
backends.register()

from labs.electrical.blocks import Block, Channel
from labs.electrical.limits import Limit, Requirement, Row, Specification, Verdict
from labs.electrical.production import ProductionElectricalBackend
from labs.electrical.stream.statistics import Statistics
from labs.errors import LabError
from labs.widgets import stream_panel


def row(value, status, number):
    return Row("voltage", "<u1>", "urms", value, "V", 207.0, 253.0, value - 207, status, number,
               number + 0.02, number * 1000, 20, "c0ffee")  # fmt: skip


class Run:
    """A stream that ends when it is told to."""

    def __init__(self):
        self.state, self.rows, self.error, self.done = "ready", (), None, []
        self.ended = threading.Event()
        self.looked = threading.Event()
        self.elapsed_s = 0.0

    def start(self):
        self.state = "running"
        self.done.append("start")

    def pause(self):
        self.state = "paused"

    def resume(self):
        self.state = "running"

    def stop(self):
        self.state = "stopped"
        self.done.append("stop")
        self.ended.set()
        return self.join()

    def join(self):
        if self.error is not None:
            raise self.error
        return Verdict("FAIL", self.rows, ("a <note>",), {}, "c0ffee")

    @property
    def statistics(self):
        self.looked.set()
        count = len(self.rows)
        self.elapsed_s += 0.1
        return Statistics(
            self.state, blocks=count, rows=count, elapsed_s=self.elapsed_s, recent_load=0.5
        )

    def see(self):
        """Until the panel has looked twice: at least once after now."""
        for _ in range(2):
            self.looked.clear()
            assert self.looked.wait(10)


@pytest.fixture
def run():
    return Run()


@pytest.fixture
def panel(run):
    made = stream_panel(lambda: run, period_s=0.002)
    yield made
    made.close()


def test_panel_then_start_pause_resume_and_stop_reach_the_run(panel, run):
    assert panel.pause_button.disabled and panel.stop_button.disabled
    panel.start_button.click()
    run.see()
    assert run.done == ["start"] and panel.start_button.disabled
    panel.pause_button.click()
    assert run.state == "paused" and panel.pause_button.description == "Resume"
    panel.pause_button.click()
    assert run.state == "running" and panel.pause_button.description == "Pause"
    panel.stop_button.click()
    assert panel.wait(10)
    assert run.done == ["start", "stop"] and panel.verdict.status == "FAIL"
    assert "Verdict: FAIL" in panel.message.value and "a &lt;note&gt;" in panel.message.value
    assert not panel.start_button.disabled and panel.stop_button.disabled


def test_panel_then_new_rows_are_shown_once_and_alarms_stay(panel, run):
    panel.start()
    run.rows = (row(230.0, "PASS", 0), row(140.0, "FAIL", 1))
    run.see()
    run.rows = (*run.rows, row(229.0, "PASS", 2))
    run.see()
    assert panel.alarms.count == 1 and panel.alarms.rows[0][1].value == 140.0
    assert "Alarms: 1" in panel.alarms_box.value and "140 V" in panel.alarms_box.value
    assert "<u1>" not in panel.alarms_box.value and panel.rows_box.value == ""
    assert "load" in panel.live.value
    panel.stop()
    assert panel.wait(10)
    assert "<img" in panel.live.value  # the whole of it, as a chart
    html = panel.static_html()
    assert "140 V" in html and "Verdict: FAIL" in html and "<img" in html
    assert "verdict: FAIL" in panel.static_text()


def test_panel_when_the_run_fails_then_it_says_why(panel, run):
    run.error = LabError("read the source", got="a broken wire")
    panel.start()
    run.see()
    panel.stop()
    assert panel.wait(10)
    assert "a broken wire" in panel.message.value and "failed" in panel.status.value
    assert panel.verdict is None


def test_panel_when_the_run_cant_be_made_then_it_can_be_started_again():
    def make():
        raise LabError("prepare a stream", got="no such channel")

    panel = stream_panel(make)
    panel.start()
    assert panel.wait(10)
    assert "no such channel" in panel.message.value and not panel.start_button.disabled


def test_panel_before_anything_then_says_what_to_do(panel):
    assert "press Start" in panel.static_html() and "press Start" in panel.static_text()


def test_panel_when_closed_then_the_stream_ends():
    run = Run()
    panel = stream_panel(run, period_s=0.002)
    panel.start()
    run.see()
    panel.close()
    assert run.state == "stopped"


class Sine:
    """Two seconds of 230 V with 20 ms of 140 V."""

    name, channels, fs_hz, start, notes = "sine", (Channel("u1", "V"),), 2000.0, None, ()

    def blocks(self, length=65536):
        samples = (325 * np.sin(2 * np.pi * 50 * np.arange(4000) / 2000)).astype(np.float32)
        samples[2000:2200] *= 0.6
        for i in range(0, 4000, length):
            part = samples[None, i : i + length]
            yield Block(i, i / 2000, 2000.0, part)

    def close(self):
        pass


def test_panel_with_a_real_stream_then_its_verdict_comes():
    limit = Limit("rms", "V", 207.0, 253.0)
    wanted = Requirement("voltage", "rms", ("u1",), (limit,), {"window_s": 0.02})
    backend = ProductionElectricalBackend()
    backend.optimize_for_real_time_validation(
        Specification("supply", (wanted,), 50.0, 230.0, "c0ffee"), source=Sine()
    )
    panel = stream_panel(
        lambda on_reading: backend.implement_streaming_processing(
            Sine(), realtime=False, on_reading=on_reading
        ),
        period_s=0.01,
    )
    panel.start()
    assert panel.wait(30)
    assert panel.error is None, panel.error
    assert panel.verdict.status == "FAIL" and panel.snapshots[-1].samples == 4000
    assert "FAIL" in panel.alarms_box.value
    assert "229.81 V" in panel.rows_box.value and "207 to 253 V" in panel.rows_box.value
    assert panel.snapshots[-1].state == "finished"
    panel.close()

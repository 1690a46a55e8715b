"""labs.widgets.memory: a real trace, stepped through."""

import numpy as np
from tinygrad import Tensor

from labs import lowering, widgets


def work():
    (Tensor(np.ones((64, 64), np.float32), device="CPU") + 1).realize()


def test_a_function_is_traced_and_its_events_are_told():
    panel = widgets.memory_timeline(work, "CPU")
    assert "Event 1 of" in panel.words.value and "16 KiB on CPU" in panel.words.value
    assert 'alt="Device memory over time on CPU' in panel.chart.value
    before = panel.chart.value
    panel.event.value = panel.event.max
    assert f"Event {panel.event.max} of {panel.event.max}" in panel.words.value
    assert panel.chart.value != before
    assert panel.chart.value in panel._repr_mimebundle_()["text/html"]


def test_trace_again_makes_a_new_trace():
    panel = widgets.memory_timeline(work, "CPU")
    first = panel.trace
    panel.again.click()
    assert panel.trace is not first and len(panel.trace.events) > 0


def test_a_trace_of_ones_own_has_no_second_run():
    with lowering.trace_memory("CPU") as trace:
        work()
    panel = widgets.memory_timeline(trace)
    assert panel.trace is trace
    assert panel.again not in panel.children[0].children


def test_a_function_that_fails_and_a_trace_of_nothing_say_so():
    assert "ZeroDivisionError" in widgets.memory_timeline(lambda: 1 / 0, "CPU").words.value
    assert "nothing was allocated" in widgets.memory_timeline(lambda: None, "CPU").words.value

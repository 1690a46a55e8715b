"""labs.debug.timeline: kernels, copies, compilation and gaps, and the trace file."""

import json

import numpy as np
import pytest

from labs.debug import DebugError, Timeline, TimelineEvent, timeline
from labs.debug.chrome import trace_problems


def made():
    """Ten milliseconds, of which kernels have 4, a copy 1, compilation 2 and Python 3."""
    return Timeline(
        "CPU",
        (
            TimelineEvent("compile", "compile", "CPU", 0.001, 0.002),
            TimelineEvent("E_4", "kernel", "CPU", 0.003, 0.003, 0.002, bytes=32, flop=4),
            TimelineEvent("copy 16 B, CPU <- NPY", "copy", "CPU", 0.007, 0.001, bytes=16),
            TimelineEvent("E_4", "kernel", "CPU", 0.008, 0.001, None, bytes=32, flop=4),
        ),
        0.010,
    )


def test_timeline_then_its_parts_add_up_to_the_whole():
    t = made()
    parts = (t.in_kernels_s, t.in_copies_s, t.in_compile_s, t.in_python_s)
    assert parts == pytest.approx((0.004, 0.001, 0.002, 0.003))
    assert np.array(t.gaps) == pytest.approx(
        np.array([(0.0, 0.001), (0.006, 0.001), (0.009, 0.001)])
    )
    assert [len(events) for events in t.by_name().values()] == [2, 1]
    assert "40%" in str(t.summary())
    assert "E_4" in t._repr_html_()


def test_to_chrome_trace_then_the_file_is_as_the_format_asks(tmp_path):
    data = json.loads(made().to_chrome_trace(tmp_path / "trace.json").read_text("utf-8"))
    assert trace_problems(data) == ()
    events = [e for e in data["traceEvents"] if e["ph"] == "X"]
    assert [(e["ts"], e["dur"]) for e in events[:2]] == [(1000.0, 2000.0), (3000.0, 3000.0)]
    assert events[1]["args"] == {"bytes": 32, "flop": 4, "launches": 1, "device_time_us": 2000.0}
    assert list(tmp_path.iterdir()) == [tmp_path / "trace.json"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d.pop("traceEvents"), "traceEvents"),
        (lambda d: d["traceEvents"][-1].pop("dur"), "no dur"),
        (lambda d: d["traceEvents"][-1].update(ts=-1), "ts is -1"),
        (lambda d: d["traceEvents"][-1].update(ph="?"), "phase '?'"),
        (lambda d: d.update(displayTimeUnit="h"), "displayTimeUnit"),
    ],
)
def test_trace_problems_when_something_is_wrong_then_named(change, said, tmp_path):
    data = json.loads(made().to_chrome_trace(tmp_path / "trace.json").read_text("utf-8"))
    change(data)
    assert any(said in problem for problem in trace_problems(data))


def test_to_chrome_trace_when_it_can_t_be_written_then_it_says_so(tmp_path):
    with pytest.raises(DebugError, match="folder that exists"):
        made().to_chrome_trace(tmp_path / "nowhere" / "trace.json")


def test_timeline_of_a_function_then_each_kernel_and_copy_is_there(x):
    from tinygrad import Tensor
    from tinygrad.engine import realize

    before = realize.pm_exec, realize.compile_linear
    values = x.numpy()

    def step():
        y = Tensor(values, device="CPU").realize()
        return (y + 1).contiguous().sum()

    found = timeline(step, "CPU")
    assert [e.kind for e in found.events if e.kind != "compile"] == ["copy", "kernel", "kernel"]
    copy, add, _ = (e for e in found.events if e.kind != "compile")
    assert (copy.bytes, copy.flop) == (140, None)
    assert (add.flop, add.bytes) == (35, 280)
    assert add.device_time_s > 0
    times = [(e.start_s, e.end_s) for e in found.kernels]
    assert times[0][1] <= times[1][0]
    assert found.total_s >= times[1][1]
    assert (realize.pm_exec, realize.compile_linear) == before


def test_timeline_of_a_tensor_then_it_stays_lazy_and_compiles_are_told(x):
    from tinygrad import TinyJit

    y = (x * 7.125).contiguous().max()
    found = timeline(y, "EDGE")
    assert len(found.kernels) == 2
    assert found.modelled
    assert "model time" in str(found)
    assert not y.uop.has_buffer_identity()
    step = TinyJit(lambda a: ((a + 1).contiguous() * 2).realize())
    z = x.to("ELECTRICAL").realize()
    for _ in range(2):
        step(z)
    (graph,) = timeline(lambda: step(z), "ELECTRICAL").kernels
    assert (graph.kind, graph.launches) == ("graph", 2)


def test_timeline_when_a_device_has_no_clock_then_it_says_so(broken, x):
    device = broken("NOTIME")
    found = timeline(x * 2, device)
    assert found.kernels[0].device_time_s is None
    assert "no device time" in found.reason


@pytest.mark.parametrize(
    ("what", "options", "said"),
    [
        (3, {}, "a function without arguments"),
        (lambda: None, {}, "at least one kernel"),
        (lambda: None, {"warmups": -1}, "warmups"),
    ],
)
def test_timeline_when_asked_for_nonsense_then_it_says_so(what, options, said):
    with pytest.raises(DebugError, match=said):
        timeline(what, "CPU", **options)

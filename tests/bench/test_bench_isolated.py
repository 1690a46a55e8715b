"""Runs in a child process, which these tests really kill and stop."""

import signal
import sys
from dataclasses import replace

import psutil
import pytest

from labs import backends, bench
from labs.bench.isolated import _how, _parse, died_early, run_child
from labs.bench.sampler import Settings
from labs.errors import MeasurementError, ResultError
from labs.paths import PROJECT_ROOT

FAST = Settings(warmup_time_s=0, warmup_calls=1, window=1, round_time_s=0.01, min_sample_s=0)


def send_to_child(number):
    for process in psutil.Process().children():
        if "labs.bench" in process.cmdline():
            process.send_signal(number)


def at(text, action):
    """A progress callback that acts once, when a step begins with the text."""
    left = [action]

    def progress(done, total, what):
        if what.startswith(text) and left:
            left.pop()()

    return progress


@pytest.mark.slow
def test_a_child_that_is_killed_costs_its_device_and_the_others_finish(tmp_path):
    slow = replace(FAST, round_time_s=0.2, precision=1e-9)
    results = bench.measure_isolated(
        "sum:n=4",
        ["NULL", "PYTHON"],
        rounds=2,
        settings=slow,
        path=tmp_path / "r.json",
        progress=at("preparing sum n=4 on PYTHON", lambda: send_to_child(signal.SIGKILL)),
    )
    assert results.stop_reason == "complete"
    assert [(m.device, len(m.rounds)) for m in results] == [("NULL", 2)]
    (failure,) = results.failures
    assert failure.device == "PYTHON" and "died of SIGKILL while preparing" in failure.error
    assert bench.load_results(tmp_path / "r.json") == results


def test_a_child_that_says_nothing_is_ended():
    says = """import json, time
print(json.dumps({"event": "step", "done": 1, "total": 2, "text": "round 1", "device": "CL"}))
time.sleep(600)"""
    end = run_child([sys.executable, "-uc", says], None, None, stall_timeout_s=1.0)
    assert (end.reason, end.device, end.doing) == ("stalled", "CL", "round 1")
    assert end.returncode == -signal.SIGKILL
    assert _how(end) == "said nothing for too long and was ended"


def test_a_child_that_dies_at_once_leaves_its_last_words():
    end = run_child([sys.executable, "-c", "raise SystemExit('no driver')"], None, None, 60.0)
    assert (end.returncode, end.log, end.device) == (1, "no driver", "")
    assert "no driver" in str(died_early(end))


@pytest.mark.slow
def test_cancel_ends_the_child_and_keeps_its_rounds():
    stop = []
    results = bench.measure_isolated(
        "sum:n=4",
        "NULL",
        rounds=100_000,
        settings=FAST,
        progress=at("round 3 ", lambda: stop.append(True)),
        cancel=lambda: bool(stop),
    )
    assert results.stop_reason == "cancelled"
    assert len(results.measurements[0].rounds) >= 2
    assert not [p for p in psutil.Process().children() if "labs.bench" in p.cmdline()]


@pytest.mark.slow
def test_an_error_of_the_child_is_raised_here_as_it_was(tmp_path):
    (tmp_path / "r.json").write_text("{")
    with pytest.raises(ResultError, match="left as it is"):
        bench.measure_isolated("sum:n=4", "NULL", path=tmp_path / "r.json", settings=FAST)


def test_workloads_of_ones_own_cannot_travel():
    with pytest.raises(MeasurementError, match="use measure()"):
        bench.measure_isolated([bench.WORKLOADS["sum"](n=4)], "NULL")


def test_wrong_arguments_start_no_child():
    with pytest.raises(MeasurementError, match="one of wall, device"):
        bench.measure_isolated("sum:n=4", "NULL", clock="sun")


@pytest.mark.parametrize("line", [b"warning: x\n", b"", b"[1]\n", b"\xff\xfe", b"3"])
def test_what_a_driver_prints_is_no_event(line):
    assert _parse(line) == {}
    assert _parse(b'{"event": "step"}\n') == {"event": "step"}


@pytest.mark.slow
def test_a_backend_of_the_readers_own_is_measured_in_the_child_too(tmp_path):
    worked = (PROJECT_ROOT / "solutions" / "backends" / "ops_worked.py").read_text()
    for old, new in (("worked", "inchild"), ("Worked", "Inchild"), ("WORKED", "INCHILD")):
        worked = worked.replace(old, new)
    (tmp_path / "ops_inchild.py").write_text(worked)
    backends.register("INCHILD", tmp_path / "ops_inchild.py")
    try:
        results = bench.measure_isolated("sum:n=4", ["INCHILD"], rounds=2, settings=FAST)
        assert [m.device for m in results] == ["INCHILD"] and not results.failures
    finally:
        backends.unregister("INCHILD")

import signal

import psutil
import pytest

from labs.engineering.isolated import run_suite_isolated
from labs.engineering.suite_run import Request
from labs.errors import MeasurementError

CHILD = "labs.engineering.child"


def kill_child():
    for process in psutil.Process().children():
        if CHILD in process.cmdline():
            process.send_signal(signal.SIGKILL)


@pytest.mark.slow
def test_isolated_when_the_child_dies_in_the_look_then_its_device_is_lost_and_another_goes_on(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("COURSE_QUICK", "1")
    killed = []

    def kill_once(done, total, text):
        if text.startswith("first look") and not killed:
            killed.append(text)
            kill_child()

    request = Request(
        ("CPU", "PYTHON"),
        size="small",
        sections=("reduction",),
        budget_s=60,
        rounds=2,
        roofs=False,
        energy=False,
    )
    results = run_suite_isolated(request, path=tmp_path / "a.json", progress=kill_once)
    assert killed
    assert results.stop_reason == "complete"
    assert all("died of SIGKILL while" in f.error for f in results.failures)
    (lost,) = {f.device for f in results.failures}
    (left,) = set(request.targets) - {lost}
    assert {(m.device, len(m.rounds)) for m in results} == {(left, 2)}


def test_isolated_when_cancelled_at_once_then_nothing_and_no_error():
    request = Request(("CPU",), size="small", budget_s=30)
    results = run_suite_isolated(request, cancel=lambda: True)
    assert (len(results), results.stop_reason) == (0, "cancelled")


def test_isolated_when_the_child_dies_before_it_has_a_device_then_says_so(monkeypatch):
    monkeypatch.setattr("sys.executable", "/bin/false")
    with pytest.raises(MeasurementError, match="it ended with code 1"):
        run_suite_isolated(Request((), size="small", budget_s=30))

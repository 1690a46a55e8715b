"""Backends that hang or crash, and devices that aren't there: the run goes on, or says why not."""

import sys

import pytest

from labs.backends import conformance
from labs.errors import DeviceError, LabError
from labs.paths import PROJECT_ROOT

FOLDER = PROJECT_ROOT / "tests" / "backends" / "faulty"


@pytest.mark.slow
def test_run_when_cases_hang_then_each_is_ended_and_the_group_given_up():
    """In native code that holds the interpreter's lock: no signal handler would run."""
    groups = ["open/class", "synchronize/idle", "threads/synchronize", "open/synchronize"]
    groups += ["open/dtypes", "copy/in-out/1"]
    report = conformance.run(f"HANG={FOLDER / 'launching.py'}", groups=groups, timeout_s=2.0)
    status = {r.case: r.status for r in report.results}
    assert status["open/class"] == status["open/dtypes"] == "passed"
    messages = {f.case: f.message for f in report.failures}
    assert messages["synchronize/idle"].startswith(
        "the process took longer than 2 s and was ended in synchronize (launching.py:"
    )
    assert len(report.results) == 6


@pytest.mark.slow
def test_run_when_a_group_hangs_again_and_again_then_the_rest_of_it_is_not_run():
    report = conformance.run(
        f"HANG={FOLDER / 'launching.py'}", groups=["synchronize"], timeout_s=1.0
    )
    assert report.passed == 0
    assert "not run: 2 cases of this group have hung or crashed" in report.failures[-1].message


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals have POSIX's names")
def test_run_when_a_case_crashes_then_the_signal_is_told_and_the_next_runs():
    cases = ["unary/sqrt/float32", "unary/neg/float32", "unary/relu/float32"]
    report = conformance.run(f"TRAP={FOLDER / 'kernels.py'}", groups=cases)
    status = {r.case: r.status for r in report.results}
    assert status["unary/neg/float32"] == status["unary/relu/float32"] == "passed"
    assert "the process died of SIG" in report.failures[0].message
    assert "__call__" in report.failures[0].message


@pytest.mark.slow
def test_run_when_the_module_can_not_be_imported_then_a_report_that_says_so(tmp_path):
    (tmp_path / "ops_mine.py").write_text("import no_such_package_anywhere\n")
    report = conformance.run(f"MINE={tmp_path}", groups=["open", "copy/in-out/1"])
    assert report.passed == 0
    assert "no_such_package_anywhere" in report.failures[0].message
    assert report.next_step.startswith("open: write class XDevice")


@pytest.mark.slow
def test_run_when_the_backend_prints_and_exits_then_both_do_no_harm(tmp_path):
    text = "print('{\"event\": 7}')\nimport os\nos.write(1, b'noise')\nraise SystemExit(3)\n"
    (tmp_path / "ops_mine.py").write_text(text)
    report = conformance.run(f"MINE={tmp_path}", groups=["open/class", "open/device"])
    assert [f.message[:10] for f in report.failures] == ["SystemExit"] * 2


@pytest.mark.slow
def test_run_when_there_is_no_such_device_then_an_error_and_the_next_step():
    with pytest.raises(DeviceError, match="ops_toaster") as caught:
        conformance.run("TOASTER")
    assert "doctor" in caught.value.next_step


@pytest.mark.slow
def test_run_then_progress_counts_up_to_all():
    seen = []
    report = conformance.run("CPU", groups=["open"], progress=lambda *args: seen.append(args))
    assert report.ok
    total = len(report.results)
    assert [done for done, *_ in seen] == list(range(total + 1))
    assert {of for _, of, _ in seen} == {total}
    assert seen[0][2] == "open/class"


@pytest.mark.slow
def test_run_when_no_case_matches_then_an_error():
    with pytest.raises(LabError, match="reduce/none/"):
        conformance.run("CPU", groups=["reduce/none/*"])


@pytest.mark.parametrize(
    ("options", "words"),
    [({"groups": ["elbow"]}, "elbow"), ({"size": "huge"}, "full or small")],
)
def test_run_when_an_option_is_wrong_then_an_error_before_anything_starts(options, words):
    with pytest.raises(LabError, match=words):
        conformance.run("CPU", **options)

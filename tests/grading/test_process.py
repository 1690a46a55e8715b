"""The environment of child processes, and their end."""

import os
import sys
import time

import psutil
import pytest

from labs.grading.process import notebook_environment, run_limited


def test_notebook_environment_keeps_progress_apart_and_finds_labs(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "mine")
    found = notebook_environment(tmp_path / "p", strict=True)
    assert found["COURSE_STATE"] == str(tmp_path / "p") and found["COURSE_STRICT"] == "1"
    assert found["PYTHONPATH"].endswith(f"{os.pathsep}mine") and found["PATH"] == os.environ["PATH"]


def test_notebook_environment_when_the_course_folder_is_read_only_still_works(
    tmp_path, monkeypatch
):
    (tmp_path / "file").touch()
    monkeypatch.setenv("COURSE_HOME", str(tmp_path / "file" / "home"))
    assert notebook_environment(tmp_path / "p", strict=False)["COURSE_STRICT"] == "0"


def run(code, tmp_path, timeout_s=30.0):
    with (tmp_path / "out").open("w+b") as out, (tmp_path / "err").open("w+b") as err:
        exit_code = run_limited(
            [sys.executable, "-c", code],
            stdin="text", stdout=out, stderr=err, folder=tmp_path, environment=dict(os.environ),
            timeout_s=timeout_s,
        )  # fmt: skip
    return exit_code, (tmp_path / "out").read_text()


def test_run_limited_passes_stdin_and_gives_the_exit_code(tmp_path):
    assert run("import sys; print(sys.stdin.read()); sys.exit(3)", tmp_path) == (3, "text\n")


def test_run_limited_when_stdin_is_not_read_goes_on(tmp_path):
    assert run("pass", tmp_path) == (0, "")


def test_run_limited_when_the_time_is_up_gives_none(tmp_path):
    assert run("while True: pass", tmp_path, timeout_s=0.5)[0] is None


@pytest.mark.skipif(os.name != "posix", reason="orphans are found by process group: POSIX only")
def test_run_limited_ends_children_and_orphans_as_well(tmp_path):
    # the grandchild's parent is gone: only the group still knows it
    sleeper = "import os, time; open(f'pid{os.getpid()}', 'w'); time.sleep(600)"
    start = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {sleeper!r}])"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {start!r}]); {start}"
    waiting = "import glob, time\nwhile len(glob.glob('pid*')) < 2: time.sleep(0.02)"
    assert run(f"{code}\n{waiting}", tmp_path)[0] == 0
    pids = [int(p.name.removeprefix("pid")) for p in tmp_path.glob("pid*")]
    deadline = time.monotonic() + 10
    while any(map(_runs, pids)) and time.monotonic() < deadline:
        time.sleep(0.05)  # the kernel needs a moment to take a killed process away
    assert len(pids) == 2 and not any(map(_runs, pids))


def _runs(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False

"""Runs the tests of a tinygrad checkout on a device, and reports them as one more group.

pytest runs in a child process with `pytest_plugin`, which registers the device and writes a line to
a file at the start and the end of each test. A test that hangs or takes the process down is failed,
and a new process goes on with the rest.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil

from labs.backends.conformance.report import FAILED, CaseResult
from labs.backends.conformance.target import Target, search_path
from labs.errors import LabError

GROUP = "tinygrad"
VARIABLE = "COURSE_CONFORMANCE"  # the plugin reads it: importing the plugin would register things
TEST_TIMEOUT_S = 300.0  # tinygrad's longest operation tests take a minute on a slow device
DEATHS = 10
_POLL_S = 0.2
_TAIL = 600  # characters of pytest's output


def run_tinygrad_tests(
    target: Target,
    path: str | Path,
    *,
    timeout_s: float = TEST_TIMEOUT_S,
    progress: Callable[[int, int, str], object] | None = None,
) -> tuple[CaseResult, ...]:
    """Run tests on the device.

    Args:
        path: a checkout of tinygrad (its test/backend and test/test_tiny.py are run, or all of
            test/ where there is no such folder), or one folder or file of tests.
        timeout_s: for one test.
        progress: called with (done, total, text).

    Returns:
        One result for each test, named "tinygrad/<file>::<test>".

    Raises:
        LabError: when the path holds no tests.
    """
    root, tests = _find(Path(path))
    run = _Run(target, root, tests, timeout_s, progress)
    for _ in range(DEATHS):
        if run.once():
            break
    if progress is not None:
        progress(len(run.results), len(run.results), "done")
    return tuple(run.results.values())


class _Run:
    def __init__(self, target, root, tests, timeout_s, progress) -> None:
        self.target, self.root, self.tests = target, root, tests
        self.timeout_s, self.progress = timeout_s, progress
        self.results: dict[str, CaseResult] = {}
        self.total = 0

    def once(self) -> bool:
        """Run what is left in one process; whether all of it was run."""
        with tempfile.TemporaryDirectory(prefix="tinygrad-tests-") as folder:
            events = Path(folder) / "events.jsonl"
            with tempfile.TemporaryFile() as log:
                process = subprocess.Popen(
                    self._command(),
                    cwd=self.root,
                    env=self._environment(events),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
                try:
                    current, how = self._follow(process, events)
                finally:
                    _end(process)
                log.seek(0)
                text = log.read().decode(errors="replace")[-_TAIL:].strip()
        if current:
            name = f"{GROUP}/{current}"
            self.results[current] = CaseResult(name, FAILED, f"the process {how}: {text}")
            return False
        if not self.results:
            raise LabError(
                f"Run the tests in {self.tests[0]}",
                expected="tests that pytest finds",
                got=text or "none",
                next_step="name a checkout of tinygrad of the installed version, or a test file",
            )
        return True

    def _follow(self, process: subprocess.Popen, events: Path) -> tuple[str, str]:
        """The test during which the process ended, if any, and how."""
        current, began, position = "", time.monotonic(), 0
        while True:
            over = process.poll() is not None
            lines, position = _new_lines(events, position)
            for event in lines:
                if event["event"] == "collected":
                    self.total = len(self.results) + event["count"]
                elif event["event"] == "start":
                    current, began = event["test"], time.monotonic()
                    if self.progress is not None:
                        self.progress(len(self.results), self.total, current)
                else:
                    taken = event.get("time_s", time.monotonic() - began)
                    self._keep(event, taken)
                    current, began = "", time.monotonic()
            if over:
                return current, f"ended with code {process.returncode}"
            if time.monotonic() - began > self.timeout_s:
                return current or "collection", f"took longer than {self.timeout_s:g} s"
            time.sleep(_POLL_S)

    def _keep(self, event: dict, taken: float) -> None:
        name, status = event["test"], event["status"]
        self.results[name] = CaseResult(f"{GROUP}/{name}", status, event["message"], taken)

    def _command(self) -> list[str]:
        return [
            sys.executable,
            "-P",  # the checkout's own tinygrad must not come before the installed one
            "-m",
            "pytest",
            "-p",
            "labs.backends.conformance.pytest_plugin",
            "-p",
            "no:cacheprovider",
            "-q",
            "--no-header",
            f"--rootdir={self.root}",
            "-c",
            os.devnull,  # its configuration may name plugins that aren't here
            *map(str, self.tests),
        ]

    def _environment(self, events: Path) -> dict[str, str]:
        job = {
            "device": self.target.device,
            "module": self.target.module,
            "paths": search_path(self.target),
            "root": str(self.root),
            "events": str(events),
            "done": list(self.results),
        }
        # compile workers would import the checkout's tinygrad
        return {**os.environ, VARIABLE: json.dumps(job), "PARALLEL": "0"}


def _find(path: Path) -> tuple[Path, list[Path]]:
    """The root of the checkout, and what to run in it."""
    path = path.expanduser().resolve()
    if (path / "test").is_dir():
        wanted = [path / "test" / "test_tiny.py", path / "test" / "backend"]
        found = [p for p in wanted if p.exists()]
        return path, found or [path / "test"]
    if not path.exists():
        raise LabError(
            f"Run tinygrad's tests from {path}",
            expected="a checkout of tinygrad, or a folder or file of tests",
            got="no such file or folder",
            next_step="git clone --branch v0.14.0 the tinygrad repository, and name its folder",
        )
    root = next((p.parent for p in path.parents if p.name == "test"), path.parent)
    return root, [path]


def _new_lines(file: Path, position: int) -> tuple[list[dict], int]:
    """The complete lines since the position, and the position after them."""
    if not file.exists():
        return [], position
    with open(file, "rb") as stream:
        stream.seek(position)
        data = stream.read()
    whole = data[: data.rfind(b"\n") + 1]
    return [json.loads(line) for line in whole.splitlines()], position + len(whole)


def _end(process: subprocess.Popen) -> None:
    with suppress(psutil.Error):
        for child in psutil.Process(process.pid).children(recursive=True):
            with suppress(psutil.Error):
                child.kill()
    with suppress(OSError):
        process.kill()
    process.wait()

"""Runs cases in a child process that may crash or hang, and finds out for each how it ended.

The child tells when it starts and ends a case. A case that takes too long ends the child; a child
that dies fails the case it was in. Either way a new child goes on with the next case. A group in
which that happens again and again is given up, so that a broken backend costs minutes, not hours.
"""

import json
import queue
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import psutil

from labs.backends.conformance.report import FAILED, CaseResult
from labs.backends.conformance.target import Target, search_path
from labs.errors import DeviceError
from labs.paths import PROJECT_ROOT

START_TIMEOUT_S = 120.0  # imports from a cold disk, and a slow driver's opening
DEATHS_PER_GROUP = 2
HANGS_IN_ALL = 6
_POLL_S = 0.1
_LOG_TAIL = 300  # characters
_FRAMES = 3
_FRAME = re.compile(r'File "(.*)", line (\d+) in (.+)')  # as faulthandler writes it


@dataclass(frozen=True)
class Job:
    """What all children of one run have in common."""

    target: Target
    size: str
    seed: int
    timeout_s: float


@dataclass
class _Deaths:
    """How often the child died, to know when to give up."""

    by_group: dict[str, int] = field(default_factory=dict)
    hangs: int = 0

    def count(self, group: str, hung: bool) -> None:
        self.by_group[group] = self.by_group.get(group, 0) + 1
        self.hangs += hung

    def reason_to_stop(self, group: str) -> str:
        """Why this group isn't run any more; empty when it is."""
        if self.hangs >= HANGS_IN_ALL:
            return f"not run: {self.hangs} cases have taken too long already"
        deaths = self.by_group.get(group, 0)
        if deaths >= DEATHS_PER_GROUP:
            return f"not run: {deaths} cases of this group have hung or crashed already"
        return ""


class Runner:
    """One run: starts children, follows them, and ends them.

    Use as a context manager. `known` are the cases of this size as (name, own time limit or None).
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._child: _Child | None = None
        self.known: dict[str, float | None] = {}

    def __enter__(self) -> "Runner":
        self._child = _Child(self._job, None)
        ready = self._child.event(time.monotonic() + START_TIMEOUT_S)
        if ready.get("event") != "ready":
            log = self._child.end()
            raise DeviceError(
                f"Run the conformance suite on {self._job.target.device}",
                expected="a process that gets ready",
                got=f"it {self._child.how()}; its last words: {log or 'none'}",
                next_step="python3 course.py doctor",
            )
        self.known = dict(ready["cases"])
        if ready["trouble"]:
            self._child.end()
            raise DeviceError(
                f"Run the conformance suite on {self._job.target.device}",
                expected="a device that can be opened, or NAME=package.module or NAME=path",
                got=str(ready["trouble"]),
                next_step="python3 course.py doctor lists the devices of this machine",
            )
        return self

    def __exit__(self, *_: object) -> None:
        if self._child is not None:
            self._child.end()

    def run(self, cases: Iterable[str], started: Callable[[str], None]) -> Iterator[CaseResult]:
        """The result of each case, as soon as it is there; `started` hears of each beginning."""
        left, deaths = list(cases), _Deaths()
        self._child.send(left)
        while left:
            name = left[0]
            reason = deaths.reason_to_stop(name.partition("/")[0])
            if reason:
                if self._child is not None:
                    self._child.end()
                    self._child = None
                yield CaseResult(left.pop(0), FAILED, reason)
                continue
            if self._child is None:
                self._child = _Child(self._job, left)
            started(name)
            result, hung = self._follow(name)
            if self._child.is_over:
                self._child = None
                deaths.count(result.group, hung)
            yield result
            left.pop(0)

    def _follow(self, name: str) -> tuple[CaseResult, bool]:
        """The result of the case that the child runs next, and whether it took too long."""
        child, began = self._child, time.monotonic()
        limit = self.known[name] or self._job.timeout_s
        deadline = began + START_TIMEOUT_S  # of the start
        while True:
            event = child.event(deadline)
            if event.get("event") == "start" and event["case"] == name:
                began = time.monotonic()
                deadline = began + limit
            elif event.get("event") == "end" and event["case"] == name:
                found = CaseResult(name, event["status"], event["message"], event["time_s"])
                return found, False
            elif event.get("event") in ("hung", "gone"):
                hung = event["event"] == "hung"
                log = child.end()
                how = f"took longer than {limit:g} s and was ended" if hung else child.how()
                where = child.stack(hung)
                message = f"the process {how}{where}" + (f"; its last words: {log}" if log else "")
                return CaseResult(name, FAILED, message, time.monotonic() - began), hung


class _Child:
    """One process that runs cases."""

    def __init__(self, job: Job, cases: list[str] | None) -> None:
        self.is_over = self._saw_end = False
        self._trace_text = ""
        self._folder = tempfile.TemporaryDirectory(prefix="conformance-")
        self._trace = Path(self._folder.name) / "trace.txt"
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (closed in end)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "labs.backends.conformance.child"],
            cwd=PROJECT_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            start_new_session=True,  # a terminal's Ctrl-C reaches us alone, and we end the child
        )
        self._events: queue.Queue[dict[str, object]] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        self._tell(
            {
                "device": job.target.device,
                "module": job.target.module,
                "paths": search_path(job.target),
                "size": job.size,
                "seed": job.seed,
                "timeout_s": job.timeout_s,
                "trace": str(self._trace),
                "cases": cases,
            }
        )

    def send(self, cases: list[str]) -> None:
        """Tell a child that is ready what to run."""
        self._tell({"cases": cases})

    def event(self, deadline: float) -> dict[str, object]:
        """The next event; {"event": "hung"} at the deadline, {"event": "gone"} after its death."""
        while True:
            left = deadline - time.monotonic()
            try:
                return self._events.get(timeout=max(0.0, min(left, _POLL_S)))
            except queue.Empty:
                if left <= 0:
                    return {"event": "hung"}

    def end(self) -> str:
        """End the process and its children; the end of what it wrote to standard error."""
        if self.is_over:
            return ""
        self.is_over = True
        with suppress(psutil.Error):
            for process in psutil.Process(self._process.pid).children(recursive=True):
                with suppress(psutil.Error):
                    process.kill()
        if self._process.poll() is None and self._saw_end:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(1.0)  # it has closed its pipe, and the exit status tells why
        with suppress(OSError):
            self._process.kill()
        self._process.wait()
        self._log.seek(0)
        text = self._log.read().decode(errors="replace").strip()
        self._log.close()
        self._trace_text = self._trace.read_text("utf-8", "replace") if self._has_trace() else ""
        self._folder.cleanup()
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError):
                pipe.close()
        return " ".join(text[-_LOG_TAIL:].split())

    def how(self) -> str:
        """How the process ended."""
        code = self._process.returncode
        if code is not None and code < 0:
            return f"died of {signal.Signals(-code).name}"
        return f"ended with code {code}"

    def stack(self, hung: bool) -> str:
        """Where it was, by the Python stack written at its end: " in f (file.py:3) < g (...)"."""
        blocks = self._trace_text.strip().split("\n\n")
        # a crash names the thread it was in; at a time-out the main thread is written last
        crashed = [b for b in blocks if "Current thread" in b]
        frames = _FRAME.findall(crashed[-1] if crashed and not hung else blocks[-1])
        shown = [f"{name} ({Path(path).name}:{line})" for path, line, name in frames[:_FRAMES]]
        return f" in {' < '.join(shown)}" if shown else ""

    def _has_trace(self) -> bool:
        return self._trace.is_file()

    def _read(self) -> None:
        for line in self._process.stdout:
            with suppress(ValueError):  # what isn't an event is ignored: a driver may write there
                event = json.loads(line)
                if isinstance(event, dict):
                    self._events.put(event)
        self._saw_end = True
        self._events.put({"event": "gone"})

    def _tell(self, message: dict[str, object]) -> None:
        with suppress(OSError):  # it may be dead already: that is seen when its events are read
            self._process.stdin.write(json.dumps(message).encode() + b"\n")
            self._process.stdin.flush()

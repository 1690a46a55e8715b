"""bisect() in a child process, which a kernel may crash or hang.

The plan goes there as a file, and verdicts come back one by one. Before each step the child says
what there is to know about it, so that the parent can name the step that it never heard of again.
"""

import contextlib
import pickle
import queue
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import IO

import psutil

from labs.backends.conformance.target import parse_target, search_path
from labs.debug.plan import Plan
from labs.debug.report import Bisection, Checked, Divergence
from labs.debug.tolerance import Tolerance
from labs.errors import DeviceError, LabError
from labs.paths import PROJECT_ROOT

START_TIMEOUT_S = 120.0  # imports from a cold disk, and a slow driver's opening
_LOG_TAIL = 300  # characters
_LENGTH = struct.Struct("<Q")
_POLL_S = 0.05


def bisect_in_child(
    plan: Plan, reference: str, tolerance: Tolerance | None, signed_zero: bool, timeout_s: float
) -> Bisection:
    """`bisect` of a plan in a process of its own.

    Args:
        timeout_s: the longest that one step may take: its compilation, launches and copies.

    Raises:
        DeviceError: the child doesn't get as far as the first step.
        LabError: what the bisection itself raises.
    """
    from labs.debug.bisection import assemble

    target = parse_target(plan.device.partition(":")[0])
    job = {
        "plan": plan,
        "reference": reference,
        "tolerance": tolerance,
        "signed_zero": signed_zero,
    }
    setup = {
        "paths": search_path(target),
        "device": target.device,
        "module": target.module,
    }
    with _Child(setup, job) as child:
        return assemble(plan, reference, child.verdicts(plan, timeout_s))


class _Child:
    """The process, and what it tells."""

    def __init__(self, setup: dict[str, object], job: dict[str, object]) -> None:
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (closed in __exit__)
        self._folder = tempfile.TemporaryDirectory(prefix="bisect-")
        file = Path(self._folder.name) / "job.pickle"
        with file.open("wb") as out:
            pickle.dump(setup, out)
            pickle.dump(job, out)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "labs.debug.child", str(file)],
            cwd=PROJECT_ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._log,
            start_new_session=True,  # a terminal's Ctrl-C reaches us alone, and we end the child
        )
        self._events: queue.Queue[tuple[str, object]] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def __enter__(self) -> "_Child":
        return self

    def __exit__(self, *_: object) -> None:
        self._end()
        self._log.close()
        self._process.stdout.close()
        self._folder.cleanup()

    def verdicts(self, plan: Plan, timeout_s: float) -> Iterator[tuple[Checked, Divergence | None]]:
        """What the child finds; a death or a time-out is the divergence of its step."""
        about: Divergence | None = None
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            kind, value = self._event(deadline)
            if kind == "done":
                return
            if kind == "error":
                raise value
            if kind == "about":
                about = value
            elif kind == "verdict":
                yield value
                deadline = time.monotonic() + timeout_s
            elif kind == "ready":
                deadline = time.monotonic() + timeout_s
            elif kind in ("hung", "gone"):
                log = self._end()
                how = f"after {timeout_s:g} s" if kind == "hung" else self._how()
                if about is None:
                    raise DeviceError(
                        f"Bisect on {plan.device} in a process of its own",
                        expected="a process that gets to the first step",
                        got=f"one that {'hangs' if kind == 'hung' else how}: {log or 'no message'}",
                        next_step="`course doctor` tries each device by itself",
                    )
                words = f"{about.message}; {how}" + (f"; its last words: {log}" if log else "")
                name = "hung" if kind == "hung" else "crashed"
                found = replace(about, kind=name, message=words)
                step = plan.steps[found.number]
                yield Checked(found.number, step.kind, found.name, name, None, ""), found
                return

    def _event(self, deadline: float) -> tuple[str, object]:
        while True:
            left = deadline - time.monotonic()
            try:
                return self._events.get(timeout=max(0.0, min(left, _POLL_S)))
            except queue.Empty:
                if left <= 0:
                    return "hung", None

    def _read(self) -> None:
        pipe = self._process.stdout
        try:
            while head := pipe.read(_LENGTH.size):
                self._events.put(pickle.loads(pipe.read(_LENGTH.unpack(head)[0])))
        except (EOFError, struct.error, pickle.UnpicklingError, ValueError, OSError):
            pass  # it died in the middle of a message
        self._events.put(("gone", None))

    def _end(self) -> str:
        """End the process and its children; the end of what it wrote to standard error."""
        with contextlib.suppress(psutil.Error):
            for process in psutil.Process(self._process.pid).children(recursive=True):
                with contextlib.suppress(psutil.Error):
                    process.kill()
        if self._process.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(0.5)  # where it is dying, its exit status tells why
        with contextlib.suppress(OSError):
            self._process.kill()
        self._process.wait()
        if self._log.closed:
            return ""
        self._log.seek(0)
        text = self._log.read().decode(errors="replace").strip()
        return " ".join(text[-_LOG_TAIL:].split())

    def _how(self) -> str:
        code = self._process.returncode
        if code is not None and code < 0:
            return f"it died of {signal.Signals(-code).name}"
        return f"it ended with code {code}"


def send(pipe: IO[bytes], kind: str, value: object) -> None:
    """One message from the child."""
    data = pickle.dumps((kind, value))
    pipe.write(_LENGTH.pack(len(data)) + data)
    pipe.flush()


def sendable(error: LabError) -> LabError:
    """An error without its cause, which may not travel."""
    return type(error)(
        error.asked, expected=error.expected, got=error.got, next_step=error.next_step
    )

"""What a reader sees while the environment is made: one line per step on stderr, with seconds."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

# The words of an installer's output that say where it is: "Collecting numpy==2.4.6 (from ...)".
_WHERE = re.compile(
    r"^\s*(Collecting|Downloading|Installing collected packages|Building) ?([^\s:(]*)"
)
_WIDTH = 100
_STOP_TIME_S = 10.0

_open_step = ""


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


@contextmanager
def step(text: str) -> Iterator[None]:
    """Show a step, and its seconds when it has ended."""
    global _open_step
    started = time.monotonic()
    _open_step = f"  {text} ..."
    print(_open_step, end="", file=sys.stderr, flush=True)
    ending = "failed"
    try:
        yield
        ending = f"{time.monotonic() - started:.1f} s"
    finally:
        note("")
        _open_step = ""
        print(f" {ending}", file=sys.stderr, flush=True)


def note(text: str) -> None:
    """Say on a terminal where the current step is; the next note overwrites it."""
    if sys.stderr.isatty() and _open_step:
        line = f"{_open_step} {text}".rstrip()[:_WIDTH]
        print(f"\r\033[K{line}", end="", file=sys.stderr, flush=True)


def follow(
    command: Sequence[str], environment: Mapping[str, str], log: Path, *, keep_open: int
) -> list[str] | None:
    """Run a command with its output in the log; None when it succeeds, else what it printed.

    keep_open is the set-up's lock: the child holds it too, so that nobody starts over while a child
    outlives us.
    """
    lines: list[str] = []
    options: dict = {"pass_fds": (keep_open,)} if os.name == "posix" else {}
    with open(log, "a", encoding="utf-8") as file:
        print("$", *command, file=file, flush=True)
        process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            **options,
        )
        try:
            for line in process.stdout or ():
                lines.append(line.rstrip())
                file.write(line)
                if found := _WHERE.match(line):
                    note(" ".join(found.groups()))
            return lines if process.wait() else None
        except BaseException:
            _stop(process)
            raise


def _stop(process: subprocess.Popen) -> None:
    with suppress(OSError):
        process.send_signal(signal.SIGINT if os.name == "posix" else signal.SIGTERM)
    try:
        process.wait(_STOP_TIME_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()

"""Child processes that run notebook code: their environment, and an end that leaves no child."""

import os
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

import psutil

from labs import jupyter
from labs.paths import PROJECT_ROOT


def notebook_environment(state_file: Path, *, strict: bool) -> dict[str, str]:
    """The environment in which notebook code runs on its own: a progress file apart from the
    reader's, `labs` importable from any folder, and none of the reader's IPython settings."""
    ours: dict[str, str] = {}
    with suppress(OSError):  # a course folder that can't be written: their own settings will do
        ours = jupyter.environment()
        if "IPYTHONDIR" in ours:  # with a missing parent IPython warns and uses another folder
            Path(ours["IPYTHONDIR"]).mkdir(parents=True, exist_ok=True)
    paths = [str(PROJECT_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        **os.environ,
        **ours,
        "COURSE_STATE": str(state_file),
        "COURSE_STRICT": "1" if strict else "0",
        "PYTHONPATH": os.pathsep.join(paths),
    }


def run_limited(
    command: Sequence[str],
    *,
    stdin: str,
    stdout: IO[bytes],
    stderr: IO[bytes],
    folder: Path,
    environment: dict[str, str],
    timeout_s: float,
) -> int | None:
    """Run a command; its exit code, or None when the time was up. Its children end with it."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=stdout,
        stderr=stderr,
        cwd=folder,
        env=environment,
        start_new_session=True,
    )
    try:
        process.communicate(stdin.encode(), timeout=timeout_s)
        return process.returncode
    except subprocess.TimeoutExpired:
        return None
    finally:
        _end(process)


def _end(process: subprocess.Popen) -> None:
    children: list[psutil.Process] = []
    with suppress(psutil.Error):
        children = psutil.Process(process.pid).children(recursive=True)
    if os.name == "posix":  # the group also holds children whose parent is gone
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    for child in children:
        with suppress(psutil.Error):
            child.kill()
    with suppress(OSError):
        process.kill()
    process.wait()

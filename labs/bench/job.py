"""A job in a process of its own: what the parent and the child of every isolated run share.

The child is a module that is run with the path of a job file. It says its steps as events on
stdout, ends when its stdin is closed, and leaves its results in a file.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from labs.bench.__main__ import event_stream, stdin_closed
from labs.bench.isolated import died_early, run_child
from labs.bench.runner import Cancel, Event, Progress
from labs.errors import LabError, MeasurementError

Result = TypeVar("Result")


def run_job(
    module: str,
    job: Path,
    results: Path,
    load: Callable[[Path], Result],
    cancelled: Callable[[str], Result],
    *,
    progress: Progress | None,
    cancel: Cancel | None,
    stall_timeout_s: float,
) -> Result:
    """The parent: runs `python -m module job` to its end, and loads what it left.

    Args:
        cancelled: "cancelled" or "interrupted" -> what to return when it left nothing.

    Raises:
        LabError: the child's own, or that it died.
    """
    command = [sys.executable, "-m", module, str(job)]
    end = run_child(command, progress, cancel, stall_timeout_s)
    if end.error:
        raise end.error
    if results.exists():
        return load(results)
    if end.reason in ("cancelled", "interrupted"):
        return cancelled(end.reason)
    raise died_early(end)


def serve_job(
    device: str,
    work: Callable[[Progress, Cancel], object],
    *,
    begin: str,
    asked: str,
    next_step: str,
) -> int:
    """The child: does the work with the toolchain ready and the backends registered.

    Args:
        work: (progress, cancel) -> saves its results.
        begin: the first step, said before tinygrad is loaded.
        asked, next_step: of the error that one of tinygrad's own becomes; these have no parts.

    Returns:
        The exit status.
    """
    from labs import backends, toolchain

    emit, cancel = event_stream(), stdin_closed()

    def progress(done: int, total: int, text: str) -> None:
        emit(Event(done, total, text, device))

    try:
        progress(0, 1, begin)
        toolchain.activate()
        backends.register()
        work(progress, cancel)
        return 0
    except LabError as error:
        emit(error)
    except Exception as error:
        emit(
            MeasurementError(
                asked,
                expected="kernels that compile and run",
                got=f"{type(error).__name__}: {error}",
                next_step=next_step,
            )
        )
    return 2

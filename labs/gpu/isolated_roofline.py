"""place() in a process of its own, for panels: the notebook's kernel stays free, a driver that
crashes costs nothing but its run, and a run can be cancelled.

    python -m labs.gpu.isolated_roofline JOB

is the child. Job and result are pickles in a folder of the parent's, which nobody else writes to.
"""

import pickle
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from labs.bench.__main__ import event_stream, stdin_closed
from labs.bench.isolated import STALL_TIMEOUT_S, died_early, run_child
from labs.bench.plan import resolve_workloads
from labs.bench.runner import Cancel, Event, Progress
from labs.errors import LabError, MeasurementError
from labs.gpu.roof_data import Roofs
from labs.gpu.roofline import Roofline


def place_isolated(
    workloads: str | Iterable[str],
    device: str,
    roofs: Roofs | None = None,
    *,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
    stall_timeout_s: float = STALL_TIMEOUT_S,
    **options: object,
) -> Roofline:
    """`place` in a child process; workloads go by their specs ("matmul:n=512").

    Args:
        options: those of `place` that are plain numbers and words.

    Raises:
        LabError: as `place` does; when the child dies; or when it was cancelled before anything
            could be placed.
    """
    specs = [workloads] if isinstance(workloads, str) else list(workloads)
    resolve_workloads(specs)  # a wrong spec is said here, not by a child
    with tempfile.TemporaryDirectory(prefix="roofline-") as folder:
        job, file = Path(folder) / "job", Path(folder) / "roofline"
        job.write_bytes(pickle.dumps((specs, device, roofs, options, str(file))))
        command = [sys.executable, "-m", "labs.gpu.isolated_roofline", str(job)]
        end = run_child(command, progress, cancel, stall_timeout_s)
        if end.error:
            raise end.error
        if file.exists():
            return pickle.loads(file.read_bytes())
        if end.reason in ("cancelled", "interrupted"):
            raise MeasurementError(
                f"place workloads on {device}",
                expected="a run that came to its end",
                got=f"it was {end.reason} before anything could be placed",
                next_step="run it again",
            )
        raise died_early(end)


def main(argv: Sequence[str]) -> int:
    """The child: does the job and saves what came of it."""
    from labs import backends, toolchain

    specs, device, roofs, options, file = pickle.loads(Path(argv[0]).read_bytes())
    emit, cancel = event_stream(), stdin_closed()

    def progress(done: int, total: int, text: str) -> None:
        emit(Event(done, total, text, device))

    try:
        toolchain.activate()
        backends.register()
        from labs.gpu.roofline import place

        found = place(specs, device, roofs, progress=progress, cancel=cancel, **options)
        if found.placements or not cancel():
            Path(file).write_bytes(pickle.dumps(found))
        return 0
    except LabError as error:
        emit(error)
    except Exception as error:  # tinygrad's own errors have no parts: they get them here
        emit(
            MeasurementError(
                f"place workloads on {device}",
                expected="kernels that compile and run",
                got=f"{type(error).__name__}: {error}",
                next_step="choose other workloads or smaller sizes",
            )
        )
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

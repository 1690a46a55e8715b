"""place() in a process of its own, for panels: the notebook's kernel stays free, a driver that
crashes costs nothing but its run, and a run can be cancelled.

    python -m labs.gpu.isolated_roofline JOB

is the child. Job and result are pickles in a folder of the parent's, which nobody else writes to.
"""

import pickle
import sys
import tempfile
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import NoReturn

from labs.bench.isolated import STALL_TIMEOUT_S
from labs.bench.job import run_job, serve_job
from labs.bench.plan import resolve_workloads
from labs.bench.runner import Cancel, Progress
from labs.errors import MeasurementError
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
        return run_job(
            "labs.gpu.isolated_roofline",
            job,
            file,
            lambda path: pickle.loads(path.read_bytes()),
            partial(_nothing_placed, device),
            progress=progress,
            cancel=cancel,
            stall_timeout_s=stall_timeout_s,
        )


def _nothing_placed(device: str, reason: str) -> NoReturn:
    raise MeasurementError(
        f"place workloads on {device}",
        expected="a run that came to its end",
        got=f"it was {reason} before anything could be placed",
        next_step="run it again",
    )


def main(argv: Sequence[str]) -> int:
    """The child: does the job and saves what came of it."""
    specs, device, roofs, options, file = pickle.loads(Path(argv[0]).read_bytes())

    def work(progress: Progress, cancel: Cancel) -> None:
        from labs.gpu.roofline import place

        found = place(specs, device, roofs, progress=progress, cancel=cancel, **options)
        if found.placements or not cancel():
            Path(file).write_bytes(pickle.dumps(found))

    return serve_job(
        device,
        work,
        begin=f"opening {device}",
        asked=f"place workloads on {device}",
        next_step="choose other workloads or smaller sizes",
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

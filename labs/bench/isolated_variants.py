"""measure_variants() in a process of its own, for panels: the notebook's kernel stays free, a
variant that crashes costs nothing but its run, and a run can be cancelled.

    python -m labs.bench.isolated_variants JOB.json

is the child; it says its steps as `python -m labs.bench --events` does.
"""

import json
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

from labs.bench.__main__ import event_stream, stdin_closed
from labs.bench.files import load_results, save_results
from labs.bench.isolated import STALL_TIMEOUT_S, died_early, run_child
from labs.bench.results import ResultSet
from labs.bench.runner import Cancel, Event, Progress
from labs.bench.variants import Variant, measure_variants
from labs.bench.workloads import parse_workload
from labs.errors import LabError, MeasurementError


def measure_variants_isolated(
    workload: str,
    variants: Iterable[Variant],
    *,
    device: str = "ELECTRICAL",
    progress: Progress | None = None,
    cancel: Cancel | None = None,
    stall_timeout_s: float = STALL_TIMEOUT_S,
    **options: object,
) -> ResultSet:
    """`measure_variants` in a child process; the workload goes by its spec ("matmul:n=512").

    Args:
        options: those of `measure_variants` that are plain numbers and words (rounds,
            round_time_s, cache, seed, precision).

    Returns:
        What was measured up to the end or the cancellation (`stop_reason`).

    Raises:
        LabError: as `measure_variants` does, and when the child dies.
    """
    parse_workload(workload)  # a wrong spec is said here, not by a child
    with tempfile.TemporaryDirectory(prefix="variants-") as folder:
        file, job = Path(folder) / "results.json", Path(folder) / "job.json"
        job.write_text(
            json.dumps(
                {
                    "workload": workload,
                    "variants": [asdict(v) for v in variants],
                    "device": device,
                    "options": options,
                    "results": str(file),
                }
            ),
            encoding="utf-8",
        )
        command = [sys.executable, "-m", "labs.bench.isolated_variants", str(job)]
        end = run_child(command, progress, cancel, stall_timeout_s)
        if end.error:
            raise end.error
        if not file.exists():
            if end.reason in ("cancelled", "interrupted"):
                return ResultSet((), (), {}, end.reason)
            raise died_early(end)
        return load_results(file)


def main(argv: Sequence[str]) -> int:
    """The child: measures the job and saves its results."""
    from labs import backends, toolchain

    job = json.loads(Path(argv[0]).read_text(encoding="utf-8"))
    emit, cancel = event_stream(), stdin_closed()
    variants = [Variant(**v) for v in job["variants"]]
    device = job["device"]

    def progress(done: int, total: int, text: str) -> None:
        emit(Event(done, total, text, device))

    try:
        progress(0, 1, f"compiling {len(variants)} variants")
        toolchain.activate()
        backends.register()
        results = measure_variants(
            job["workload"],
            variants,
            device=device,
            progress=progress,
            cancel=cancel,
            **job["options"],
        )
        save_results(results, job["results"])
        return 0
    except LabError as error:
        emit(error)
    except Exception as error:  # tinygrad's own errors have no parts: they get them here
        emit(
            MeasurementError(
                f"measure variants of '{job['workload']}' on {device}",
                expected="kernels that compile and run",
                got=f"{type(error).__name__}: {error}",
                next_step="leave out the choice that was added last",
            )
        )
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

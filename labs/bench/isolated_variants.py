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

from labs.bench.files import load_results, save_results
from labs.bench.isolated import STALL_TIMEOUT_S
from labs.bench.job import run_job, serve_job
from labs.bench.results import ResultSet
from labs.bench.runner import Cancel, Progress
from labs.bench.variants import Variant, measure_variants
from labs.bench.workloads import parse_workload


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
        return run_job(
            "labs.bench.isolated_variants",
            job,
            file,
            load_results,
            lambda reason: ResultSet((), (), {}, reason),
            progress=progress,
            cancel=cancel,
            stall_timeout_s=stall_timeout_s,
        )


def main(argv: Sequence[str]) -> int:
    """The child: measures the job and saves its results."""
    job = json.loads(Path(argv[0]).read_text(encoding="utf-8"))

    def work(progress: Progress, cancel: Cancel) -> None:
        results = measure_variants(
            job["workload"],
            [Variant(**v) for v in job["variants"]],
            device=job["device"],
            progress=progress,
            cancel=cancel,
            **job["options"],
        )
        save_results(results, job["results"])

    return serve_job(
        job["device"],
        work,
        begin=f"compiling {len(job['variants'])} variants",
        asked=f"measure variants of '{job['workload']}' on {job['device']}",
        next_step="leave out the choice that was added last",
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""measure_choices() in a process of its own, for panels: the notebook's kernel stays free, a kernel
that crashes costs nothing but its run, and a run can be cancelled.

    python -m labs.gpu.isolated_choices JOB.json

is the child; it says its steps as `python -m labs.bench --events` does.
"""

import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from labs.bench.files import load_results, save_results
from labs.bench.isolated import STALL_TIMEOUT_S
from labs.bench.job import run_job, serve_job
from labs.bench.results import ResultSet
from labs.bench.runner import Cancel, Progress
from labs.bench.sampler import Settings
from labs.bench.workload import Workload
from labs.bench.workloads import parse_workload
from labs.gpu.measured import Choice, measure_choices
from labs.gpu.notation import option_texts, parse_options


def measure_choices_isolated(
    workload: Workload | str,
    choices: Mapping[str, Choice],
    *,
    device: str = "CPU",
    progress: Progress | None = None,
    cancel: Cancel | None = None,
    settings: Settings | None = None,
    stall_timeout_s: float = STALL_TIMEOUT_S,
    **options: object,
) -> ResultSet:
    """`measure_choices` in a child process; the workload goes by its spec ("matmul:n=512").

    Args:
        options: those of `measure_choices` that are plain numbers and words (clock, rounds,
            round_time_s, precision, seed).

    Returns:
        What was measured up to the end or the cancellation (`stop_reason`).

    Raises:
        LabError: as `measure_choices` does, and when the child dies.
    """
    spec = workload if isinstance(workload, str) else workload.spec
    parse_workload(spec)  # a wrong spec is said here, not by a child
    with tempfile.TemporaryDirectory(prefix="choices-") as folder:
        file, job = Path(folder) / "results.json", Path(folder) / "job.json"
        texts = {
            label: {key: option_texts(opts) for key, opts in choice.items()}
            for label, choice in choices.items()
        }
        data = {"workload": spec, "choices": texts, "device": device, "options": options}
        data["settings"] = asdict(settings) if settings is not None else None
        job.write_text(json.dumps(data | {"results": str(file)}), encoding="utf-8")
        return run_job(
            "labs.gpu.isolated_choices",
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
        choices = {
            label: {key: parse_options(texts) for key, texts in choice.items()}
            for label, choice in job["choices"].items()
        }
        results = measure_choices(
            job["workload"],
            choices,
            device=job["device"],
            progress=progress,
            cancel=cancel,
            settings=Settings(**job["settings"]) if job["settings"] else None,
            **job["options"],
        )
        save_results(results, job["results"])

    return serve_job(
        job["device"],
        work,
        begin=f"compiling {len(job['choices'])} kernels",
        asked=f"measure options for '{job['workload']}' on {job['device']}",
        next_step="leave out the option that was added last",
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

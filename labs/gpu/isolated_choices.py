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

from labs.bench.__main__ import event_stream, stdin_closed
from labs.bench.files import load_results, save_results
from labs.bench.isolated import STALL_TIMEOUT_S, died_early, run_child
from labs.bench.results import ResultSet
from labs.bench.runner import Cancel, Event, Progress
from labs.bench.sampler import Settings
from labs.bench.workload import Workload
from labs.bench.workloads import parse_workload
from labs.errors import LabError, MeasurementError
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
        command = [sys.executable, "-m", "labs.gpu.isolated_choices", str(job)]
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
    device = job["device"]

    def progress(done: int, total: int, text: str) -> None:
        emit(Event(done, total, text, device))

    try:
        progress(0, 1, f"compiling {len(job['choices'])} kernels")
        toolchain.activate()
        backends.register()
        choices = {
            label: {key: parse_options(texts) for key, texts in choice.items()}
            for label, choice in job["choices"].items()
        }
        results = measure_choices(
            job["workload"],
            choices,
            device=device,
            progress=progress,
            cancel=cancel,
            settings=Settings(**job["settings"]) if job["settings"] else None,
            **job["options"],
        )
        save_results(results, job["results"])
        return 0
    except LabError as error:
        emit(error)
    except Exception as error:  # tinygrad's own errors have no parts: they get them here
        emit(
            MeasurementError(
                f"measure options for '{job['workload']}' on {device}",
                expected="kernels that compile and run",
                got=f"{type(error).__name__}: {error}",
                next_step="leave out the option that was added last",
            )
        )
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""The suite in a process of its own: a device that takes its process along costs its own cases.

The child (`python -m labs.engineering.child REQUEST`) tells its steps as JSON lines and saves the
file after every round. When it dies, the device it was working on is lost: its cases become
failures, and another child goes on with the others.
"""

import json
import sys
import tempfile
import time
from dataclasses import asdict, replace
from pathlib import Path

from labs.bench.files import load_results
from labs.bench.isolated import STALL_TIMEOUT_S, died_early, record_failure, run_child, words_of
from labs.bench.results import ResultSet
from labs.bench.runner import Cancel, Progress
from labs.devices import discover
from labs.devices.answers import save_answers
from labs.engineering.suite_run import Request
from labs.engineering.targets import parse_target

LEAST_BUDGET_S = 10.0  # for a child that goes on after another has died late


def run_suite_isolated(
    request: Request,
    *,
    path: str | Path | None = None,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
    stall_timeout_s: float = STALL_TIMEOUT_S,
) -> ResultSet:
    """`run_suite` in a child process; see the module's docstring.

    Returns:
        What was measured up to the end, the budget's end, the cancellation or Ctrl-C.

    Raises:
        LabError: as `run_suite` does, and when the child dies before it opens a device.
    """
    deadline = time.monotonic() + request.budget_s
    lost: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="suite-") as folder:
        file = Path(path).absolute() if path is not None else Path(folder) / "results.json"
        answers = Path(folder) / "answers.json"  # the child need not ask the drivers again
        save_answers(
            discover({parse_target(n).device.split(":")[0] for n in request.targets}), answers
        )

        def run(what: Request):
            command = [sys.executable, "-m", "labs.engineering.child", json.dumps(asdict(what))]
            return run_child([*command, str(file), str(answers)], progress, cancel, stall_timeout_s)

        end = run(request)
        while end.returncode != 0 and not end.error and end.reason in ("", "stalled"):
            if not end.device or end.device in lost:
                raise died_early(end)
            lost[end.device] = words_of(end)
            if file.exists():
                cases = [tuple(case) for case in load_results(file).plan["cases"]]
                record_failure(file, end, cases)
            left_s = max(LEAST_BUDGET_S, deadline - time.monotonic())
            end = run(replace(request, budget_s=left_s, lost=dict(lost)))
        if end.error:
            raise end.error
        if not file.exists():  # cancelled before anything was there to save
            return ResultSet((), (), {}, end.reason or "cancelled", {})
        results = load_results(file)
    if results.stop_reason == "unfinished":
        return replace(results, stop_reason=end.reason or "interrupted")
    return results

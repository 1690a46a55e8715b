"""`course check`: the exercises as they stand in the saved notebooks, each in a process of its own.

Questions are drawn and answers judged here; only questions and encoded answers cross to the
worker and back. A worker that hangs is ended with everything it started.
"""

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from labs.errors import ExerciseError
from labs.grading.asking import Outcome
from labs.grading.catalogue import Exercise, all_exercises, exercise
from labs.grading.checking import fresh_seed, record, verdict
from labs.grading.encode import to_wire
from labs.grading.judges import judge_of
from labs.grading.process import notebook_environment, run_limited
from labs.grading.result import CheckResult, Status
from labs.grading.student_notebook import StudentCells, cells_for, notebook_path, read_cells

TIMEOUT_S = 60.0  # the imports of a notebook take a few seconds on a slow disk
_MAX_OUTPUT = 400_000_000  # bytes of answers: several of the largest arrays (see encode)
_LOG_LINES = 6
_KINDS = ("answer", "hole", "error", "cells")


def check_command(exercise_id: str | None = None) -> int:
    """Check one exercise, or all, and print each result as it comes.

    Returns:
        The exit status: 0 when everything checked is passed.
    """
    passed = True
    for result in check_saved(exercise_id):
        print(result, flush=True)
        passed = passed and result.passed
    return 0 if passed else 1


def check_saved(
    exercise_id: str | None = None, *, folder: Path | None = None, timeout_s: float = TIMEOUT_S
) -> Iterator[CheckResult]:
    """Check exercises in the saved notebooks, one after the other.

    Args:
        exercise_id: such as "1.3"; every exercise when None.
        folder: where the notebooks are, if not in the course's notebooks/.
        timeout_s: the time limit of each.

    Raises:
        ExerciseError: unknown exercise, or a notebook that can't be read.
    """
    chosen = all_exercises() if exercise_id is None else (exercise(exercise_id),)
    if not chosen:
        raise ExerciseError("check the exercises", expected="at least one", got="none")
    files = {notebook_path(one, folder) for one in chosen}
    cells = {path: read_cells(path) for path in files}  # all readable before the first is run
    return (_check_one(one, cells, folder, timeout_s) for one in chosen)


def _check_one(
    one: Exercise, cells: dict[Path, list[dict]], folder: Path | None, timeout_s: float
) -> CheckResult:
    path = notebook_path(one, folder)
    needed = cells_for(one, cells[path])
    seed = fresh_seed()
    status, message = _run(one, needed, path.parent, seed, timeout_s)
    if needed.warning:
        message = f"{message}\nWarning: {needed.warning}"
    return record(one, status, message, seed)


def _run(
    one: Exercise, needed: StudentCells, folder: Path, seed: int, timeout_s: float
) -> tuple[Status, str]:
    if needed.answer is None:
        return "not-attempted", f"The notebook has no cell {one.grade_id} any more."
    judge = judge_of(one.id)
    questions = judge.draw(seed)
    job = {
        "exercise": one.id,
        "name": one.answer,
        "setup": needed.setup,
        "answer": needed.answer,
        "questions": [to_wire(q) for q in questions],
    }
    with tempfile.TemporaryDirectory() as temporary:
        files = [Path(temporary) / name for name in ("progress.sqlite", "answers", "log")]
        with files[1].open("w+b") as answers, files[2].open("w+b") as log:
            code = run_limited(
                [sys.executable, "-m", "labs.grading.worker"],
                stdin=json.dumps(job),
                stdout=answers,
                stderr=log,
                folder=folder,
                environment=notebook_environment(files[0], strict=False) | {"MPLBACKEND": "Agg"},
                timeout_s=timeout_s,
            )
            outcomes, tail = _outcomes(answers), _tail(log)
    if code is None:
        return "timeout", f"No end after {timeout_s:g} s: is there an endless loop?"
    if code != 0 and (not outcomes or outcomes[-1].kind == "answer"):
        return "crashed", "\n".join([f"The process ended with code {code}.", *tail])
    return verdict(one, judge, questions, outcomes, seed)


def _outcomes(answers) -> list[Outcome]:
    """What the worker wrote, up to the first line that isn't an outcome."""
    answers.seek(0)
    found = []
    for line in answers.read(_MAX_OUTPUT).splitlines():
        try:
            data = json.loads(line)
            kind, wire, message = data["kind"], data.get("wire", ""), data.get("message", "")
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            break
        if kind not in _KINDS or not isinstance(wire, str) or not isinstance(message, str):
            break
        found.append(Outcome(kind, wire, message))
    return found


def _tail(log) -> list[str]:
    size = log.seek(0, os.SEEK_END)
    log.seek(max(0, size - 4000))
    lines = log.read().decode("utf-8", "replace").splitlines()
    return [line for line in lines if line.strip()][-_LOG_LINES:]

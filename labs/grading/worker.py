"""The process in which a reader's cells run: a job comes in as JSON, encoded answers go out.

Started as `python -m labs.grading.worker`. It knows the questions and never the right answers, and
nothing it writes is trusted. What the cells print goes to stderr.
"""

import json
import os
import sys
from typing import Any

from labs import backends
from labs.grading.asking import Outcome, ask_all, describe_error, encode_value
from labs.grading.encode import from_wire
from labs.grading.judges import judge_of


def main() -> int:
    """Read one job from stdin, answer on what was stdout."""
    job = json.loads(sys.stdin.read())
    backends.register()
    # the private copy is for the answers; a cell's print goes to the log, from children as well
    results = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for line in _work(job):
        results.write(json.dumps(line) + "\n")
        results.flush()
    return 0


def _work(job: dict[str, Any]):
    """The messages of one job: first how the cells ran, then one outcome for each question."""
    shell = _shell()
    for name, source in [("set-up", s) for s in job["setup"]] + [("answer", job["answer"])]:
        trouble = _run_cell(shell, source)
        if trouble:
            yield {"kind": "cells", "message": f"The {name} cell does not run:\n{trouble}"}
            return
    name = job["name"]
    if name not in shell.user_ns:
        yield {"kind": "cells", "message": f"The answer cell does not define {name}."}
        return
    answer, judge = shell.user_ns[name], judge_of(job["exercise"])
    if judge.questions is None:
        yield _message(encode_value(answer))
    elif not callable(answer):
        found = type(answer).__name__
        yield {"kind": "cells", "message": f"{name} is not a function any more, but {found}."}
    else:
        for outcome in ask_all(judge.ask, answer, map(from_wire, job["questions"])):
            yield _message(outcome)


def _run_cell(shell, source: str) -> str:
    """Run one cell as a notebook does; what went wrong, or an empty text."""
    result = shell.run_cell(source, store_history=False, silent=True)
    error = result.error_before_exec or result.error_in_exec
    if isinstance(error, KeyboardInterrupt):
        raise error
    return "" if error is None else describe_error(error, None)


def _shell():
    from IPython.core.history import HistoryManager
    from IPython.core.interactiveshell import InteractiveShell

    HistoryManager.enabled = False  # the reader's own history is not ours to write
    shell = InteractiveShell.instance()
    shell.showtraceback = shell.showsyntaxerror = lambda *args, **kwargs: None  # told by us
    return shell


def _message(outcome: Outcome) -> dict[str, str]:
    return {"kind": outcome.kind, "wire": outcome.wire, "message": outcome.message}


if __name__ == "__main__":
    sys.exit(main())

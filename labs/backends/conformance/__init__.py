"""The conformance suite: hundreds of small questions to any tinygrad device, and a score card.

    from labs.backends import conformance
    report = conformance.run("CPU")
    report                      # the card, in a notebook; print(report) in a terminal
    report.score, report.next_step

The reference is numpy in float64. Each case runs under a time limit in a child process, so that a
backend that hangs or crashes loses a case and not the run. `groups.py` has the order in which a new
backend comes to pass, `cases/` one file for each kind of question.
"""

import time
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase

from labs.backends.conformance.groups import GROUPS
from labs.backends.conformance.report import CaseResult, Failure, GroupScore, Report
from labs.backends.conformance.target import Target, parse_target
from labs.errors import LabError

__all__ = ["GROUPS", "CaseResult", "Failure", "GroupScore", "Report", "Target", "run"]

CASE_TIMEOUT_S = 30.0  # with the compiling of a slow OpenCL driver; most take 0.05 s
SIZES = ("full", "small")

Progress = Callable[[int, int, str], object]


def run(
    device: str | Target,
    *,
    groups: Sequence[str] | None = None,
    size: str = "full",
    seed: int = 0,
    timeout_s: float = CASE_TIMEOUT_S,
    progress: Progress | None = None,
    cancel: Callable[[], bool] | None = None,
) -> Report:
    """Run the suite on a device.

    Args:
        device: "CPU", or a backend of your own as "NAME=package.module", "NAME=file.py" or
            "NAME=folder". One that is registered in this process goes by its name.
        groups: names from GROUPS, or patterns of case names such as "reduce/sum/*"; default all.
        size: "full", or "small" for an emulated device.
        seed: of the random inputs.
        timeout_s: for one case; it is failed and ended after that.
        progress: called with (done, total, text) before each case.
        cancel: asked after each case; True ends the run, and the report has the cases until then.

    Returns:
        The report. A backend of your own that can't even be opened gets one, too.

    Raises:
        LabError: for an unknown group or size, and when a device of tinygrad's can't be opened.

    Example:
        >>> run("CPU", groups=["copy"]).ok
        True
    """
    from labs.backends.conformance.isolate import Job, Runner

    target = parse_target(device) if isinstance(device, str) else device
    if size not in SIZES:
        raise LabError(f"Run in size {size!r}", expected=" or ".join(SIZES), got=size)
    patterns = _patterns(groups)
    began, results = time.perf_counter(), []
    with Runner(Job(target, size, seed, timeout_s)) as runner:
        names = _chosen(runner.known, patterns)

        def started(name: str) -> None:
            if progress is not None:
                progress(len(results), len(names), name)

        for result in runner.run(names, started):
            results.append(result)
            if cancel is not None and cancel():
                break
    if progress is not None:
        progress(len(results), len(names), "done")
    return Report(target.device, size, seed, tuple(results), time.perf_counter() - began)


def _patterns(groups: Sequence[str] | None) -> list[str]:
    if groups is None:
        return ["*"]
    names = [groups] if isinstance(groups, str) else list(groups)
    for name in names:
        if name.partition("/")[0] not in GROUPS:
            raise LabError(
                f"Run the group {name!r}",
                expected=f"one of {', '.join(GROUPS)}",
                got=repr(name),
                next_step="or a pattern of case names such as 'reduce/sum/*'",
            )
    return [name if "/" in name else f"{name}/*" for name in names]


def _chosen(known: Sequence[str], patterns: list[str]) -> list[str]:
    order = {group: i for i, group in enumerate(GROUPS)}
    names = [n for n in known if any(fnmatchcase(n, p) for p in patterns)]
    if not names:
        raise LabError(
            f"Run the cases {', '.join(patterns)}",
            expected="a pattern that some case's name matches",
            got="none of them",
        )
    return sorted(names, key=lambda n: order[n.partition("/")[0]])  # stable within a group

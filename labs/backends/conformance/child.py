"""The child's program: runs cases one after another and tells of each as it goes.

    python -m labs.backends.conformance.child < job.json

It may crash or hang with the backend it tests: the parent sees which case it was in. One JSON line
for each step goes to what was standard output; what a backend prints goes to standard error.
"""

import contextlib
import faulthandler
import json
import os
import sys
import time
from typing import Any

TRACE_BEFORE_LIMIT = 0.9  # the stack of a hanging case is written when so much of its time is gone


def main() -> int:
    """Run the job on stdin."""
    job = json.loads(sys.stdin.readline())
    events = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def tell(**event: object) -> None:
        events.write(json.dumps(event) + "\n")
        events.flush()

    trace = open(job["trace"], "w", encoding="utf-8")  # noqa: SIM115 (as long as the process)
    faulthandler.enable(trace)
    _prepare(job)
    from labs.backends.conformance.cases import all_cases
    from labs.backends.conformance.subject import Subject

    cases = all_cases()
    subject = Subject(job["device"], job["size"], job["seed"], own=job["module"] is not None)
    if job["cases"] is None:  # the first child: what is there to run, and is there a device
        chosen = [c for c in cases.values() if c.small or job["size"] == "full"]
        names = [[c.name, c.timeout_s] for c in chosen]
        tell(event="ready", cases=names, trouble="" if job["module"] else _trouble(subject))
        job["cases"] = json.loads(sys.stdin.readline())["cases"]
    for name in job["cases"]:
        tell(event="start", case=name)
        limit = cases[name].timeout_s or job["timeout_s"]
        faulthandler.dump_traceback_later(limit * TRACE_BEFORE_LIMIT, file=trace)
        began = time.perf_counter()
        status, message = _run(cases[name], subject)
        faulthandler.cancel_dump_traceback_later()
        seconds = time.perf_counter() - began
        tell(event="end", case=name, status=status, message=message, time_s=seconds)
    return 0


def _prepare(job: dict[str, Any]) -> None:
    """Settings of this process, before tinygrad is imported."""
    with contextlib.suppress(ImportError):  # no core file of a crash that is expected (POSIX)
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.environ["PARALLEL"] = "0"  # starting compile workers costs more than these small kernels
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    sys.path[:] = job["paths"]
    os.environ["DEV"] = _dev(job["device"], os.environ.get("DEV", ""))
    from labs import backends, toolchain

    toolchain.activate()
    backends.register()
    device, module = job["device"], job["module"]
    if module:
        if backends.registered().get(device, module) != module:
            backends.unregister(device)  # another of that name, which our parent has registered
        backends.register(device, module, check=False)  # what is wrong with it is for the cases


def _dev(device: str, users: str) -> str:
    """DEV of this process: the device, with the renderer that the user chose for it, if any."""
    for part in users.split(";"):
        if part.rpartition("+")[2].partition(":")[0].upper() == device:
            return part
    return device


def _trouble(subject: Any) -> str:
    """Why a device of tinygrad's own can't be opened; empty when it can."""
    from labs.backends.conformance.subject import describe

    try:
        _ = subject.device.renderer
    except Exception as error:
        return describe(error)
    return ""


def _run(case: Any, subject: Any) -> tuple[str, str]:
    """The case's verdict and why."""
    from labs.backends.conformance.case import Skipped

    try:
        reason = subject.missing_dtypes(case)
        if reason:
            return "skipped", reason
        case.run(subject)
    except Skipped as skipped:
        return "skipped", str(skipped)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a backend may raise what it likes, SystemExit too
        return "failed", explain(error)
    return "passed", ""


def explain(error: BaseException) -> str:
    """What was wrong, and for an exception of the backend's or tinygrad's where it was raised."""
    from labs.backends.conformance.case import Wrong
    from labs.backends.conformance.subject import describe

    if isinstance(error, Wrong):
        return str(error)
    cause = error.__cause__ or error
    text = describe(cause) + _place(cause)
    return text if cause is error else f"{text}; so: {describe(error)}"


def _place(error: BaseException) -> str:
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    if frame is None:
        return ""
    code = frame.tb_frame.f_code
    return f", raised in {code.co_name} ({os.path.basename(code.co_filename)}:{frame.tb_lineno})"


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # all is told: a driver that hangs while unloading changes nothing

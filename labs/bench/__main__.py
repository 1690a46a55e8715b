"""`python -m labs.bench`: measure() from a command line, and the child process of measure_isolated.

The table goes to stdout, progress to stderr. With --events stdout carries one JSON line per step
instead, and closing stdin ends the run as cancel() does.
"""

import argparse
import json
import os
import sys
import threading
from collections.abc import Callable, Sequence

from labs import backends
from labs.bench.plan import make_plan
from labs.bench.progress import progress_bar
from labs.bench.results import CACHES, CLOCKS, MODES
from labs.bench.runner import Event, run_plan
from labs.bench.sampler import Settings
from labs.errors import LabError


def main(argv: Sequence[str] | None = None) -> int:
    """Returns 0 when something was measured, 1 when nothing was, 2 for wrong arguments."""
    options = _parser().parse_args(argv)
    backends.register()  # the course's own, and what the reader's process has handed down
    emit = event_stream() if options.events else None
    try:
        plan = make_plan(
            options.workloads,
            options.device or ["CPU"],
            rounds=options.rounds,
            round_time_s=options.round_time_s,
            cache=options.cache,
            clock=options.clock,
            mode=options.mode,
            seed=options.seed,
            precision=options.precision,
            settings=Settings(**json.loads(options.settings)) if options.settings else None,
            devices_known=options.events,
        )
        if emit is None:
            bar = progress_bar()
            results = run_plan(
                plan, path=options.path, notify=lambda e: bar(e.done, e.total, e.text)
            )
            print(results)
            return 0 if results.measurements else 1
        run_plan(plan, path=options.path, notify=emit, cancel=stdin_closed())
        return 0
    except LabError as error:
        if emit is None:
            print(error, file=sys.stderr)
        else:
            emit(error)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m labs.bench", description=__doc__)
    parser.add_argument("workloads", nargs="+", help="suites and specs, such as quick matmul:n=512")
    parser.add_argument("--device", action="append", help="may be given several times")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--round-time-s", type=float, default=0.25)
    parser.add_argument("--cache", default="warm", help=" or ".join(CACHES))
    parser.add_argument("--clock", default="wall", help=" or ".join(CLOCKS))
    parser.add_argument("--mode", default="jit", help=" or ".join(MODES))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--precision", type=float, default=0.02)
    parser.add_argument("--path", help="result file, saved after each round and continued from")
    parser.add_argument("--settings", help=argparse.SUPPRESS)  # as JSON, from measure_isolated
    parser.add_argument("--events", action="store_true", help=argparse.SUPPRESS)
    return parser


def event_stream() -> Callable[[Event | LabError], None]:
    """Takes stdout for the events alone: whatever a driver prints goes to stderr from here on."""
    stream = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)

    def emit(what: Event | LabError) -> None:
        if isinstance(what, LabError):
            parts = {k: getattr(what, k) for k in ("expected", "got", "next_step")}
            data = {"event": "error", "kind": type(what).__name__, "asked": what.asked}
            data["parts"] = parts
        else:
            data = {"event": "step", **vars(what)}
        stream.write(json.dumps(data) + "\n")

    return emit


def stdin_closed() -> Callable[[], bool]:
    """A cancel() that becomes true when the parent closes our stdin, or is gone."""
    closed = threading.Event()

    def wait() -> None:
        while os.read(0, 1024):  # not sys.stdin, whose lock would be held at exit
            pass
        closed.set()

    threading.Thread(target=wait, daemon=True).start()
    return closed.is_set


if __name__ == "__main__":
    sys.exit(main())

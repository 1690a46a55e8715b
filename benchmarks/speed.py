"""How long a reader waits: the course's own figures, each taken in fresh processes.

    python benchmarks/speed.py             # all of them; the notebook takes the longest
    python benchmarks/speed.py import lab  # some of them

Every figure names its limit on 2 cores without a GPU. Cold means an empty folder for the course's
caches; warm is the median of several runs after one that isn't counted.
"""

import argparse
import contextlib
import os
import signal
import socket
import statistics as std
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import nbformat

from labs.bench.environment import cpu_pressure, host_environment
from labs.build.execute import execute
from labs.errors import LabError
from labs.tables import Table
from labs.units import format_seconds

ROOT = Path(__file__).resolve().parent.parent
COURSE = [sys.executable, str(ROOT / "course.py")]
SOLUTION = ROOT / "solutions" / "01_backend_architecture.ipynb"
_LAB_PATIENCE_S = 60.0


@dataclass(frozen=True)
class Figure:
    """One waiting time: how it was taken, in seconds, and its limit; NaN when it could not be."""

    what: str
    seconds: float
    limit_s: float
    note: str = ""


def import_labs(runs: int = 11) -> list[Figure]:
    """`import labs` inside a fresh interpreter, without the interpreter's own start."""
    code = "import time; t = time.perf_counter(); import labs; print(time.perf_counter() - t)"
    times = [float(_run([sys.executable, "-c", code])) for _ in range(runs + 1)][1:]
    return [Figure("import labs", std.median(times), 0.050, f"median of {runs}")]


def doctor(runs: int = 3) -> list[Figure]:
    """`course.py doctor`, from the command line to its last line."""
    with tempfile.TemporaryDirectory() as empty:
        cold = _seconds(lambda: _run([*COURSE, "doctor"], {"COURSE_HOME": empty}))
        times = [
            _seconds(lambda: _run([*COURSE, "doctor"], {"COURSE_HOME": empty})) for _ in range(runs)
        ]
    return [
        Figure("doctor, cold", cold, 20.0, "empty caches"),
        Figure("doctor, warm", std.median(times), 5.0, f"median of {runs}"),
    ]


def setup() -> list[Figure]:
    """The whole set-up into an empty folder, downloads included; it needs the network."""
    with tempfile.TemporaryDirectory() as empty:
        place = {"COURSE_VENV": str(Path(empty) / "venv")}
        seconds = _seconds(lambda: _run([*COURSE, "progress"], place))
    return [Figure("set-up from nothing", seconds, 120.0, "one run, downloads included")]


def lab(runs: int = 3) -> list[Figure]:
    """`course.py lab` until JupyterLab answers."""
    times = [_seconds_until_lab_answers() for _ in range(runs + 1)][1:]
    return [Figure("course.py lab until it answers", std.median(times), 8.0, f"median of {runs}")]


def notebook() -> list[Figure]:
    """Notebook 01's solution, top to bottom, in a kernel of its own."""
    opened = nbformat.read(SOLUTION, as_version=4)
    cells = [c for c in opened.cells if c.cell_type == "code"]
    for cell in cells:
        cell.outputs, cell.execution_count = [], None
    seconds = _seconds(lambda: execute(opened, SOLUTION.stem, SOLUTION.parent))
    if left := sum(c.execution_count is None for c in cells):
        raise RuntimeError(f"{left} of {len(cells)} cells did not run")
    return [Figure("notebook 01, solution", seconds, 90.0, "one run, warm caches")]


FIGURES: Mapping[str, Callable[[], list[Figure]]] = {
    "setup": setup,
    "import": import_labs,
    "doctor": doctor,
    "lab": lab,
    "notebook": notebook,
}


def table(figures: Sequence[Figure]) -> Table:
    rows = []
    for figure in figures:
        missing = figure.seconds != figure.seconds
        within = "" if missing else ("yes" if figure.seconds <= figure.limit_s else "NO")
        seconds, limit = format_seconds(figure.seconds), format_seconds(figure.limit_s)
        rows.append((figure.what, seconds, limit, within, figure.note))
    facts = host_environment()
    names = ("cpu_model_name", "cpu_count", "virtual_machine", "python_version", "compiler")
    note = ", ".join(f"{n}: {facts[n]}" for n in names if n in facts)
    note += f", CPU pressure {cpu_pressure()}%"
    return Table("", ("figure", "measured", "limit", "within", "how"), tuple(rows), note)


def _seconds(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def _run(line: Sequence[str], variables: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(
        line, cwd=ROOT, env=os.environ | dict(variables or {}), capture_output=True, text=True
    )
    if done.returncode != 0:
        raise RuntimeError(f"ended with {done.returncode}: {(done.stderr or done.stdout)[-300:]}")
    return done.stdout


def _seconds_until_lab_answers() -> float:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    start = time.perf_counter()
    server = subprocess.Popen(
        [*COURSE, "lab", "--no-browser", f"--port={port}"],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # ended as a group: the server has a process above it
    )
    try:
        while time.perf_counter() - start < _LAB_PATIENCE_S:
            with contextlib.suppress(OSError):
                url = f"http://127.0.0.1:{port}/api"  # answers without the token
                urllib.request.urlopen(url, timeout=1).close()
                return time.perf_counter() - start
            time.sleep(0.05)
        raise RuntimeError(f"no answer within {_LAB_PATIENCE_S:g} s")
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("figures", nargs="*", metavar="FIGURE", help=", ".join(FIGURES))
    chosen = parser.parse_args(argv).figures or list(FIGURES)
    if unknown := sorted(set(chosen) - set(FIGURES)):
        parser.error(f"no figure named {', '.join(unknown)}; there are {', '.join(FIGURES)}")
    found: list[Figure] = []
    for name in chosen:
        print(f"{name} ...", file=sys.stderr)
        try:
            found += FIGURES[name]()
        except (LabError, RuntimeError, OSError, ValueError) as error:
            found.append(Figure(name, float("nan"), float("nan"), f"could not be taken: {error}"))
    print(table(found))
    return int(any(not figure.seconds <= figure.limit_s for figure in found))


if __name__ == "__main__":
    sys.exit(main())

"""Linux's `perf`: the processor's own cache counters, where the machine shows them.

Virtual machines mostly don't. Source of the options and of the CSV: perf-stat(1), "CSV FORMAT", and
its --control option (Linux 5.10 or later).
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence

REFERENCES, MISSES = "cache-references", "cache-misses"
L1_LOADS, L1_MISSES = "L1-dcache-loads", "L1-dcache-load-misses"
EVENTS = (REFERENCES, MISSES, L1_LOADS, L1_MISSES)


def perf_unusable() -> str:
    """Why perf can't count cache misses here; empty when it can. Asks perf, in milliseconds."""
    if not sys.platform.startswith("linux"):
        return "perf counters are a part of Linux"
    if shutil.which("perf") is None:
        return "perf is not installed"
    command = ["perf", "stat", "-x", ",", "-e", ",".join(EVENTS[:2]), "--", "true"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"perf can't be run: {error}"
    counts = parse_perf(answer.stderr)
    if counts.get(REFERENCES) is not None:
        return ""
    if REFERENCES in answer.stderr:
        return "this machine shows no cache counters to perf (virtual machines mostly don't)"
    first = answer.stderr.strip().splitlines()
    return f"perf failed: {first[0] if first else f'exit status {answer.returncode}'}"


def perf_command(program: Sequence[str], fifo: str, log: str, events=EVENTS) -> list[str]:
    """perf, counting only between "enable" and "disable" in the fifo."""
    command = ["perf", "stat", "-x", ",", "-e", ",".join(events), "-D", "-1"]
    return [*command, "--control", f"fifo:{fifo},{fifo}.ack", "-o", log, "--", *program]


def make_fifo(path: str) -> None:
    """The control fifo, and the one for perf's answers."""
    for name in (path, f"{path}.ack"):
        os.mkfifo(name)


def parse_perf(text: str) -> dict[str, float | None]:
    """Event -> count; None where perf says <not supported> or <not counted>."""
    counts: dict[str, float | None] = {}
    for line in text.splitlines():
        cells = line.split(",")
        if len(cells) < 3 or line.startswith("#"):
            continue
        event = cells[2].split(":")[0]  # cycles:u
        try:
            counts[event] = float(cells[0])
        except ValueError:
            counts[event] = None
    return counts

"""Runs each rung once in a process of its own, before it is measured in the reader's.

A wrong kernel can do more than give a wrong answer: after an illegal address a CUDA context is lost
for good, and a kernel that never ends can't be stopped. So a child process tries first, with a
time limit; a rung that kills it is reported and left out, and the next child goes on with the rest.

The child is this module: `python -m labs.gpu.cuda.trial FILE DTYPE M N K RUNG...`.
"""

import json
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from labs.bench.isolated import died_early, run_child

TIME_LIMIT_S = 60.0


def try_rungs(
    rungs: Iterable[str],
    shape: tuple[int, int, int],
    dtype: str,
    *,
    device: str = "CUDA",
    time_limit_s: float = TIME_LIMIT_S,
    progress: Callable[[int, int, str], object] | None = None,
    cancel: Callable[[], bool] | None = None,
) -> dict[str, str]:
    """What stands against each rung: "" where it ran and its answer was right.

    Args:
        shape: m, n, k.
        time_limit_s: for one rung, compilation included.

    Raises:
        MeasurementError: when a child dies before it tries anything.
    """
    left, found = list(rungs), {}
    with tempfile.TemporaryDirectory(prefix="cuda-trial-") as folder:
        file = Path(folder) / "found.json"
        while left:
            file.write_text("{}")
            command = [sys.executable, "-m", "labs.gpu.cuda.trial", str(file), device, dtype]
            command += [*map(str, shape), *left]
            end = run_child(command, progress, cancel, time_limit_s)
            answers = json.loads(file.read_text())
            found |= answers
            left = [name for name in left if name not in answers]
            if end.error is not None:
                raise end.error
            if end.reason in ("cancelled", "interrupted"):
                return found | dict.fromkeys(left, "not tried: cancelled")
            if left and end.doing not in left:
                raise died_early(end)
            if left:  # it was trying this one when it died or was ended
                found[end.doing] = _death(end, time_limit_s)
                left.remove(end.doing)
    return found


def _death(end, time_limit_s: float) -> str:
    if end.reason == "stalled":
        return f"it was still running after {time_limit_s:g} s and was ended"
    return f"its process ended with code {end.returncode}; its last words: {end.log or 'none'}"


def _tell(**event: object) -> None:
    print(json.dumps(event), flush=True)


def _child(arguments: list[str]) -> None:
    file, device, dtype, *rest = arguments
    m, n, k = map(int, rest[:3])
    names, answers = rest[3:], {}
    from labs import toolchain
    from labs.errors import LabError

    toolchain.activate()
    from labs.gpu.cuda.cases import product_inputs, run_rung

    inputs = None
    for done, name in enumerate(names):
        _tell(event="step", device=device, done=done, total=len(names), text=name)
        try:
            if inputs is None:
                inputs = product_inputs((m, n, k), dtype, device, np.random.default_rng(0))
            check = run_rung(name, inputs).check
            answers[name] = "" if check.passed else f"wrong answer; {check}"
        except LabError as error:
            answers[name] = str(error)
        except RuntimeError as error:
            if "CUDA Error" in str(error) and "out of memory" not in str(error):
                raise SystemExit(f"{name}: {error}") from None  # the context is lost
            answers[name] = f"{type(error).__name__}: {error}"
        Path(file).write_text(json.dumps(answers))


if __name__ == "__main__":
    _child(sys.argv[1:])

"""Which line of the reader's code something happened in."""

import linecache
import sys
from pathlib import Path

# modules whose frames are not the reader's; tinygrad's generated matchers have no name at all
_INTERNAL = ("tinygrad", "labs.lowering.", "labs.debug.", "contextlib", "functools", "threading")


def readers_place() -> tuple[str, str]:
    """("file:line", that line's text) outside tinygrad and this room; empty when there is none."""
    frame = sys._getframe(1)
    while frame is not None and _is_internal(frame.f_globals.get("__name__") or ""):
        frame = frame.f_back
    if frame is None:
        return "", ""
    file, line = frame.f_code.co_filename, frame.f_lineno
    cell = "ipykernel" in file or file.startswith("<ipython")  # a file of a random number
    name = "this notebook" if cell else Path(file).name
    return f"{name}:{line}", linecache.getline(file, line).strip()


def _is_internal(module: str) -> bool:
    return not module or module.startswith(_INTERNAL)

"""Where the course keeps things: a leaf, standard library only.

Everything written at run time goes under one git-ignored folder: deleting it is a complete reset.
"""

import os
from pathlib import Path

PROJECT_ROOT = Path(__file__).resolve().parent.parent


def state_dir() -> Path:
    """The folder for progress, results and caches: COURSE_HOME, else .course in the project."""
    return _made(Path(os.environ.get("COURSE_HOME") or PROJECT_ROOT / ".course"))


def results_dir() -> Path:
    """The folder for benchmark result files."""
    return _made(state_dir() / "results")


def cache_dir() -> Path:
    """The folder for compiled kernels and the compiler shim."""
    return _made(state_dir() / "cache")


def _made(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path

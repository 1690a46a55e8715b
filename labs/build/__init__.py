"""Notebooks from their single source: solutions/NN_name.py -> notebooks/ and solutions/*.ipynb.

The percent source is the only file edited by hand. The student's notebook has holes and no
outputs; the solution's is executed, and its outputs are kept.
"""

import os
import re
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from labs.build.cells import solution_notebook, student_notebook, to_bytes
from labs.build.drift import keep_outputs, mark_executed, solution_drift, student_drift
from labs.build.execute import clean_outputs, execute
from labs.build.source import Source, read_source
from labs.errors import BuildError
from labs.paths import PROJECT_ROOT

__all__ = ["main_build"]

_NAME = re.compile(r"\d\d_[a-z0-9_]+")


def main_build(
    names: Sequence[str] = (),
    *,
    check: bool = False,
    execute: bool = False,
    root: Path = PROJECT_ROOT,
) -> tuple[str, ...]:
    """Build notebooks, or check that they are built.

    Args:
        names: such as "01" or "01_backend_architecture"; all when empty.
        check: change nothing, fail on drift.
        execute: run the solutions and keep their outputs.
        root: the folder that holds solutions/ and notebooks/.

    Returns:
        One line for each file that was written; none when checking.

    Raises:
        BuildError: a source that can't be built, a solution that fails, or drift.
    """
    sources = [read_source(p.stem, p.read_text(encoding="utf-8")) for p in _chosen(root, names)]
    if check:
        _refuse_drift([line for s in sources for line in _drift(s, root)], root)
        return ()
    return tuple(line for s in sources for line in _build(s, root, execute))


def _build(source: Source, root: Path, run: bool) -> list[str]:
    student, solution = student_notebook(source), solution_notebook(source)
    student_path, solution_path = _paths(source.name, root)
    # the student's notebook first: it stays buildable while a solution is being repaired
    lines = [_write(student_path, to_bytes(student), root, f"holes: {source.holes}")]
    if run:
        execute(solution, source.name, solution_path.parent)
        clean_outputs(solution, source.name)
        mark_executed(solution)
        remark = "executed"
    else:
        keep_outputs(solution, solution_path)
        stale = _stale(solution)
        remark = f"{stale} cells not executed" if stale else "outputs kept"
    return [*lines, _write(solution_path, to_bytes(solution), root, remark)]


def _drift(source: Source, root: Path) -> list[str]:
    student_path, solution_path = _paths(source.name, root)
    found = (
        (student_path, student_drift(student_notebook(source), student_path)),
        (solution_path, solution_drift(solution_notebook(source), solution_path)),
    )
    return [f"DRIFT {p.relative_to(root).as_posix()} {why}" for p, why in found if why]


def _refuse_drift(lines: list[str], root: Path) -> None:
    lines = [*lines, *_orphans(root), *_environment_drift(root)]
    if lines:
        raise BuildError(
            "find the generated files in step with their source",
            expected="no difference",
            got=("\n" + " " * 12).join(lines),
            next_step="course build --execute, then commit what it wrote",
        )


def _orphans(root: Path) -> list[str]:
    """Generated notebooks whose source is gone."""
    known = {p.stem for p in _all_sources(root)}
    found = sorted([*root.glob("notebooks/*.ipynb"), *root.glob("solutions/*.ipynb")])
    return [
        f"DRIFT {p.relative_to(root).as_posix()} has no source in solutions/"
        for p in found
        if p.stem not in known
    ]


def _environment_drift(root: Path) -> list[str]:
    """environment.yml and its like are generated as well, by another part of the course."""
    if root != PROJECT_ROOT or find_spec("labs.environment_files") is None:
        return []
    from labs import environment_files

    return [f"DRIFT {line}" for line in environment_files.check() or ()]


def _chosen(root: Path, names: Sequence[str]) -> list[Path]:
    sources = _all_sources(root)
    if not names:
        return sources
    wanted = [Path(n).name.removesuffix(".py").removesuffix(".ipynb") for n in names]
    for name in wanted:
        if not any(p.stem == name or p.stem.startswith(f"{name}_") for p in sources):
            raise BuildError(
                f"build {name!r}",
                expected=f"one of {', '.join(p.stem for p in sources) or 'none at all'}",
                got=repr(name),
                next_step="course build without a name builds all of them",
            )
    return [p for p in sources if any(p.stem == n or p.stem.startswith(f"{n}_") for n in wanted)]


def _all_sources(root: Path) -> list[Path]:
    return sorted(p for p in root.glob("solutions/*.py") if _NAME.fullmatch(p.stem))


def _paths(name: str, root: Path) -> tuple[Path, Path]:
    return root / "notebooks" / f"{name}.ipynb", root / "solutions" / f"{name}.ipynb"


def _stale(notebook) -> int:
    cells = [c for c in notebook.cells if c.cell_type == "code" and c.source.strip()]
    return sum(c.execution_count is None for c in cells)


def _write(path: Path, content: bytes, root: Path, remark: str) -> str:
    shown = path.relative_to(root).as_posix()
    if path.exists() and path.read_bytes() == content:
        return f"{shown}: unchanged ({remark})"
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:  # a reader, or an interruption, never meets half a notebook
        temporary.write_bytes(content)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return f"{shown}: written ({remark})"

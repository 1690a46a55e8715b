"""A reader's own notebook file, which may be half-written: the cells that an exercise needs.

Cells are found by id, tag and nbgrader metadata, never by position.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from labs.errors import ExerciseError
from labs.grading.catalogue import Exercise
from labs.paths import PROJECT_ROOT

MAX_BYTES = 50_000_000  # with large pictures in it; more is no notebook
_SETUP = "setup"


@dataclass(frozen=True)
class StudentCells:
    """What it takes to run one exercise.

    Args:
        setup: the sources of the cells tagged "setup", in order.
        answer: the source of the answer cell; None when there is none.
        warning: something odd that was worked around.
    """

    setup: tuple[str, ...]
    answer: str | None
    warning: str = ""


def notebook_path(one: Exercise, folder: Path | None = None) -> Path:
    """Where the reader's notebook for an exercise lies."""
    return (folder or PROJECT_ROOT / "notebooks") / f"{one.notebook}.ipynb"


def read_cells(path: Path) -> list[dict]:
    """The code cells of a notebook file.

    Raises:
        ExerciseError: there is no such file, or it is not a notebook.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise _unreadable(path, f"a file of {path.stat().st_size:,} bytes")
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error)) from None
    except (ValueError, RecursionError) as error:
        raise _unreadable(path, f"not JSON: {error}") from None
    cells = data.get("cells") if isinstance(data, dict) else None
    if not isinstance(cells, list):
        raise _unreadable(path, "JSON without a list of cells")
    return [c for c in cells if isinstance(c, dict) and c.get("cell_type") == "code"]


def cells_for(one: Exercise, cells: list[dict]) -> StudentCells:
    """The cells for one exercise: all set-up, and the last of its answer cells."""
    setup = tuple(_source(c) for c in cells if _SETUP in _tags(c))
    answers = [c for c in cells if _is_answer(c, one)]
    # a copied cell keeps its metadata: the reader worked on in one of them, mostly the later
    warning = f"{len(answers)} cells are marked {one.grade_id}; the last one was used."
    if not answers:
        return StudentCells(setup, None)
    return StudentCells(setup, _source(answers[-1]), warning if len(answers) > 1 else "")


def _is_answer(cell: dict, one: Exercise) -> bool:
    meta = _metadata(cell).get("nbgrader")
    if isinstance(meta, dict) and "grade_id" in meta:
        return meta["grade_id"] == one.grade_id
    return cell.get("id") == one.grade_id


def _metadata(cell: dict) -> dict:
    meta = cell.get("metadata")
    return meta if isinstance(meta, dict) else {}


def _tags(cell: dict) -> list:
    tags = _metadata(cell).get("tags")
    return tags if isinstance(tags, list) else []


def _source(cell: dict) -> str:
    source = cell.get("source", "")
    parts = source if isinstance(source, list) else [source]
    return "".join(p for p in parts if isinstance(p, str))


def _unreadable(path: Path, got: str) -> ExerciseError:
    return ExerciseError(
        f"read your notebook {path.name}",
        expected=f"a saved notebook in {path.parent.name}/",
        got=got,
        next_step="save it in JupyterLab; `git restore notebooks` brings back the original",
    )

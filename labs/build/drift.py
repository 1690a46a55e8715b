"""Whether the committed notebooks are what their source says, and whether outputs belong to it."""

import hashlib
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from labs.build.cells import METADATA, to_bytes

EXECUTED = "course"  # notebook metadata: which code the kept outputs came from


def code_digest(notebook: NotebookNode) -> str:
    """Identifies the code of all cells together."""
    code = "\0".join(c.source for c in notebook.cells if c.cell_type == "code")
    return hashlib.sha256(code.encode()).hexdigest()


def mark_executed(notebook: NotebookNode) -> None:
    """Fix the metadata after a run: ours, and the digest of the code that ran."""
    notebook.metadata = nbformat.from_dict({**METADATA, EXECUTED: {"code": code_digest(notebook)}})


def read_notebook(path: Path) -> NotebookNode | None:
    """The notebook in a file; None when there is none that can be read."""
    try:
        return nbformat.reads(path.read_text(encoding="utf-8"), as_version=4)
    except (OSError, ValueError, AttributeError, KeyError, TypeError, nbformat.ValidationError):
        return None  # nbformat's converters from older formats stumble over any other JSON


def keep_outputs(notebook: NotebookNode, path: Path) -> None:
    """Carry over the outputs of an earlier run for cells that are unchanged."""
    old = read_notebook(path)
    if old is None:
        return
    by_id = {c.id: c for c in old.cells if c.cell_type == "code" and "id" in c}
    for cell in notebook.cells:
        before = by_id.get(cell.id)
        if cell.cell_type == "code" and before is not None and before.source == cell.source:
            cell.outputs, cell.execution_count = before.outputs, before.execution_count
    if EXECUTED in old.metadata:
        notebook.metadata[EXECUTED] = old.metadata[EXECUTED]


def student_drift(expected: NotebookNode, path: Path) -> str:
    """Why the student's file differs, or an empty text: compared byte by byte."""
    if not path.exists():
        return "is missing"
    if path.read_bytes() == to_bytes(expected):
        return ""
    found = read_notebook(path)
    return "can't be read" if found is None else _first_difference(expected, found) or "differs"


def solution_drift(expected: NotebookNode, path: Path) -> str:
    """Why the solution's file differs, or an empty text: everything but the outputs is compared,
    and that there are outputs, of this code, without errors."""
    found = read_notebook(path)
    if found is None:
        return "can't be read" if path.exists() else "is missing"
    difference = _first_difference(expected, found)
    if difference:
        return difference
    code = [c for c in found.cells if c.cell_type == "code" and c.source.strip()]
    if any(c.execution_count is None for c in code):
        return "has cells that were not executed (course build --execute)"
    if found.metadata.get(EXECUTED, {}).get("code") != code_digest(expected):
        return "has outputs of an earlier version (course build --execute)"
    for cell in code:
        failed = any(o.output_type == "error" for o in cell.outputs)
        if failed and "raises-exception" not in cell.metadata.get("tags", []):
            return f"has an error in the outputs of cell {cell.id}"
    return ""


def _first_difference(expected: NotebookNode, found: NotebookNode) -> str:
    if len(expected.cells) != len(found.cells):
        return f"has {len(found.cells)} cells, its source {len(expected.cells)}"
    for number, (want, got) in enumerate(zip(expected.cells, found.cells, strict=True), start=1):
        for field in ("cell_type", "id", "source", "metadata"):
            if want.get(field) != got.get(field):
                return f"differs from its source in the {field} of cell {number} ({want.id})"
    ours = {k: v for k, v in found.metadata.items() if k != EXECUTED}
    if ours != METADATA or (found.nbformat, found.nbformat_minor) != (4, expected.nbformat_minor):
        return "differs from its source in the notebook's metadata"
    return ""

"""From a percent text to a notebook whose bytes depend on nothing but the text.

Cell ids come from the exercise, or from the cell's own text, so that inserting a cell does not
rename the others. Answer and check cells carry nbgrader's schema-3 metadata.
"""

import ast
import hashlib
import re

import jupytext
import nbformat
from nbformat import NotebookNode

from labs.build.source import HIDDEN, SOLUTION, Source, parse_python, refuse
from labs.errors import ExerciseError
from labs.grading.catalogue import Exercise, exercise

ANSWER, CHECK, SETUP = "answer", "check", "setup"
NBFORMAT_MINOR = 5  # the first with cell ids
METADATA = {
    "kernelspec": {
        "display_name": "Python 3 (ipykernel)",
        "language": "python",
        "name": "python3",
    },
    "language_info": {
        "file_extension": ".py",
        "mimetype": "text/x-python",
        "name": "python",
        "pygments_lexer": "ipython3",
    },
}
_HEADER = re.compile(r"\A# ---\n(#.*\n)*?# ---\s*\n")
_EXERCISE_TAG = re.compile(r"ex-(\d+)-(\d+)")


def solution_notebook(source: Source) -> NotebookNode:
    """The notebook with solutions and no outputs.

    Raises:
        BuildError: an answer or check cell that doesn't fit its exercise.
    """
    notebook = _read(source.text)
    taken: set[str] = set()
    for cell in notebook.cells:
        one = _exercise_of(source.name, cell)
        if one is not None:
            cell.metadata["nbgrader"] = nbgrader_metadata(one, _role(cell))
            _check_fits(source.name, cell, one)
        elif SOLUTION in (found := _markers(cell)) or HIDDEN in found:
            raise _refuse_cell(source.name, cell, f'tags=["{ANSWER}", "ex-..."] on it', "none")
        cell.id = _cell_id(cell, one, taken)
        if cell.id in taken:
            raise _refuse_cell(source.name, cell, "one cell for this exercise", f"{cell.id} twice")
        taken.add(cell.id)
    return notebook


def student_notebook(source: Source) -> NotebookNode:
    """The notebook with holes; ids and metadata are the solution's."""
    notebook, solution = _read(source.student_text()), solution_notebook(source)
    for cell, solved in zip(notebook.cells, solution.cells, strict=True):
        cell.id, cell.metadata = solved.id, solved.metadata
    return notebook


def to_bytes(notebook: NotebookNode) -> bytes:
    """The notebook file: sorted keys, one space of indent, UTF-8, a newline at the end."""
    nbformat.validate(notebook)
    text = nbformat.writes(notebook, indent=1, sort_keys=True, ensure_ascii=False)
    return (text.rstrip("\n") + "\n").encode()


def nbgrader_metadata(one: Exercise, role: str) -> dict[str, object]:
    """nbgrader's cell metadata, schema 3; `role` is ANSWER or CHECK."""
    graded = role == CHECK
    fields: dict[str, object] = {
        "grade": graded,
        "grade_id": f"{one.grade_id}-check" if graded else one.grade_id,
        "locked": graded,
        "schema_version": 3,
        "solution": not graded,
        "task": False,
    }
    return fields | ({"points": one.points} if graded else {})


def _read(text: str) -> NotebookNode:
    # the notebook's metadata is ours, whatever the source's own header says
    notebook = jupytext.reads(_HEADER.sub("", text), fmt="py:percent")
    notebook.nbformat, notebook.nbformat_minor = 4, NBFORMAT_MINOR
    notebook.metadata = nbformat.from_dict(METADATA)
    for cell in notebook.cells:
        tags = cell.metadata.get("tags")
        cell.metadata = nbformat.from_dict({"tags": list(tags)} if tags else {})
    return notebook


def _role(cell: NotebookNode) -> str:
    return CHECK if CHECK in cell.metadata.tags else ANSWER


def _exercise_of(name: str, cell: NotebookNode) -> Exercise | None:
    tags = cell.metadata.get("tags", [])
    roles = [t for t in tags if t in (ANSWER, CHECK)]
    ids = [m for t in tags if (m := _EXERCISE_TAG.fullmatch(t))]
    if not roles and not ids:
        return None
    if len(roles) != 1 or len(ids) != 1 or cell.cell_type != "code":
        expected = f'a code cell with two tags such as ["{ANSWER}", "ex-1-3"] or ["{CHECK}", ...]'
        raise _refuse_cell(name, cell, expected, f"a {cell.cell_type} cell with {tags}")
    try:
        one = exercise(f"{ids[0][1]}.{ids[0][2]}")
    except ExerciseError as error:
        raise _refuse_cell(
            name, cell, error.expected or "a sound exercise file", str(error)
        ) from None
    if one.notebook != name:
        raise _refuse_cell(name, cell, f"an exercise of {name}", f"{one.id}, of {one.notebook}")
    return one


def _check_fits(name: str, cell: NotebookNode, one: Exercise) -> None:
    tree = parse_python(_without_magics(cell.source))
    markers = _markers(cell)
    if _role(cell) == CHECK:
        if SOLUTION in markers:
            raise _refuse_cell(name, cell, "no solution in a check cell", "one")
        if not any(_is_check_call(node, one) for node in ast.walk(tree)):
            wanted = f'check("{one.id}", {one.answer})'
            raise _refuse_cell(name, cell, wanted, "no such call in the check cell")
        return
    if SOLUTION not in markers or HIDDEN in markers:
        raise _refuse_cell(name, cell, "a ### BEGIN SOLUTION region and nothing hidden", "none")
    if one.answer not in {getattr(n, "name", None) for n in tree.body}:
        raise _refuse_cell(name, cell, f"a function {one.answer} in the answer cell", "none")


def _is_check_call(node: ast.AST, one: Exercise) -> bool:
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)) or len(node.args) < 2:
        return False
    first, second = node.args[:2]
    fits = isinstance(first, ast.Constant) and first.value == one.id
    names = {n.id for n in ast.walk(second) if isinstance(n, ast.Name)}
    return node.func.id == "check" and fits and one.answer in names


def _cell_id(cell: NotebookNode, one: Exercise | None, taken: set[str]) -> str:
    if one is not None:
        return str(cell.metadata["nbgrader"]["grade_id"])
    digest = hashlib.sha256(f"{cell.cell_type}\0{cell.source}".encode()).hexdigest()[:12]
    copies = (f"{digest}-{n}" for n in range(2, len(taken) + 3))  # cells with the same text
    return next(i for i in (digest, *copies) if i not in taken)


def _markers(cell: NotebookNode) -> set[str]:
    return {k for k in (SOLUTION, HIDDEN) if re.search(rf"^\s*### BEGIN {k}", cell.source, re.M)}


def _without_magics(text: str) -> str:
    return re.sub(r"^(\s*)[%!].*$", r"\1pass", text, flags=re.M)


def _refuse_cell(name: str, cell: NotebookNode, expected: str, got: str) -> Exception:
    first = cell.source.split("\n")[0]
    return refuse(name, None, f"{expected} (in the cell that begins {first!r})", got)

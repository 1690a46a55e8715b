"""The exercises as data: read from exercises/NN.toml, checked field by field, kept for the process.

Data comes from the TOML files beside this module; the checks, hints, progress and the notebook
builder read it from here. A broken file is refused with its name, the exercise and the field.
"""

import keyword
import re
import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from labs.errors import ExerciseError

FOLDER = Path(__file__).parent / "exercises"
KINDS = ("code", "prediction", "choice")
HINT_LEVELS = 3  # a question, a direction, nearly the answer
_ID = re.compile(r"([1-9]\d?)\.([1-9]\d?)")
_REQUIRED = ("id", "title", "answer", "points", "objective", "hints")
_FIELDS = (*_REQUIRED, "kind")


@dataclass(frozen=True)
class Exercise:
    """One exercise.

    Args:
        id: "<notebook>.<number>", such as "1.3".
        title: one line.
        answer: the name of the function that the reader completes.
        points: what passing is worth.
        objective: one "I can ..." sentence; several exercises may share it.
        hints: three texts, each giving away more.
        kind: one of `KINDS`.
        notebook: the notebook's name without suffix.
    """

    id: str
    title: str
    answer: str
    points: int
    objective: str
    hints: tuple[str, ...]
    kind: str
    notebook: str

    @property
    def grade_id(self) -> str:
        """The nbgrader id of the answer cell: "1.3" -> "ex-1-3"."""
        return "ex-" + self.id.replace(".", "-")

    @property
    def number(self) -> int:
        """The notebook's number."""
        return notebook_number(self.id)


def notebook_number(exercise_id: str) -> int:
    """The notebook that an exercise belongs to: "1.3" -> 1."""
    return int(exercise_id.split(".")[0])


def all_exercises(folder: Path | None = None) -> tuple[Exercise, ...]:
    """Every exercise of every notebook, in order."""
    return _load_folder(folder or FOLDER)


def exercise(exercise_id: str) -> Exercise:
    """The exercise with this id.

    Raises:
        ExerciseError: there is no such exercise, or an exercise file is broken.
    """
    found = {e.id: e for e in all_exercises()}
    if not isinstance(exercise_id, str) or exercise_id not in found:
        raise ExerciseError(
            f"find exercise {exercise_id!r}",
            expected=f"one of {', '.join(found) or 'none: there are no exercise files'}",
            got=f"{exercise_id!r} ({type(exercise_id).__name__})",
            next_step='give the id as text, such as check("1.1", your_function)',
        )
    return found[exercise_id]


def exercises_of(notebook: str) -> tuple[Exercise, ...]:
    """The exercises of one notebook, by its name without suffix."""
    return tuple(e for e in all_exercises() if e.notebook == notebook)


def load_file(path: Path) -> tuple[Exercise, ...]:
    """One exercise file, every field checked.

    Raises:
        ExerciseError: naming the file, the exercise, the field, what was expected and what was got.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        _refuse(path, "", "", "TOML text", str(error))
    _need(set(data) == {"notebook", "exercise"}, path, "", "top level",
          'notebook = "..." and [[exercise]] tables', ", ".join(data) or "nothing")  # fmt: skip
    notebook, rows = data["notebook"], data["exercise"]
    wanted = f"a name that begins with {path.stem}_"
    fits = isinstance(notebook, str) and notebook.startswith(f"{path.stem}_")
    _need(fits, path, "", "notebook", wanted, repr(notebook))
    tables = isinstance(rows, list) and rows and all(isinstance(r, dict) for r in rows)
    _need(tables, path, "", "exercise", "at least one [[exercise]] table", repr(rows))
    found: dict[str, Exercise] = {}
    for position, row in enumerate(rows, start=1):
        one = _checked(path, position, row, notebook)
        _need(one.id not in found, path, one.id, "id", "an id used once", f"{one.id!r} again")
        found[one.id] = one
    return tuple(found.values())


@lru_cache
def _load_folder(folder: Path) -> tuple[Exercise, ...]:
    return tuple(e for path in sorted(folder.glob("*.toml")) for e in load_file(path))


def _checked(path: Path, position: int, row: dict, notebook: str) -> Exercise:
    name = str(row.get("id", f"number {position}"))
    for field in _REQUIRED:
        _need(field in row, path, name, field, "the field to be there", "nothing")
    extra = [f for f in row if f not in _FIELDS]
    _need(not extra, path, name, ", ".join(extra), f"only {', '.join(_FIELDS)}", "an unknown field")
    number = path.stem.lstrip("0")
    match = _ID.fullmatch(row["id"]) if isinstance(row["id"], str) else None
    wanted = f'"{number}.<number>", as text'
    _need(match and match[1] == number, path, name, "id", wanted, repr(row["id"]))
    for field in ("title", "objective"):
        _need(_is_text(row[field]), path, name, field, "a text", repr(row[field]))
    answer, points, hints = row["answer"], row["points"], row["hints"]
    named = isinstance(answer, str) and answer.isidentifier() and not keyword.iskeyword(answer)
    _need(named, path, name, "answer", "the name of the reader's function", repr(answer))
    whole = type(points) is int and points > 0
    _need(whole, path, name, "points", "a whole number above 0", repr(points))
    three = isinstance(hints, list) and len(hints) == HINT_LEVELS and all(map(_is_text, hints))
    _need(three, path, name, "hints", f"a list of {HINT_LEVELS} texts", repr(hints))
    kind = row.get("kind", "code")
    _need(kind in KINDS, path, name, "kind", f"one of {', '.join(KINDS)}", repr(kind))
    return Exercise(row["id"], row["title"], answer, points, row["objective"], tuple(hints), kind,
                    notebook)  # fmt: skip


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _need(holds: object, path: Path, name: str, field: str, expected: str, got: str) -> None:
    if not holds:
        _refuse(path, name, field, expected, got)


def _refuse(path: Path, name: str, field: str, expected: str, got: str) -> None:
    where = f"exercise file {path.name}"
    where += f", exercise {name}" if name else ""
    where += f", field {field}" if field else ""
    raise ExerciseError(
        f"read {where}",
        expected=expected,
        got=got,
        next_step=f"correct {path.parent.name}/{path.name}, or restore it from the repository",
    )

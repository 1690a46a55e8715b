"""self_assessment(): the course's five questions, answered by the exercises that were passed.

The questions and the exercises behind each are data, in self_assessment.toml; standings come from
the progress file. Nothing is asked of the reader: what they can do is what they have done.
"""

import tomllib
from dataclasses import dataclass
from pathlib import Path

from labs.errors import ExerciseError
from labs.grading.catalogue import Exercise, all_exercises
from labs.grading.result import sign
from labs.grading.state import state
from labs.tables import Table, TableView

FILE = Path(__file__).with_name("self_assessment.toml")
_BAR = 10  # characters
_SHOWN = 4  # of the exercises that are still to do


@dataclass(frozen=True)
class Answer:
    """One question and where the reader stands.

    Args:
        question: one sentence, "Can I ...?".
        exercises: those behind it, in the course's order.
        passed: ids of those that were passed.
    """

    question: str
    exercises: tuple[Exercise, ...]
    passed: frozenset[str]

    @property
    def points(self) -> int:
        return sum(e.points for e in self.exercises if e.id in self.passed)

    @property
    def max_points(self) -> int:
        return sum(e.points for e in self.exercises)

    @property
    def missing(self) -> tuple[str, ...]:
        """What is still to do, in order."""
        return tuple(e.id for e in self.exercises if e.id not in self.passed)

    @property
    def word(self) -> str:
        """ "yes" when every exercise is passed, "partly" when some are, else "not yet"."""
        return "yes" if not self.missing else "partly" if self.passed else "not yet"

    @property
    def bar(self) -> str:
        """The part of the points, drawn; full only when every point is there."""
        full = self.points * _BAR // self.max_points
        return "█" * full + "░" * (_BAR - full)


@dataclass(frozen=True, repr=False)
class SelfAssessment(TableView):
    """The five answers. `note` says something about the circumstances."""

    answers: tuple[Answer, ...]
    note: str = ""

    @property
    def reached(self) -> int:
        return sum(a.word == "yes" for a in self.answers)

    def table(self) -> Table:
        rows = []
        for a in self.answers:
            mark = sign("passed" if a.word == "yes" else "not-attempted")
            left = ", ".join(a.missing[:_SHOWN])
            more = len(a.missing) - _SHOWN
            left += f" and {more} more" if more > 0 else ""
            points = f"{a.bar} {a.points} of {a.max_points}"
            rows.append((a.question, f"{mark} {a.word}", points, left or "nothing"))
        title = f"Self-assessment: {self.reached} of {len(self.answers)} questions answered"
        columns = ("question", "answer", "points", "still to do")
        return Table(title, columns, tuple(rows), self.note)


def self_assessment(file: Path = FILE) -> SelfAssessment:
    """The five questions of the course, each answered by the exercises passed in all notebooks.

    Raises:
        ExerciseError: the file names an exercise that doesn't exist, or one twice.
    """
    known = {e.id: e for e in all_exercises()}
    order = {exercise: place for place, exercise in enumerate(known)}
    questions = tomllib.loads(file.read_text(encoding="utf-8"))["question"]
    listed = [e for q in questions for e in q["exercises"]]
    wrong = [e for e in listed if e not in known or listed.count(e) > 1]
    if wrong:
        raise ExerciseError(
            f"read {file.name}",
            expected="every exercise that exists, behind one question",
            got=f"{wrong[0]!r}, which {'is there twice' if wrong[0] in known else 'is none'}",
            next_step=f"correct {file.name}, or restore it from the repository",
        )
    keeper = state()
    passed = {e for e, at in keeper.standings().items() if at.status == "passed"}
    answers = []
    for q in questions:
        ids = sorted(q["exercises"], key=lambda e: order[e])
        behind = tuple(known[e] for e in ids)
        answers.append(Answer(q["text"], behind, frozenset(passed & set(ids))))
    return SelfAssessment(tuple(answers), keeper.take_note())

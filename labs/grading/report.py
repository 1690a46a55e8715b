"""hint() and progress(): help in three steps, and what has been reached so far."""

from dataclasses import dataclass

from labs.errors import ExerciseError
from labs.grading.catalogue import Exercise, all_exercises, exercise
from labs.grading.result import Hint, sign
from labs.grading.state import Standing, state
from labs.tables import Table

_NEVER = Standing("not-attempted", 0, 0)


@dataclass(frozen=True)
class Objective:
    """One line of the self-assessment: reached when every exercise behind it is passed."""

    text: str
    exercises: tuple[str, ...]
    reached: bool


@dataclass(frozen=True)
class Progress:
    """Where a reader stands.

    Args:
        exercises: in order.
        standings: by exercise id, for those that were touched.
        note: something about the circumstances.
    """

    exercises: tuple[Exercise, ...]
    standings: dict[str, Standing]
    note: str = ""

    @property
    def points(self) -> int:
        return sum(e.points for e in self.exercises if self.standing(e.id).status == "passed")

    @property
    def max_points(self) -> int:
        return sum(e.points for e in self.exercises)

    @property
    def objectives(self) -> tuple[Objective, ...]:
        """The self-assessment, in the order of the exercises."""
        behind: dict[str, list[str]] = {}
        for e in self.exercises:
            behind.setdefault(e.objective, []).append(e.id)
        return tuple(
            Objective(text, tuple(ids), all(self.standing(i).status == "passed" for i in ids))
            for text, ids in behind.items()
        )

    def standing(self, exercise_id: str) -> Standing:
        return self.standings.get(exercise_id, _NEVER)

    def table(self) -> Table:
        """The exercises: status, points, checks run, hints seen."""
        rows = []
        for e in self.exercises:
            at = self.standing(e.id)
            points = e.points if at.status == "passed" else 0
            status = f"{sign(at.status)} {at.status}"
            rows.append((e.id, e.title, status, f"{points} of {e.points}", at.attempts, at.hints))
        columns = ("exercise", "title", "status", "points", "checks", "hints")
        title = f"Progress: {self.points} of {self.max_points} points"
        return Table(title, columns, tuple(rows), note=self.note)

    def self_assessment(self) -> Table:
        """The objectives, each ticked off by the exercises behind it."""
        rows = tuple(
            (f"{sign('passed')} yes" if o.reached else f"{sign('not-attempted')} not yet",
             o.text, ", ".join(o.exercises))
            for o in self.objectives
        )  # fmt: skip
        reached = sum(o.reached for o in self.objectives)
        title = f"Self-assessment: {reached} of {len(rows)}"
        return Table(title, ("reached", "objective", "shown by exercise"), rows)

    def __str__(self) -> str:
        return f"{self.table()}\n\n{self.self_assessment()}"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return self.table()._repr_html_() + self.self_assessment()._repr_html_()


def hint(exercise_id: str, level: int | None = None) -> Hint:
    """The next hint of an exercise, or the one asked for. Using hints costs no points.

    Raises:
        ExerciseError: unknown exercise or level.
    """
    one = exercise(exercise_id)
    levels = len(one.hints)
    if level is not None and (type(level) is not int or not 1 <= level <= levels):
        raise ExerciseError(
            f"show a hint for exercise {one.id}",
            expected=f"a level from 1 to {levels}",
            got=repr(level),
            next_step=f'call hint("{one.id}") for the next one',
        )
    keeper = state()
    shown = keeper.add_hint(one.id, level, levels)
    return Hint(one.id, shown, levels, one.hints[shown - 1], keeper.take_note())


def progress(notebook: int | None = None) -> Progress:
    """What has been reached so far, in every notebook or in one (by its number)."""
    chosen = tuple(e for e in all_exercises() if notebook in (None, e.number))
    if not chosen:
        raise ExerciseError(
            f"show the progress of notebook {notebook!r}",
            expected=f"one of {sorted({e.number for e in all_exercises()})}",
            got=repr(notebook),
        )
    keeper = state()
    standings = keeper.standings()
    return Progress(chosen, standings, keeper.take_note())

"""The register of judges: for each exercise, the questions to ask and the function that judges.

A judge sees the question and the answer as plain data, so that it can sit in another process than
the code that answered. The judges of notebook N are in checks/nbNN.py and loaded on first use.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

from labs.errors import ExerciseError
from labs.grading.catalogue import notebook_number
from labs.grading.encode import NotPlain, plain
from labs.grading.short import short


class Wrong(Exception):
    """An answer is wrong; the message says how.

    Args:
        message: what differs.
        question: the inputs; whoever shows the message may show them too.
    """

    def __init__(self, message: str, question: tuple | None = None) -> None:
        self.message, self.question = message, question
        super().__init__(message if question is None else f"{message} (input: {short(question)})")


@dataclass(frozen=True)
class Judge:
    """How one exercise is judged.

    Args:
        id: the exercise.
        judge: called with (question, answer), raises `Wrong`.
        questions: makes the argument tuples from a random generator; None: the answer itself is
            judged, and no function is called.
        ask: called with (function, *question) beside the reader's code; its result is the answer.
        runs_code: judging runs what the answer says, and takes seconds. Whoever judges answers
            that aren't their own has to do it where that code can do no harm.
    """

    id: str
    judge: Callable[[tuple, Any], None]
    questions: Callable[[np.random.Generator], list[tuple]] | None
    ask: Callable[..., object]
    runs_code: bool = False

    def draw(self, seed: int) -> list[tuple]:
        """The questions of one check: the same seed gives the same questions.

        Raises:
            ExerciseError: the questions are not a list of tuples of plain data.
        """
        if self.questions is None:
            return [()]
        drawn = self.questions(np.random.default_rng(seed))
        try:
            drawn = plain(drawn)
        except NotPlain as error:
            self._refuse(str(error).replace("the answer", "questions"))
        if type(drawn) is not list or not drawn or any(type(q) is not tuple for q in drawn):
            self._refuse(short(drawn))
        return drawn

    def _refuse(self, got: str) -> None:
        raise ExerciseError(
            f"draw the questions of exercise {self.id}",
            expected="a list of at least one tuple of plain data, one tuple per call",
            got=got,
            next_step="correct the exercise's judge",
        )


_REGISTER: dict[str, Judge] = {}


def judge(
    exercise_id: str,
    *,
    questions: Callable[[np.random.Generator], list[tuple]] | None = None,
    ask: Callable[..., object] | None = None,
    runs_code: bool = False,
) -> Callable[[Callable[[tuple, Any], None]], Callable[[tuple, Any], None]]:
    """Register the decorated function as the judge of an exercise; arguments as in `Judge`."""

    def register(function: Callable[[tuple, Any], None]) -> Callable[[tuple, Any], None]:
        _REGISTER[exercise_id] = Judge(exercise_id, function, questions, ask or _call, runs_code)
        return function

    return register


def judge_of(exercise_id: str) -> Judge:
    """The judge of an exercise, loading its notebook's file when needed.

    Raises:
        ExerciseError: no judge is registered for it.
    """
    if exercise_id not in _REGISTER:
        module = f"labs.grading.checks.nb{notebook_number(exercise_id):02d}"
        try:
            import_module(module)
        except ModuleNotFoundError as error:
            if error.name != module:
                raise
    if exercise_id not in _REGISTER:
        raise ExerciseError(
            f"check exercise {exercise_id}",
            expected=f'a judge: @judge("{exercise_id}", ...) in labs/grading/checks/',
            got="none",
            next_step="add one, or take the exercise out of its TOML file",
        )
    return _REGISTER[exercise_id]


def _call(function: Callable[..., object], *question: object) -> object:
    return function(*question)

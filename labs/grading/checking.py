"""check(): a reader's function against fresh questions, and the verdict.

Asking (untrusted, see asking) and judging (here) meet only through encoded outcomes, so the same
judging serves the notebook, the command line and a grader outside the reader's process.
"""

import os
import secrets
from collections.abc import Iterable

from labs.errors import ExerciseError
from labs.grading.asking import Outcome, ask_all, encode_value
from labs.grading.catalogue import Exercise, exercise
from labs.grading.encode import NotPlain, from_wire, plain
from labs.grading.judges import Judge, Wrong, judge_of
from labs.grading.result import CheckResult, Status
from labs.grading.short import short_call
from labs.grading.state import state

_NOT_YET = "The hole is still there: replace the line `raise NotImplementedError` and check again."


def check(exercise_id: str, answer: object, *, seed: int | None = None) -> CheckResult:
    """Check an answer and record the attempt.

    Args:
        exercise_id: such as "1.3".
        answer: the function itself, without parentheses (or the value, where a value is asked for).
        seed: repeats the questions of an earlier check; fresh ones when not given.

    Returns:
        The result, which shows itself in a notebook.

    Raises:
        ExerciseError: unknown exercise; or, with COURSE_STRICT=1, the answer did not pass.
    """
    one, judge = exercise(exercise_id), judge_of(exercise_id)
    seed = fresh_seed() if seed is None else seed
    questions = judge.draw(seed)
    misuse = _misuse(one, judge, answer)
    if misuse:
        status, message = "failed", misuse
    else:
        # the reader's function may change its arguments: the judge keeps its own
        asked = plain(questions)
        if judge.questions is None:
            outcomes: Iterable[Outcome] = [encode_value(answer)]
        else:
            outcomes = ask_all(judge.ask, answer, asked)
        status, message = verdict(one, judge, questions, outcomes, seed)
    result = record(one, status, message, seed)
    if os.environ.get("COURSE_STRICT") == "1" and not result.passed:
        raise ExerciseError(
            f"pass exercise {one.id} ({one.title})",
            expected="passed, because COURSE_STRICT=1 is set",
            got=f"{result.status}: {result.message}",
            next_step="correct the answer, or unset COURSE_STRICT",
        )
    return result


def fresh_seed() -> int:
    """A seed that nobody can foresee."""
    return secrets.randbelow(2**32)


def verdict(
    one: Exercise, judge: Judge, questions: list[tuple], outcomes: Iterable[Outcome], seed: int
) -> tuple[Status, str]:
    """Judge the outcomes in order, up to the first that is not right.

    Returns:
        The status and a message for the reader.
    """
    answered = 0
    for question, outcome in zip(questions, outcomes, strict=False):
        if outcome.kind == "hole":
            return "not-attempted", _NOT_YET
        if outcome.kind == "cells":
            return "failed", outcome.message
        told = outcome.message or _what_is_wrong(judge, question, outcome)
        if told:
            return "failed", "\n".join([told, *_how_to_repeat(one, judge, question, seed)])
        answered += 1
    if answered < len(questions):
        return "crashed", f"Only {answered} of {len(questions)} calls were answered."
    return "passed", "Right on every question." if len(questions) > 1 else "Right."


def record(one: Exercise, status: Status, message: str, seed: int | None) -> CheckResult:
    """Keep the attempt and return the result, with a note where it could not be kept."""
    points = one.points if status == "passed" else 0
    keeper = state()
    keeper.add_attempt(one.id, status, points, seed)
    return CheckResult(
        one.id, one.title, status, points, one.points, message, note=keeper.take_note()
    )


def _misuse(one: Exercise, judge: Judge, answer: object) -> str:
    call = f'check("{one.id}", {one.answer})'
    if judge.questions is not None and not callable(answer):
        return f"Expected your function, got {type(answer).__name__}. Call {call}, without ()."
    if judge.questions is None and callable(answer):
        return f"Expected your answer's value, got a function: call it, {call[:-1]}())."
    return ""


def _what_is_wrong(judge: Judge, question: tuple, outcome: Outcome) -> str:
    try:
        judge.judge(question, from_wire(outcome.wire))
    except Wrong as wrong:
        return wrong.message
    except NotPlain as error:
        return f"This answer can't be judged: {error}."
    except Exception as error:
        # a judge expects some form of answer: one that doesn't even fit is wrong, not our crash
        why = f"{type(error).__name__}: {error}"
        return f"The answer doesn't have the form that was asked for ({why})."
    return ""


def _how_to_repeat(one: Exercise, judge: Judge, question: tuple, seed: int) -> list[str]:
    if judge.questions is None or not question:
        return []
    return [
        f"The question was: {short_call(one.answer, question)}",
        f'The same questions again: check("{one.id}", {one.answer}, seed={seed})',
    ]

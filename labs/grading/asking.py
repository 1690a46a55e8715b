"""Running a reader's function on questions and telling what happened: the side that is not trusted.

Nothing here knows right from wrong. The outcomes are plain data (see encode), so that they can
cross from a worker process to the judge.
"""

import os
import sys
import sysconfig
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from labs.grading.encode import NotPlain, to_wire

_MAX_MESSAGE = 600
_OUR_FOLDER = str(Path(__file__).parent)


@dataclass(frozen=True)
class Outcome:
    """What one call gave.

    Args:
        kind: "answer" (wire holds it), "hole" (not written yet), "error" (message says why), or
            "cells" (no question could be asked at all).
        wire: the encoded answer.
        message: the error for the reader.
    """

    kind: str
    wire: str = ""
    message: str = ""


def ask_all(
    ask: Callable[..., object], answer: object, questions: Iterable[tuple]
) -> Iterable[Outcome]:
    """One outcome per question, up to the first that is no answer; a KeyboardInterrupt passes."""
    for question in questions:
        outcome = _ask_one(ask, answer, question)
        yield outcome
        if outcome.kind != "answer":
            return


def encode_value(value: object) -> Outcome:
    """The outcome of an answer that is a value."""
    try:
        return Outcome("answer", wire=to_wire(value))
    except NotPlain as error:
        return Outcome("error", message=f"This answer can't be judged: {error}.")
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # computing a tensor runs the reader's work
        return Outcome("error", message=describe_error(error, value))


def describe_error(error: BaseException, answer: object) -> str:
    """Type, message and the reader's own line."""
    text = traceback.format_exception_only(error)[-1].strip()
    if len(text) > _MAX_MESSAGE:
        text = f"{text[:_MAX_MESSAGE]}..."
    if isinstance(error, SystemExit):
        text = f"the function ended the program ({text})"
    if isinstance(error, SyntaxError):
        if type(error).__name__.startswith("_"):  # Python 3.13's private kinds of SyntaxError
            text = f"SyntaxError: {error.msg}"
        line = (error.text or "").strip()
        return f"{text}\nin line {error.lineno}: {line}" if line else text
    own = _own_frame(error.__traceback__, answer)
    if own is None:
        return text
    place = f"in line {own.lineno}"
    return f"{text}\n{place}: {own.line}" if own.line else f"{text}\n{place} of {own.name}"


def is_hole(error: BaseException, answer: object) -> bool:
    """Whether this is the untouched hole: a bare NotImplementedError from the reader's own code."""
    if type(error) is not NotImplementedError or error.args:
        return False
    frames = list(traceback.walk_tb(error.__traceback__))
    return bool(frames) and _is_own(frames[-1][0].f_code.co_filename, answer)


def _ask_one(ask: Callable[..., object], answer: object, question: tuple) -> Outcome:
    try:
        value = ask(answer, *question)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        if is_hole(error, answer):
            return Outcome("hole")
        return Outcome("error", message=describe_error(error, answer))
    return encode_value(value)


def _own_frame(start: TracebackType | None, answer: object) -> traceback.FrameSummary | None:
    own = [f for f in traceback.extract_tb(start) if _is_own(f.filename, answer)]
    return own[-1] if own else None


def _is_own(filename: str, answer: object) -> bool:
    """Whether a frame is the reader's: the answer's file, a notebook cell, a module of theirs."""
    code = getattr(answer, "__code__", None)
    if code is not None and code.co_filename == filename:
        return True
    if filename.startswith((_OUR_FOLDER, "<frozen")):
        return False
    if not os.path.exists(filename):  # a notebook cell
        return True
    paths = sysconfig.get_paths()
    theirs = (paths["stdlib"], paths["purelib"], paths["platlib"], sys.base_prefix, sys.prefix,
              str(Path(_OUR_FOLDER).parent))  # fmt: skip
    return not filename.startswith(theirs)

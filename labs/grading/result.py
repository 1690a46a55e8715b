"""What a check, a hint and the progress show: plain values with a text and an HTML form.

Status is always a word and a sign, never colour alone.
"""

from dataclasses import dataclass
from html import escape
from typing import Literal, get_args

Status = Literal["passed", "failed", "not-attempted", "timeout", "crashed", "blocked"]
STATUSES: tuple[str, ...] = get_args(Status)
SIGNS = {"passed": "✓", "not-attempted": "○"}  # every other status has the sign below
_FAILED_SIGN = "✗"
_COLOURS = {"passed": "#1b7837", "not-attempted": "#767676"}
_FAILED_COLOUR = "#b2182b"
_BOX = "border-left:4px solid {};padding:4px 12px;margin:4px 0"


@dataclass(frozen=True)
class CheckResult:
    """The outcome of one check.

    Args:
        id: the exercise.
        title: its title.
        status: one of `STATUSES`.
        points: points reached.
        max_points: points that can be reached.
        message: what differs, or what to do next; several lines allowed.
        note: something about the circumstances, such as progress that can't be saved.
    """

    id: str
    title: str
    status: Status
    points: int
    max_points: int
    message: str
    note: str = ""

    @property
    def passed(self) -> bool:
        return self.status == "passed"

    def __str__(self) -> str:
        body = [*self.message.split("\n"), *([f"Note: {self.note}"] if self.note else [])]
        return "\n".join([self._headline(), *(f"  {line}" for line in body if line)])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        colour = _COLOURS.get(self.status, _FAILED_COLOUR)
        note = f"<p style='font-size:90%;margin:4px 0 0'>Note: {escape(self.note)}</p>"
        return box(self._headline(), self.message, colour) + (note if self.note else "")

    def _headline(self) -> str:
        return (
            f"{sign(self.status)} {self.status} · {self.id} {self.title} · "
            f"{self.points} of {self.max_points} points"
        )


@dataclass(frozen=True)
class Hint:
    """One hint.

    Args:
        id: the exercise.
        level: 1 is the mildest.
        levels: how many there are.
        text: the hint.
        note: something about the circumstances.
    """

    id: str
    level: int
    levels: int
    text: str
    note: str = ""

    def __str__(self) -> str:
        return f"{self._headline()}\n  {self.text}" + (f"\n  {self.note}" if self.note else "")

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return box(self._headline(), f"{self.text}\n{self.note}".strip(), "#2166ac")

    def _headline(self) -> str:
        last = ", the last one" if self.level == self.levels else ""
        return f"Hint {self.level} of {self.levels} for {self.id}{last}"


def sign(status: str) -> str:
    """The sign that stands beside a status word."""
    return SIGNS.get(status, _FAILED_SIGN)


def box(headline: str, body: str, colour: str) -> str:
    """A headline and a text beside a coloured line, in the page's own text colour."""
    lines = "".join(_html_line(line) for line in body.split("\n") if line)
    return f"<div style='{_BOX.format(colour)}'><strong>{escape(headline)}</strong>{lines}</div>"


def _html_line(line: str) -> str:
    return f"<div style='white-space:pre-wrap'>{escape(line)}</div>"

"""What the first lines of a CSV file tell: delimiter, decimal mark, names, units, where data start.

A header is `name [unit]` or `name (unit)` for each column; lines before it are left out. Some
oscilloscopes give the units in a line of their own.
"""

import csv
import re
from dataclasses import dataclass
from pathlib import Path

from labs.electrical.records.comtrade_files import decoded
from labs.electrical.records.record import listed, unreadable
from labs.electrical.records.units_said import TIME_UNITS_S, is_unit, short_unit

HEAD_BYTES = 2**16
_LOOKED_AT = 20  # lines of data from which the delimiter is told
_LONGEST_PREAMBLE = 500  # lines: instruments write up to about a hundred
_COMMENTS = ("#", "%", "//")
# in this order: what reads with a semicolon doesn't with a comma, and the other way round it may
_FORMS = ((";", ","), (";", "."), ("\t", ","), ("\t", "."), (",", "."), (" ", "."), (" ", ","))
_NO_VALUE = {"", "nan", "n/a", "na", "null", "none", "-", "--"}
_UNIT = re.compile(r"^(.*?)\s*[\[(]([^\])]*)[\])]$")
_TIMES = {"t", "time", "times", "zeit", "seconds", "timestamp", "time_s", "t_s", "x-axis"}


@dataclass(frozen=True)
class Head:
    """The form of a CSV file.

    Attributes:
        names, units: of all columns; "" where there is none.
        offset: of the first line of data, in bytes; `line` is its number.
        sample: the first lines of data, to look at.
    """

    delimiter: str
    decimal: str
    names: tuple[str, ...]
    units: tuple[str, ...]
    offset: int
    line: int
    sample: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]


def read_head(
    path: Path, raw: bytes, whole: bool, delimiter: str | None, decimal: str | None,
    encoding: str | None,
) -> Head:  # fmt: skip
    """The form of a file from its first bytes.

    Args:
        whole: whether these are all.

    Raises:
        LabError: there are no lines of numbers in it.
    """
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise unreadable(path, "text in UTF-16", expected="text in UTF-8 or Latin-1",
                         next_step="save it as CSV in UTF-8")  # fmt: skip
    if not whole and b"\n" in raw:  # not in the middle of a character or a line
        raw = raw[: raw.rfind(b"\n") + 1]
    text, notes = decoded(path, raw, encoding)
    lines = text.replace("\r\n", "\n").split("\n")
    forms = [(d, m) for d, m in _FORMS if delimiter in (None, d) and decimal in (None, m)] or [
        (delimiter or ",", decimal or ".")
    ]
    if len(forms[0][0]) != 1 or forms[0][1] not in ".," or forms[0][0] == forms[0][1]:
        raise unreadable(path, f"delimiter={delimiter!r}, decimal={decimal!r}",
                         expected="one character, and another one of . and ,",
                         next_step="leave them out: they are found")  # fmt: skip
    best = max((_tried(lines, d, m) for d, m in forms), key=lambda t: t.score)
    if best.score == 0:
        raise unreadable(
            path,
            f"{lines[0][:60]!r} ...",
            expected="lines of numbers, below a header of names",
            next_step="name delimiter= and decimal= if they are unusual",
        )
    names, units, skipped = _titles(lines, best)
    if skipped:
        notes = (*notes, f"{skipped} lines before the header are left out")
    start = sum(len(part) for part in raw.splitlines(keepends=True)[: best.first])
    sample = tuple(best.rows[:_LOOKED_AT])
    return Head(best.delimiter, best.decimal, names, units, start, best.first + 1, sample, notes)


@dataclass(frozen=True)
class _Try:
    """How far a form fits: lines of numbers of the same width, times that width."""

    delimiter: str
    decimal: str
    first: int
    rows: tuple[tuple[str, ...], ...]

    @property
    def columns(self) -> int:
        return len(self.rows[0]) if self.rows else 0

    @property
    def score(self) -> int:
        # one column reads with every delimiter, so more columns are the better reading
        return len(self.rows) * (1 + 100 * (self.columns > 1))


def _tried(lines: list[str], delimiter: str, decimal: str) -> _Try:
    first, rows = 0, []
    for number, line in enumerate(lines[:_LONGEST_PREAMBLE]):
        if not line.strip():
            continue
        fields = _fields(line, delimiter)
        if _numeric(fields, decimal) and (not rows or len(fields) == len(rows[0])):
            if not rows:
                first = number
            rows.append(tuple(fields))
            if len(rows) >= _LOOKED_AT:
                break
        elif len(rows) < 2:  # a lone line of numbers before the header
            rows = []
        else:
            break
    return _Try(delimiter, decimal, first, tuple(rows))


def _fields(line: str, delimiter: str) -> list[str]:
    if delimiter == " ":
        return line.split()
    try:
        return [f.strip() for f in next(csv.reader([line], delimiter=delimiter), [])]
    except csv.Error:
        return [line]


def _numeric(fields: list[str], decimal: str) -> bool:
    """Whether all are numbers or missing, and one at least is a number."""
    found = False
    for field in fields:
        if field.lower() in _NO_VALUE:
            continue
        if decimal == "," and "." in field:
            return False
        try:
            float(field.replace(decimal, "."))
        except ValueError:
            return False
        found = True
    return found


def _titles(lines: list[str], best: _Try) -> tuple[tuple[str, ...], tuple[str, ...], int]:
    """Names, units, and how many lines come before them."""
    above = []
    for number, line in enumerate(lines[: best.first]):
        bare = line.strip()
        for mark in _COMMENTS:
            bare = bare.removeprefix(mark).strip()
        fields = _fields(bare, best.delimiter)
        if bare and len(fields) == best.columns:
            above.append((number, fields))
    blank = ("",) * best.columns
    if not above:
        return blank, blank, best.first
    units = None
    if len(above) > 1 and all(is_unit(f) or not f for f in above[-1][1]):
        units = [short_unit(f) for f in above.pop()[1]]
    number, fields = above[-1]
    split = [_UNIT.match(f) for f in fields]
    names = tuple(m[1] if m else f for m, f in zip(split, fields, strict=True))
    if units is None:
        units = [short_unit(m[2]) if m else "" for m in split]
    return names, tuple(units), number


def time_column(path: Path, head: Head, asked: str | bool | None) -> int | None:
    """Which column is the time, if any.

    Raises:
        LabError: the one asked for isn't there.
    """
    if asked is False:
        return None
    if isinstance(asked, str):
        if asked in head.names:
            return head.names.index(asked)
        raise unreadable(
            path,
            f"no column {asked!r}",
            expected=f"one of its columns: {listed(head.names)}",
            next_step="correct time=, or time=False with fs_hz=",
        )
    for place, name in enumerate(head.names):
        if name.lower() in _TIMES and time_unit(head.units[place]) is not None:
            return place
    return None


def time_unit(unit: str) -> float | None:
    """How many seconds one is; a time without unit is in seconds."""
    return TIME_UNITS_S.get(unit) if unit else 1.0

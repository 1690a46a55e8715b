"""Long text files of numbers: lines by chunks, and chunks of lines as arrays.

Numbers are parsed by numpy in one call for a whole chunk; only a chunk with something odd in it is
gone through line by line, to say what and where.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from labs.electrical.records.record import CHUNK_BYTES, unreadable
from labs.errors import LabError

MISSING = -(2**62)  # in a table of integers: no value
LONGEST_LINE = 2**22  # bytes: 4 MiB hold 400,000 numbers
_NO_VALUE = frozenset({"", "nan", "n/a", "na", "null", "none", "-", "--", "+nan", "-nan"})
_INTEGER = b"0123456789,-+ \n"
_FLOAT = _INTEGER + b".eE"


@dataclass(frozen=True)
class Lines:
    """Whole lines of a file; `first` is the number of the first one, from 1."""

    first: int
    text: bytes
    at_end: bool


def line_chunks(
    path: Path, file: BinaryIO, first_line: int, size: int = CHUNK_BYTES
) -> Iterator[Lines]:
    """What is left of the file, by chunks of about `size` bytes.

    Raises:
        LabError: a line is too long to be one of numbers.
    """
    rest, number = b"", first_line
    while data := file.read(size):
        text = rest + data
        cut = text.rfind(b"\n") + 1
        if not cut and text.find(b"\r") >= 0 and b"\n" not in text:
            raise _ended_by_cr(path)
        if len(text) - cut > LONGEST_LINE:
            raise unreadable(
                path,
                f"a line of more than {LONGEST_LINE} bytes",
                expected="lines of numbers",
                next_step="is it a text file?",
                line=number,
            )
        whole, rest = text[:cut], text[cut:]
        if whole:
            yield Lines(number, whole, False)
            number += whole.count(b"\n")
    if rest.strip(b"\x1a\0 \t\r\n"):
        yield Lines(number, rest, True)


def _ended_by_cr(path: Path) -> LabError:
    return unreadable(
        path,
        "lines that end with a carriage return only",
        expected="lines that end with a line feed",
        next_step="convert its line ends: tr '\\r' '\\n'",
    )


@dataclass(frozen=True)
class Grammar:
    """How numbers stand in a line.

    Args:
        columns: numbers in each line.
        delimiter: one byte, or b" " for any number of blanks.
        decimal: the decimal mark, b"." or b",".
        names: of the columns, for messages.
    """

    columns: int
    delimiter: bytes = b","
    decimal: bytes = b"."
    names: tuple[str, ...] = ()


class Parser:
    """Turns chunks of lines into tables.

    Attributes:
        torn: whether the last line of the file was cut off; it is left out.
    """

    def __init__(self, path: Path, grammar: Grammar) -> None:
        self._path, self._grammar = path, grammar
        self.torn = False
        table = bytearray(range(256))
        table[ord("\t")] = ord(" ")
        if grammar.decimal == b",":
            table[ord(",")] = ord(".")
        if grammar.delimiter != b" ":
            table[grammar.delimiter[0]] = ord(",")
        self._translation = bytes(table)

    def table(self, lines: Lines) -> np.ndarray:
        """[line, column]: int64 with MISSING where all are whole numbers, else float64 with NaN.

        Raises:
            LabError: something isn't a number, or a line has too many or too few; with the line.
        """
        body = lines.text.rstrip(b"\x1a\0 \t\r\n").replace(b"\r\n", b"\n")
        quick = body.translate(self._translation)
        if self._grammar.delimiter == b" ":
            quick = b"\n".join(b",".join(line.split()) for line in quick.split(b"\n"))
        found = self._at_once(quick)
        return self._one_by_one(lines) if found is None else found

    def _at_once(self, body: bytes) -> np.ndarray | None:
        columns = self._grammar.columns
        odd = body.translate(None, _FLOAT)
        if odd or not body or b"-," in body or b"-\n" in body or not self._aligned(body):
            return None
        whole = not body.translate(None, _INTEGER)
        flat = body.replace(b"\n", b",")
        if flat.startswith(b",") or flat.endswith(b",") or b",," in flat:
            word = b"%d" % MISSING if whole else b"nan"
            for _ in range(2):  # of three commas in a row the first pass sees two
                flat = flat.replace(b",,", b"," + word + b",")
            flat = (word if flat.startswith(b",") else b"") + flat
            flat += word if flat.endswith(b",") else b""
        try:
            values = np.fromstring(flat, np.int64 if whole else np.float64, sep=",")
        except (ValueError, DeprecationWarning):  # the latter where warnings are errors
            return None
        rows = body.count(b"\n") + 1
        if whole and values.size and max(values.max(), -values.min()) > -2 * MISSING - 2:
            return None  # beyond what int64 holds
        return values.reshape(rows, columns) if values.size == rows * columns else None

    def _aligned(self, body: bytes) -> bool:
        """Whether each line has as many separators as it must have."""
        data = np.frombuffer(body, np.uint8)
        marks = data[np.flatnonzero((data == ord(",")) | (data == ord("\n")))]
        columns = self._grammar.columns
        marks = np.append(marks, np.uint8(ord("\n")))
        if len(marks) % columns:
            return False
        ends = marks.reshape(-1, columns) == ord("\n")
        return bool(ends[:, -1].all() and not ends[:, :-1].any())

    def _one_by_one(self, lines: Lines) -> np.ndarray:
        found = []
        text = lines.text.rstrip(b"\x1a\0 \t\r\n").split(b"\n")
        for number, line in enumerate(text, lines.first):
            line = line.strip(b"\r\0\x1a ")
            if not line.strip():
                continue
            last = lines.at_end and number == lines.first + len(text) - 1
            values = self._line(line, number, last)
            if values is not None:
                found.append(values)
        return np.array(found, float).reshape(len(found), self._grammar.columns)

    def _line(self, line: bytes, number: int, last: bool) -> list[float] | None:
        grammar = self._grammar
        text = line.decode("latin-1")
        if grammar.delimiter == b" ":
            fields = text.split()
        elif '"' in text:
            fields = _quoted(text, grammar.delimiter.decode())
        else:
            fields = text.split(grammar.delimiter.decode())
        if len(fields) != grammar.columns:
            if last and len(fields) < grammar.columns:
                self.torn = True
                return None
            raise unreadable(
                self._path,
                f"{len(fields)} values: {text[:60]!r}",
                expected=f"{grammar.columns} values",
                next_step="correct or delete the line",
                line=number,
            )
        return [self._value(f.strip(), i, number) for i, f in enumerate(fields)]

    def _value(self, field: str, column: int, line: int) -> float:
        if field.lower() in _NO_VALUE:
            return np.nan
        try:
            if "_" in field:  # Python takes 1_000 for a number; nobody else does
                raise ValueError
            return float(field.replace(self._grammar.decimal.decode(), "."))
        except ValueError:
            names = self._grammar.names
            where = names[column] if column < len(names) else f"column {column + 1}"
            raise unreadable(
                self._path,
                f"{where}: {field[:40]!r}",
                expected="a number, or nothing where it is missing",
                next_step="correct the line",
                line=line,
            ) from None


def _quoted(text: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([text], delimiter=delimiter), [])
    except csv.Error:  # a field of more than 128 KiB: no number
        return [text]

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
_BLANK = b"\x1a\0 \r\n"  # some systems end a text with 0x1A
_END = 7  # follows the last number: if it is parsed, everything before it was


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
            # ten times as fast as whole.count
            number += int(np.count_nonzero(np.frombuffer(whole, np.uint8) == ord("\n")))
    if rest.strip(_BLANK):
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
        if grammar.decimal == b",":
            table[ord(",")] = ord(".")
        table[grammar.delimiter[0]] = table[ord("\n")] = ord(",")
        self._translation = bytes(table)

    def table(self, lines: Lines) -> np.ndarray:
        """[line, column]: int64 with MISSING where all are whole numbers, else float64 with NaN.

        Raises:
            LabError: something isn't a number, or a line has too many or too few; with the line.
        """
        body = lines.text.rstrip(_BLANK)
        if self._grammar.delimiter == b" ":
            body = b"\n".join(b" ".join(line.split()) for line in body.split(b"\n"))
        found = self._at_once(body)
        return self._one_by_one(lines) if found is None else found

    def _at_once(self, body: bytes) -> np.ndarray | None:
        """None where there is anything but numbers and empty fields, as many in each line."""
        columns = self._grammar.columns
        data = np.frombuffer(body, np.uint8)
        ends = data == ord("\n")
        marks = np.flatnonzero(ends | (data == self._grammar.delimiter[0]))
        rows = int(np.count_nonzero(ends)) + 1
        if not body or len(marks) + 1 != rows * columns:
            return None
        if not ends[marks[columns - 1 :: columns]].all():
            return None
        flat = body.translate(self._translation, b"\r") + b",%d" % _END
        empty = self._has_empty(marks, data)
        kinds = (np.float64,) if b"." in flat else (np.int64, np.float64)
        for kind in kinds:
            text = _filled(flat, b"nan" if kind is np.float64 else b"%d" % MISSING, empty)
            try:
                values = np.fromstring(text, kind, sep=",")
            except (ValueError, DeprecationWarning):  # the latter where warnings are errors
                continue
            if values.size == rows * columns + 1 and values[-1] == _END:
                values = values[:-1].reshape(rows, columns)
                # what int64 doesn't hold is given as its largest
                if kind is np.float64 or max(values.max(), -values.min()) <= -MISSING:
                    return values
        return None

    def _has_empty(self, marks: np.ndarray, data: np.ndarray) -> bool:
        """Whether two marks follow each other, or one begins or ends the text."""
        if not len(marks):
            return False
        ends = marks[self._grammar.columns - 1 :: self._grammar.columns]
        returns = (data[ends - 1] == ord("\r")) & (data[ends - 2] == self._grammar.delimiter[0])
        return bool(
            marks[0] == 0
            or marks[-1] == len(data) - 1
            or returns.any()
            or (np.diff(marks) == 1).any()
        )

    def _one_by_one(self, lines: Lines) -> np.ndarray:
        found = []
        text = lines.text.rstrip(_BLANK).split(b"\n")
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


def _filled(flat: bytes, word: bytes, has_empty: bool) -> bytes:
    """Empty fields with a word in them."""
    if not has_empty:
        return flat
    for _ in range(2):  # of three commas in a row the first pass sees two
        flat = flat.replace(b",,", b"," + word + b",")
    return (word if flat.startswith(b",") else b"") + flat

"""CSV records: a column for each channel, with a time column or a rate that the caller gives."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from labs.electrical.blocks import Channel
from labs.electrical.records.csv_head import HEAD_BYTES, Head, read_head, time_column, time_unit
from labs.electrical.records.rates import Rates, rate_of
from labs.electrical.records.record import (
    Piece,
    Record,
    checked_rate,
    listed,
    mask_of,
    named,
    select,
    unreadable,
)
from labs.electrical.records.text import MISSING, Grammar, Parser, line_chunks
from labs.electrical.records.time_base import Rows, TimeBase

_JUDGED = 4096  # rows from which the rate is told


def open_csv(
    path: Path,
    *,
    channels: str | Sequence[str] | None = None,
    fs_hz: float | None = None,
    time: str | bool | None = None,
    delimiter: str | None = None,
    decimal: str | None = None,
    units: Mapping[str, str] | None = None,
    encoding: str | None = None,
) -> "CsvRecord":
    """A CSV file.

    Args:
        fs_hz: the rate; needed where there is no time column.
        time: name of the time column; found by its name ("time", "t", ...) if left out; False:
            there is none.
        delimiter, decimal: found if left out.
        units: of channels whose header gives none, by name.

    Raises:
        LabError: a column isn't there; there is no rate; the times have no common step.
    """
    with open(path, "rb") as file:
        raw = file.read(HEAD_BYTES)
        whole = not file.read(1)
    head = read_head(path, raw, whole, delimiter, decimal, encoding)
    place = time_column(path, head, time)
    titles, notes = named(path, head.names, "column ")
    others = [i for i in range(len(titles)) if i != place]
    if not others:
        raise unreadable(path, f"the column {titles[0]} only", expected="columns of samples",
                         next_step="time=False takes it for samples; then give fs_hz=")  # fmt: skip
    labels = [titles[i] for i in others]
    chosen = [others[i] for i in select(path, channels, labels)]
    units = dict(units or {})
    if unknown := units.keys() - set(labels):
        raise unreadable(
            path,
            f"no column {listed(sorted(unknown))}",
            expected=f"columns: {listed(labels)}",
            next_step="correct units=",
        )
    made = [Channel(titles[i], units.get(titles[i], head.units[i])) for i in chosen]
    reader = _Reader(path, head, place, chosen)
    first = next(reader.rows(), None)
    if first is None:
        raise unreadable(path, "no line of data", expected="lines of numbers")
    if place is None and fs_hz is None:
        raise unreadable(
            path,
            f"no time column among {listed(titles)}, and no rate",
            expected="a column named time, or fs_hz=",
            next_step="open_record(path, fs_hz=...) or open_record(path, time='name')",
        )
    notes = [*head.notes, *notes]
    fs, unit_s = _rate(path, reader, first, fs_hz, notes)
    return CsvRecord(path, made, fs, unit_s, reader, _front(first), notes)


class CsvRecord(Record):
    """Reads lines and gives them their time."""

    def __init__(
        self,
        path: Path,
        channels: Sequence[Channel],
        fs_hz: float,
        unit_s: float,
        reader: "_Reader",
        first: Rows,
        notes: Sequence[str],
    ) -> None:
        super().__init__(path, channels, fs_hz, dtype="float32", notes=notes)
        self._reader, self._first, self._unit_s = reader, first, unit_s

    def _pieces(self) -> Iterator[Piece]:
        clock = TimeBase(Rates(((self.fs_hz, 0),)), self._unit_s, self._first, self.note)
        for rows in self._reader.rows():
            yield from clock.pieces(rows)
        clock.finish()
        if self._reader.torn:
            self.note("the last line is cut off and left out")


class _Reader:
    """Lines as rows; their stamps count the last digit of the time column."""

    def __init__(self, path: Path, head: Head, time: int | None, columns: Sequence[int]) -> None:
        self.path, self.head, self.time, self.columns = path, head, time, list(columns)
        self.torn = False
        self.fine = 1.0 if time is None else _fineness(head, time)  # of the time column

    @property
    def unit_s(self) -> float:
        """What a stamp counts: the last digit of the time column."""
        return self.fine * (time_unit(self.head.units[self.time]) or 1.0)

    def rows(self) -> Iterator[Rows]:
        head = self.head
        grammar = Grammar(
            len(head.names), head.delimiter.encode("latin-1"), head.decimal.encode(), head.names
        )
        parser = Parser(self.path, grammar)
        with open(self.path, "rb") as file:
            file.seek(head.offset)
            for lines in line_chunks(self.path, file, head.line):
                table = parser.table(lines)
                if len(table):
                    yield self._rows(table)
        self.torn = parser.torn

    def _rows(self, table: np.ndarray) -> Rows:
        samples = np.empty((len(self.columns), len(table)), np.float32)
        with np.errstate(over="ignore"):
            for i, column in enumerate(self.columns):
                samples[i] = _floats(table[:, column])
        stamps = None if self.time is None else _floats(table[:, self.time]) / self.fine
        return Rows(None, stamps, samples, mask_of(samples))


def _floats(column: np.ndarray) -> np.ndarray:
    values = column.astype(np.float64)
    if column.dtype.kind == "i":
        values[column == MISSING] = np.nan
    values[np.isinf(values)] = np.nan
    return values


def _front(rows: Rows) -> Rows:
    return Rows(None, None if rows.stamps is None else rows.stamps[:_JUDGED],
                rows.samples[:, :_JUDGED], None)  # fmt: skip


def _rate(
    path: Path, reader: _Reader, first: Rows, asked: float | None, notes: list[str]
) -> tuple[float, float]:
    """The rate, and how fine the time column is, in seconds."""
    if reader.time is None:
        return checked_rate(path, asked, "fs_hz="), 1.0
    stamps = first.stamps[:_JUDGED]
    found = rate_of(stamps, reader.unit_s)
    name = reader.head.names[reader.time]
    if asked is not None:
        fs = checked_rate(path, asked, "fs_hz=")
        if found is not None and abs(found - fs) > 1e-6 * fs:
            notes.append(f"read at {fs:g} Hz as asked; column {name} tells {found:g} Hz")
        return fs, reader.unit_s
    if found is None:
        raise unreadable(
            path,
            f"times in column {name} that have no common step: "
            + listed([f"{t * reader.fine:g}" for t in stamps[:4]]),
            expected="samples at a constant rate",
            next_step="resample it, or name the rate: fs_hz=...",
        )
    return checked_rate(path, found, f"column {name}"), reader.unit_s


def _fineness(head: Head, place: int) -> float:
    """The last digit of the times in the first lines."""
    digits = 0
    for row in head.sample:
        mantissa, _, exponent = row[place].lower().partition("e")
        after = len(mantissa.partition(head.decimal)[2])
        try:
            digits = max(digits, after - int(exponent or 0))
        except ValueError:
            continue
    return 10.0 ** -min(max(digits, 0), 15)

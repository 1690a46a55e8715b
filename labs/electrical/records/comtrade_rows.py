"""The data of a COMTRADE record, row by row of the file: text or one of three binary forms.

A row is: sample number, time stamp, analog counts, status bits. Binary rows are little-endian:
uint32, uint32, an int16, int32 or float32 for each analog channel, a uint16 for 16 status channels.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from labs.electrical.records.comtrade_header import Header
from labs.electrical.records.record import CHUNK_BYTES, mask_of
from labs.electrical.records.text import MISSING, Grammar, Parser, line_chunks
from labs.electrical.records.time_base import Rows

_ANALOG = {"BINARY": "<i2", "BINARY32": "<i4", "FLOAT32": "<f4"}
_JUDGED_BYTES = 2**16
_NO_STAMP = 0xFFFFFFFF
_NO_TEXT = 99999  # the value that says "missing" in text since 1999; before, an empty field
_LEAST, _MOST = -32768, 32767  # of int16


@dataclass(frozen=True)
class Picked:
    """A channel that is read: `place` among the analog or the status channels, and what a count
    is worth."""

    place: int
    is_analog: bool
    scale: float
    offset: float


@dataclass(frozen=True)
class Data:
    """What the rows are read with. `as_counts`: int16 counts, else float32 values."""

    path: Path
    offset: int
    size: int
    line: int
    header: Header
    picked: tuple[Picked, ...]
    as_counts: bool

    @property
    def row_bytes(self) -> int:
        """Of a binary row."""
        return row_dtype(self.header).itemsize

    def rows(self, note: Callable[[str], None], size: int = CHUNK_BYTES) -> Iterator[Rows]:
        """All rows that are there, about `size` bytes at a time."""
        return (_text_rows if self.header.form == "ASCII" else _binary_rows)(self, note, size)


def row_dtype(header: Header) -> np.dtype:
    """Of a binary row."""
    analog, words = len(header.analog), -(-len(header.status) // 16)
    kind = _ANALOG[header.form]
    return np.dtype([("n", "<u4"), ("t", "<u4"), ("a", kind, (analog,)), ("s", "<u2", (words,))])


def _binary_rows(data: Data, note: Callable[[str], None], size: int) -> Iterator[Rows]:
    dtype = row_dtype(data.header)
    most = max(1, size // dtype.itemsize)
    left = data.size
    with open(data.path, "rb") as file:
        file.seek(data.offset)
        while left >= dtype.itemsize:
            count = min(most, left // dtype.itemsize)
            rows = np.fromfile(file, dtype, count)
            if len(rows):
                yield _binary(data, rows)
            left -= count * dtype.itemsize
            if len(rows) < count:
                note("the file has become shorter while it was read")
                return
    if left:
        note(f"{left} bytes after the last whole row are left out")


def _binary(data: Data, rows: np.ndarray) -> Rows:
    header = data.header
    stamps = rows["t"].astype(np.float64)
    stamps[rows["t"] == _NO_STAMP] = np.nan
    out = np.empty((len(data.picked), len(rows)), np.int16 if data.as_counts else np.float32)
    valid = None
    for i, picked in enumerate(data.picked):
        if not picked.is_analog:
            word, bit = divmod(picked.place, 16)
            out[i] = (rows["s"][:, word] >> np.uint16(bit)) & 1
            continue
        stored = rows["a"][:, picked.place]
        bad = _missing(header, picked.place, stored)
        if data.as_counts:
            out[i] = stored
        else:
            out[i] = _values(stored, picked)
        if bad is not None and bad.any():
            valid = np.ones(out.shape, bool) if valid is None else valid
            valid[i] = ~bad
            if not data.as_counts:
                out[i, bad] = np.nan
    if not data.as_counts and (finite := mask_of(out)) is not None:
        valid = finite if valid is None else valid & finite
    return Rows(rows["n"].astype(np.int64), stamps, out, valid)


def _values(stored: np.ndarray, picked: Picked) -> np.ndarray:
    with np.errstate(over="ignore", invalid="ignore"):
        if picked.scale == 1 and picked.offset == 0:
            return stored.astype(np.float32)
        return (stored * np.float64(picked.scale) + picked.offset).astype(np.float32)


def _missing(header: Header, place: int, stored: np.ndarray) -> np.ndarray | None:
    """Where a binary value says that there is none.

    Since 1999 it is the most negative integer. In 1991 it was 0xFFFF, which is -1: a count like
    others, unless the header's range leaves it out. For floating point it is the most negative
    number (unverified), or NaN.
    """
    if header.form == "FLOAT32":
        return stored == np.finfo(np.float32).min
    if header.revision > 1991:
        return stored == np.iinfo(stored.dtype).min
    channel = header.analog[place]
    bad = None
    for count in (-1, int(np.iinfo(stored.dtype).min)):
        if not channel.lowest <= count <= channel.highest:
            found = stored == count
            bad = found if bad is None else bad | found
    return bad


def _text_rows(data: Data, note: Callable[[str], None], size: int) -> Iterator[Rows]:
    header = data.header
    analog, columns = len(header.analog), 2 + len(header.analog) + len(header.status)
    names = ("sample number", "time stamp", *(c.name for c in header.analog), *header.status)
    parser = Parser(data.path, Grammar(columns, names=names))
    places = [2 + p.place + (0 if p.is_analog else analog) for p in data.picked]
    with open(data.path, "rb") as file:
        file.seek(data.offset)
        for lines in line_chunks(data.path, file, data.line, size):
            table = parser.table(lines)
            if len(table):
                yield _text(data, table, places, note)
    if parser.torn:
        note("the last line is cut off and left out")


def _text(data: Data, table: np.ndarray, places: list[int], note: Callable) -> Rows:
    whole = table.dtype.kind == "i"
    numbers, stamps = table[:, 0], table[:, 1].astype(np.float64)
    if whole:
        stamps[table[:, 1] == MISSING] = np.nan
    else:
        with np.errstate(invalid="ignore"):
            numbers = np.nan_to_num(numbers, posinf=0, neginf=0).clip(MISSING, -MISSING)
            numbers = numbers.astype(np.int64)
        stamps[~np.isfinite(stamps)] = np.nan
    if data.as_counts and whole and all(p.is_analog for p in data.picked):
        lowest, highest = table[:, 2:].min(), table[:, 2:].max()
        if lowest >= _LEAST and highest <= _MOST:  # the usual case: nothing missing
            out = np.empty((len(places), len(table)), np.int16)
            for i, place in enumerate(places):
                out[i] = table[:, place]
            return Rows(numbers, stamps, out, None)
    out = np.empty((len(places), len(table)), np.int16 if data.as_counts else np.float32)
    valid = np.ones(out.shape, bool)
    beyond = 0
    for i, (picked, place) in enumerate(zip(data.picked, places, strict=True)):
        stored = table[:, place]
        if picked.is_analog:  # an empty field is MISSING or NaN
            bad = stored == MISSING if whole else ~np.isfinite(stored)
            if data.header.revision > 1991:
                bad |= stored == _NO_TEXT
        else:
            bad = (stored != 0) & (stored != 1)
        if data.as_counts:
            with np.errstate(invalid="ignore"):
                off = ~bad & ((stored < _LEAST) | (stored > _MOST))
                if not whole:
                    off |= ~bad & (stored != np.rint(stored))
            beyond += int(off.sum())
            bad = bad | off
            out[i] = np.where(bad, 0, stored)
        else:
            out[i] = _values(stored, picked)
            out[i, bad] = np.nan
            bad = bad | ~np.isfinite(out[i])
        valid[i] = ~bad
    if beyond:
        note("there are counts that the header's range leaves out: they are invalid")
    return Rows(numbers, stamps, out, None if valid.all() else valid)


def first_rows(data: Data, count: int) -> Rows | None:
    """Up to `count` of them, to judge by; None if there are none."""
    for rows in islice(data.rows(lambda text: None, _JUDGED_BYTES), 1):
        return Rows(rows.numbers[:count], rows.stamps[:count], rows.samples[:, :count],
                    None if rows.valid is None else rows.valid[:, :count])  # fmt: skip
    return None

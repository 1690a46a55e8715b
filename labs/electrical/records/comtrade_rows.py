"""The data of a COMTRADE record, row by row of the file: text or one of three binary forms.

A row is: sample number, time stamp, analog counts, status bits. Binary rows are little-endian:
uint32, uint32, an int16, int32 or float32 for each analog channel, a uint16 for 16 status channels.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from labs.electrical.records.comtrade_header import Header
from labs.electrical.records.record import CHUNK_BYTES, mask_of
from labs.electrical.records.text import MISSING, Grammar, Parser, line_chunks
from labs.electrical.records.time_base import Rows

_ANALOG = {"BINARY": "<i2", "BINARY32": "<i4", "FLOAT32": "<f4"}
_JUDGED_BYTES = 2**16
_TEXT_BYTES = 2**18  # its numbers take 8 bytes each: they stay in a processor's cache
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
    stamps = rows["t"].astype(np.float64)
    stamps[rows["t"] == _NO_STAMP] = np.nan
    out = np.empty((len(data.picked), len(rows)), np.int16 if data.as_counts else np.float32)
    for i, picked in enumerate(data.picked):
        if picked.is_analog:
            stored = rows["a"][:, picked.place]
            out[i] = stored if _as_stored(data, picked) else _values(stored, picked)
        else:
            word, bit = divmod(picked.place, 16)
            out[i] = (rows["s"][:, word] >> np.uint16(bit)) & 1
    valid = None
    for i, bad in _missing(data, rows, out):
        if bad.any():
            valid = np.ones(out.shape, bool) if valid is None else valid
            valid[i] &= ~bad
            if not data.as_counts:
                out[i, bad] = np.nan
    if not data.as_counts and (finite := mask_of(out)) is not None:
        valid = finite if valid is None else valid & finite
    return Rows(rows["n"].astype(np.int64), stamps, out, valid)


def _as_stored(data: Data, picked: Picked) -> bool:
    """Whether what is given is what is in the file."""
    plain = data.header.form == "FLOAT32" and (picked.scale, picked.offset) == (1.0, 0.0)
    return data.as_counts or plain


def _values(stored: np.ndarray, picked: Picked) -> np.ndarray:
    with np.errstate(over="ignore", invalid="ignore"):
        return (stored * np.float64(picked.scale) + picked.offset).astype(np.float32)


def _missing(data: Data, rows: np.ndarray, out: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """For each channel where a binary value says that there is none.

    Since 1999 it is the most negative integer. In 1991 it was 0xFFFF, which is -1: a count like
    others, unless the header's range leaves it out. For floating point it is the most negative
    number (unverified), or NaN.
    """
    header = data.header
    kind = rows.dtype["a"].base
    least = np.finfo(kind).min if kind.kind == "f" else np.iinfo(kind).min
    for i, picked in enumerate(data.picked):
        if not picked.is_analog:
            continue
        # what was copied as it is lies in a row, which is quicker
        stored = out[i] if _as_stored(data, picked) else rows["a"][:, picked.place]
        channel = header.analog[picked.place]
        if kind.kind == "f" or header.revision > 1991:
            yield i, stored == least
            continue
        for count in (-1, int(least)):
            if not channel.lowest <= count <= channel.highest:
                yield i, stored == count


def _text_rows(data: Data, note: Callable[[str], None], size: int) -> Iterator[Rows]:
    parser, places = Parser(data.path, _grammar(data.header)), _places(data)
    for table in _tables(data, parser, size):
        if len(table):
            yield _text(data, table, places, note)
    if parser.torn:
        note("the last line is cut off and left out")


def _tables(data: Data, parser: Parser, size: int) -> Iterator[np.ndarray]:
    with open(data.path, "rb") as file:
        file.seek(data.offset)
        for lines in line_chunks(data.path, file, data.line, min(size, _TEXT_BYTES)):
            yield parser.table(lines)


def _grammar(header: Header) -> Grammar:
    names = ("sample number", "time stamp", *(c.name for c in header.analog), *header.status)
    return Grammar(len(names), names=names)


def _places(data: Data) -> list[int]:
    """The columns of what is read."""
    analog = len(data.header.analog)
    return [2 + p.place + (0 if p.is_analog else analog) for p in data.picked]


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


def judged(data: Data, count: int) -> tuple[Data, Rows | None]:
    """Whether int16 holds what is there, and up to `count` first rows; None if there are none."""
    header, note = data.header, lambda text: None
    if header.form != "ASCII":
        analog = any(p.is_analog for p in data.picked)
        data = replace(data, as_counts=header.form == "BINARY" or not analog)
        first = next(_binary_rows(data, note, _JUDGED_BYTES), None)
    else:
        table = next((t for t in _tables(data, Parser(data.path, _grammar(header)),
                                         _JUDGED_BYTES) if len(t)), None)  # fmt: skip
        if table is None:
            return data, None
        data = replace(data, as_counts=_fits_int16(data, table))
        first = _text(data, table, _places(data), note)
    if first is None:
        return data, None
    valid = None if first.valid is None else first.valid[:, :count]
    return data, Rows(first.numbers[:count], first.stamps[:count], first.samples[:, :count], valid)


def _fits_int16(data: Data, table: np.ndarray) -> bool:
    """By the header's range, which may be nonsense, and by the first values."""
    places = [p.place for p in data.picked if p.is_analog]
    channels = [data.header.analog[p] for p in places]
    if not all(c.lowest >= _LEAST and c.highest <= _MOST for c in channels):
        return False
    found = table[:, [2 + p for p in places]]
    missing = ~np.isfinite(found) | (found == MISSING) | (found == _NO_TEXT)
    with np.errstate(invalid="ignore"):
        fits = (found >= _LEAST) & (found <= _MOST) & (found == np.rint(found))
    return bool((fits | missing).all())

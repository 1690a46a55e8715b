"""What all readers share: a Source over a file that gives its pieces as blocks.

A reader gives pieces of a size of its own, the same for every `blocks(length)`: what is decided
from a piece (gaps, rates) can't depend on how somebody wants the blocks cut.
"""

import difflib
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np

from labs.electrical.blocks import BLOCK_LENGTH, Block, Channel
from labs.errors import LabError
from labs.tables import Table
from labs.units import format_count, format_hertz

CHUNK_BYTES = 2**20  # read at once: fits a processor's cache
SLOWEST_HZ, FASTEST_HZ = 1e-6, 1e12  # a rate beyond these is an error of the file
MOST_LISTED = 12  # names in a message


@dataclass(frozen=True, eq=False)
class Piece:
    """Consecutive samples, as `Block` has them."""

    index: int
    t0_s: float
    fs_hz: float
    samples: np.ndarray
    valid: np.ndarray | None = None


class Record:
    """A Source over a file; a reader's record gives `_pieces`.

    It can be read again from its start by another `blocks()`, and holds no file open between them.

    Attributes:
        length: samples of each channel, gaps left out; None where only reading to the end tells.
        dtype: of the samples, int16 (counts) or float32 (values).
    """

    def __init__(
        self,
        path: Path,
        channels: Sequence[Channel],
        fs_hz: float,
        *,
        dtype: np.dtype | str,
        start: datetime | None = None,
        length: int | None = None,
        notes: Sequence[str] = (),
    ) -> None:
        self.path, self.name, self.channels = path, path.name, tuple(channels)
        self.fs_hz, self.dtype = float(fs_hz), np.dtype(dtype)
        self.start, self.length = start, length
        self._notes = dict.fromkeys(notes)
        self._closed = False

    @property
    def notes(self) -> tuple[str, ...]:
        return tuple(self._notes)

    def note(self, text: str) -> None:
        """Once for each text: a record that is read again says the same."""
        self._notes[text] = None

    def blocks(self, length: int = BLOCK_LENGTH) -> Iterator[Block]:
        """Blocks in order of time, each up to `length` samples, in bounded memory."""
        if isinstance(length, bool) or not isinstance(length, int | np.integer) or length < 1:
            raise LabError(
                f"read '{self.name}' in blocks",
                expected="blocks of 1 sample or more",
                got=f"length={length!r}",
                next_step=f"leave length out: it is {BLOCK_LENGTH}",
            )
        return self._blocks(int(length))

    def close(self) -> None:
        self._closed = True

    def table(self) -> Table:
        """Its channels, and what is known of the whole."""
        rows = tuple(
            (c.name, c.unit or None, c.phase or None, f"{c.scale:g}", f"{c.offset:g}")
            if self.dtype.kind == "i"
            else (c.name, c.unit or None, c.phase or None, None, None)
            for c in self.channels
        )
        samples = (
            "samples are counted when read"
            if self.length is None
            else (f"{format_count(self.length)} samples of {self.dtype}")
        )
        facts = [f"{format_hertz(self.fs_hz, 6)}, {samples}"]
        facts += [f"from {self.start.isoformat(sep=' ')}"] if self.start else []
        columns = ("channel", "unit", "phase", "one count is", "at 0 counts")
        return Table(self.name, columns, rows, "; ".join([*facts, *self.notes]))

    def __str__(self) -> str:
        return str(self.table())

    def _repr_html_(self) -> str:
        return self.table()._repr_html_()

    def __enter__(self) -> "Record":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _pieces(self) -> Iterator[Piece]:
        raise NotImplementedError

    def _blocks(self, length: int) -> Iterator[Block]:
        alive = np.zeros(len(self.channels), bool)
        with reading(self.path):
            for piece in self._pieces():
                samples, valid = piece.samples, piece.valid
                if not alive.all():
                    alive |= True if valid is None else valid.any(axis=1)
                for at in range(0, samples.shape[1], length):
                    if self._closed:
                        return
                    to = min(at + length, samples.shape[1])
                    yield Block(
                        piece.index + at,
                        piece.t0_s + at / piece.fs_hz if at else piece.t0_s,
                        piece.fs_hz,
                        samples[:, at:to],
                        None if valid is None or valid[:, at:to].all() else valid[:, at:to],
                    )
        for channel, seen in zip(self.channels, alive, strict=True):
            if not seen:
                self.note(f"channel {channel.name} has no valid sample")


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """What the system says about a file, as a LabError."""
    try:
        yield
    except (OSError, MemoryError) as error:
        raise LabError(
            f"read '{path.name}'",
            expected="a file that can be read",
            got=f"{type(error).__name__}: {getattr(error, 'strerror', None) or error}",
            next_step=f"check the file: {path}",
        ) from error


def unreadable(
    path: Path, got: str, *, expected: str = "", next_step: str = "", line: int | None = None
) -> LabError:
    """What is wrong with a file, and where."""
    where = "" if line is None else f", line {line}"
    return LabError(f"read '{path.name}'{where}", expected=expected, got=got, next_step=next_step)


def checked_rate(path: Path, fs_hz: object, said_by: str, line: int | None = None) -> float:
    """A sample rate in Hz.

    Raises:
        LabError: no number, not finite, zero, negative or absurd.
    """
    try:
        rate = math.nan if isinstance(fs_hz, bool) else float(fs_hz)
    except (TypeError, ValueError, OverflowError):
        rate = math.nan
    if SLOWEST_HZ <= rate <= FASTEST_HZ:
        return rate
    raise unreadable(
        path,
        f"{str(fs_hz)[:40]} Hz, said by {said_by}",
        expected=f"a sample rate from {SLOWEST_HZ:g} to {FASTEST_HZ:g} Hz",
        next_step="correct it, or give the rate: open_record(path, fs_hz=...)",
        line=line,
    )


def stated_rate(
    path: Path, asked: float | None, found: float | None, said_by: str
) -> tuple[float, tuple[str, ...]]:
    """The rate to read with, and what to note: the caller's before the file's.

    Raises:
        LabError: neither says one that can be.
    """
    if asked is None:
        if found is None:
            raise unreadable(
                path,
                f"{said_by} gives none",
                expected="a sample rate",
                next_step="give it: open_record(path, fs_hz=...)",
            )
        return checked_rate(path, found, said_by), ()
    rate = checked_rate(path, asked, "fs_hz=")
    if found is None or abs(found - rate) <= 1e-9 * rate:
        return rate, ()
    return rate, (f"read at {rate:g} Hz as asked; {said_by} says {found:g} Hz",)


def named(path: Path, names: Sequence[str], fallback: str) -> tuple[tuple[str, ...], list[str]]:
    """Names that differ: empty ones are numbered, later equal ones get '#2'; and notes on that."""
    found: dict[str, None] = {}
    notes = []
    taken = set(names)
    for number, raw in enumerate(names, 1):
        name = raw or f"{fallback}{number}"
        if name in found or (not raw and name in taken):
            copy = 2
            while f"{name}#{copy}" in found or f"{name}#{copy}" in taken:
                copy += 1
            notes.append(f"channel {number} is also named {name}; it is {name}#{copy} here")
            name = f"{name}#{copy}"
        found[name] = None
    if len(notes) > 3:
        notes = [*notes[:3], f"{len(notes) - 3} more channels share their names"]
    return tuple(found), notes


def select(path: Path, asked: str | Sequence[str] | None, there: Sequence[str]) -> list[int]:
    """Places of the channels asked for, in the order asked; all of them for None.

    Raises:
        LabError: one isn't there, is asked for twice, or none is asked for.
    """
    if asked is None:
        return list(range(len(there)))
    wanted = [asked] if isinstance(asked, str) else list(asked)
    places = {name: i for i, name in enumerate(there)}
    unknown = [n for n in wanted if n not in places]
    if unknown or not wanted or len(set(wanted)) < len(wanted):
        close = difflib.get_close_matches(str(unknown[0]), there, 1) if unknown else []
        got = f"no channel {', '.join(map(str, unknown))}" if unknown else f"channels={wanted}"
        raise unreadable(
            path,
            got,
            expected=f"some of its channels, each once: {listed(there)}",
            next_step=f"did you mean {close[0]}?" if close else "correct channels=",
        )
    return [places[name] for name in wanted]


def listed(names: Sequence[str]) -> str:
    """Names for a message, not too many."""
    more = len(names) - MOST_LISTED
    return ", ".join(names[:MOST_LISTED]) + (f", and {more} more" if more > 0 else "")


def scaled(
    channels: Sequence[Channel], names: Sequence[str] | None, unit: str | None, scale: object
) -> tuple[Channel, ...]:
    """Channels of a file that knows no names, units or scales, as the caller says they are."""
    count = len(channels)
    factors = np.broadcast_to(np.asarray(1.0 if scale is None else scale, float), (count,))
    return tuple(
        replace(
            c,
            name=c.name if names is None else str(names[i]),
            unit=c.unit if unit is None else unit,
            scale=c.scale * float(factors[i]),
            offset=c.offset * float(factors[i]),
        )
        for i, c in enumerate(channels)
    )


def mask_of(samples: np.ndarray) -> np.ndarray | None:
    """Where float samples are finite; None if everywhere."""
    valid = np.isfinite(samples)
    return None if valid.all() else valid

"""A source whose samples are computed when they are asked for, from a signal's closed form.

    source = SyntheticSource(Supply(duration_s=2.0, faults=(Dip(0.5, 0.1),)))
    source.truth                        # what it must measure

Each sample is a function of its number: blocks of any length have the same bits.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Protocol

import numpy as np

from labs.electrical.blocks import BLOCK_LENGTH, Block, Channel
from labs.electrical.sources.tiles import Spans, Tiles, pieces
from labs.electrical.sources.truth import Truth
from labs.errors import LabError

FULL_SCALE = 32767  # largest count of an int16 converter; the least is its negative


class Signal(Protocol):
    """A description of a signal: data, and its samples in closed form.

    Attributes:
        length: samples of each channel, lost ones included.
        lost: samples [first, last) that never arrive.
        dtype: of the samples: int16 (counts, by the channels' scale) or float32 (values).
        truth: what it must measure.
    """

    name: str
    channels: tuple[Channel, ...]
    fs_hz: float
    length: int
    lost: Spans
    dtype: str
    truth: Truth

    def wave(self, first: int, last: int) -> np.ndarray:
        """Samples [first, last) as [channel, n] of float64 in the channels' units, before any
        converter; NaN where there is no value."""
        ...


class SyntheticSource:
    """A Source of a signal; `blocks()` begins anew each time."""

    def __init__(self, signal: Signal, start: datetime | None = None) -> None:
        self.signal, self.name, self.channels = signal, signal.name, signal.channels
        self.fs_hz, self.length = float(signal.fs_hz), signal.length
        self.dtype, self.start = np.dtype(signal.dtype), start
        self.notes: tuple[str, ...] = ()

    @property
    def truth(self) -> Truth:
        """What the signal must measure."""
        return self.signal.truth

    def blocks(self, length: int = BLOCK_LENGTH) -> Iterator[Block]:
        """Blocks in order of time, each up to `length` samples."""
        check_length(self.name, length)
        tiles, fs = Tiles(self._tile, self.length), self.fs_hz
        counts, last = self.dtype.kind == "i", 0
        for first, last in pieces(self.length, length, self.signal.lost):
            x = tiles.samples(first, last)
            invalid = np.isnan(x)
            valid = None if not invalid.any() else ~invalid
            if counts and valid is not None:
                x = np.where(invalid, 0.0, x)
            samples = x.astype(self.dtype)  # counts are whole already
            yield Block(first, first / fs, fs, samples, valid)
        if last < self.length:  # the end is lost: an empty block says so
            nothing = np.empty((len(self.channels), 0), self.dtype)
            yield Block(self.length, self.length / fs, fs, nothing)

    def close(self) -> None:
        """Nothing is held open."""

    def _tile(self, first: int, last: int) -> np.ndarray:
        x = self.signal.wave(first, last)
        return x if self.dtype.kind == "f" else _counts(x, self.channels)


def _counts(x: np.ndarray, channels: tuple[Channel, ...]) -> np.ndarray:
    """The nearest whole numbers of an ideal converter, cut at its full scale."""
    scale = np.array([c.scale for c in channels])[:, None]
    offset = np.array([c.offset for c in channels])[:, None]
    full = np.array([c.full_scale or FULL_SCALE for c in channels])[:, None]
    return np.clip(np.rint((x - offset) / scale), -full, full)


def check_length(name: str, length: int) -> None:
    """Refuse blocks that can't be.

    Raises:
        LabError: it is no whole number of samples above 0.
    """
    if isinstance(length, bool) or not isinstance(length, int | np.integer) or length < 1:
        raise LabError(
            f"read '{name}' in blocks",
            expected="blocks of 1 sample or more",
            got=f"length={length!r}",
            next_step=f"leave length out: it is {BLOCK_LENGTH}",
        )


def checked_length(name: str, fs_hz: float, duration_s: float) -> int:
    """Samples of a signal.

    Raises:
        LabError: a sample rate or duration that can't be.
    """
    try:
        length = round(fs_hz * duration_s) if fs_hz > 0 and duration_s > 0 else 0
    except (OverflowError, ValueError):  # infinite, or no number
        length = 0
    if length < 1:
        raise LabError(
            f"make the signal '{name}'",
            expected="a sample rate and a duration above 0, of one sample at least",
            got=f"{fs_hz!r} Hz for {duration_s!r} s",
            next_step="correct them",
        )
    return length

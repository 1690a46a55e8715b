"""Files of interleaved samples: one value of each channel, then the next of each.

Raw files, WAV and SigMF differ in what describes them; their samples are read here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from labs.electrical.blocks import Channel
from labs.electrical.records.record import CHUNK_BYTES, Piece, Record, mask_of


@dataclass(frozen=True)
class Encoding:
    """How a sample is stored.

    Args:
        kind: "i" signed, "u" unsigned with its zero in the middle, "f" floating point.
        bits: 8, 16, 24, 32 or 64.
    """

    kind: str
    bits: int
    big_endian: bool = False

    @property
    def bytes(self) -> int:
        return self.bits // 8

    @property
    def is_counts(self) -> bool:
        """Whether int16 holds it."""
        return self.kind != "f" and self.bits <= 16

    @property
    def largest(self) -> float | None:
        """The largest count that it can give; a floating-point number can't clip."""
        return None if self.kind == "f" else float(2 ** (self.bits - 1) - 1)

    @property
    def stored(self) -> np.dtype:
        if self.bits == 24:  # numpy has none
            return np.dtype((np.uint8, 3))
        return np.dtype(f"{'>' if self.big_endian else '<'}{self.kind}{self.bytes}")

    def numbers(self, column: np.ndarray) -> np.ndarray:
        """What one channel's stored samples mean: int16, int32, int64 or float.

        Args:
            column: [n], or [n, 3] bytes of 24 bits.
        """
        if self.bits == 24:
            b = column[:, ::-1] if self.big_endian else column
            top = b[:, 2].astype(np.int8 if self.kind == "i" else np.uint8).astype(np.int32)
            value = (top << 16) | (b[:, 1].astype(np.int32) << 8) | b[:, 0]
            return value - (2**23 if self.kind == "u" else 0)
        if self.kind == "u":
            wide = np.int16 if self.bits == 8 else np.int32 if self.bits == 16 else np.int64
            return column.astype(wide) - wide(2 ** (self.bits - 1))
        return column


@dataclass(frozen=True)
class Layout:
    """Where the frames lie: `count` of `width` samples each, from byte `offset` on.

    `gaps` are (frame, missing): so many frames were lost before this one.
    """

    path: Path
    offset: int
    width: int
    count: int
    encoding: Encoding
    gaps: tuple[tuple[int, int], ...] = ()


class FrameRecord(Record):
    """A record of interleaved samples.

    Args:
        path: what the record is called by; the samples may lie in another file.
        columns: the places of the channels in a frame.
    """

    def __init__(
        self,
        path: Path,
        channels: Sequence[Channel],
        fs_hz: float,
        layout: Layout,
        columns: Sequence[int],
        *,
        start: datetime | None = None,
        notes: Sequence[str] = (),
    ) -> None:
        counts = layout.encoding.is_counts
        super().__init__(path, channels, fs_hz, dtype="int16" if counts else "float32",
                         start=start, length=layout.count, notes=notes)  # fmt: skip
        self._layout, self._columns = layout, list(columns)

    def _pieces(self) -> Iterator[Piece]:
        layout, fs = self._layout, self.fs_hz
        stored = layout.encoding.stored
        frame = np.dtype((stored, layout.width))
        most = max(1, CHUNK_BYTES // frame.itemsize)
        ends = [*(g for g, _ in layout.gaps), layout.count]
        lost = [0, *(n for _, n in layout.gaps)]
        at = shift = 0
        with open(layout.path, "rb") as file:
            file.seek(layout.offset)
            for end, missing in zip(ends, lost, strict=True):
                shift += missing
                while at < end:
                    count = min(most, end - at)
                    data = np.fromfile(file, np.uint8, count * frame.itemsize)
                    rows = len(data) // frame.itemsize
                    if rows:
                        raw = data[: rows * frame.itemsize].view(stored.base)
                        raw = raw.reshape(rows, layout.width, *stored.shape)
                        samples, valid = self._samples(raw)
                        index = at + shift
                        yield Piece(index, index / fs, fs, samples, valid)
                        at += rows
                    if rows < count:
                        self.note(f"the file ends {layout.count - at} samples early")
                        return

    def _samples(self, raw: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        encoding = self._layout.encoding
        if raw.shape[1] == 1 and raw.dtype == np.int16:
            return raw.reshape(1, -1), None  # as it lies
        out = np.empty((len(self._columns), len(raw)), self.dtype)
        for i, column in enumerate(self._columns):
            numbers = encoding.numbers(raw[:, column])
            if not encoding.is_counts:
                channel = self.channels[i]
                if (channel.scale, channel.offset) != (1.0, 0.0):
                    numbers = numbers * channel.scale + channel.offset
                with np.errstate(over="ignore"):  # too large for float32 is invalid, not a crash
                    out[i] = numbers
            else:
                out[i] = numbers
        return out, None if encoding.is_counts else mask_of(out)

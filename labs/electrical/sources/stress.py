"""A stream at the highest rate that costs next to nothing to make."""

import math
from collections.abc import Iterator
from datetime import datetime

import numpy as np

from labs.electrical.blocks import BLOCK_LENGTH, Block, Channel
from labs.electrical.sources.synthetic import FULL_SCALE, check_length, checked_length
from labs.electrical.sources.tiles import pieces
from labs.electrical.sources.truth import Teller, Truth

PERIOD, CYCLES = 65_536, 64  # 128 KiB of counts
LEVEL = 0.9  # of full scale
SCALE = 0.01  # V


class Repeated:
    """One int16 channel that repeats a period which is computed once.

    Blocks are views of one buffer, not copies: nothing may write to them.

    Args:
        once: counts of a whole period [n], so that its end fits its beginning.
    """

    def __init__(
        self, once: np.ndarray, channel: Channel, fs_hz: float, duration_s: float, name: str
    ) -> None:
        self.name, self.channels, self.fs_hz = name, (channel,), float(fs_hz)
        self.length = checked_length(name, fs_hz, duration_s)
        self.dtype = np.dtype(np.int16)
        self.start: datetime | None = None
        self.notes: tuple[str, ...] = ()
        self.once = np.ascontiguousarray(once, np.int16)
        self._tape = np.empty((1, 0), np.int16)

    def blocks(self, length: int = BLOCK_LENGTH) -> Iterator[Block]:
        """Blocks in order of time, each up to `length` samples."""
        check_length(self.name, length)
        tape, period, fs = self._long_enough(length), len(self.once), self.fs_hz
        for first, last in pieces(self.length, min(length, self.length)):
            at = first % period
            yield Block(first, first / fs, fs, tape[:, at : at + last - first])

    @property
    def truth(self) -> Truth:
        """RMS and mean, of whole periods."""
        tell, channel = Teller(self.channels, self.fs_hz, self.length), self.channels[0]
        x = self.once * channel.scale + channel.offset
        values = {"rms": math.sqrt(np.mean(x * x)), "mean": float(np.mean(x))}
        return Truth(
            tuple(tell.steady("rms", q, v, channel.unit, channel.name) for q, v in values.items())
        )

    def close(self) -> None:
        """Nothing is held open."""

    def _long_enough(self, length: int) -> np.ndarray:
        """[1, n] of the signal: a block may begin anywhere in a period."""
        wanted = min(length, self.length) + len(self.once)
        if self._tape.shape[1] < wanted:
            tape = np.resize(self.once, wanted)[None]
            tape.flags.writeable = False
            self._tape = tape
        return self._tape


def stress(
    fs_hz: float = 100e6, duration_s: float = 1.0, cycles: int = CYCLES, period: int = PERIOD
) -> Repeated:
    """A sine of 0.9 of full scale, `cycles` of it in `period` samples, for as long as asked."""
    x = LEVEL * FULL_SCALE * np.sin(2 * np.pi * cycles * np.arange(period) / period)
    channel = Channel("u", "V", SCALE, 0.0, "", FULL_SCALE)
    return Repeated(np.rint(x).astype(np.int16), channel, fs_hz, duration_s, "stress")

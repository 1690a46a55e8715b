"""Samples in tiles of a fixed length, so that how a signal is cut into blocks can't change a bit.

Vectorised functions may round the last elements of an array in another way than those in its
middle, and random numbers depend on how many were drawn before. Tile k is always samples
[k TILE, (k + 1) TILE), computed at once, whichever block asks for some of them.
"""

from collections.abc import Callable, Iterator

import numpy as np

TILE = 8192  # samples: a channel in float64 is 64 KiB, which stays in a processor's cache

Spans = tuple[tuple[int, int], ...]


class Tiles:
    """The samples [channel, n] of a function of (first, last); keeps the tile that it made last."""

    def __init__(self, make: Callable[[int, int], np.ndarray], length: int) -> None:
        self._make, self._length = make, length
        self._number, self._tile = -1, np.empty((0, 0))

    def samples(self, first: int, last: int) -> np.ndarray:
        """Samples [first, last), not to be written to."""
        parts = []
        for number in range(first // TILE, (last - 1) // TILE + 1):
            start = number * TILE
            tile = self._of(number)
            parts.append(tile[:, max(first - start, 0) : last - start])
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)

    def _of(self, number: int) -> np.ndarray:
        if number != self._number:
            start = number * TILE
            self._tile = self._make(start, min(start + TILE, self._length))
            self._tile.flags.writeable = False
            self._number = number
        return self._tile


def noise(seed: int, row: int, first: int, count: int) -> np.ndarray:
    """Standard normal noise of a tile's samples.

    From a generator that counts: seed and row are its key, the tile's number is its counter's third
    word, which no tile can draw so much as to reach.

    Source: J. Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011 (Philox).
    """
    key, counter = [seed % 2**64, row], [0, 0, first // TILE, 0]
    generator = np.random.Generator(np.random.Philox(key=key, counter=counter))
    return generator.standard_normal(count)


def pieces(total: int, length: int, lost: Spans = ()) -> Iterator[tuple[int, int]]:
    """[first, last) of blocks up to `length`, without the lost samples."""
    at = 0
    for begin, end in (*sorted(lost), (total, total)):
        while at < min(begin, total):
            last = min(at + length, begin, total)
            yield at, last
            at = last
        at = max(at, end)

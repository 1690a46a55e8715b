"""What a stream of samples is made of: channels, blocks, and sources that give blocks in order.

Files, instruments and synthetic signals are all sources; the streaming pipeline takes any of them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import numpy as np

BLOCK_LENGTH = 65536  # samples for each channel: 256 KiB of float32 stays in a processor's cache


@dataclass(frozen=True)
class Channel:
    """One measured signal.

    `unit` is V, A, ... or "" when the source doesn't say. A source that gives integer counts says
    what they mean: value = counts * scale + offset, in `unit`. `full_scale` is the largest value
    that it can give, in counts (None: it can't clip); samples there are clipped.
    """

    name: str
    unit: str = ""
    scale: float = 1.0
    offset: float = 0.0
    phase: str = ""
    full_scale: float | None = None


@dataclass(frozen=True, eq=False)
class Block:
    """Consecutive samples of all channels of a source.

    Attributes:
        index: number of its first sample since the start of the record. Lost samples are counted:
            the next block's index says how many are missing.
        t0_s: time of its first sample, in seconds since the start of the record.
        fs_hz: sample rate, in samples per second for each channel.
        samples: [channel, n]; int16 counts, or float32 in the channel's unit.
        valid: [channel, n] of bool, False where a sample can't be trusted; None: all are valid.
            A NaN sample is invalid, whatever the mask says.
    """

    index: int
    t0_s: float
    fs_hz: float
    samples: np.ndarray
    valid: np.ndarray | None = None

    @property
    def length(self) -> int:
        return self.samples.shape[1]


class Source(Protocol):
    """Something that gives blocks: a file, an instrument, a synthetic signal.

    `notes` says what was found wrong but didn't stop the reading, in words for the report. They are
    complete when the last block has been given.
    """

    name: str
    channels: tuple[Channel, ...]
    fs_hz: float  # of the first block: a record may change its rate
    start: datetime | None
    notes: tuple[str, ...]

    def blocks(self, length: int = BLOCK_LENGTH) -> Iterator[Block]:
        """Blocks in order of time, each up to `length` samples, in bounded memory."""
        ...

    def close(self) -> None: ...


def values(block: Block, channels: tuple[Channel, ...]) -> np.ndarray:
    """The block's samples as float32 [channel, n] in the channels' units."""
    if block.samples.dtype.kind == "f":
        return block.samples.astype(np.float32, copy=False)
    scale = np.array([c.scale for c in channels])[:, None]
    offset = np.array([c.offset for c in channels])[:, None]
    return (block.samples * scale + offset).astype(np.float32)

"""The waveform around a violation: kept while a stream goes by, or read again from its record.

Memory is bounded both ways: so many samples of the past, so many snippets, each so long.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from labs.electrical.blocks import Block, Channel, Source, values
from labs.electrical.report.rows import MOST_SHOWN, is_number, status_of

CONTEXT_WINDOWS = 2  # shown before and after, in lengths of the violation itself ...
LEAST_CONTEXT_S = 0.04  # ... but at least two cycles of 50 Hz
MOST_SAMPLES = 1 << 16  # of a snippet; a longer violation is shown from its beginning
MOST_BYTES = 32 << 20  # of the past that a live stream keeps
PAST_S = 2.0


@dataclass(frozen=True, eq=False)
class Snippet:
    """Samples of one channel around a row.

    Attributes:
        channel, unit: of the samples.
        index: of the first sample, since the start of the record.
        t_s, values: [n] seconds since the start of the record, and values in `unit`; empty when
            there are none.
        valid: [n] of bool.
        row: what it is shown for.
        note: what isn't shown, and why; may be empty.
    """

    channel: str
    unit: str
    index: int
    t_s: np.ndarray
    values: np.ndarray
    valid: np.ndarray
    row: Any
    note: str = ""


class WaveformKeeper:
    """Keeps what lies around the first violations of a stream that can't be read again.

    Give `keep` to the run as `on_block` and `see` as `on_row`.

    Args:
        channels: of the blocks that will come, in their order.
        fs_hz: sample rate.
        most: how many snippets.
        past_s: how much of the past is kept, for rows that are judged later than their samples.
    """

    def __init__(
        self,
        channels: Sequence[Channel],
        fs_hz: float,
        *,
        most: int = MOST_SHOWN,
        past_s: float = PAST_S,
    ) -> None:
        self.channels, self.fs_hz, self.most = tuple(channels), fs_hz, most
        room = MOST_BYTES // (5 * max(1, len(self.channels)))  # float32 and a mask
        self._capacity = max(1, min(math.ceil(past_s * fs_hz), room))
        shape = (len(self.channels), self._capacity)
        self._samples = np.zeros(shape, np.float32)
        self._valid = np.zeros(shape, bool)
        self._end = 0  # one after the last sample seen
        self._waiting: list[Any] = []
        self._found: list[Snippet] = []

    def keep(self, block: Block) -> None:
        """The next block; samples that were lost before it are kept as invalid."""
        if block.index > self._end:
            self._put(self._end, np.nan, False, block.index - self._end)
        data = values(block, self.channels)
        valid = ~np.isnan(data) if block.valid is None else block.valid & ~np.isnan(data)
        self._put(block.index, data, valid, block.length)
        ready = [r for r in self._waiting if _span(r, self.fs_hz)[1] <= self._end]
        for row in ready:
            self._waiting.remove(row)
            self._found.extend(self.around(row))

    def see(self, row: Any) -> None:
        """A row became final: if it is a violation, its waveform is kept when it is complete."""
        taken = len(self._found) + len(self._waiting)
        if status_of(row) == "PASS" or not is_number(row.t_start_s) or taken >= self.most:
            return
        if _span(row, self.fs_hz)[1] <= self._end:
            self._found.extend(self.around(row))
        else:
            self._waiting.append(row)

    def around(self, row: Any) -> tuple[Snippet, ...]:
        """What is still there of the samples around a row, a snippet for each of its channels."""
        start, end, note = _bounded(row, self.fs_hz)
        oldest = max(0, self._end - self._capacity)
        if start < oldest:
            start, note = oldest, note or "what was before had left the memory"
        end = min(end, self._end)
        if end <= start:
            start, end, note = oldest, oldest, "its samples had left the memory when it was judged"
        places = np.arange(start, end) % self._capacity
        return tuple(
            _snippet(c, row, start, self.fs_hz, self._samples[i, places], self._valid[i, places],
                     note)
            for i, c in enumerate(self.channels) if c.name in _channels(row, self.channels)
        )  # fmt: skip

    def snippets(self) -> tuple[Snippet, ...]:
        """All that were kept; those still waiting for samples with what they have."""
        late = [s for row in self._waiting for s in self.around(row)]
        return (*self._found, *late)

    def _put(self, index: int, samples: Any, valid: Any, count: int) -> None:
        skip = max(0, count - self._capacity)
        places = np.arange(index + skip, index + count) % self._capacity
        if isinstance(samples, np.ndarray):
            samples, valid = samples[:, skip:], valid[:, skip:]
        self._samples[:, places], self._valid[:, places] = samples, valid
        self._end = index + count


def read_around(open_source: Callable[[], Source], rows: Iterable[Any]) -> tuple[Snippet, ...]:
    """Snippets of rows, read again from a record in one pass, up to the last of them.

    Args:
        open_source: gives the record, open at its beginning. It is closed again.
    """
    rows = [r for r in rows if is_number(r.t_start_s)]
    if not rows:
        return ()
    source = open_source()
    try:
        parts: list[list[Block]] = [[] for _ in rows]
        spans = [_bounded(r, source.fs_hz) for r in rows]
        last = max(end for _, end, _ in spans)
        for block in source.blocks():
            if block.index >= last:
                break
            for (start, end, _), found in zip(spans, parts, strict=True):
                if block.index < end and block.index + block.length > start:
                    found.append(_cut(block, start, end))
        made = [
            _joined(row, found, start, note, source)
            for row, found, (start, _, note) in zip(rows, parts, spans, strict=True)
        ]
    finally:
        source.close()
    return tuple(s for snippets in made for s in snippets)


def _span(row: Any, fs_hz: float) -> tuple[int, int]:
    """First sample and one after the last that are shown with a row."""
    begin = int(row.index) if row.index is not None else round(row.t_start_s * fs_hz)
    until = row.t_end_s if is_number(row.t_end_s) else row.t_start_s
    length = max(1, round((until - row.t_start_s) * fs_hz))
    context = max(CONTEXT_WINDOWS * length, math.ceil(LEAST_CONTEXT_S * fs_hz))
    return max(0, begin - context), begin + length + context


def _bounded(row: Any, fs_hz: float) -> tuple[int, int, str]:
    start, end = _span(row, fs_hz)
    if end - start <= MOST_SAMPLES:
        return start, end, ""
    begin = int(row.index) if row.index is not None else round(row.t_start_s * fs_hz)
    start = max(start, begin - MOST_SAMPLES // 4)
    return start, start + MOST_SAMPLES, f"the first {MOST_SAMPLES:,} samples are shown"


def _channels(row: Any, channels: Sequence[Channel]) -> set[str]:
    """Names of a row's channels: one whose own name holds a "+" is one."""
    known = {c.name for c in channels}
    return {row.channel} if row.channel in known else set(str(row.channel).split("+")) & known


def _cut(block: Block, start: int, end: int) -> Block:
    left, right = max(0, start - block.index), min(block.length, end - block.index)
    valid = None if block.valid is None else block.valid[:, left:right].copy()
    t0_s = block.t0_s + left / block.fs_hz
    samples = block.samples[:, left:right].copy()  # a reader may use its memory again
    return Block(block.index + left, t0_s, block.fs_hz, samples, valid)


def _joined(row: Any, parts: list[Block], start: int, note: str, source: Source) -> list[Snippet]:
    names = _channels(row, source.channels)
    found = []
    for number, channel in enumerate(source.channels):
        if channel.name not in names:
            continue
        samples, valid, end = [], [], start
        for block in parts:
            if block.index > end:  # lost samples keep their place
                lost = min(block.index - end, MOST_SAMPLES)
                samples.append(np.full(lost, np.nan, np.float32))
                valid.append(np.zeros(lost, bool))
            data = values(block, source.channels)[number]
            good = np.ones(data.shape, bool) if block.valid is None else block.valid[number]
            samples.append(data)
            valid.append(good & ~np.isnan(data))
            end = block.index + block.length
        begin_s = parts[0].t0_s - (parts[0].index - start) / parts[0].fs_hz if parts else None
        if not parts:
            note = "the record has no samples there"
            samples, valid = [np.empty(0, np.float32)], [np.empty(0, bool)]
        found.append(
            _snippet(channel, row, start, source.fs_hz, np.concatenate(samples),
                     np.concatenate(valid), note, begin_s)
        )  # fmt: skip
    return found


def _snippet(
    channel: Channel,
    row: Any,
    index: int,
    fs_hz: float,
    samples: np.ndarray,
    valid: np.ndarray,
    note: str,
    t0_s: float | None = None,
) -> Snippet:
    begin = index / fs_hz if t0_s is None else t0_s
    t_s = begin + np.arange(samples.size) / fs_hz
    return Snippet(channel.name, channel.unit, index, t_s, samples, valid, row, note)

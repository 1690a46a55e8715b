"""What a simulated instrument measures, whoever is connected: records of a source, one by one."""

from collections import deque
from collections.abc import Iterator

import numpy as np

from labs.electrical.blocks import BLOCK_LENGTH, Block, Source, values
from labs.electrical.sources.instrument_faults import (
    ChangesRate,
    ChangesScale,
    InstrumentFault,
    ReportsError,
)
from labs.electrical.sources.scpi_block import Preamble
from labs.electrical.sources.synthetic import FULL_SCALE

LONGEST_QUEUE = 20  # errors


class FrontEnd:
    """One source, its present record, and the faults that are still to come.

    Args:
        full_scale: value of count 32767, where the source gives values and counts are asked for.
    """

    def __init__(
        self, source: Source, faults: tuple[InstrumentFault, ...], full_scale: float
    ) -> None:
        self.source, self._waiting = source, list(faults)
        self.full_scale, self.errors = full_scale, deque(maxlen=LONGEST_QUEUE)
        self.points, self.record = BLOCK_LENGTH, -1
        self.rate = self.scale = 1.0
        self._changed_s = self._end_s = 0.0
        self._blocks: Iterator[Block] = iter(())
        self.block: Block | None = None

    def run(self) -> None:
        self._blocks, self.record, self.block = self.source.blocks(self.points), -1, None
        self._changed_s = self._end_s = 0.0

    def digitize(self) -> None:
        """The next record; none after the source's end."""
        self.record += 1
        try:
            self.block = next(self._blocks, None)
        except Exception as error:
            self.block = None
            self.error(-240, f"Hardware error;{type(error).__name__}")
        if self.block is not None:
            self._end_s = self.block.t0_s + self.block.length / self.block.fs_hz
        for fault in self.due(ChangesRate):
            self.rate, self._changed_s = fault.factor, self.block.t0_s if self.block else 0.0
        for fault in self.due(ChangesScale):
            self.scale *= fault.factor
        for fault in self.due(ReportsError):
            self.error(fault.code, fault.text)

    def due(self, kind: type) -> list:
        """Faults of that kind that happen now, once."""
        found = [f for f in self._waiting if isinstance(f, kind) and f.record <= self.record]
        self._waiting = [f for f in self._waiting if f not in found]
        return found

    def error(self, code: int, text: str) -> None:
        self.errors.append(f'{code},"{text}"')

    def preamble(self, channel: int, form: str) -> Preamble:
        block = self.block
        fs = (block.fs_hz if block else self.source.fs_hz) * self.rate
        t0 = block.t0_s if block else self._end_s
        if t0 > self._changed_s:
            t0 = self._changed_s + (t0 - self._changed_s) / self.rate
        scale, offset = self._meaning(channel) if form == "WORD" else (1.0, 0.0)
        return Preamble(block.length if block else 0, 1 / fs, t0, scale, offset, 0.0)

    def samples(self, channel: int, form: str) -> np.ndarray:
        """Of the record: int16 counts with holes, or float32 values with NaN."""
        block = self.block
        if block is None:
            return np.empty(0, np.int16 if form == "WORD" else np.float32)
        invalid = np.zeros(block.length, bool) if block.valid is None else ~block.valid[channel]
        if form != "WORD":
            x = values(block, self.source.channels)[channel].copy()
            x[invalid] = np.nan
            return x * np.float32(self.scale)
        if block.samples.dtype.kind == "f":
            x = block.samples[channel]
            invalid = invalid | ~np.isfinite(x)
            counts = np.rint(np.where(invalid, 0, x) * (FULL_SCALE / self.full_scale))
        else:
            counts = block.samples[channel].copy()
        counts = np.clip(counts, -FULL_SCALE, FULL_SCALE).astype(np.int16)
        counts[invalid] = -FULL_SCALE - 1
        return counts

    def _meaning(self, channel: int) -> tuple[float, float]:
        about = self.source.channels[channel]
        is_float = np.dtype(getattr(self.source, "dtype", np.int16)).kind == "f"
        scale = self.full_scale / FULL_SCALE if is_float else about.scale
        return scale * self.scale, 0.0 if is_float else about.offset

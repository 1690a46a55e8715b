"""The thread that reads the source into the ring, and says what is wrong with what it gave."""

import time
from collections.abc import Callable
from itertools import pairwise

import numpy as np

from labs.electrical.blocks import Block, Channel, Source
from labs.electrical.stream.flow import Flow
from labs.electrical.stream.validity import GAP, RATE
from labs.errors import LabError

MOST_MISSING_S = 3600.0  # a longer jump is taken for an error of the source
SAME_RATE = 1e-6  # relative


class Feed:
    """Reads a source to its end.

    Args:
        channels: of the ring, in order; the source has them by these names.
        say: takes a note, once for each text.
    """

    def __init__(
        self,
        source: Source,
        flow: Flow,
        channels: tuple[Channel, ...],
        dtype: str,
        say: Callable[[str], None],
    ) -> None:
        self.source, self.flow, self._channels, self._say = source, flow, channels, say
        self._dtype = np.dtype(dtype)
        names = [c.name for c in source.channels]
        rows = [names.index(c.name) for c in channels]
        self._count = len(names)
        self._rows = None if rows == list(range(len(names))) else _slice(rows)
        self._rated = True

    def run(self) -> None:
        """The thread's work: never raises; the run finds the error in the flow."""
        try:
            self._read()
        except BaseException as error:
            self.flow.end(error)
        else:
            self.flow.end()

    def _read(self) -> None:
        flow, expected = self.flow, 0
        for block in self.source.blocks(flow.block):
            flow.heard_s = time.perf_counter()
            if not flow.drops and not flow.wait_while_paused():
                return
            samples, valid = self._checked(block, expected)
            if block.index > expected:
                flow.lose(expected, block.index - expected, GAP)
            index, count = block.index, block.length
            expected = index + count
            self._check_rate(block)
            for at in range(0, count, flow.block):
                to = min(at + flow.block, count)
                part = None if valid is None else valid[:, at:to]
                if not flow.put(index + at, samples[:, at:to], part):
                    return
            if flow.stopping:
                return

    def _checked(self, block: Block, expected: int) -> tuple[np.ndarray, np.ndarray | None]:
        samples, valid = block.samples, block.valid
        wrong = ""
        if samples.ndim != 2 or samples.shape[0] != self._count:
            wrong = f"samples of shape {samples.shape}"
        elif valid is not None and valid.shape != samples.shape:
            wrong = f"a mask of shape {valid.shape} for samples of shape {samples.shape}"
        elif block.index < expected:
            wrong = f"a block from sample {block.index} on, after sample {expected - 1}"
        elif (block.index - expected) / self.flow.fs_hz > MOST_MISSING_S:
            wrong = f"a jump over {block.index - expected:,} samples"
        elif not self._fits(samples.dtype):
            wrong = f"{samples.dtype} samples"
        if wrong:
            raise LabError(
                f"read '{self.source.name}'",
                expected=f"[{self._count}, n] samples of {self._dtype}, in order of time",
                got=wrong,
                next_step="mend the source, or make the plan with its dtype",
            )
        if self._rows is not None:
            samples = samples[self._rows]
            valid = None if valid is None else valid[self._rows]
        return samples, valid

    def _fits(self, dtype: np.dtype) -> bool:
        """Whether the ring can hold such samples without changing what they mean."""
        if self._dtype.kind == "i" or dtype.kind not in "iu":
            rule = "safe" if self._dtype.kind == "i" else "same_kind"
            return np.can_cast(dtype, self._dtype, rule)
        # counts among values: only where a count is a value
        plain = all(c.scale == 1 and c.offset == 0 for c in self._channels)
        return plain and np.can_cast(dtype, self._dtype, "safe")

    def _check_rate(self, block: Block) -> None:
        fs = self.flow.fs_hz
        same = abs(block.fs_hz - fs) <= SAME_RATE * fs
        if not same:
            self.flow.invalid.add(block.index, block.index + block.length, RATE)
        if same != self._rated:
            at = f"from sample {block.index} on"
            self._say(f"the sample rate is {block.fs_hz:g} Hz {at}; the plan is for {fs:g} Hz")
            self._rated = same


def _slice(rows: list[int]) -> slice | list[int]:
    """A view where the channels are evenly apart, else what numpy copies."""
    steps = {b - a for a, b in pairwise(rows)} or {1}
    if len(steps) == 1 and (step := steps.pop()) > 0:
        return slice(rows[0], rows[-1] + 1, step)
    return rows


def clip_limits(
    channels: tuple[Channel, ...], dtype: str
) -> tuple[tuple[float, float] | None, ...]:
    """For each channel the values at which it is clipped, in what the ring holds."""
    found = []
    for channel in channels:
        full = channel.full_scale
        if full is not None and dtype == "float32":
            ends = (channel.offset - full * channel.scale, channel.offset + full * channel.scale)
            found.append((min(ends), max(ends)))
        else:
            found.append(None if full is None else (-full, full))
    return tuple(found)

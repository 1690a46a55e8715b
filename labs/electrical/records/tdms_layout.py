"""Where in a TDMS file a channel's values lie, so that they can be read in pieces of any size.

The `nptdms` package reads the metadata. Its own reading takes a whole chunk of a segment at once,
which is the whole file where the recorder wrote one segment; here only the part asked for is read.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import BinaryIO

import numpy as np
from nptdms.common import toc_properties
from nptdms.daqmx import DaqmxSegmentObject, get_buffer_dimensions
from nptdms.tdms_segment import TdmsSegment

_MOST_CHUNKS = 100_000  # of several cards: each is a run of its own


@dataclass(frozen=True)
class Run:
    """Values of a channel: `count` in a row, and that `repeats` times every `stride` bytes.

    `bit`: which one of each value is meant, for digital lines; None: the whole value.
    """

    offset: int
    count: int
    repeats: int
    stride: int
    dtype: np.dtype
    bit: int | None = None

    @property
    def total(self) -> int:
        return self.count * self.repeats


class NotPlain(Exception):
    """Values that don't lie in the file as numbers: DAQmx raw data, text, ..."""


def runs_of(segments: Sequence[TdmsSegment], paths: Sequence[str]) -> dict[str, list[Run]]:
    """For each channel path its runs, in the order of the record.

    Raises:
        NotPlain: a channel's values aren't numbers as numpy has them.
    """
    found: dict[str, list[Run]] = {path: [] for path in paths}
    for segment in segments:
        for path, run in _of_segment(segment, found):
            runs = found[path]
            joined = _joined(runs[-1], run) if runs else None
            if joined is None:
                runs.append(run)
            else:  # a file of a million equal segments takes one run
                runs[-1] = joined
    return found


def _joined(last: Run, run: Run) -> Run | None:
    """Both as one run, where the second goes on at the first one's distance."""
    if run.repeats != 1 or (run.count, run.dtype, run.bit) != (last.count, last.dtype, last.bit):
        return None
    stride = run.offset - last.offset if last.repeats == 1 else last.stride
    if run.offset - last.offset != last.repeats * stride or stride < run.count * run.dtype.itemsize:
        return None
    return replace(last, repeats=last.repeats + 1, stride=stride)


def _of_segment(segment: TdmsSegment, wanted: dict) -> Iterator[tuple[str, Run]]:
    if not segment.toc_mask & toc_properties["kTocRawData"]:
        return
    objects = [o for o in segment.ordered_objects if o.has_data and o.number_values]
    if not any(o.path in wanted for o in objects) or not segment.num_chunks:
        return
    raw = [isinstance(o, DaqmxSegmentObject) for o in objects]
    if any(raw) and not all(raw):
        raise NotPlain("DAQmx raw data beside other values")
    order = ">" if segment.toc_mask & toc_properties["kTocBigEndian"] else "<"
    shorter = segment.final_chunk_lengths_override
    whole = segment.num_chunks - (shorter is not None)
    make = _rows if segment.toc_mask & toc_properties["kTocInterleavedData"] else _blocks
    if any(raw):
        make = _cards
    for o, run in make(segment, objects, order, whole, shorter or {}):
        if run is not None and o.path in wanted and run.total > 0:
            yield o.path, run


def _rows(segment, objects, order, whole, shorter) -> Iterator[tuple[object, Run | None]]:
    """One value of each channel, then the next of each."""
    if any(o.data_type.size is None for o in objects):
        raise NotPlain("text between other values")
    width, at = sum(o.data_type.size for o in objects), segment.data_position
    for o in objects:
        count = whole * o.number_values + int(shorter.get(o.path, 0))
        dtype = _dtype(o.data_type, order)
        yield o, None if dtype is None else Run(at, 1, count, width, dtype)
        at += o.data_type.size


def _blocks(segment, objects, order, whole, shorter) -> Iterator[tuple[object, Run | None]]:
    """In each chunk all values of one channel, then all of the next."""
    chunk = sum(o.data_size for o in objects)
    at = segment.data_position
    last = at + whole * chunk
    for o in objects:
        dtype = _dtype(o.data_type, order)
        if dtype is not None:
            yield o, Run(at, o.number_values, whole, chunk, dtype)
            count = int(shorter.get(o.path, 0))
            yield o, Run(last, count, 1, count * dtype.itemsize, dtype)
        at += o.data_size
        last += int(shorter.get(o.path, 0)) * (o.data_type.size or 0)


def _cards(segment, objects, order, whole, shorter) -> Iterator[tuple[object, Run]]:
    """DAQmx: in each chunk the rows of one card, then those of the next."""
    cards = get_buffer_dimensions(objects)
    chunk = sum(count * width for count, width in cards)
    if len(cards) > 1 and whole > _MOST_CHUNKS:
        raise NotPlain(f"{whole} chunks of DAQmx raw data from {len(cards)} cards in one segment")
    for o in objects:
        if len(o.daqmx_metadata.scalers) != 1:
            raise NotPlain("DAQmx raw data with several scalers for a channel")
        scaler = o.daqmx_metadata.scalers[0]
        card, dtype = scaler.raw_buffer_index, _dtype(scaler.data_type, order)
        width, within = cards[card][1], scaler.byte_offset()
        if dtype is None or within + dtype.itemsize > width:
            raise NotPlain(f"DAQmx raw data of another type, {within} bytes into rows of {width}")
        bit = getattr(scaler, "raw_bit_offset", None)
        first = segment.data_position + sum(n * w for n, w in cards[:card]) + within
        last = int(shorter.get(o.path, 0))
        bit = None if bit is None else bit % 8
        if len(cards) == 1:
            yield o, Run(first, 1, whole * o.number_values + last, width, dtype, bit)
            continue
        for number in range(whole + 1):
            count = o.number_values if number < whole else last
            yield o, Run(first + number * chunk, 1, count, width, dtype, bit)


def _dtype(data_type: type, order: str) -> np.dtype | None:
    """None for what isn't a number."""
    if not is_number(data_type):
        return None
    return np.dtype(data_type.nptype).newbyteorder(order)


def is_number(data_type: type | None) -> bool:
    """Whether numpy holds values of a TDMS type as numbers."""
    kind = getattr(data_type, "nptype", None)
    return kind is not None and np.dtype(kind).kind in "iufb"


class Column:
    """Reads one channel's runs from its start to its end.

    Attributes:
        early: whether the file ended before the runs did.
    """

    def __init__(self, file: BinaryIO, runs: Sequence[Run], most_bytes: int) -> None:
        self._file, self._runs, self._most = file, runs, most_bytes
        self._run = self._at = 0
        self.early = False

    def read(self, count: int) -> np.ndarray:
        """The next values, fewer at the end."""
        parts = []
        while count and self._run < len(self._runs) and not self.early:
            run = self._runs[self._run]
            wanted = min(count, run.total - self._at)
            part = self._several(run, wanted) or self._one(run, wanted)
            values, taken = part
            parts.append(values if run.bit is None else (values >> run.bit) & 1)
            self.early = len(values) < taken
            self._at += taken
            count -= taken
            if self._at >= run.total:
                self._run, self._at = self._run + 1, 0
        if len(parts) == 1:
            return parts[0]
        return np.concatenate(parts) if parts else np.empty(0)

    def _one(self, run: Run, wanted: int) -> tuple[np.ndarray, int]:
        """Values in a row."""
        repeat, within = divmod(self._at, run.count)
        size = run.dtype.itemsize
        take = min(wanted, run.count - within, max(1, self._most // size))
        self._file.seek(run.offset + repeat * run.stride + within * size)
        return np.fromfile(self._file, run.dtype, take), take

    def _several(self, run: Run, wanted: int) -> tuple[np.ndarray, int] | None:
        """Values of more than one repeat at once; None where that isn't worth it."""
        repeat, within = divmod(self._at, run.count)
        repeats = min(-(-(within + wanted) // run.count), self._most // run.stride)
        if repeats < 2:
            return None
        size = run.count * run.dtype.itemsize
        self._file.seek(run.offset + repeat * run.stride)
        data = np.fromfile(self._file, np.uint8, (repeats - 1) * run.stride + size)
        whole = 0 if len(data) < size else (len(data) - size) // run.stride + 1
        view = np.lib.stride_tricks.as_strided(
            data, (whole, size), (run.stride, 1), writeable=False
        )
        values = np.ascontiguousarray(view).view(run.dtype).reshape(-1)
        take = min(wanted, repeats * run.count - within)
        return values[within : within + take], take

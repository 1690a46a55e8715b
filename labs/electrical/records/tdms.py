"""TDMS records (LabVIEW, DAQmx, FlexLogger): any segments, in memory of a fixed size.

Metadata and scalings are the `nptdms` package's. Integers of 16 bits with a linear scaling stay
counts; everything else is float32 values.
"""

import io
import math
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from nptdms.base_segment import RawChannelDataChunk
from nptdms.common import ObjectPath
from nptdms.log import log_manager
from nptdms.reader import TdmsReader
from nptdms.timestamp import TdmsTimestamp

from labs.electrical.blocks import Channel
from labs.electrical.records.rates import simplest
from labs.electrical.records.record import (
    CHUNK_BYTES,
    Piece,
    Record,
    listed,
    named,
    reading,
    select,
    stated_rate,
    unreadable,
)
from labs.electrical.records.tdms_layout import Column, NotPlain, Run, is_number, runs_of
from labs.electrical.records.tdms_scaling import linear, scaling_of
from labs.electrical.records.units_said import short_unit

_MOST_ROWS = 65536
_FULL_SCALE = 32767.0
# what nptdms lets through of a file that lies
_DAMAGED = (
    ValueError, KeyError, IndexError, TypeError, AttributeError, struct.error, EOFError,
    OverflowError, ZeroDivisionError, NotImplementedError, RecursionError,
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Signal:
    """A channel of the file. `convert` makes float64 values of raw ones; None: they are."""

    path: str
    group: str
    channel: Channel
    fs_hz: float | None
    start: datetime | None
    shift_s: float
    length: int
    convert: Callable[[np.ndarray], np.ndarray] | None
    is_counts: bool


def open_tdms(
    path: Path,
    *,
    channels: str | Sequence[str] | None = None,
    fs_hz: float | None = None,
    group: str | None = None,
) -> "TdmsRecord":
    """A TDMS file.

    Args:
        channels: names; "group/name" where two groups have the same name. By default all that hold
            numbers, which must be of one rate.
        fs_hz: for channels without a waveform's time step.
        group: only its channels.

    Raises:
        LabError: the file is damaged; the channels are of several rates, or of none.
    """
    log_manager.set_level("ERROR")  # what it warns of is noted here
    with reading(path), open(path, "rb") as file:
        try:
            reader = TdmsReader(_Clamped(file.raw))
            reader.read_metadata()
            signals, notes = _signals(path, reader, group)
            chosen = _chosen(path, signals, channels, notes)
            runs = runs_of(reader._segments, [s.path for s in chosen])
            if any(s.segment_incomplete for s in reader._segments):
                notes.append("the last segment is cut off: what is there is given")
        except NotPlain as error:
            raise _no_numbers(path, str(error)) from error
        except _DAMAGED as error:
            raise unreadable(
                path,
                f"{type(error).__name__}: {str(error)[:120]}",
                expected="the metadata of a TDMS file",
                next_step="the file is damaged or cut off; copy or record it again",
            ) from error
        except Exception as error:
            if type(error) is not Exception:  # nptdms raises a plain one for mixed segments
                raise
            raise _no_numbers(path, str(error)) from error
    fs = _common_rate(path, chosen, fs_hz, notes)
    if len({s.start for s in chosen}) > 1:
        notes.append("the channels start at different times, says the file: not corrected")
    for s in chosen:
        if s.shift_s:
            notes.append(f"{s.channel.name} starts {s.shift_s:g} s late: not corrected")
    return TdmsRecord(path, chosen, fs, [runs[s.path] for s in chosen], notes)


class TdmsRecord(Record):
    """Reads its channels' runs side by side."""

    def __init__(
        self,
        path: Path,
        signals: Sequence[_Signal],
        fs_hz: float,
        runs: Sequence[Sequence[Run]],
        notes: Sequence[str],
    ) -> None:
        lengths = [sum(r.total for r in each) for each in runs]
        super().__init__(
            path,
            [s.channel for s in signals],
            fs_hz,
            dtype="int16" if all(s.is_counts for s in signals) else "float32",
            start=signals[0].start,
            length=max(lengths),
            notes=notes,
        )
        self._signals, self._runs, self._lengths = signals, runs, lengths

    def _pieces(self) -> Iterator[Piece]:
        fs, counts = self.fs_hz, self.dtype == np.int16
        rows = max(1, min(_MOST_ROWS, CHUNK_BYTES // (4 * len(self.channels))))
        with open(self.path, "rb") as file:
            columns = [Column(file, runs, CHUNK_BYTES) for runs in self._runs]
            for at in range(0, self.length, rows):
                count = min(rows, self.length - at)
                out = np.zeros((len(columns), count), self.dtype)
                valid = np.ones(out.shape, bool)
                for i, column in enumerate(columns):
                    raw = column.read(count)
                    with np.errstate(all="ignore"):  # beyond a scaling or float32: invalid
                        out[i, : len(raw)] = self._numbers(i, raw)
                    if len(raw) < count:
                        out[i, len(raw) :] = 0 if counts else np.nan
                        valid[i, len(raw) :] = False
                if not counts:
                    valid &= np.isfinite(out)
                yield Piece(at, at / fs, fs, out, None if valid.all() else valid)
        if any(c.early for c in columns):
            self.note("the file ends before its samples do")
        short = [
            c.name
            for c, length in zip(self.channels, self._lengths, strict=True)
            if length < self.length
        ]
        if short:
            self.note(f"{listed(short)} end before the others: invalid from there on")

    def _numbers(self, place: int, raw: np.ndarray) -> np.ndarray:
        convert = self._signals[place].convert
        if convert is None or self.dtype == np.int16 or not len(raw):
            return raw
        return np.asarray(convert(raw.astype(raw.dtype.newbyteorder("="))), float)


class _Clamped(io.BufferedReader):
    """Reads what is there: a size that the file lies about isn't allocated first."""

    def read(self, size: int | None = -1) -> bytes:
        if size is not None and size > CHUNK_BYTES:
            here = self.tell()
            size = min(size, max(0, self.seek(0, io.SEEK_END) - here))
            self.seek(here)
        return super().read(size)


def _signals(path: Path, reader: TdmsReader, group: str | None) -> tuple[list[_Signal], list[str]]:
    """Channels that hold values, with names that differ; and notes."""
    meta = reader.object_metadata
    parsed = {p: ObjectPath.from_string(p) for p in meta}
    there = [
        p
        for p, o in parsed.items()
        if o.is_channel and meta[p].num_values and _holds_numbers(meta[p])
    ]
    groups = list(dict.fromkeys(parsed[p].group for p in there))
    if group is not None:
        there = [p for p in there if parsed[p].group == group]
    if not there:
        raise unreadable(
            path,
            f"no numbers in group {group!r}" if group else "no channel with numbers",
            expected=f"groups: {listed(groups)}" if groups else "channels with numbers",
            next_step="correct group=" if group and groups else "record it again",
        )
    short = [parsed[p].channel for p in there]
    titles = [
        name if short.count(name) == 1 else f"{parsed[p].group}/{name}"
        for p, name in zip(there, short, strict=True)
    ]
    names, notes = named(path, titles, "channel ")
    root = _properties(meta, "/")
    made = []
    for p, name in zip(there, names, strict=True):
        group_path = str(ObjectPath(parsed[p].group))
        made.append(_signal(name, p, parsed[p].group, meta[p], _properties(meta, group_path), root))
    return made, notes


def _holds_numbers(meta: Any) -> bool:
    return bool(meta.scaler_data_types) or is_number(meta.data_type)


def _properties(meta: Mapping[str, Any], path: str) -> Mapping[str, Any]:
    return meta[path].properties if path in meta else {}


def _signal(
    name: str, path: str, group: str, meta: Any, of_group: Mapping, of_file: Mapping
) -> _Signal:
    said = meta.properties
    unit = said.get("unit_string") or said.get("NI_UnitDescription") or ""
    step = said.get("wf_increment")
    is_step = isinstance(step, int | float) and math.isfinite(step) and step > 0
    scalers = meta.scaler_data_types or {}  # of DAQmx raw data
    scaler = next(iter(scalers), None)
    data_type = meta.data_type if scaler is None else scalers[scaler]
    kind = np.dtype(data_type.nptype) if is_number(data_type) else None
    scaling = scaling_of(said, of_group, of_file)
    scale, offset = linear(scaling)
    counts = kind is not None and kind == np.int16 and math.isfinite(scale * offset)
    convert = None
    if scaling is not None:

        def convert(raw: np.ndarray) -> np.ndarray:
            chunk = RawChannelDataChunk
            of = chunk.channel_data(raw) if scaler is None else chunk.scaler_data({scaler: raw})
            return scaling.scale(of)

        if kind is not None:
            with np.errstate(all="ignore"):
                convert(np.zeros(1, kind))  # what can't scale is found now, not while streaming

    channel = Channel(name, short_unit(str(unit)))
    if counts:
        channel = replace(channel, scale=scale, offset=offset, full_scale=_FULL_SCALE)
    shift = said.get("wf_start_offset", 0.0)
    return _Signal(
        path,
        group,
        channel,
        _rate(step) if is_step else None,
        _start(said.get("wf_start_time")),
        float(shift) if isinstance(shift, int | float) and math.isfinite(shift) else 0.0,
        int(meta.num_values),
        convert,
        counts,
    )


def _rate(step_s: float) -> float | None:
    """Of a time step that was rounded to a float: the simplest that gives it."""
    fs = 1 / step_s if step_s > 1e-300 else math.inf
    return simplest(fs * (1 - 4e-16), fs * (1 + 4e-16)) if math.isfinite(fs) else None


def _start(stamp: Any) -> datetime | None:
    if not isinstance(stamp, TdmsTimestamp):
        return None
    try:
        return stamp.as_datetime().replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _chosen(
    path: Path, signals: list[_Signal], asked: str | Sequence[str] | None, notes: list[str]
) -> list[_Signal]:
    names = [s.channel.name for s in signals]
    chosen = [signals[i] for i in select(path, asked, names)]
    if asked is not None:
        return chosen
    timed = [s for s in chosen if s.fs_hz is not None]
    if timed and len(timed) < len(chosen):
        others = [s.channel.name for s in chosen if s.fs_hz is None]
        notes.append(f"{listed(others)} have no sample rate: left out")
    return timed or chosen


def _common_rate(path: Path, chosen: list[_Signal], asked: float | None, notes: list[str]) -> float:
    rates: dict[float | None, list[str]] = {}
    for s in chosen:
        rates.setdefault(s.fs_hz, []).append(s.channel.name)
    if asked is None and len(rates) > 1:
        told = "; ".join(
            f"{'no rate' if fs is None else f'{fs:g} Hz'}: {listed(n)}" for fs, n in rates.items()
        )
        raise unreadable(
            path,
            f"channels of several rates: {told}",
            expected="channels of one rate",
            next_step="choose: open_record(path, channels=[...])",
        )
    fs, more = stated_rate(path, asked, next(iter(rates)), "wf_increment")
    notes.extend(more)
    return fs


def _no_numbers(path: Path, what: str) -> Exception:
    return unreadable(
        path,
        what,
        expected="numbers of one type for each channel",
        next_step="choose others with channels=, or export the record as plain waveforms",
    )

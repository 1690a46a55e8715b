"""COMTRADE records, by their .cfg, .dat or .cff: ASCII, BINARY, BINARY32 and FLOAT32.

Times come from the header's rates and are checked against time stamps and sample numbers. 16-bit
data stay int16 counts; others are float32 values.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from labs.electrical.blocks import Channel
from labs.electrical.records.comtrade_files import Parts, find_parts
from labs.electrical.records.comtrade_header import Analog, Header, read_header
from labs.electrical.records.comtrade_rows import Data, Picked, judged
from labs.electrical.records.rates import Rates, rate_of
from labs.electrical.records.record import Piece, Record, checked_rate, named, select, unreadable
from labs.electrical.records.time_base import Rows, TimeBase

SIDES = ("recorded", "primary", "secondary")
_JUDGED = 4096  # rows from which it is judged whether numbers and stamps are of use


def open_comtrade(
    path: Path,
    *,
    channels: str | Sequence[str] | None = None,
    fs_hz: float | None = None,
    side: str = "recorded",
    encoding: str | None = None,
) -> "ComtradeRecord":
    """A COMTRADE record.

    Args:
        channels: names; by default all analog channels, else all status channels (values 0 and 1).
        fs_hz: one rate for the whole record, in place of the header's.
        side: of the transformers that values are given as: "recorded", "primary" or "secondary".
        encoding: of the header; by default UTF-8, else Latin-1.

    Raises:
        LabError: a part is missing or wrong, with its line; or it gives no rate.
    """
    if side not in SIDES:
        raise unreadable(path, f"side={side!r}", expected=f"one of {', '.join(SIDES)}",
                         next_step="correct side=")  # fmt: skip
    parts = find_parts(path, encoding)
    header = read_header(parts.header_file, parts.text, parts.line)
    notes = [*parts.notes, *header.notes]
    if parts.form and parts.form != header.form:
        notes.append(f"the header says {header.form}, the data section {parts.form}: that counts")
    if parts.form:
        header = _with_form(parts, header)
    made, picked = _channels(header, side, notes)
    names = [c.name for c in made]
    analog = list(range(len(header.analog))) or list(range(len(names)))
    places = analog if channels is None else select(path, channels, names)
    data = Data(parts.data_file, parts.offset, parts.size, parts.data_line, header,
                tuple(picked[i] for i in places), False)  # fmt: skip
    data, first = judged(data, _JUDGED)
    if first is not None:
        rates = _rates(parts, header, first, fs_hz, notes)
        return ComtradeRecord(parts, data, [made[i] for i in places], rates, first, notes)
    raise unreadable(
        parts.data_file,
        f"{parts.size} bytes of data, no whole row",
        expected=f"rows of {header.form} data",
        next_step="the record is empty or cut off",
    )


class ComtradeRecord(Record):
    """Reads rows and gives them their time.

    Attributes:
        header: what the .cfg says.
    """

    def __init__(
        self,
        parts: Parts,
        data: Data,
        channels: Sequence[Channel],
        rates: Rates,
        first: Rows,
        notes: Sequence[str],
    ) -> None:
        self.header = header = data.header
        self._data, self._rates, self._first = data, rates, first
        self._declared = header.rates[-1][1]
        self._counted = len(first.numbers) > 1 and bool(np.mean(np.diff(first.numbers) == 1) > 0.5)
        super().__init__(
            parts.header_file,
            channels,
            rates.fs_hz[0],
            dtype="int16" if data.as_counts else "float32",
            start=header.start,
            length=None if header.form == "ASCII" else data.size // data.row_bytes,
            notes=notes,
        )

    def _pieces(self) -> Iterator[Piece]:
        binary = self.header.form != "ASCII"
        clock = TimeBase(self._rates, self.header.stamp_s, self._first, self.note, wraps=binary)
        read, last = 0, None
        for rows in self._data.rows(self.note):
            count = self._sensible(rows.numbers, read, last)
            read, last = read + count, int(rows.numbers[-1])
            if count < len(rows.numbers):
                self.note("what follows the last sample isn't rows of this record: left out")
                valid = None if rows.valid is None else rows.valid[:, :count]
                rows = Rows(rows.numbers[:count], rows.stamps[:count], rows.samples[:, :count],
                            valid)  # fmt: skip
                yield from clock.pieces(rows)
                break
            yield from clock.pieces(rows)
        if self._declared and read != self._declared:
            self.note(f"the header says {self._declared} samples, {read} are there: all are given")
        clock.finish()

    def _sensible(self, numbers: np.ndarray, read: int, last: int | None) -> int:
        """How many rows are the record's: after the header's last sample, those that count on."""
        after = max(self._declared - read, 0)
        if not self._declared or after >= len(numbers) or not self._counted:
            return len(numbers)
        before = numbers[0] - 1 if last is None else last
        steps = np.diff(np.concatenate(([before], numbers)))
        wrong = np.flatnonzero((steps[after:] != 1) & (steps[after:] != 1 - 2**32))
        return after + int(wrong[0]) if len(wrong) else len(numbers)


def _with_form(parts: Parts, header: Header) -> Header:
    form = parts.form
    if form not in ("ASCII", "BINARY", "BINARY32", "FLOAT32"):
        raise unreadable(parts.data_file, f"data of the form {form!r:.40}",
                         expected="ASCII, BINARY, BINARY32 or FLOAT32",
                         next_step="correct the section's line")  # fmt: skip
    return replace(header, form=form)


def _channels(header: Header, side: str, notes: list[str]) -> tuple[list[Channel], list[Picked]]:
    """All channels, analog ones first, and how to read them."""
    analog, shared = named_apart([c.name for c in header.analog], list(header.status))
    notes.extend(shared)
    made, picked = [], []
    for place, (name, c) in enumerate(zip(analog, header.analog, strict=False)):
        factor = _factor(c, side)
        a, b = c.a * factor, c.b * factor
        made.append(Channel(name, c.unit, a, b, c.phase, _full_scale(c)))
        picked.append(Picked(place, True, a, b))
        if c.skew_us:
            notes.append(f"{name} is sampled {c.skew_us:g} µs late, says the header: not corrected")
        if side != "recorded" and c.side not in ("P", "S"):
            notes.append(f"{name}: the header doesn't say which side it is of; taken as primary")
    for place, name in enumerate(analog[len(header.analog) :]):
        made.append(Channel(name))
        picked.append(Picked(place, False, 1.0, 0.0))
    return made, picked


def named_apart(analog: list[str], status: list[str]) -> tuple[tuple[str, ...], list[str]]:
    """Names of all channels; those without one are A1, A2, ... and D1, D2, ..."""
    filled = [n or f"A{i}" for i, n in enumerate(analog, 1)]
    filled += [n or f"D{i}" for i, n in enumerate(status, 1)]
    return named(Path(), filled, "")


def _factor(channel: Analog, side: str) -> float:
    """From the side that was recorded to the one asked for."""
    if not channel.primary or not channel.secondary:
        return 1.0
    ratio = channel.primary / channel.secondary
    if side == "primary" and channel.side == "S":
        return ratio
    if side == "secondary" and channel.side != "S":
        return 1 / ratio
    return 1.0


def _full_scale(channel: Analog) -> float | None:
    """Where a converter clips, in counts: the header's range if it is that of a converter.

    Some writers give the smallest and the largest sample there instead, which aren't clipped.
    """
    highest, lowest = channel.highest, channel.lowest
    if highest < 1 or highest > 2**31 or lowest not in (-highest, -highest - 1):
        return None
    bits = int(highest) + 1
    return highest if highest == int(highest) and not bits & (bits - 1) else None


def _rates(
    parts: Parts, header: Header, first: Rows, fs_hz: float | None, notes: list[str]
) -> Rates:
    """The header's, the caller's, or where the header gives none, what the stamps tell."""
    path, end = parts.header_file, header.rates[-1][1]
    said = header.rates[0][0]
    if fs_hz is not None:
        fs = checked_rate(path, fs_hz, "fs_hz=")
        if len(header.rates) > 1 or said != fs:
            told = ", ".join(f"{r:g}" for r, _ in header.rates)
            notes.append(f"read at {fs:g} Hz as asked; the header says {told} Hz")
        return Rates(((fs, end),))
    if said:
        return Rates(header.rates)
    found = rate_of(first.stamps, header.stamp_s)
    if found is None:
        raise unreadable(
            path,
            "no rate in the header, and time stamps without a common step",
            expected="a sample rate",
            next_step="give it: open_record(path, fs_hz=...)",
        )
    fs = checked_rate(path, found, "the time stamps")
    notes.append(f"the header gives no rate; the time stamps tell {fs:g} Hz")
    return Rates(((fs, end),))

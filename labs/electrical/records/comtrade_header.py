"""The header of a COMTRADE record (.cfg): channels, rates, start, how the data are stored.

Source: IEC 60255-24 / IEEE C37.111 of 1991, 1999 and 2013 were not read; the fields are general
knowledge, checked against the sample files and the reading of the `comtrade` package 0.2.0.
"""

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

from labs.electrical.records.record import checked_rate, unreadable
from labs.errors import LabError

FORMATS = ("ASCII", "BINARY", "BINARY32", "FLOAT32")
REVISIONS = (1991, 1999, 2013)  # 2001 is written by some for IEC's edition of 1999
_LINE_MOST = 4096  # characters: a header line is short, binary data aren't
_DATE = re.compile(
    r"\s*(\d{1,2})/(\d{1,2})/(\d{2,4})\s*,\s*(\d{1,2}):(\d{1,2}):(\d{1,2})(?:\.(\d+))?"
)
_ZONE = re.compile(r"([+-]?)(\d{1,2})(?:h(\d{2})?)?$", re.IGNORECASE)


@dataclass(frozen=True)
class Analog:
    """value = a * count + b, in `unit`, as of the side ("P" or "S") of a transformer."""

    name: str
    phase: str
    unit: str
    a: float
    b: float
    skew_us: float
    lowest: float
    highest: float
    primary: float
    secondary: float
    side: str


@dataclass(frozen=True)
class Header:
    """What a .cfg says. `rates` are (Hz, number of the last sample); 0 Hz: only stamps tell."""

    station: str
    revision: int
    analog: tuple[Analog, ...]
    status: tuple[str, ...]
    line_hz: float | None
    rates: tuple[tuple[float, int], ...]
    start: datetime | None
    stamp_s: float  # what a time stamp counts, the multiplier included
    form: str
    notes: tuple[str, ...]


def read_header(path: Path, text: str, first_line: int = 1) -> Header:
    """The header from its text.

    Args:
        first_line: where the text begins in the file, for messages.

    Raises:
        LabError: with the line that can't be.
    """
    return _Reader(path, text, first_line).header()


class _Reader:
    def __init__(self, path: Path, text: str, first_line: int) -> None:
        self.path, self.lines, self.first = path, text.replace("\x1a", "").splitlines(), first_line
        self.at = 0
        self.notes: list[str] = []

    def header(self) -> Header:
        station, revision = self.station()
        analogs, statuses = self.counts()
        analog = tuple(self.analog() for _ in range(analogs))
        status = tuple(self.status() for _ in range(statuses))
        line_hz = self.number(self.fields("line frequency")[0], "line frequency", default=0.0)
        rates = self.rates()
        start, digits = self.stamp("time of the first sample", revision)
        _, more = self.stamp("time of the trigger", revision)
        form = self.fields("data format")[0].upper()
        if form not in FORMATS:
            raise self.wrong(f"data format {form[:40]!r}", f"one of {', '.join(FORMATS)}")
        factor = self.factor() if revision >= 1999 else 1.0
        zone = self.zone() if revision >= 2013 else None
        if start is not None and zone is not None:
            start = start.replace(tzinfo=zone)
        unit_s = 1e-9 if max(digits, more) > 6 else 1e-6
        return Header(station, revision, analog, status, line_hz or None, rates, start,
                      unit_s * factor, form, tuple(self.notes))  # fmt: skip

    # ---- lines ----

    def wrong(self, got: str, expected: str) -> LabError:
        return unreadable(
            self.path,
            got,
            expected=expected,
            next_step="correct the header, or export the record again",
            line=self.first + max(self.at - 1, 0),
        )

    def fields(self, what: str, least: int = 1) -> list[str]:
        """The next line's, stripped."""
        self.at += 1
        if self.at > len(self.lines):
            raise self.wrong("the header ends here", f"{what} in line {self.at}")
        line = self.lines[self.at - 1]
        if len(line) > _LINE_MOST or "\0" in line:
            raise self.wrong(f"{len(line)} characters, or binary data", f"text: {what}")
        found = [f.strip() for f in line.split(",")]
        if len(found) < least:
            raise self.wrong(f"{line[:80]!r}", f"{least} fields: {what}")
        return found

    def number(self, text: str, what: str, default: float | None = None) -> float:
        if not text and default is not None:
            return default
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if math.isfinite(value):
            return value
        raise self.wrong(f"{what}: {text[:40]!r}", "a finite number")

    def whole(self, text: str, what: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = -1
        if value < 0:
            raise self.wrong(f"{what}: {text[:40]!r}", "a whole number from 0 on")
        return value

    # ---- what they say ----

    def station(self) -> tuple[str, int]:
        found = self.fields("station, device, revision")
        if len(found) < 3 or not found[-1]:
            return found[0], 1991
        try:
            year = int(found[-1])
        except ValueError:
            year = 0
        if not 1900 < year < 2200:
            raise self.wrong(f"revision {found[-1][:40]!r}", "a year: 1991, 1999 or 2013")
        known = max((r for r in REVISIONS if r <= year), default=1991)
        if year not in (*REVISIONS, 2001):
            self.notes.append(f"the header names revision {year}; it is read as {known}")
        return found[0], known

    def counts(self) -> tuple[int, int]:
        found = self.fields("numbers of channels, such as 8,4A,4D", 3)
        total = self.whole(found[0], "number of channels")
        kinds = {}
        for field in found[1:3]:
            kinds[field[-1:].upper()] = self.whole(field[:-1], "number of channels")
        if kinds.keys() != {"A", "D"}:
            raise self.wrong(",".join(found)[:80], "numbers of channels, such as 8,4A,4D")
        there = len(self.lines) - self.at
        if kinds["A"] + kinds["D"] > there:
            raise self.wrong(
                f"{kinds['A']} analog and {kinds['D']} status channels, and {there} more lines",
                "a line for each channel",
            )
        if not kinds["A"] + kinds["D"]:
            raise self.wrong("no channels", "one channel or more")
        if total != kinds["A"] + kinds["D"]:
            self.notes.append(
                f"the header says {total} channels; there are {kinds['A']} analog and "
                f"{kinds['D']} status channels"
            )
        return kinds["A"], kinds["D"]

    def analog(self) -> Analog:
        what = "an analog channel: number,name,phase,circuit,unit,a,b,skew,min,max"
        found = [*self.fields(what, 10), "", "", ""][:13]
        _, name, phase, _, unit, a, b, skew, lowest, highest, primary, secondary, side = found
        return Analog(
            name,
            phase,
            unit,
            self.number(a, "multiplier a"),
            self.number(b, "offset b", 0.0),
            self.number(skew, "time skew", 0.0),
            self.limit(lowest, -math.inf),
            self.limit(highest, math.inf),
            self.number(primary, "primary", 1.0),
            self.number(secondary, "secondary", 1.0),
            side.upper()[:1],
        )

    def limit(self, text: str, default: float) -> float:
        """What no sample is decoded with may be missing or nonsense."""
        try:
            value = float(text)
        except ValueError:
            return default
        return default if math.isnan(value) else value

    def status(self) -> str:
        return self.fields("a status channel: number,name,...", 2)[1]

    def rates(self) -> tuple[tuple[float, int], ...]:
        number = self.whole(self.fields("number of sample rates")[0], "number of sample rates")
        if number > len(self.lines) - self.at:
            raise self.wrong(f"{number} sample rates", "a line for each")
        found = []
        for _ in range(max(number, 1)):
            rate, end = self.fields("rate,last sample", 2)[:2]
            fs = self.number(rate, "sample rate")
            if fs != 0:
                checked_rate(self.path, fs, "the header", self.first + self.at - 1)
            last = self.whole(end, "number of the last sample")
            if found and (last <= found[-1][1] or not fs or not found[-1][0]):
                raise self.wrong(f"{rate},{end}", "rising sample numbers, and rates that aren't 0")
            found.append((fs, last))
        return tuple(found)

    def stamp(self, what: str, revision: int) -> tuple[datetime | None, int]:
        """A date and time, None where it is blank or impossible; digits of its second."""
        self.fields(what)
        line = self.lines[self.at - 1]
        found = _DATE.match(line)
        if not found:
            if line.strip(" ,"):
                self.notes.append(f"{what}: {line.strip()[:40]!r} is no date and time")
            return None, 0
        day, month, year, hour, minute, second = (int(g) for g in found.groups()[:6])
        if revision == 1991:
            day, month = month, day
        if year < 100:
            year += 1900 if year >= 70 else 2000
        fraction = found[7] or ""
        try:
            moment = datetime(year, month, day, hour, minute, 0) + timedelta(
                seconds=second, microseconds=int(fraction[:6].ljust(6, "0"))
            )
        except (ValueError, OverflowError):
            self.notes.append(f"{what}: {line.strip()[:40]!r} is no date and time")
            return None, len(fraction)
        return moment, len(fraction)

    def factor(self) -> float:
        if self.at >= len(self.lines) or not self.lines[self.at].strip(" ,"):
            self.at += 1
            return 1.0
        factor = self.number(self.fields("time multiplier")[0], "time multiplier")
        if factor <= 0 or factor > 1e12:
            raise self.wrong(f"time multiplier {factor:g}", "a positive number")
        return factor

    def zone(self) -> timezone | None:
        """Of the record's times, from UTC; None where the header doesn't say."""
        if self.at >= len(self.lines):
            return None
        text = self.fields("time code")[0]
        found = _ZONE.match(text)
        if not found:
            return None
        minutes = 60 * int(found[2]) + int(found[3] or 0)
        if minutes >= 24 * 60:
            return None
        return (
            timezone(timedelta(minutes=-minutes if found[1] == "-" else minutes))
            if (minutes)
            else UTC
        )

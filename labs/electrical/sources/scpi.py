"""An instrument that speaks SCPI over TCP, as a live source.

    with InstrumentSimulator(supply()) as instrument:
        source = ScpiSource(instrument.address, instrument.inputs)

Records are asked for one after another; each says when its first sample was taken, so samples that
were lost in between (while an instrument was busy, or a connection was down) are counted as a gap.
"""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from labs.electrical.blocks import BLOCK_LENGTH, Block, Channel
from labs.electrical.sources.dialect import Dialect
from labs.electrical.sources.scpi_block import (
    Preamble,
    ScpiTrouble,
    not_an_instrument,
    read_preamble,
)
from labs.electrical.sources.scpi_clock import SAME, RecordClock, rate_of
from labs.electrical.sources.scpi_link import ScpiLink
from labs.electrical.sources.synthetic import FULL_SCALE, check_length
from labs.errors import LabError

HOLE = -FULL_SCALE - 1  # the count of a sample that there is none of
RETRY_S = (0.05, 0.5)  # between attempts: from, doubled up to
FORMS = {"WORD": "i2", "FLOAT": "f4"}
ORDERS = {"little": ("LSBF", "<"), "big": ("MSBF", ">")}
UNITS = {"VOLT": "V", "AMP": "A", "WATT": "W"}


class ScpiSource:
    """Source of an instrument's inputs.

    Args:
        address: host and port.
        inputs: as the instrument calls them.
        form: "WORD" (int16 counts) or "FLOAT" (float32 values); order: "little" or "big".
        names, units: of the channels; by default the instrument is asked.
        timeout_s: for an answer; one to a new record may take that record's duration longer.
        attempts: connections without a record in between before it is given up.

    Raises:
        LabError: it can't be reached, or doesn't answer as an instrument does.
    """

    def __init__(
        self,
        address: tuple[str, int],
        inputs: Sequence[str] = ("CHAN1",),
        *,
        form: str = "WORD",
        order: str = "little",
        names: Sequence[str] | None = None,
        units: Sequence[str] | None = None,
        timeout_s: float = 2.0,
        attempts: int = 5,
        dialect: Dialect | None = None,
    ) -> None:
        _check(address, inputs, form, order, timeout_s)
        self.address, self.inputs, self.dialect = address, tuple(inputs), dialect or Dialect()
        self.form, self.order = form, order
        self.timeout_s, self.attempts = timeout_s, max(1, attempts)
        self.start: datetime | None = None
        self.lost_samples = self.gaps = 0
        self._notes: dict[str, int] = {}
        self._closed = threading.Event()
        self._link: ScpiLink | None = None
        self._failures, self.identity = 0, ""
        self._until_it_works(lambda: self._describe(names, units))

    @property
    def name(self) -> str:
        return self.identity.replace(",", " ") or f"{self.address[0]}:{self.address[1]}"

    @property
    def dtype(self) -> np.dtype:
        return np.dtype(FORMS[self.form])

    @property
    def notes(self) -> tuple[str, ...]:
        """What went wrong: each with how often, and what it cost."""
        lost = f"{self.lost_samples:,} samples lost in {self.gaps} gap{'s' * (self.gaps > 1)}"
        said = [f"{text} ({n} times)" if n > 1 else text for text, n in self._notes.items()]
        return tuple([*said, lost] if self.gaps else said)

    def blocks(self, length: int = BLOCK_LENGTH) -> Iterator[Block]:
        """Records of up to `length` samples, until the instrument has no more; it begins now.

        Raises:
            LabError: the instrument doesn't come back, is another one, or its time runs backwards.
        """
        check_length(self.name, length)
        self._closed.clear()
        self.lost_samples = self.gaps = 0
        return self._blocks(int(length))

    def close(self) -> None:
        self._closed.set()
        link = self._link  # the reader may be about to give it up
        if link is not None:
            link.close()

    def _blocks(self, length: int) -> Iterator[Block]:
        def begin() -> None:
            self._link.say(self.dialect.points.format(length))
            self._link.say(self.dialect.run)

        self._until_it_works(begin)
        clock = RecordClock(self.fs_hz)
        while not self._closed.is_set():
            try:
                record = self._record(length)
                self._failures = 0
            except ScpiTrouble as trouble:
                self._reconnect(trouble)
                continue
            if self._closed.is_set():
                return
            yield from self._as_blocks(record, clock, length)
            if not record.preamble.points:
                return

    def _as_blocks(self, record: "_Record", clock: "RecordClock", length: int) -> Iterator[Block]:
        before, samples, valid = clock.index, record.samples, record.valid
        index = clock.place(record.preamble, self.address)
        if index > before:
            self.lost_samples += index - before
            self.gaps += 1
            if not samples.shape[1]:  # lost at the end: an empty block says so
                yield Block(index, record.preamble.x_origin_s - clock.zero_s, clock.fs_hz, samples)
        fs, t0 = clock.fs_hz, record.preamble.x_origin_s - clock.zero_s
        for at in range(0, samples.shape[1], length):
            part = slice(at, at + length)
            own = None if valid is None else valid[:, part]
            yield Block(index + at, t0 + at / fs, fs, samples[:, part], own)

    # ---- the conversation ----

    def _record(self, length: int) -> "_Record":
        """The next record of all inputs; an empty one after the last.

        Raises:
            ScpiTrouble: it can't be had, or can't be right.
        """
        link, words = self._link, self.dialect
        patience = self.timeout_s + 2 * length / self.fs_hz
        if (answer := link.ask(words.digitize, patience)) != "1":
            raise ScpiTrouble(f"{words.digitize} was answered with {answer[:20]!r}")
        preambles, rows = [], []
        for name in self.inputs:
            link.say(words.select.format(name))
            preambles.append(read_preamble(link.ask(words.preamble)))
            count = preambles[0].points
            first, own = preambles[0], preambles[-1]
            if (own.points, own.x_increment_s, own.x_origin_s) != (
                count, first.x_increment_s, first.x_origin_s,
            ):  # fmt: skip
                raise ScpiTrouble("inputs of one record that were not sampled at the same time")
            empty = np.empty(0, self._wire)
            rows.append(link.ask_block(words.data, count, self._wire) if count else empty)
        said = link.ask(words.error)
        if not count and _is_error(said):
            raise not_an_instrument(self.address, f"it ended with {said[:80]}", "look at it")
        return self._checked(preambles, np.stack(rows), said)

    def _checked(self, preambles: list[Preamble], raw: np.ndarray, error: str) -> "_Record":
        """The record in native byte order; what can't be trusted is marked."""
        samples = raw.astype(self.dtype, copy=False)
        valid = np.isfinite(samples) if self.form == "FLOAT" else samples != HOLE
        for row, (channel, p) in enumerate(zip(self.channels, preambles, strict=True)):
            if self.form == "FLOAT":
                if (p.y_increment, p.offset) != (1.0, 0.0):
                    samples[row] = samples[row] * p.y_increment + p.offset
            elif not _same((p.y_increment, p.offset), (channel.scale, channel.offset)):
                valid[row] = False
                self._note(f"the scale of {channel.name} was changed: its samples are invalid")
        if _is_error(error):
            valid[:] = False
            self._note(f"the instrument reports {error[:80]}: the record is invalid")
        return _Record(preambles[0], samples, None if valid.all() else valid)

    def _describe(self, names: Sequence[str] | None, units: Sequence[str] | None) -> None:
        """Ask what channels there are."""
        link, words, found = self._link, self.dialect, []
        for number, name in enumerate(self.inputs):
            link.say(words.select.format(name))
            preamble = read_preamble(link.ask(words.preamble))
            label = names[number] if names else link.ask(words.label.format(name)).strip('"')
            unit = units[number] if units else link.ask(words.unit.format(name)).strip('"')
            scale, offset, full = preamble.y_increment, preamble.offset, FULL_SCALE
            if self.form == "FLOAT":
                scale, offset, full = 1.0, 0.0, None
            unit = UNITS.get(unit.upper(), unit)
            found.append(Channel(label or name, unit, scale, offset, "", full))
        self.channels = tuple(found)
        self.fs_hz = rate_of(preamble)

    def _connect(self) -> None:
        """A connection that is set up; the instrument goes on with what it does."""
        words = self.dialect
        self._link = link = ScpiLink(self.address, self.timeout_s)
        identity = link.ask(words.identify)
        if self.identity and identity != self.identity:
            self._disconnect()
            raise not_an_instrument(
                self.address, f"'{identity[:60]}' where '{self.identity[:60]}' was", "begin anew"
            )
        self.identity = identity
        link.say(words.form.format(self.form))
        link.say(words.order.format(ORDERS[self.order][0]))

    def _disconnect(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            link.close()

    def _reconnect(self, trouble: ScpiTrouble) -> None:
        """Make the connection anew, or give up.

        Raises:
            LabError: too many attempts, with no record between them.
        """
        self._disconnect()
        if self._closed.is_set():
            return
        self._note(f"{trouble}: connected anew")
        wait_s = RETRY_S[0]
        while not self._closed.is_set():
            self._disconnect()
            self._failures += 1
            if self._failures > self.attempts:
                raise not_an_instrument(
                    self.address,
                    f"{trouble}; {self.attempts} attempts failed",
                    "check the cable, the address and that the instrument is on",
                )
            try:
                self._connect()
                return
            except (OSError, ScpiTrouble) as error:
                trouble = error
            self._closed.wait(wait_s)
            wait_s = min(2 * wait_s, RETRY_S[1])

    def _until_it_works(self, do) -> None:
        """Do something that a lost connection may spoil."""
        while not self._closed.is_set():
            try:
                if self._link is None:
                    self._connect()
                do()
                self._failures = 0
                return
            except (OSError, ScpiTrouble) as error:
                self._reconnect(ScpiTrouble(str(error)))

    @property
    def _wire(self) -> np.dtype:
        return np.dtype(ORDERS[self.order][1] + FORMS[self.form])

    def _note(self, text: str) -> None:
        if text in self._notes or len(self._notes) < 100:
            self._notes[text] = self._notes.get(text, 0) + 1


@dataclass(frozen=True, eq=False)
class _Record:
    preamble: Preamble
    samples: np.ndarray
    valid: np.ndarray | None


def _same(a: Sequence[float], b: Sequence[float]) -> bool:
    return all(abs(x - y) <= SAME * max(abs(x), abs(y)) for x, y in zip(a, b, strict=True))


def _is_error(answer: str) -> bool:
    """0,"No error" isn't one."""
    return answer.partition(",")[0].strip().lstrip("+") != "0"


def _check(address: object, inputs: Sequence[str], form: str, order: str, timeout_s: float) -> None:
    pair = isinstance(address, tuple) and len(address) == 2
    if not pair or not inputs or form not in FORMS or order not in ORDERS or not timeout_s > 0:
        raise LabError(
            "read an instrument",
            expected=f"(host, port), inputs, {' or '.join(FORMS)}, {' or '.join(ORDERS)}, and a "
            "timeout above 0 s",
            got=f"{address!r}, {inputs!r}, form={form!r}, order={order!r}, {timeout_s!r} s",
            next_step="correct them; InstrumentSimulator has an address and inputs to try with",
        )

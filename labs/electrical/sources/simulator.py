"""An instrument on this machine: a TCP server that gives any source's samples in SCPI.

It listens on 127.0.0.1, on a port that the system chooses, and serves one client at a time. What it
measures goes on when a client is lost: the record that was being read then is gone.
"""

import contextlib
import itertools
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterator

import numpy as np

from labs.electrical.blocks import BLOCK_LENGTH, Block, Source, values
from labs.electrical.sources.instrument_faults import (
    Babbles,
    ChangesRate,
    ChangesScale,
    Disconnects,
    Garbled,
    InstrumentFault,
    ReportsError,
    Silent,
    WrongLength,
)
from labs.electrical.sources.scpi_block import MOST_POINTS, Preamble
from labs.electrical.sources.synthetic import FULL_SCALE

IDENTITY = "COURSE,LOOPBACK,0,1"
LONGEST_COMMAND = 4096
LONGEST_QUEUE = 20  # errors
UNITS = {"V": "VOLT", "A": "AMP", "W": "WATT"}


class InstrumentSimulator:
    """Serves a source; use it in `with`, or close it.

    Args:
        source: what it measures: with `Paced`, in real time.
        faults: Disconnects, WrongLength, Garbled, Silent, Babbles, ReportsError, ChangesRate,
            ChangesScale.
        full_scale: value of count 32767, where the source gives values and counts are asked for.
    """

    def __init__(
        self,
        source: Source,
        *,
        faults: tuple[InstrumentFault, ...] = (),
        full_scale: float = 1000.0,
        identity: str = IDENTITY,
    ) -> None:
        self.source, self.identity = source, identity
        self.inputs = tuple(f"CHAN{i + 1}" for i in range(len(source.channels)))
        self._front = _FrontEnd(source, tuple(faults), full_scale)
        self._closed = threading.Event()
        self._server = socket.create_server(("127.0.0.1", 0))
        self.address: tuple[str, int] = self._server.getsockname()
        self._client: socket.socket | None = None
        self.connections = 0
        self._thread = threading.Thread(target=self._serve, name="instrument", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._closed.set()
        self.source.close()
        for one in (self._server, self._client):
            if one is not None:
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
                one.close()
        self._thread.join(5.0)

    def __enter__(self) -> "InstrumentSimulator":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _serve(self) -> None:
        while not self._closed.is_set():
            try:
                self._client, _ = self._server.accept()
            except OSError:
                return
            self.connections += 1
            self._client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with contextlib.suppress(OSError), self._client:
                _Conversation(self._client, self._front, self.identity, self._closed).run()


class _FrontEnd:
    """What is measured, whoever is connected."""

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


class _Conversation:
    """One client's."""

    def __init__(
        self, client: socket.socket, front: _FrontEnd, identity: str, closed: threading.Event
    ) -> None:
        self._client, self._front, self._closed = client, front, closed
        self._identity, self._channel = identity, 0
        self._form, self._order = "WORD", ">"
        self._commands: dict[str, Callable[[str], bytes | None]] = {}
        for names, do in (
            ("*IDN?", lambda _: self._identity.encode()),
            ("*OPC?", lambda _: b"1"),
            ("*CLS", lambda _: front.errors.clear()),
            ("RUN", lambda _: front.run()),
            ("DIGitize", lambda _: front.digitize()),
            ("ACQuire:POINts", self._set_points),
            ("WAVeform:FORMat", self._set_form),
            ("WAVeform:BYTeorder", self._set_order),
            ("WAVeform:SOURce", self._set_source),
            ("WAVeform:PREamble?", lambda _: self._preamble.text(_NUMBER[self._form]).encode()),
            ("WAVeform:POINts?", lambda _: str(self._preamble.points).encode()),
            ("WAVeform:XINCrement?", lambda _: _number(self._preamble.x_increment_s)),
            ("WAVeform:XORigin?", lambda _: _number(self._preamble.x_origin_s)),
            ("WAVeform:YINCrement?", lambda _: _number(self._preamble.y_increment)),
            ("WAVeform:YORigin?", lambda _: _number(self._preamble.y_origin)),
            ("WAVeform:YREFerence?", lambda _: _number(self._preamble.y_reference)),
            ("WAVeform:DATA?", lambda _: self._data()),
            ("SYSTem:ERRor?", lambda _: self._error()),
        ):
            self._commands |= dict.fromkeys(_spellings(names), do)

    def run(self) -> None:
        """Answer until the client is gone."""
        kept = b""
        while not self._closed.is_set():
            while b"\n" not in kept:
                more = self._client.recv(LONGEST_COMMAND)
                if not more or len(kept) > LONGEST_COMMAND:
                    return
                kept += more
            line, _, kept = kept.partition(b"\n")
            answers = [self._answer(one) for one in line.decode("latin-1").split(";")]
            answers = [a for a in answers if a is not None]
            if answers and (silent := self._front.due(Silent)):
                self._be_silent(silent[0].duration_s)
                break
            if answers:
                self._send(b";".join(answers) + b"\n")

    def _answer(self, command: str) -> bytes | None:
        header, _, argument = command.strip().lstrip(":").partition(" ")
        do = self._commands.get(header.upper()) or self._of_channel(header.upper())
        if do is None:
            self._front.error(-113, "Undefined header")
            return None
        return do(argument.strip())

    def _send(self, answer: bytes) -> None:
        is_block = answer[:1] == b"#"
        if is_block:
            for fault in self._front.due(Disconnects):
                self._client.sendall(answer[: fault.after_bytes])
                raise OSError
        self._client.sendall(answer)
        for fault in self._front.due(Babbles) if is_block else ():
            self._client.sendall(b"~" * fault.count)

    def _be_silent(self, duration_s: float) -> None:
        """Take what comes and answer nothing, until the client is gone or the time is over."""
        self._client.settimeout(min(duration_s, 3600.0))
        with contextlib.suppress(TimeoutError):
            while self._client.recv(LONGEST_COMMAND) and not self._closed.is_set():
                pass

    # ---- commands ----

    @property
    def _preamble(self) -> Preamble:
        return self._front.preamble(self._channel, self._form)

    def _data(self) -> bytes:
        samples = self._front.samples(self._channel, self._form)
        data = samples.astype(samples.dtype.newbyteorder(self._order)).tobytes()
        more = sum(f.more for f in self._front.due(WrongLength))
        length = str(max(0, len(data) + more))
        header = f"#{len(length)}{length}".encode()
        for fault in self._front.due(Garbled):
            header = fault.header
        return header + data

    def _error(self) -> bytes:
        errors = self._front.errors
        return (errors.popleft() if errors else '0,"No error"').encode()

    def _set_points(self, text: str) -> None:
        if text.isdecimal() and 1 <= int(text[:12]) <= MOST_POINTS:
            self._front.points = int(text)
        else:
            self._front.error(-222, "Data out of range")

    def _set_form(self, text: str) -> None:
        if text.upper() in _NUMBER:
            self._form = text.upper()
        else:
            self._front.error(*_NO_SUCH)

    def _set_order(self, text: str) -> None:
        if text.upper() in _ORDER:
            self._order = _ORDER[text.upper()]
        else:
            self._front.error(*_NO_SUCH)

    def _set_source(self, text: str) -> None:
        channel = self._input(text.upper())
        if channel is None:
            self._front.error(*_NO_SUCH)
        else:
            self._channel = channel

    def _input(self, name: str) -> int | None:
        """CHAN1 or CHANNEL1 -> 0; None if there is no such input."""
        number = name.removeprefix("CHANNEL").removeprefix("CHAN")
        known = number.isdecimal() and number != name
        channel = int(number[:6]) - 1 if known else -1
        return channel if 0 <= channel < len(self._front.source.channels) else None

    def _of_channel(self, header: str) -> Callable[[str], bytes] | None:
        name, _, what = header.partition(":")
        channel = self._input(name)
        if channel is None:
            return None
        about = self._front.source.channels[channel]
        answers = dict.fromkeys(_spellings("LABel?"), about.name)
        answers |= dict.fromkeys(_spellings("UNITs?"), UNITS.get(about.unit, about.unit))
        found = answers.get(what)
        return None if found is None else lambda _: f'"{found}"'.encode()


_NUMBER = {"WORD": "1", "FLOAT": "3"}  # in a preamble
_ORDER = {"LSBF": "<", "MSBF": ">"}
_NO_SUCH = -224, "Illegal parameter value"


def _number(value: float) -> bytes:
    return f"{value:.17g}".encode()


def _spellings(header: str) -> list[str]:
    """SCPI's short and long forms: "WAVeform:DATA?" -> WAV:DATA?, WAVEFORM:DATA?."""
    nodes = []
    for node in header.split(":"):
        short = "".join(c for c in node if not c.islower())
        nodes.append({short, node.upper()})
    return [":".join(parts) for parts in itertools.product(*nodes)]

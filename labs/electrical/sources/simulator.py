"""An instrument on this machine: a TCP server that gives any source's samples in SCPI.

It listens on 127.0.0.1, on a port that the system chooses, and serves one client at a time. What it
measures goes on when a client is lost: the record that was being read then is gone.
"""

import contextlib
import itertools
import socket
import threading
from collections.abc import Callable

from labs.electrical.blocks import Source
from labs.electrical.sources.front_end import FrontEnd
from labs.electrical.sources.instrument_faults import (
    Babbles,
    Disconnects,
    Garbled,
    InstrumentFault,
    Silent,
    WrongLength,
)
from labs.electrical.sources.scpi_block import MOST_POINTS, Preamble

IDENTITY = "COURSE,LOOPBACK,0,1"
LONGEST_COMMAND = 4096
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
        self._front = FrontEnd(source, tuple(faults), full_scale)
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


class _Conversation:
    """One client's."""

    def __init__(
        self, client: socket.socket, front: FrontEnd, identity: str, closed: threading.Event
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

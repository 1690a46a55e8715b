"""A TCP connection to an instrument: lines out, lines and blocks in, never without a time limit."""

import contextlib
import socket
import time

import numpy as np

from labs.electrical.sources.scpi_block import LONGEST_HEADER, ScpiTrouble, block_header

LONGEST_LINE = 4096  # bytes of a text answer: more of them is a flood
CHUNK_BYTES = 65_536


class ScpiLink:
    """One connection.

    Raises:
        OSError: it can't be made. All else that goes wrong later is a ScpiTrouble.
    """

    def __init__(self, address: tuple[str, int], timeout_s: float) -> None:
        self.timeout_s = timeout_s
        self._socket = socket.create_connection(address, timeout_s)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._kept = b""  # received, not yet asked for

    def ask(self, query: str, timeout_s: float | None = None) -> str:
        """The one-line answer to a query.

        Raises:
            ScpiTrouble: the connection is lost, or the answer is late, too long, or no text.
        """
        self.say(query)
        deadline = time.monotonic() + (timeout_s or self.timeout_s)
        while b"\n" not in self._kept:
            if len(self._kept) > LONGEST_LINE:
                raise ScpiTrouble(f"{query} was answered with more than {LONGEST_LINE} bytes")
            self._more(deadline, query)
        line, _, self._kept = self._kept.partition(b"\n")
        try:
            return line.decode("ascii").strip()
        except UnicodeDecodeError:
            raise ScpiTrouble(f"{query} was answered with {line[:20]!r}") from None

    def say(self, command: str) -> None:
        """Send a command; what was received without being asked for is an error.

        Raises:
            ScpiTrouble: see there.
        """
        if self._kept or self._has_more():
            raise ScpiTrouble(f"bytes that nobody asked for, before {command}")
        try:
            self._socket.settimeout(self.timeout_s)
            self._socket.sendall(command.encode("ascii") + b"\n")
        except OSError as error:
            raise ScpiTrouble(f"the connection is lost: {_words(error)}") from None

    def ask_block(self, query: str, count: int, dtype: np.dtype) -> np.ndarray:
        """The block that answers a query, as `count` numbers.

        Raises:
            ScpiTrouble: as for `ask`; or it has another length, or doesn't end where it should.
        """
        self.say(query)
        deadline = time.monotonic() + self.timeout_s
        while (header := block_header(self._kept[:LONGEST_HEADER])) is None:
            self._more(deadline, query)
        start, size = header
        samples = np.empty(count, dtype)
        if size != samples.nbytes:
            raise ScpiTrouble(f"a block of {size} bytes; the preamble says {samples.nbytes}")
        view = memoryview(samples).cast("B") if count else memoryview(bytearray())
        known = self._kept[start : start + size]
        view[: len(known)] = known
        self._kept, done = self._kept[start + len(known) :], len(known)
        while done < size:
            done += self._receive(view[done:], deadline, query)
            deadline = time.monotonic() + self.timeout_s  # it is coming, however slowly
        while not self._kept:
            self._more(deadline, query)
        if self._kept[:1] != b"\n":
            raise ScpiTrouble(f"more than the {size} bytes that a block's header said")
        self._kept = self._kept[1:]
        return samples

    def close(self) -> None:
        """From any thread: who waits for an answer is told that the connection is lost."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _more(self, deadline: float, query: str) -> None:
        room = bytearray(CHUNK_BYTES)
        self._kept += room[: self._receive(memoryview(room), deadline, query)]

    def _receive(self, room: memoryview, deadline: float, query: str) -> int:
        left = deadline - time.monotonic()
        try:
            self._socket.settimeout(max(left, 1e-3))
            count = self._socket.recv_into(room)
        except TimeoutError:
            raise ScpiTrouble(f"no answer to {query}") from None
        except OSError as error:
            raise ScpiTrouble(f"the connection is lost: {_words(error)}") from None
        if not count:
            raise ScpiTrouble("the instrument closed the connection")
        return count

    def _has_more(self) -> bool:
        try:
            self._socket.settimeout(0.0)
            return bool(self._socket.recv(1, socket.MSG_PEEK))
        except OSError:  # nothing there; what is wrong else is found when it is used
            return False


def _words(error: OSError) -> str:
    return error.strerror or str(error) or type(error).__name__

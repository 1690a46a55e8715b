"""The manager's side of a device's process: started, fed without waiting, ended for good."""

import multiprocessing
import queue
import threading
import time
from multiprocessing.connection import Connection

from labs.engineering.manager_worker import serve

_END_S = 2.0


class DeviceProcess:
    """One device's process.

    Args:
        device: tinygrad's name.

    Attributes:
        renderer: "" until the device has said that it is open.
        began_at: when the batch in work began there (time.monotonic); None when none is.
        loaded: the run whose function it has.
    """

    def __init__(self, device: str) -> None:
        self.device, self.renderer, self.loaded = device, "", -1
        self.began_at: float | None = None
        self.started_at = self.heard_at = time.monotonic()
        context = multiprocessing.get_context("spawn")  # a fork would share the driver's state
        self.connection, theirs = context.Pipe()
        self._process = context.Process(
            target=serve, args=(theirs, device), daemon=True, name=f"device {device}"
        )
        self._process.start()
        theirs.close()  # so that our end sees the process die
        # a pipe holds little: without a thread, sending to a process that sends to us would block
        self._outgoing: queue.Queue[object | None] = queue.Queue()
        threading.Thread(target=_send, args=(self.connection, self._outgoing), daemon=True).start()

    @property
    def code(self) -> int | None:
        """The exit code; None while it lives."""
        return self._process.exitcode

    def send(self, message: object) -> None:
        self._outgoing.put(message)

    def end(self, *, kill: bool = False) -> None:
        """Asks the process to end, or ends it; a device that hangs doesn't listen."""
        self._outgoing.put(None)
        if kill:
            self._process.kill()
        else:
            self.connection.close()
        self._process.join(_END_S)
        if self._process.exitcode is None:
            self._process.kill()
            self._process.join(_END_S)
        if kill:
            self.connection.close()

    def death(self) -> str:
        """How it ended, in words."""
        self._process.join(_END_S)
        code = self._process.exitcode
        if code is not None and code < 0:
            return f"its process was ended by signal {-code}"
        return f"its process ended with code {code}"


def _send(connection: Connection, outgoing: "queue.Queue[object | None]") -> None:
    while (message := outgoing.get()) is not None:
        try:
            connection.send(message)
        except (OSError, ValueError):  # closed, or the process has died: the reader's side sees it
            return

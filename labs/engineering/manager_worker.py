"""One device in a process of its own: what the device manager sends work to.

A device that crashes, hangs or exhausts its memory then costs its process, not the reader's, and
several devices compute at the same time, each with a tinygrad of its own.
"""

import time
from dataclasses import dataclass
from multiprocessing.connection import Connection

import numpy as np

_KEPT = 4  # functions whose captured kernels and constants stay on the device


@dataclass(frozen=True)
class Ready:
    """The device is open."""

    renderer: str


@dataclass(frozen=True)
class Began:
    """A batch is being worked on from now."""

    run: int
    index: int


@dataclass(frozen=True)
class Done:
    """A batch's result; `seconds` include both copies, `compiled` says that it was a first call."""

    run: int
    index: int
    result: np.ndarray
    seconds: float
    compiled: bool


@dataclass(frozen=True)
class Failed:
    """What went wrong: with a batch, or (index -1) with opening the device."""

    run: int
    index: int
    error: str


@dataclass(frozen=True)
class Load:
    """A function to apply from now on, with what it gets after the batch on every call.

    Args:
        key: of function and constants: what was captured for the same key is replayed again.
    """

    run: int
    key: str
    function: bytes  # by cloudpickle: functions of notebook cells and lambdas, too
    constants: tuple[np.ndarray, ...]
    jit: bool


@dataclass(frozen=True)
class Work:
    """One batch."""

    run: int
    index: int
    batch: np.ndarray


def serve(connection: Connection, device: str) -> None:
    """Opens the device and answers until the other side closes the connection."""
    try:
        from labs import backends, toolchain

        toolchain.activate()
        backends.register()
        from tinygrad import Device, Tensor

        Tensor(np.zeros(1, np.float32), device=device).realize()
        connection.send(Ready(type(Device[device].renderer).__name__))
    except Exception as error:  # a driver may raise anything
        connection.send(Failed(-1, -1, f"{type(error).__name__}: {error}"))
        return
    worker = _Worker(connection, device)
    while True:
        try:
            message = connection.recv()
        except (EOFError, OSError):  # the manager has closed, or is gone
            return
        worker.handle(message)


class _Worker:
    def __init__(self, connection: Connection, device: str) -> None:
        self.connection, self.device = connection, device
        self.function = None
        self.constants: tuple = ()
        self.run, self.jit = -1, True
        self.compiled: dict[tuple, object] = {}  # shape and dtype -> TinyJit
        self.calls: dict[tuple, int] = {}
        self.kept: dict[str, tuple] = {}  # key -> function, constants, compiled, calls

    def handle(self, message: Load | Work) -> None:
        if isinstance(message, Load):
            self._load(message)
            return
        self.connection.send(Began(message.run, message.index))
        try:
            start = time.perf_counter()
            result, first = self._apply(message.batch)
            seconds = time.perf_counter() - start
        except Exception as error:  # the reader's function may raise anything
            text = f"{type(error).__name__}: {error}"
            self.connection.send(Failed(message.run, message.index, text))
            return
        self.connection.send(Done(message.run, message.index, result, seconds, first))

    def _load(self, message: Load) -> None:
        import cloudpickle
        from tinygrad import Tensor

        self.run, self.jit = message.run, message.jit
        if self.jit and message.key in self.kept:
            self.function, self.constants, self.compiled, self.calls = self.kept[message.key]
            return
        self.compiled, self.calls = {}, {}
        try:
            self.function = cloudpickle.loads(message.function)
            self.constants = tuple(
                Tensor(c, device=self.device).realize() for c in message.constants
            )
        except Exception as error:
            self.function = None
            self.connection.send(Failed(message.run, -1, f"{type(error).__name__}: {error}"))
            return
        while len(self.kept) >= _KEPT:
            self.kept.pop(next(iter(self.kept)))
        self.kept[message.key] = (self.function, self.constants, self.compiled, self.calls)

    def _apply(self, batch: np.ndarray) -> tuple[np.ndarray, bool]:
        from tinygrad import Tensor, TinyJit

        key = (batch.shape, batch.dtype.str)
        if key not in self.compiled:
            function, constants = self.function, self.constants

            def compute(x):
                return function(x, *constants).contiguous().realize()

            self.compiled[key] = TinyJit(compute) if self.jit else compute
        self.calls[key] = self.calls.get(key, 0) + 1
        # the first call compiles, the second captures, from the third on the kernels are replayed
        result = self.compiled[key](Tensor(batch, device=self.device).realize())
        return result.numpy(), self.calls[key] <= 2

"""Hears of every kernel and copy that tinygrad runs in this process, before and after.

tinygrad looks `engine.realize.pm_exec` up at each call and asks it to run the call; while somebody
observes, something stands in its place that asks the observers too.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from labs import toolchain

toolchain.activate()

from tinygrad.engine import realize
from tinygrad.helpers import ansistrip
from tinygrad.uop.ops import Ops, UOp

_LOCK = threading.RLock()


class Observer(Protocol):
    """What is told. `context` is tinygrad's ExecContext; `wait` in it may be set."""

    def before(self, call: UOp, context: Any) -> None: ...
    def after(self, call: UOp, context: Any, times: list, began_s: float) -> None: ...


class _Executor:
    """Runs calls as the original does, and tells."""

    def __init__(self, original: Any) -> None:
        self.original = original
        self.observers: list[Observer] = []

    def rewrite(self, call: UOp, context: Any = None) -> Any:
        observers = tuple(self.observers)
        for observer in observers:
            observer.before(call, context)
        began = time.perf_counter()
        times = self.original.rewrite(call, context)
        for observer in reversed(observers):
            observer.after(call, context, times, began)
        return times

    def __getattr__(self, name: str) -> Any:
        return getattr(self.original, name)


@contextmanager
def observing(observer: Observer) -> Iterator[None]:
    """Tell the observer of every call until the block ends; the last one to leave restores."""
    with _LOCK:
        executor = realize.pm_exec
        if not isinstance(executor, _Executor):
            executor = realize.pm_exec = _Executor(executor)
        executor.observers.append(observer)
    try:
        yield
    finally:
        with _LOCK:
            executor.observers.remove(observer)
            if not executor.observers:
                realize.pm_exec = executor.original


def name_of(call: UOp, context: Any) -> str:
    """A call's name for people: "r_5_4_30", "copy 2400 B, CL <- CPU", "a graph of 7 kernels"."""
    body = call.src[0]
    if body.op is Ops.PROGRAM:
        return ansistrip(body.arg.name)
    buffers = [u.buffer for u in realize.resolve_params(call, context.input_uops)]
    if body.op is Ops.COPY:
        devices = [getattr(b, "device", "several") for b in buffers[:2]]
        return f"copy {getattr(buffers[0], 'nbytes', 0)} B, {devices[0]} <- {devices[1]}"
    if body.op is Ops.CUSTOM_FUNCTION and body.arg == "graph":
        return f"a graph of {len(body.src[0].src)} kernels"
    return str(body.arg or body.op.name).lower()


def devices_of(call: UOp) -> tuple[str, ...]:
    """Where a call runs; of a copy both ends."""
    found: list[str] = []
    for argument in realize.get_call_arg_uops(call)[:2]:
        device = argument.device
        found += list(device) if isinstance(device, tuple) else [device] if device else []
    return tuple(dict.fromkeys(found))

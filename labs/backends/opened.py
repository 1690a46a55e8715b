"""tinygrad's memory of the devices it has opened: how one is opened, and forgotten, by itself.

Unofficial seams of tinygrad 0.14.0: Device.get_class, Device._Device__get_canonicalized_item and
Device._opened_devices, engine.realize.runtime_cache and graph_cache, and Buffer's fields. Each has
its test in tests/seams/test_seams_backends.py.
"""

import contextlib
import gc
import importlib
import traceback
from collections.abc import Callable
from pathlib import Path

from labs import toolchain

toolchain.activate()

import tinygrad
from tinygrad import Device
from tinygrad.device import Buffer, Compiled
from tinygrad.engine import realize
from tinygrad.helpers import Context
from tinygrad.uop.ops import UOp

from labs.backends.registry import registered
from labs.backends.validation import check_module, load
from labs.errors import DeviceError


def open_backend(name: str) -> Compiled:
    """The opened device, as `Device[name]` gives it.

    Raises:
        DeviceError: it doesn't open; the message says in which file and line. Other devices are as
            they were, and the next call tries again.
    """
    try:
        return Device[name]
    except DeviceError:
        raise
    except Exception as error:  # whatever a backend's author has made it raise
        base = name.split(":")[0].upper()
        if base in registered():  # tinygrad says IndexError for a class that it doesn't find
            check_module(base, load(base, registered()[base]))
        raise DeviceError(
            f"Open the backend {name.upper()}",
            expected=f"{base.capitalize()}Device({name!r}) to return a device",
            got=f"{describe(error)}{where(error)}",
            next_step="correct that line; in a running notebook then call reload_backend",
        ) from error


def describe(error: BaseException) -> str:
    """An exception in one line, with what it came from when tinygrad has wrapped it."""
    lines = str(error).strip().splitlines()
    text = f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
    cause = error.__cause__
    return f"{text} (from {describe(cause)})" if cause is not None else text


def where(error: BaseException) -> str:
    """ " (file, line n, in f)" of the last frame outside tinygrad and this room, or nothing."""
    here = Path(__file__).parent
    ours = (here / "opened.py", here / "registry.py", here / "validation.py")
    folders = (Path(tinygrad.__file__).parent, Path(importlib.__file__).parent)
    own = tuple(str(path) for path in (*ours, *folders)) + ("<frozen",)
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [f for f in frames if not f.filename.startswith(own)]
    if not theirs:
        return ""
    frame = theirs[-1]
    return f" ({Path(frame.filename).name}, line {frame.lineno}, in {frame.name})"


def forget(name: str, why: str) -> int:
    """Close a device and all its instances; every other device stays as it is.

    Its memory is given back. What still refers to it (a tensor, a captured TinyJit) raises a
    DeviceError from now on, instead of reading memory that is somebody else's by then.

    Args:
        name: the device without an index: "MINE" is also "MINE:1".
        why: what happened, for that error: "was unregistered".

    Returns:
        how many buffers were lost.
    """
    instances = {ix for ix in Device._opened_devices if ix.split(":")[0] == name}
    opened = {ix: Device[ix] for ix in instances}
    with contextlib.suppress(Exception):  # a device that can't wait for itself is closed as well
        for device in opened.values():
            device.synchronize()
    lost = _lose_buffers(name, why)
    for cached in [key for key in realize.runtime_cache if key[1].split(":")[0] == name]:
        del realize.runtime_cache[cached]
    for graph in [g for g in list(realize.graph_cache) if _runs_on(g, name)]:
        del realize.graph_cache[graph]
    _evict(instances)
    for device in opened.values():
        for close in (getattr(device.allocator, "free_cache", None), device.finalize):
            if close is not None:
                with contextlib.suppress(Exception):
                    close()
    return lost


def _runs_on(graph: UOp, name: str) -> bool:
    devices = graph.device if isinstance(graph.device, tuple) else (graph.device,)
    return any(str(d).split(":")[0] == name for d in devices)


def _evict(instances: set[str]) -> None:
    """Drop these from tinygrad's cache, which can only be cleared as a whole: put the rest back.

    Without that, the next use of CPU or CL would open it anew beside the buffers of the old one.
    """
    kind = type(Device)
    kept = {ix: Device[ix] for ix in Device._opened_devices - instances}
    Device._opened_devices -= instances  # finalized at exit otherwise, by name
    kind._Device__get_canonicalized_item.cache_clear()
    kind.get_class.cache_clear()
    get_class = kind.get_class

    def known(self, ix: str) -> Callable[[str], Compiled]:
        # another thread may be opening a device of its own right now
        return (lambda _: kept[ix]) if ix in kept else get_class(self, ix)

    kind.get_class = known
    try:
        with Context(DEBUG=0):  # it would print that it opened them
            for ix in kept:
                Device[ix]
    finally:
        kind.get_class = get_class


class LostBuffer(Buffer):
    """A buffer whose device is gone. Its memory is given back, and it says so to whoever asks."""

    why: str

    def _gone(self, *_arguments, **_named):
        raise DeviceError(
            f"Use a tensor on {self.device}",
            expected="a device that is still the one it was made on",
            got=f"{self.device} {self.why} after the tensor was made, and its memory is given back",
            next_step="make the tensor (or capture the TinyJit) again",
        )

    ensure_allocated = allocate = get_buf = as_memoryview = copy_from = view = numpy = _gone
    __reduce_ex__ = _gone

    @property
    def _buf(self):
        return self._gone()

    def is_initialized(self) -> bool:
        return True  # else tinygrad would quietly allocate it anew, with anything in it

    is_allocated = is_initialized

    def deallocate(self) -> None:
        """Done already."""

    def __del__(self) -> None:
        """Nothing is left to give back."""


def _lose_buffers(name: str, why: str) -> int:
    lost = []
    for found in gc.get_objects():
        if type(found) is not Buffer:
            continue
        if found.device.split(":")[0] == name:
            lost.append(found)
        else:  # somebody else's memory, mapped into this device
            for key in [k for k in found._bufs if k.split(":")[0] == name]:
                del found._bufs[key]
    for buffer in sorted(lost, key=lambda b: b._base is None):  # views first
        if buffer.is_initialized():
            with contextlib.suppress(Exception):  # its allocator may be what is broken
                buffer.deallocate()
        buffer._bufs.clear()
        buffer.__class__ = LostBuffer
        buffer.why = why
    return len(lost)

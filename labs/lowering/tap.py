"""A tap on one device's allocator: who allocates, frees and copies, seen from outside.

The allocator's methods are replaced on the instance, while at least one listener is there, and put
back after the last has gone. Several traces, nested or in several threads, share one tap.
"""

import threading
from collections.abc import Callable
from typing import Any, Protocol

from labs import toolchain

toolchain.activate()

from tinygrad.device import Allocator

_LOCK = threading.RLock()
_MISSING = object()
_TAPS: dict[int, "Tap"] = {}  # by id of the allocator; devices live as long as the process


class Listener(Protocol):
    """What a tap tells. `block` is the device's own handle of the memory."""

    def allocated(self, device: str, block: Any, size: int, fresh: bool) -> None: ...
    def freeing(self, device: str, block: Any, size: int) -> Any: ...
    def freed(self, device: str, token: Any, size: int, returned: bool) -> None: ...
    def copied(self, device: str, kind: str, size: int) -> None: ...
    def failed(self, device: str, size: int) -> None: ...
    def released(self, device: str, size: int) -> None: ...


class Tap:
    """The replaced methods of one allocator."""

    def __init__(self, device: str, allocator: Allocator) -> None:
        self.device, self.allocator = device, allocator
        self.listeners: list[Listener] = []
        self._saved: dict[str, object] = {}
        self._state = threading.local()  # what the innermost alloc or free of this thread has done

    def install(self) -> None:
        wrappers = {
            "alloc": self._alloc,
            "free": self._free,
            "free_cache": self._free_cache,
            "_alloc": self._device_alloc,
            "_free": self._device_free,
            "_copyin": lambda original: self._copy(original, "copy_in", _size_of_source),
            "_copyout": lambda original: self._copy(original, "copy_out", _size_of_destination),
            "_transfer": lambda original: self._copy(original, "transfer", _size_of_transfer),
            "_as_buffer": self._as_buffer,
        }
        for name, make in wrappers.items():
            # only what the allocator has: tinygrad decides by hasattr whether memory can be shared
            if hasattr(self.allocator, name):
                self._saved[name] = vars(self.allocator).get(name, _MISSING)
                setattr(self.allocator, name, make(getattr(self.allocator, name)))

    def remove(self) -> None:
        for name, saved in self._saved.items():
            if saved is _MISSING:
                delattr(self.allocator, name)
            else:
                setattr(self.allocator, name, saved)
        self._saved.clear()

    def kept_bytes(self) -> int:
        return kept_bytes(self.allocator)

    def _tell(self, event: str, *arguments: Any) -> None:
        for listener in tuple(self.listeners):
            getattr(listener, event)(self.device, *arguments)

    def _alloc(self, original: Callable) -> Callable:
        def alloc(size: int, options: Any = None) -> Any:
            before, self._state.fresh = getattr(self._state, "fresh", False), False
            try:
                block = original(size, options)
                fresh = self._state.fresh
            except Exception:  # MemoryError; the CPU device's mmap says OSError
                self._tell("failed", size)
                raise
            finally:
                self._state.fresh = before  # some devices allocate while they allocate
            if _is_own(options):
                self._tell("allocated", block, size, fresh)
            return block

        return alloc

    def _device_alloc(self, original: Callable) -> Callable:
        def _alloc(size: int, options: Any) -> Any:
            self._state.fresh = True
            return original(size, options)

        return _alloc

    def _free(self, original: Callable) -> Callable:
        def free(block: Any, size: int, options: Any = None) -> None:
            # two steps: once the block is back, another thread may get it before we can say so
            listeners = tuple(self.listeners) if _is_own(options) else ()
            tokens = [listener.freeing(self.device, block, size) for listener in listeners]
            self._state.returned = False
            original(block, size, options)
            for listener, token in zip(listeners, tokens, strict=True):
                listener.freed(self.device, token, size, self._state.returned)

        return free

    def _device_free(self, original: Callable) -> Callable:
        def _free(block: Any, options: Any) -> None:
            self._state.returned = True
            original(block, options)

        return _free

    def _free_cache(self, original: Callable) -> Callable:
        def free_cache() -> None:
            size = self.kept_bytes()
            original()
            if size:
                self._tell("released", size)

        return free_cache

    def _copy(self, original: Callable, kind: str, size_of: Callable) -> Callable:
        def copy(*arguments: Any, **named: Any) -> Any:
            result = original(*arguments, **named)
            self._tell("copied", kind, size_of(*arguments, **named))
            return result

        return copy

    def _as_buffer(self, original: Callable) -> Callable:
        def _as_buffer(block: Any) -> memoryview:
            view = original(block)
            self._tell("copied", "zero_copy", view.nbytes)
            return view

        return _as_buffer


def listen(listener: Listener, device: str, allocator: Allocator) -> Tap:
    """Hear about everything that happens on this allocator until `leave`."""
    with _LOCK:
        tap = _TAPS.get(id(allocator))
        if tap is None:
            tap = _TAPS[id(allocator)] = Tap(device, allocator)
            tap.install()
        tap.listeners.append(listener)
        return tap


def leave(listener: Listener, tap: Tap) -> None:
    """Stop listening; the last one to leave restores the allocator."""
    with _LOCK:
        tap.listeners.remove(listener)
        if not tap.listeners:
            tap.remove()
            del _TAPS[id(tap.allocator)]


def kept_bytes(allocator: Allocator) -> int:
    """Bytes that an LRU allocator keeps for reuse although nobody uses them."""
    # a copy: another thread may change the cache meanwhile
    kept = tuple(getattr(allocator, "cache", {}).items())
    return sum(size * len(blocks) for (size, _options), blocks in kept)


def _is_own(options: Any) -> bool:
    return getattr(options, "external_ptr", None) is None  # else: memory that somebody else owns


def _size_of_source(_block: Any, source: memoryview, *_rest: Any) -> int:
    return source.nbytes


def _size_of_destination(destination: memoryview, *_rest: Any) -> int:
    return destination.nbytes


def _size_of_transfer(
    _destination: Any, _source: Any, size: int, *_rest: Any, **_named: Any
) -> int:
    return size

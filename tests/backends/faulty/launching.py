"""Faults of programs, queues and graphs: the right kernel, at the wrong time or on wrong inputs."""

import ctypes

from .asynchronous import AsyncDevice, Graph
from .healthy import HealthyDevice, HealthyProgram


class PromptDevice(AsyncDevice):
    """Asynchronous, and right: what the first fault below is made from."""


class NoSynchronizeDevice(AsyncDevice):
    """Returns while the kernels are still to run."""

    def synchronize(self) -> None:
        pass


class StaleCacheDevice(HealthyDevice):
    """Keeps loaded programs by their name alone."""

    def __init__(self, device: str) -> None:
        self.programs = {}
        super().__init__(device)

    def runtime(self, obj):
        return self.programs.setdefault(obj.name, super().runtime(obj))


class ValsIgnoredProgram(HealthyProgram):
    """Goes on with the variables of its first launch."""

    def __call__(self, *bufs, vals=(), **kw):
        self.first = getattr(self, "first", vals)
        return super().__call__(*bufs, vals=self.first, **kw)


class ValsIgnoredDevice(HealthyDevice):
    PROGRAM = ValsIgnoredProgram


class NoTimeProgram(HealthyProgram):
    """Returns nothing when it is asked to wait."""

    def __call__(self, *bufs, **kw):
        super().__call__(*bufs, **kw)


class NoTimeDevice(HealthyDevice):
    PROGRAM = NoTimeProgram


class StaleGraph(Graph):
    """Replays with the inputs of the call that it was captured in."""

    def __call__(self, input_uops, var_vals, wait=False):
        self.first = getattr(self, "first", input_uops)
        return super().__call__(self.first, var_vals, wait)


class JitStaleDevice(HealthyDevice):
    GRAPH = StaleGraph


class ArgumentsSwappedProgram(HealthyProgram):
    """Exchanges the last two buffers of a kernel with three or more."""

    def __call__(self, *bufs, **kw):
        if len(bufs) > 2:
            bufs = (*bufs[:-2], bufs[-1], bufs[-2])
        return super().__call__(*bufs, **kw)


class ArgumentsSwappedDevice(HealthyDevice):
    PROGRAM = ArgumentsSwappedProgram


class HangDevice(HealthyDevice):
    """Waits for ever in synchronize, in native code that holds the interpreter's lock."""

    def synchronize(self) -> None:
        ctypes.PyDLL(None).pause()


class SharedQueueDevice(HealthyDevice):
    """Both instances are one: the second opens as the first."""

    first = None

    def __init__(self, device: str) -> None:
        super().__init__(device)
        if SharedQueueDevice.first is None:
            SharedQueueDevice.first = self
        self.allocator = SharedQueueDevice.first.allocator

"""trace_memory(): what happens to device memory while a block of code runs, seen from outside.

    with trace_memory("CPU") as trace:
        loss = model(x).realize()
    trace.table()

Only the allocator is watched: parts (views) of a block are not allocations, and what a device does
with copies inside its driver stays invisible.
"""

import gc
from typing import Any

from labs import toolchain
from labs.errors import DeviceError

toolchain.activate()

from tinygrad import Device

from labs.lowering import tap as taps
from labs.lowering.trace import MemoryTrace


class trace_memory:  # noqa: N801  a context manager that reads like a function
    """Watch the memory of devices while a block runs; at its end everything is as it was.

    Args:
        devices: names; every device that is open when left out.

    Raises:
        DeviceError: a device that can't be opened.

    Example:
        >>> with trace_memory("CPU") as trace:
        ...     x = Tensor([1.0, 2.0]).realize()
        >>> trace.peak_bytes
        8
    """

    def __init__(self, *devices: str) -> None:
        self._names = devices
        self._taps: list[taps.Tap] = []
        self._trace: MemoryTrace | None = None

    def __enter__(self) -> MemoryTrace:
        if self._trace is not None:
            raise DeviceError(
                "Trace memory",
                got="a trace that already ran",
                next_step="make a new trace_memory()",
            )
        names = self._names or (Device.DEFAULT, *sorted(Device._opened_devices))
        opened = {device.device: device for device in (_open(name) for name in names)}
        self._trace = MemoryTrace(tuple(opened))
        for device in opened.values():
            device.synchronize()  # what a device makes on first use is not the reader's
        for name, device in opened.items():
            self._taps.append(taps.listen(self._trace, name, device.allocator))
        return self._trace

    def __exit__(self, *_exception: object) -> None:
        try:
            if self._trace.leaks:  # collecting takes a good part of a second in a full process
                gc.collect()  # tensors in reference cycles are not in use: don't call them leaks
        finally:
            while self._taps:
                taps.leave(self._trace, self._taps.pop())


def _open(name: str) -> Any:
    try:
        return Device[name]
    except Exception as e:  # whatever a driver raises while it is opened
        raise DeviceError(
            f"Trace the memory of {name!r}",
            expected="a device that opens here",
            got=f"{type(e).__name__}: {e}",
            next_step="`course doctor` says which devices do, and what mends the others",
        ) from e

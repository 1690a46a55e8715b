"""Copies between host and device, ready to be timed: the allocator's own, without Python's graph.

The host's side is an array that is there already, so what is timed is the copy and nothing else;
bytes that a device shares with the host are really copied too.
"""

import time
from functools import cache

import numpy as np

from labs import toolchain
from labs.bench.clocks import wall_overhead_s
from labs.bench.execution import Execution
from labs.engineering.suite import TO_DEVICE
from labs.errors import MeasurementError

toolchain.activate()

from tinygrad import Device, dtypes
from tinygrad.device import Buffer


def prepare_transfer(way: str, elements: int, device: str, seed: int) -> Execution:
    """A copy of `elements` float32, checked: what comes back is what was sent, bit by bit.

    Args:
        way: "to_device" or "to_host".

    Raises:
        MeasurementError: when it isn't.
    """
    sent = _numbers(elements, seed)
    arrived = np.zeros_like(sent)
    sender, receiver = _host_buffer(sent), _host_buffer(arrived)
    buffer = Buffer(device, elements, dtypes.float32).allocate()
    sync = Device[device].synchronize

    def send() -> None:
        buffer.copy_from(sender)

    def fetch() -> None:
        receiver.copy_from(buffer)

    run, other = (send, fetch) if way == TO_DEVICE else (fetch, send)
    if run is fetch:
        other()
    sync()
    start = time.perf_counter()
    run()
    sync()
    first_call_s = time.perf_counter() - start
    if run is send:
        other()
    sync()
    if not np.array_equal(sent, arrived):
        raise MeasurementError(
            f"copy {elements} numbers {way.replace('_', ' ')} {device}",
            expected="the numbers that were sent",
            got=f"{int((sent != arrived).sum())} others",
            next_step="run the conformance suite's copies on this device",
        )
    return Execution(
        device=device,
        renderer=type(Device[device].renderer).__name__,
        run=run,
        sync=sync,
        device_time=None,
        first_call_s=first_call_s,
        verification="numpy, equal bit by bit",
        modelled=False,
        overhead_s=wall_overhead_s(sync, time.perf_counter),
    )


@cache
def _numbers(elements: int, seed: int) -> np.ndarray:
    """The numbers to send, shared by all devices: a GiB of them should exist once."""
    return np.random.default_rng(seed).random(elements, dtype=np.float32)


def _host_buffer(array: np.ndarray) -> Buffer:
    return Buffer("PYTHON", array.size, dtypes.float32, opaque=memoryview(array).cast("B"))

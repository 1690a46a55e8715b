"""What a device does at its best here and now, measured with three small kernels.

They are yardsticks for a hint, not roofs: tinygrad's own kernels of everyday shapes, each timed a
few times. `labs.bench` measures properly.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from labs import toolchain
from labs.debug.recording import timeline
from labs.debug.timeline_data import TimelineEvent

toolchain.activate()

from tinygrad import Tensor

_RUNS = 3
_LONG_S = 5e-4  # a matmul this long is large enough to tell the rate
_LARGEST = 4096
_ELEMENTS = (1 << 14, 1 << 24)


@dataclass(frozen=True)
class Yardsticks:
    """Three measured rates of one device.

    Args:
        launch_s: wall clock of a kernel with nothing to do, waited for.
        bytes_per_s: of x + 1 on about as many bytes as the kernel in question moves.
        flop_per_s: of a square float32 matmul of size `matmul_n`.
        clock: "device" or "wall": what the two rates and the kernels beside them are timed by.
    """

    launch_s: float
    bytes_per_s: float
    flop_per_s: float
    matmul_n: int
    clock: str


def measure_yardsticks(device: str, nbytes: int, clock: str) -> Yardsticks:
    """Measure them; a second or two.

    Args:
        nbytes: that the kernel in question moves.
    """
    launch = _best(lambda: Tensor(np.zeros(16, np.float32)), lambda x: x + 1, device)
    count = min(max(nbytes // 8, _ELEMENTS[0]), _ELEMENTS[1])
    stream = _best(lambda: Tensor(np.zeros(count, np.float32)), lambda x: x + 1, device)
    n = 64
    while True:
        product = _best(lambda: Tensor(np.ones((n, n), np.float32)), lambda x: x @ x.T, device)  # noqa: B023
        if seconds_of(product, clock) >= _LONG_S or n >= _LARGEST:
            break
        n *= 4
    return Yardsticks(
        launch_s=launch.duration_s,
        bytes_per_s=8 * count / seconds_of(stream, clock),
        flop_per_s=2 * n**3 / seconds_of(product, clock),
        matmul_n=n,
        clock=clock,
    )


def seconds_of(event: TimelineEvent, clock: str) -> float:
    """How long an event took by one of the two clocks."""
    return event.device_time_s if clock == "device" and event.device_time_s else event.duration_s


def _best(make: Callable[[], Tensor], compute: Callable, device: str) -> TimelineEvent:
    """The fastest run of the one kernel that this takes."""
    x = make().to(device).realize()
    recorded = timeline(lambda: [compute(x).realize() for _ in range(_RUNS)], device)
    return min(recorded.kernels, key=lambda e: e.duration_s)

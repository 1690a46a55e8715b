"""The two clocks, which are never mixed in one ratio or chart.

wall: `time.perf_counter` around calls and a synchronize: what a program waits for.
device: the device's own seconds for its kernels, `Program(wait=True)`, summed over the launches of
one call: what a roofline needs. Copies have no device time. Where a device has no clock, the answer
is None with the reason.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labs import toolchain

toolchain.activate()

from tinygrad import Device
from tinygrad.engine.realize import compile_linear, run_linear
from tinygrad.helpers import GlobalCounters
from tinygrad.uop.ops import Ops

from labs.bench.sampler import is_valid_time
from labs.errors import MeasurementError

if TYPE_CHECKING:
    from tinygrad import Tensor

# Where `Program(wait=True)` takes its seconds from, by tinygrad 0.14.0's runtime/ops_*.py.
_SOURCES = {
    "CPU": "perf_counter inside the launch, argument passing included",
    "PYTHON": "perf_counter inside the interpreter",
    "CL": "OpenCL event profiling, START to END",
    "CUDA": "CUDA events around the launch",
    "HIP": "HIP events around the launch",
    "METAL": "GPUStartTime to GPUEndTime of the command buffer",
    "WEBGPU": "timestamp queries around the pass",
    "NV": "GPU timestamps around the launch",
    "AMD": "GPU timestamps around the launch",
    "QCOM": "GPU timestamps around the launch",
    "ELECTRICAL": "perf_counter around the launch on all cores",
    "EDGE": "a model: counted instructions, a table of cycles, and the core's clock",
    "NULL": "a constant: NULL executes nothing",
}


@dataclass(frozen=True)
class ClockSource:
    """Where a device's seconds come from; `source` is None with a `reason` when there are none."""

    device: str
    source: str | None
    reason: str | None = None


def is_modelled(device: str) -> bool:
    """Whether a device's own clock is a model: NULL's, and of classes with `time_is_modelled`."""
    name = device.split(":")[0]
    return name == "NULL" or bool(getattr(Device[device], "time_is_modelled", False))


def device_clock(device: str) -> ClockSource:
    """Asks the device to time one small kernel.

    Example:
        >>> device_clock("CL").source
        'OpenCL event profiling, START to END'
    """
    from tinygrad import Tensor

    try:
        Timer(Tensor.ones(16, device=device).contiguous() + 1, device)()
    except MeasurementError as error:
        return ClockSource(device, None, error.got)
    return ClockSource(device, _SOURCES.get(device.split(":")[0], "Program(wait=True)"))


class Timer:
    """One call's kernels, compiled once; calling it runs them and returns the device's seconds.

    Args:
        result: the lazy tensor to compute, again and again into the same buffer.

    Raises:
        MeasurementError: when the call contains something that has no device time.
    """

    def __init__(self, result: "Tensor", device: str) -> None:
        self.device, self.result = device, result  # kept: the linear writes into result's buffer
        linear, self._values = result.linear_with_vars()
        self._linear = compile_linear(linear)
        others = {call.src[0].op.name for call in self._linear.src} - {Ops.PROGRAM.name}
        if others:
            raise self._no_time(f"the call contains {', '.join(sorted(others))}")
        if not self._linear.src:
            raise self._no_time("the call contains no kernel")

    def __call__(self) -> float:
        before = GlobalCounters.time_sum_s
        run_linear(self._linear, self._values, jit=True, wait=True)  # jit: compiled already
        seconds = GlobalCounters.time_sum_s - before
        if not is_valid_time(seconds):
            raise self._no_time(f"its runtime answered {seconds:g} s with wait=True")
        return seconds

    def _no_time(self, got: str) -> MeasurementError:
        return MeasurementError(
            f"device time on '{self.device}'",
            expected="kernels only, on a device that times them",
            got=got,
            next_step="measure with clock='wall'",
        )


def wall_overhead_s(sync: Callable[[], object], clock: Callable[[], float], n: int = 51) -> float:
    """The median time of an empty wall-clock sample: reading the clock twice and synchronizing."""
    times = []
    for _ in range(n):
        start = clock()
        sync()
        times.append(clock() - start)
    return sorted(times)[n // 2]

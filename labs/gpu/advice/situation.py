"""What is measured of a workload once, before any rule looks at it."""

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from unittest.mock import patch

import numpy as np

from labs import toolchain
from labs.gpu.compiled import CompiledKernel, compile_kernels
from labs.gpu.roof_data import Roofs
from labs.gpu.subject import Subject

toolchain.activate()

from tinygrad import Device, Tensor, TinyJit, dtypes

from labs.gpu.access import AccessAnalysis, analyze_access

_CALLS, _BUDGET_S = 15, 0.5
_TINY = 256  # elements of the kernel that shows what a launch costs


@dataclass(frozen=True)
class Situation:
    """A subject and what its device says of it; each fact is measured when first asked for.

    Args:
        roofs: `labs.gpu.roofs.measure_roofs(device)`, or None when bounds are not to be derived.
    """

    subject: Subject
    roofs: Roofs | None = field(default=None, repr=False)

    @property
    def device(self) -> str:
        return self.subject.device

    @cached_property
    def kernels(self) -> tuple[CompiledKernel, ...]:
        """Of one call, with those of what it realizes on the way; compiled and timed."""
        return compile_kernels(self.subject.compute)

    @property
    def launches(self) -> int:
        """Kernels that one call launches."""
        return len(self.kernels)

    @property
    def kernel_bytes(self) -> int:
        """Bytes of these kernels, each byte of each kernel once."""
        return sum(k.least_bytes for k in self.kernels)

    @cached_property
    def eager_s(self) -> float:
        """Wall time of a call that schedules anew, the median of a few."""
        return median_call_s(lambda: self.subject.compute().realize(), self.device)

    @cached_property
    def jit_s(self) -> float:
        """Wall time of a replay of the captured call."""
        return median_call_s(
            jitted(self.subject.workload.compute, self.subject.tensors), self.device
        )

    @property
    def device_s(self) -> float | None:
        """Device time of the kernels of a call; None when the device doesn't tell."""
        times = [k.seconds for k in self.kernels]
        return None if any(t is None for t in times) else sum(times)

    def gain_of(self, factor: float, launches: int | None = None) -> float | None:
        """Time of a captured call now / then, if the kernels take 1/factor of their time.

        A call is its kernels' device time and a launch for each; None without a device time. It is
        a limit: it assumes that the whole device time shrinks.
        """
        if self.device_s is None:
            return None
        then = self.launches if launches is None else launches
        now_s = self.device_s + self.launches * self.launch_s
        return now_s / (self.device_s / factor + then * self.launch_s)

    @cached_property
    def launch_s(self) -> float:
        """Wall time of a captured call of one tiny kernel: what a launch costs at least."""
        x = Tensor(np.zeros(_TINY, np.float32), device=self.device).realize()
        return median_call_s(jitted(lambda t: t + 1, (x,)), self.device)

    @cached_property
    def access(self) -> AccessAnalysis:
        """How the kernels go through memory, as this device compiles them."""
        return analyze_access(self.subject.compute, self.device, live=True)

    @property
    def float_dtype(self) -> bool:
        return self.subject.workload.dtype == "float32"

    @property
    def supports_half(self) -> bool:
        return dtypes.half in Device[self.device].renderer.supported_dtypes()


def jitted(function: Callable[..., Tensor], tensors: tuple[Tensor, ...]) -> Callable[[], Tensor]:
    """A function's call, captured: what remains is launching its kernels."""
    step = TinyJit(lambda *xs: function(*xs).contiguous().realize())
    for _ in range(3):  # runs, captures, replays
        step(*tensors)
    return lambda: step(*tensors)


def median_call_s(call: Callable[[], object], device: str) -> float:
    """Wall time to the device's end, the median of a few calls: enough to choose a rule by.

    A recommendation is verified by the harness; this only decides whether to make one.
    """
    sync, times = Device[device].synchronize, []
    call()
    sync()
    began = time.perf_counter()
    while len(times) < 3 or (len(times) < _CALLS and time.perf_counter() - began < _BUDGET_S):
        start = time.perf_counter()
        call()
        sync()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


@contextmanager
def without_realizing() -> Iterator[None]:
    """Inside, realize() and contiguous() do nothing: the scheduler may fuse across them."""

    def nothing(self: Tensor, *_args: Any, **_named: Any) -> Tensor:
        return self

    with patch.object(Tensor, "realize", nothing), patch.object(Tensor, "contiguous", nothing):
        yield

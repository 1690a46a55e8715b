"""A workload that changes all the time: something for a monitor to see."""

import itertools
from collections.abc import Callable, Iterable

from labs import toolchain
from labs.engineering.look import kind_of
from labs.engineering.suite import WALL
from labs.engineering.targets import parse_target

toolchain.activate()

from tinygrad import Device, Tensor, TinyJit

_PHASE_CALLS = 20  # of one kind, before the next: long enough to be seen at 10 Hz
_MATMUL_N, _ADD_N, _SMALL_N = 256, 1024, 16


def varying_workload(devices: Iterable[str]) -> Callable[[], object]:
    """A function: each call runs one step, in phases of products, additions and tiny kernels.

    Devices that interpret or model their work are left out, unless there is no other.
    """
    names = dict.fromkeys(parse_target(name).device for name in devices)
    quick = [name for name in names if kind_of(parse_target(name)) == WALL]
    phases = [make(name) for name in quick or list(names) for make in (_products, _sums, _tiny)]
    order = itertools.chain.from_iterable([p] * _PHASE_CALLS for p in itertools.cycle(phases))
    return lambda: next(order)()


def _products(device: str) -> Callable[[], None]:
    return _step(device, _MATMUL_N, lambda a, b: a @ b)


def _sums(device: str) -> Callable[[], None]:
    return _step(device, _ADD_N, lambda a, b: a + b)


def _tiny(device: str) -> Callable[[], None]:
    return _step(device, _SMALL_N, lambda a, b: a * b)


def _step(device: str, n: int, compute: Callable[[Tensor, Tensor], Tensor]) -> Callable[[], None]:
    a, b = (Tensor.rand(n, n, device=device).realize() for _ in range(2))
    jitted = TinyJit(lambda x, y: compute(x, y).realize())
    sync = Device[device].synchronize

    def step() -> None:
        jitted(a, b)
        sync()

    return step

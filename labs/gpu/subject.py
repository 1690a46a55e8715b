"""A reader's computation on a device, with its inputs at hand: what is profiled and improved.

Anything that the other rooms take as a workload is accepted: a Workload, its spec ("matmul:n=512"),
or a function of tensors with arrays to call it with (`as_workload`).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from labs import toolchain
from labs.bench.workload import RTOL, Workload
from labs.bench.workloads import parse_workload
from labs.errors import MeasurementError

toolchain.activate()

from tinygrad import Tensor

from labs.bench.plan import resolve_devices


@dataclass(frozen=True)
class Subject:
    """A workload prepared on a device.

    Args:
        device: canonical name.
        tensors: the inputs, realized on the device.
        answer: numpy's.
    """

    workload: Workload
    device: str
    arrays: tuple[np.ndarray, ...] = field(repr=False)
    tensors: tuple[Tensor, ...] = field(repr=False)
    answer: np.ndarray = field(repr=False)

    @property
    def name(self) -> str:
        return f"{self.workload.name} {self.workload.shape} {self.workload.dtype}".strip()

    def compute(self) -> Tensor:
        """A fresh, lazy result."""
        return self.workload.compute(*self.tensors)


def as_workload(
    function: Callable[..., Tensor],
    *arrays: np.ndarray,
    reference: Callable[..., np.ndarray],
    name: str = "",
    flop: float | None = None,
    min_bytes: float | None = None,
    rtol: float | None = None,
    atol: float = 1e-4,
) -> Workload:
    """A function of tensors as a Workload.

    Args:
        function: tensors in the order of the arrays -> the lazy result.
        reference: the arrays -> the right answer, in numpy. A gain of a wrong result is none.
        flop, min_bytes: of one call, where you know them.

    Example:
        >>> as_workload(lambda a, b: (a @ b).relu(), a, b, reference=lambda a, b: (a @ b).clip(0))
    """
    dtype = arrays[0].dtype.name if arrays else "float32"
    shape = ",".join("x".join(map(str, a.shape)) for a in arrays)
    return Workload(
        name or getattr(function, "__name__", "function").strip("<>"),
        shape,
        dtype,
        lambda rng: arrays,
        function,
        reference,
        rtol=RTOL.get(dtype, 1e-4) if rtol is None else rtol,
        atol=atol,
        flop=flop,
        min_bytes=min_bytes,
    )


def prepare_subject(workload: Workload | str, device: str, *, seed: int = 0) -> Subject:
    """Makes the inputs, copies them to the device, and asks numpy for the answer.

    Raises:
        DeviceError: the device is unknown or unusable here.
        MeasurementError: no workload.
    """
    if isinstance(workload, str):
        workload = parse_workload(workload)
    if not isinstance(workload, Workload):
        raise MeasurementError(
            "prepare a computation",
            expected="a Workload, a spec such as 'matmul:n=512', or as_workload(function, ...)",
            got=f"{_kind(workload)}",
            next_step="wrap your function: as_workload(function, *arrays, reference=...)",
        )
    (name,) = resolve_devices(device)
    arrays = workload.inputs(np.random.default_rng(seed))
    tensors = tuple(Tensor(a, device=name).realize() for a in arrays)
    return Subject(workload, name, arrays, tensors, np.asarray(workload.reference(*arrays)))


def _kind(value: Any) -> str:
    return "a function" if callable(value) else f"{value!r:.60} ({type(value).__name__})"

"""What the elementwise groups share: make inputs, run the operation, hold it to the reference.

An operation is given twice, for tinygrad's tensors and for numpy arrays in float64 (integers: in
their own dtype, where numpy wraps as the hardware does).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from labs.backends.conformance.compare import ULPS, close, exact
from labs.backends.conformance.subject import Subject
from labs.backends.conformance.values import is_float, ordinary

ODD = (3, 5, 7)  # a shape that no vector width divides
Make = Callable[[str, tuple[int, ...], np.random.Generator], np.ndarray]


@dataclass(frozen=True)
class Operation:
    """One operation, twice.

    Args:
        name: of the case.
        ours: of tinygrad tensors.
        reference: of numpy arrays.
        make: the inputs.
        inputs: how many.
        ulps: the error allowed in epsilons of the result (see compare.close).
        floor: results smaller than this are held to the error of this: where a function crosses
            zero, its absolute error is what an implementation promises.
    """

    name: str
    ours: Callable
    reference: Callable
    make: Make = ordinary
    inputs: int = 1
    ulps: float = ULPS
    floor: float = 0.0


def float_case(
    op: Operation, dtype: str, shape: tuple[int, ...] = ODD
) -> Callable[[Subject], None]:
    """The operation on ordinary numbers, against float64."""

    def run(s: Subject) -> None:
        rng = s.rng(f"{op.name}{dtype}")
        values = [op.make(dtype, shape, rng) for _ in range(op.inputs)]
        got = op.ours(*(s.tensor(v, dtype) for v in values)).numpy()
        with np.errstate(all="ignore"):
            want = op.reference(*(v.astype(np.float64) for v in values))
        close(got, want, dtype, ulps=op.ulps, scale=np.maximum(np.abs(want), op.floor))

    return run


def exact_case(
    op: Operation, dtype: str, shape: tuple[int, ...] = ODD
) -> Callable[[Subject], None]:
    """The operation in the dtype itself: integers, booleans, comparisons."""

    def run(s: Subject) -> None:
        rng = s.rng(f"{op.name}{dtype}")
        values = [op.make(dtype, shape, rng) for _ in range(op.inputs)]
        got = op.ours(*(s.tensor(v, dtype) for v in values)).numpy()
        with np.errstate(all="ignore"):
            want = op.reference(*values)
        exact(got, want)

    return run


def case_of(op: Operation, dtype: str) -> Callable[[Subject], None]:
    return float_case(op, dtype) if is_float(dtype) else exact_case(op, dtype)

"""find_uninitialised(): does a result depend on memory that nothing was written to?

Nobody can see a read. What can be seen is its effect: the same function runs with fresh memory
filled with one pattern, then with another, then with the first again. What changes with the pattern
comes from memory that was never written; what changes without it is not deterministic, and nothing
can be said.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from labs import toolchain
from labs.debug.errors import DebugError
from labs.debug.guarding import FRESH, guard
from labs.debug.mismatch import Mismatch, as_array, describe_mismatch, wrong_elements
from labs.tables import Table, TableView

toolchain.activate()

from tinygrad import Tensor

_OTHER = 0x4140  # 12.0 as a float32, and no NaN in any dtype


@dataclass(frozen=True, repr=False)
class UninitialisedRead(TableView):
    """A result that depends on memory that nothing was written to.

    Args:
        output: which of the function's tensors, from 0.
        mismatch: its elements; "got" with fresh memory full of NaN, "expected" with another number.
    """

    device: str
    output: int
    mismatch: Mismatch

    def table(self) -> Table:
        m = self.mismatch
        rows = (
            ("elements", f"{m.count:,} of {m.total:,}, the first at {list(m.index)}"),
            ("with memory full of NaN", str(m.got)),
            ("with another number", str(m.expected)),
            ("pattern", "\n".join(m.hints) or "none seen"),
        )
        title = f"Result {self.output} depends on memory of {self.device} that was never written"
        return Table(title, ("what", "value"), rows)


def find_uninitialised(
    function: Callable[[], Tensor | tuple[Tensor, ...] | list[Tensor]], device: str
) -> UninitialisedRead | None:
    """Run a function three times with differently filled fresh memory, and compare its results.

    Args:
        function: returns one or several tensors, the same each time; buffers that it allocates are
            filled. What it keeps from call to call (a TinyJit's) is not filled again.
        device: whose memory.

    Returns:
        The first result that depends on it, or None.

    Raises:
        DebugError: it isn't a function of tensors, or its results change by themselves.

    Example:
        >>> find_uninitialised(lambda: Tensor.empty(4, device="CPU") + 1, "CPU").mismatch.count
        4
    """
    asked = f"Look for reads of uninitialised memory on {device}"
    if isinstance(function, Tensor) or not callable(function):
        raise DebugError(
            asked,
            expected="a function that computes its tensors anew at each call",
            got=f"a {type(function).__name__}",
            next_step="wrap the expression: lambda: x * 2 + 1",
        )
    first, other, again = (
        _results(function, device, poison, asked) for poison in (FRESH, _OTHER, FRESH)
    )
    for number, ((a, kind), (b, _), (c, _)) in enumerate(zip(first, other, again, strict=True)):
        if a.shape != b.shape or wrong_elements(a, c, kind, 0, 0, 0).any():
            raise DebugError(
                asked,
                expected="results that are the same with the same memory",
                got=f"result {number} changes from call to call",
                next_step="call Tensor.manual_seed(0) inside the function, then ask again",
            )
        wrong = wrong_elements(a, b, kind, 0, 0, 0)
        if wrong.any():
            found = describe_mismatch(a, b, wrong, kind, "nothing but equal numbers")
            return UninitialisedRead(device, number, found)
    return None


def _results(
    function: Callable[[], object], device: str, poison: int, asked: str
) -> list[tuple[np.ndarray, str]]:
    with guard(device, poison=poison, after_each_kernel=False):
        result = function()
        tensors = list(result) if isinstance(result, (tuple, list)) else [result]
        if not tensors or not all(isinstance(t, Tensor) for t in tensors):
            raise DebugError(
                asked,
                expected="a function that returns a Tensor, or several",
                got=f"a {type(result).__name__}",
                next_step="return the tensors that you look at",
            )
        return [(a.copy(), kind) for a, kind in (as_array(t) for t in tensors)]

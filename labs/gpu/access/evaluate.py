"""The value of a kernel's index expression, for many lanes at once, in numpy.

An index expression is a graph of UOps over launch indices (SPECIAL), loop counters (RANGE), bound
symbolic sizes and, for a gather, loaded data. tinygrad's own interpreter (device PYTHON) runs whole
kernels one lane at a time; here only the address is wanted, for thousands of lanes.
"""

from collections.abc import Callable, Mapping

import numpy as np

from labs import toolchain

toolchain.activate()

from tinygrad.dtype import AddrSpace, DType, dtypes
from tinygrad.uop.ops import Ops, UOp


class NotKnown(Exception):
    """An address that can't be told from the code alone; the text says why."""


Data = Callable[[UOp], np.ndarray]
"""The content of a kernel's parameter, flat; raises NotKnown when it can't be had."""


def _divide(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """C's division: towards zero. A lane that is masked off may divide by 0."""
    b = np.where(b == 0, 1, b)
    return np.sign(a) * np.sign(b) * (np.abs(a) // np.abs(b))


def _shift(operation: Callable) -> Callable:
    return lambda a, b: operation(a, b.astype(a.dtype))


_OPERATIONS: Mapping[Ops, Callable[..., np.ndarray]] = {
    Ops.ADD: np.add,
    Ops.SUB: np.subtract,
    Ops.MUL: np.multiply,
    Ops.MULACC: lambda a, b, c: a * b + c,
    Ops.NEG: np.negative,
    Ops.SHL: _shift(np.left_shift),
    Ops.SHR: _shift(np.right_shift),
    Ops.CDIV: _divide,
    Ops.CMOD: lambda a, b: a - _divide(a, b) * b,
    Ops.FLOORDIV: lambda a, b: np.floor_divide(a, np.where(b == 0, 1, b)),
    Ops.FLOORMOD: lambda a, b: np.mod(a, np.where(b == 0, 1, b)),
    Ops.FDIV: np.divide,
    Ops.MAX: np.maximum,
    Ops.AND: np.bitwise_and,
    Ops.OR: np.bitwise_or,
    Ops.XOR: np.bitwise_xor,
    Ops.CMPLT: np.less,
    Ops.CMPNE: np.not_equal,
    Ops.CMPEQ: np.equal,
    Ops.WHERE: np.where,
    Ops.TRUNC: np.trunc,
    Ops.RECIPROCAL: np.reciprocal,
    Ops.SQRT: np.sqrt,
}


class Evaluator:
    """Values of UOps where each launch index and loop counter is an array.

    Args:
        given: SPECIAL, RANGE and variable UOps -> arrays that broadcast together.
        data: content of parameters, asked for when an address depends on what was loaded.
    """

    def __init__(self, given: Mapping[UOp, np.ndarray], data: Data) -> None:
        self._values: dict[UOp, np.ndarray | tuple[np.ndarray, ...]] = {
            uop: np.asarray(value).astype(_numpy(uop.dtype)) for uop, value in given.items()
        }
        self._data = data

    def scalar(self, uop: UOp) -> np.ndarray:
        """The value of a UOp that is one number in each lane.

        Raises:
            NotKnown: it depends on data that isn't there, or on what the kernel computes.
        """
        value = self._of(uop)
        if isinstance(value, tuple):
            raise NotKnown("the address is a vector of addresses")
        return value

    def _of(self, uop: UOp) -> np.ndarray | tuple[np.ndarray, ...]:
        # sources come before users, and no recursion: an index can be a deep chain
        for step in uop.toposort(gate=self._unread):
            if step not in self._values and step.op not in (Ops.PARAM, Ops.BUFFER, Ops.SHRINK):
                if step.op is Ops.INDEX and _is_memory(step):
                    continue
                if step.op is Ops.AFTER and _is_memory(step):
                    continue
                with np.errstate(all="ignore"):  # lanes that are masked off compute nonsense
                    self._values[step] = self._compute(step)
        if uop not in self._values:
            raise NotKnown(f"the address uses {uop.op.name.lower()}")
        return self._values[uop]

    def _unread(self, uop: UOp) -> bool:
        return uop not in self._values

    def _compute(self, uop: UOp) -> np.ndarray | tuple[np.ndarray, ...]:
        if uop.op is Ops.CONST:
            return np.asarray(uop.arg)
        if uop.op is Ops.LOAD:
            return self._load(uop)
        if uop.op is Ops.STACK:
            return tuple(self.scalar(source) for source in uop.src)
        if uop.op is Ops.INDEX:  # an element of a vector that was loaded
            vector, which = self._values[uop.src[0]], self._values[uop.src[1]]
            if not isinstance(vector, tuple) or np.ndim(which):
                raise NotKnown("the address uses an element of a vector, chosen while it runs")
            return vector[int(which)]
        if uop.op is Ops.CAST:
            value = self.scalar(uop.src[0])
            return value.astype(_numpy(uop.dtype))
        if uop.op is Ops.BITCAST:
            return self.scalar(uop.src[0]).view(_numpy(uop.dtype))
        operation = _OPERATIONS.get(uop.op)
        if operation is None:
            raise NotKnown(f"the address uses {uop.op.name.lower()}")
        result = operation(*(self.scalar(source) for source in uop.src))
        return np.asarray(result).astype(_numpy(uop.dtype), copy=False)

    def _load(self, uop: UOp) -> np.ndarray | tuple[np.ndarray, ...]:
        place = uop.src[0]
        buffer = place.src[0] if place.op in (Ops.INDEX, Ops.SHRINK) else place
        if buffer.op is not Ops.PARAM or place.op not in (Ops.INDEX, Ops.SHRINK):
            raise NotKnown("the address depends on values that the kernel computes")
        content = self._data(buffer)
        start = self.scalar(place.src[1])
        width = place.max_numel()
        elements = tuple(content[np.clip(start + i, 0, len(content) - 1)] for i in range(width))
        if len(uop.src) > 2:  # a gate, and what is there where it is closed
            gate, other = self.scalar(uop.src[2]), self._values[uop.src[1]]
            others = other if isinstance(other, tuple) else (other,) * width
            elements = tuple(
                np.where(gate, e, o).astype(e.dtype) for e, o in zip(elements, others, strict=True)
            )
        return elements if width > 1 else elements[0]


def _is_memory(uop: UOp) -> bool:
    """Whether it names a place in memory rather than a value."""
    return uop.addrspace in (AddrSpace.GLOBAL, AddrSpace.LOCAL, AddrSpace.REG)


def _numpy(dtype: DType) -> np.dtype:
    if dtype in (dtypes.weakint, dtypes.long):
        return np.dtype(np.int64)
    if dtype == dtypes.weakfloat:
        return np.dtype(np.float64)
    if dtype == dtypes.bfloat16 or not dtype.fmt:
        raise NotKnown(f"the address depends on {dtype.name} numbers, which numpy doesn't have")
    return np.dtype(dtype.fmt)

"""How far two right devices may be apart after one kernel with the same inputs.

Rounding is allowed, other things are not. Two devices may order a sum differently, fuse a product
with a sum, and compute exp, log or sin by other formulas; what they copy, compare, or convert must
be equal.
"""

import math
from dataclasses import dataclass

from labs import toolchain

toolchain.activate()

import numpy as np
from tinygrad import dtypes
from tinygrad.uop.ops import Ops, UOp

from labs.backends.conformance.values import EPSILON, TINY
from labs.debug.plan import label_of

# correctly rounded by IEEE 754, or within a few ulp: what each adds, in epsilons
_ROUNDING = {
    **dict.fromkeys((Ops.ADD, Ops.SUB, Ops.MUL, Ops.MULACC), 1.0),
    **dict.fromkeys((Ops.FDIV, Ops.RECIPROCAL, Ops.SQRT), 4.0),
    **dict.fromkeys((Ops.EXP2, Ops.LOG2, Ops.SIN, Ops.POW), 8.0),
}
_BASE = 4.0
# WGSL gives sin and cos no relative accuracy, and takes log2 near 1 to 2**-21.
# Source: W3C WebGPU Shading Language, "Accuracy of builtin functions" (sin: absolute error at most
# 2^-11 inside [-pi, pi]; log2: absolute error at most 2^-21 inside [0.5, 2.0]).
_ABSOLUTE = {"WEBGPU": {Ops.SIN: 2.0**-11, Ops.LOG2: 2.0**-21}}


@dataclass(frozen=True)
class Tolerance:
    """What one kernel's outputs may differ by.

    Args:
        rtol: of the expected value.
        scaled: of the largest expected value: sums whose terms cancel are only so exact.
        atol: besides; numbers below the smallest normal one may be taken for zero.
        terms: added up in one output element, at most.
        exact: nothing is rounded, so nothing may differ.
    """

    rtol: float
    scaled: float
    atol: float
    terms: int
    exact: bool
    words: str

    def absolute(self, expected: np.ndarray) -> float:
        """The absolute part for these expected values."""
        if not self.scaled:
            return self.atol
        finite = np.abs(expected[np.isfinite(expected)].astype(np.float64))
        return self.atol + self.scaled * float(finite.max(initial=0.0))


EXACT = Tolerance(0.0, 0.0, 0.0, 1, True, "equal: nothing is rounded in this kernel")


def given(rtol: float | None, atol: float | None) -> Tolerance:
    """The reader's own tolerance."""
    words = f"{rtol or 0:.3g} of the value and {atol or 0:.3g} besides, as asked"
    return Tolerance(rtol or 0.0, 0.0, atol or 0.0, 1, not (rtol or atol), words)


def tolerance_of(ast: UOp, device: str) -> Tolerance:
    """What is allowed by what the kernel computes.

    An error of one rounding is half an epsilon of the value; errors of n roundings in a row add up
    to about sqrt(n) of it when they are random, and the two devices each have theirs.
    Source: N. Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., 2.8 and 4.2.
    """
    nodes = list(ast.toposort())
    floats = [u for u in nodes if u.dtype in dtypes.floats and u.op not in (Ops.CONST, Ops.PARAM)]
    rounding = [u for u in floats if u.op in _ROUNDING]
    sums = [u for u in floats if u.op is Ops.REDUCE and u.arg[0] in (Ops.ADD, Ops.MUL)]
    if not rounding and not sums:
        return EXACT
    names = {label_of(u.dtype) for u in floats} & set(EPSILON)
    if not names:
        return EXACT
    epsilon, tiny = max(EPSILON[n] for n in names), max(TINY[n] for n in names)
    terms = max((_terms(u) for u in sums), default=1)
    steps = _BASE + sum(_ROUNDING[u.op] for u in rounding) + 4 * math.sqrt(terms)
    cancels = bool(sums) or any(u.op in (Ops.ADD, Ops.SUB, Ops.MULACC) for u in rounding)
    table = _ABSOLUTE.get(device.split(":")[0], {})
    inaccurate = max((table.get(u.op, 0.0) for u in rounding), default=0.0)
    atol = tiny + inaccurate * max(1.0, math.sqrt(terms))
    relative = steps * epsilon
    words = f"{steps:.0f} epsilon of {max(names, key=EPSILON.__getitem__)}"
    words += f" for {len(rounding)} operations that round"
    words += f" and {terms:,} terms in a sum" if sums else ""
    return Tolerance(relative, relative if cancels else 0.0, atol, terms, False, words)


def infinite_constants(ast: UOp) -> bool:
    """Whether the kernel itself names an infinity or NaN, as masks do."""
    return any(
        u.op is Ops.CONST and isinstance(u.val, float) and not math.isfinite(u.val)
        for u in ast.toposort()
    )


def is_elementwise(ast: UOp) -> bool:
    """No sums, maxima or other reductions."""
    return not any(u.op is Ops.REDUCE for u in ast.toposort())


def _terms(reduce: UOp) -> int:
    """Values that one element of a sum is made of, sums inside it included."""
    ranges = [u for u in reduce.toposort() if u.op is Ops.RANGE and _is_reduced(u)]
    return math.prod(int(r.vmax) + 1 for r in ranges) or 1


def _is_reduced(range_: UOp) -> bool:
    return "REDUCE" in range_.arg[-1].name or range_.arg[-1].name == "UNROLL"

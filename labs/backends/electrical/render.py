"""How ELECTRICAL writes vectors in C, where tinygrad's C renderer writes scalars."""

from tinygrad.dtype import AddrSpace, dtypes
from tinygrad.uop.ops import Ops, PatternMatcher, UOp, UPat

from labs.backends.electrical.accumulate import widen_accumulators
from labs.backends.electrical.vectorize import vectorize

_DONE = "vectorized"  # the tag of a kernel that has been through the pass

# math on every lane; older clangs lack the builtin, and turn this loop into the same instruction
_LANEWISE = (
    "({{ __typeof__({x}) v_ = {x}; for (int i_ = 0; i_ < {n}; i_++) v_[i_] = {f}(v_[i_]); v_; }})"
)


def _lanewise(ctx, x: UOp, function: str) -> str | None:
    if x.max_numel() == 1:
        return None
    suffix = "" if x.dtype == dtypes.float64 else "f"
    return _LANEWISE.format(x=ctx[x.src[0]], n=x.max_numel(), f=f"__builtin_{function}{suffix}")


# a pattern's function must not be a closure: it is rebuilt in tinygrad's compile workers
def _sqrt(ctx, x: UOp) -> str | None:
    return _lanewise(ctx, x, "sqrt")


def _trunc(ctx, x: UOp) -> str | None:
    return _lanewise(ctx, x, "trunc")


def _convert(ctx, x: UOp) -> str | None:
    if x.max_numel() == 1 or x.addrspace in (AddrSpace.GLOBAL, AddrSpace.LOCAL):
        return None
    return f"__builtin_convertvector({ctx[x.src[0]]}, {ctx.render_type(x)})"


def _broadcast(ctx, x: UOp) -> str | None:
    if len(x.src) > 1 and all(u is x.src[0] for u in x.src):
        return f"(({ctx.render_type(x)})({ctx[x.src[0]]}))"
    return None


def _lane(ctx, x: UOp) -> str | None:
    vector, i = x.src[0], x.src[1]
    if vector.addrspace not in (AddrSpace.ALU, None) or vector.max_numel() == 1:
        return None
    return f"({ctx[vector]})[{ctx[i]}]"


vector_rules = PatternMatcher(
    [
        (UPat(Ops.INDEX, src=(UPat(), UPat()), name="x"), _lane),
        (UPat(Ops.CAST, name="x"), _convert),
        (UPat(Ops.STACK, name="x"), _broadcast),
        (UPat(Ops.SQRT, name="x"), _sqrt),
        (UPat(Ops.TRUNC, name="x"), _trunc),
    ]
)

operations: dict = {}


def _vectorize(ctx, sink: UOp) -> UOp | None:
    if sink.tag == _DONE or ctx is None or not ctx.options.vectorize:
        return None
    for change in (widen_accumulators, vectorize):
        new = change(sink, lambda dtype: ctx.options.lanes(dtype.itemsize))
        sink = sink if new is None else new
    return sink.replace(tag=_DONE)


vectorize_rules = PatternMatcher([(UPat(Ops.SINK, name="sink"), _vectorize)])

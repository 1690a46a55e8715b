"""How ELECTRICAL writes vectors in C: what tinygrad's C renderer does for scalars, for many lanes."""

from tinygrad.dtype import AddrSpace, dtypes
from tinygrad.uop.ops import Ops, PatternMatcher, UOp, UPat

from labs.backends.electrical.vectorize import vectorize

_DONE = "vectorized"  # the tag of a kernel that has been through the pass

# math on every lane; older clangs lack the builtin, and turn the loop into the same instruction
_LANEWISE = """({{ __typeof__({x}) v_ = {x}; for (int i_ = 0; i_ < {n}; i_++) v_[i_] = {f}(v_[i_]); v_; }})"""


def _lanewise(function: str):
    def text(ctx, x: UOp) -> str | None:
        if x.max_numel() == 1:
            return None
        suffix = "" if x.dtype == dtypes.float64 else "f"
        source = ctx[x.src[0]]
        return _LANEWISE.format(x=source, n=x.max_numel(), f=f"__builtin_{function}{suffix}")

    return text


def _convert(ctx, x: UOp) -> str | None:
    if x.max_numel() == 1 or x.addrspace in (AddrSpace.GLOBAL, AddrSpace.LOCAL):
        return None
    return f"__builtin_convertvector({ctx[x.src[0]]}, {ctx.render_type(x)})"


def _broadcast(ctx, x: UOp) -> str | None:
    if len(x.src) > 1 and all(u is x.src[0] for u in x.src):
        return f"(({ctx.render_type(x)})({ctx[x.src[0]]}))"
    return None


vector_rules = PatternMatcher(
    [
        (UPat(Ops.CAST, name="x"), _convert),
        (UPat(Ops.STACK, name="x"), _broadcast),
        (UPat(Ops.SQRT, name="x"), _lanewise("sqrt")),
        (UPat(Ops.TRUNC, name="x"), _lanewise("trunc")),
    ]
)

operations: dict = {}


def _vectorize(ctx, sink: UOp) -> UOp | None:
    if sink.tag == _DONE or ctx is None or not ctx.options.vectorize:
        return None
    new = vectorize(sink, lambda dtype: ctx.options.lanes(dtype.itemsize))
    return (sink if new is None else new).replace(tag=_DONE)


vectorize_rules = PatternMatcher([(UPat(Ops.SINK, name="sink"), _vectorize)])

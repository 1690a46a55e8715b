"""How ELECTRICAL writes vectors in C, where tinygrad's C renderer writes scalars."""

from tinygrad.dtype import AddrSpace, dtypes
from tinygrad.uop.ops import Ops, PatternMatcher, UOp, UPat

from labs.backends.electrical.accumulate import widen_accumulators
from labs.backends.electrical.registers import arrange_registers
from labs.backends.electrical.vectorize import STREAMED, is_multiple, vectorize

LINE_BYTES = 64
# From here on a result is written past the caches, which saves reading the lines it overwrites; a
# smaller one is better found in a cache by its reader. Twice the second-level cache of the machine
# on which `add` and `chain` of benchmarks/backend_electrical.py were measured.
STREAM_BYTES = 2 << 20
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


def _typed(ctx, x: UOp) -> str | None:
    """What C makes of a comparison of vectors has the right size, and not always the right name."""
    if x.max_numel() == 1:
        return None
    return f"(({ctx.render_type(x)}){x.arg.format(*[ctx[u] for u in x.src])})"


def _lane(ctx, x: UOp) -> str | None:
    vector, i = x.src[0], x.src[1]
    if vector.addrspace not in (AddrSpace.ALU, None) or vector.max_numel() == 1:
        return None
    return f"({ctx[vector]})[{ctx[i]}]"


def _vectorize(ctx, sink: UOp) -> UOp | None:
    if sink.tag == _DONE or ctx is None or not ctx.options.vectorize:
        return None

    def lanes_of(dtype) -> int:
        return ctx.options.lanes(dtype.itemsize)

    for change in (widen_accumulators, arrange_registers):
        new = change(sink, lanes_of)
        sink = sink if new is None else new
    once = not any(u.op is Ops.BUFFER for u in sink.toposort())  # nothing is summed, or kept
    streams = _is_stream if once else lambda place: False
    new = vectorize(sink, lanes_of, streams)
    return (sink if new is None else new).replace(tag=_DONE)


def _is_stream(place: UOp) -> bool:
    """Whether whole cache lines of a large result are written one after another.

    Such a line need not be read before it is overwritten, if the store says so.
    """
    buffer, start, lanes = place.src
    return (
        buffer.op is Ops.PARAM
        and buffer.max_numel() * buffer.dtype.itemsize >= STREAM_BYTES
        and lanes.val * buffer.dtype.itemsize == LINE_BYTES  # with 64-byte vectors only
        and is_multiple(start, lanes.val)
    )


def _streamed_store(ctx, x: UOp) -> str | None:
    if x.tag != STREAMED:
        return None
    kind = ctx.render_type(x.src[1])
    return f"STREAM({kind}, {ctx[x.src[0]]}, {ctx[x.src[1]]});"


STREAM_MACRO = f"""
#define STREAM(type, place, value) do {{ \
  typedef type line_ __attribute__((aligned({LINE_BYTES}))); \
  if (stream) __builtin_nontemporal_store((value), (line_ *)(place)); \
  else *(type *)(place) = (value); }} while (0)
"""

vectorize_rules = PatternMatcher([(UPat(Ops.SINK, name="sink"), _vectorize)])

vector_rules = PatternMatcher(
    [
        (UPat(Ops.INDEX, src=(UPat(), UPat()), name="x"), _lane),
        (UPat(Ops.STORE, name="x"), _streamed_store),
        (UPat(Ops.CUSTOM, name="x"), _typed),
        (UPat(Ops.CAST, name="x"), _convert),
        (UPat(Ops.STACK, name="x"), _broadcast),
        (UPat(Ops.SQRT, name="x"), _sqrt),
        (UPat(Ops.TRUNC, name="x"), _trunc),
    ]
)

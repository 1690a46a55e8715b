"""Gives an unrolled reduction one accumulator for each lane, added up once after the loop.

Unrolled 64 times, `acc = acc + ((x0 + x1) + x2) ...` is a chain of 64 dependent additions. With 64
accumulators each x has its own, the additions of one round are independent, and vectorize.py makes
vectors of them. For floats this is another order of summation, and a more exact one: its error
grows with the length of a lane instead of the whole. It needs no licence for the compiler to
reorder what the program says elsewhere, so NaN and infinity keep their meaning.
"""

from collections.abc import Callable, Iterator
from itertools import islice

from tinygrad.dtype import AddrSpace, dtypes
from tinygrad.uop.ops import Ops, UOp, identity_element

from labs.backends.electrical.vectorize import loaded_from, vector_where

MAX_LEAVES = 1024
MIN_LEAVES = 4  # fewer are better served by vectors across accumulators


def _add(a: UOp, b: UOp) -> UOp:
    return a + b


def _larger(a: UOp, b: UOp) -> UOp:
    if a.max_numel() > 1:
        return vector_where(Ops.CMPLT, a, b, b, a)
    return (a < b).where(b, a)  # as tinygrad writes it


_COMBINE: dict[Ops, Callable[[UOp, UOp], UOp]] = {Ops.ADD: _add, Ops.MAX: _larger}


def can_widen(reduce: UOp) -> bool:
    """Whether a reduction gets wide accumulators once it is unrolled.

    Otherwise it had better not be unrolled far: clang takes minutes for a chain of 32 maxima.
    """
    return reduce.arg[0] in _COMBINE and not dtypes.is_bool(reduce.dtype)


def widen_accumulators(sink: UOp, lanes_of) -> UOp | None:
    """The same kernel with wide accumulators, or None when there is nothing to widen.

    Args:
        sink: the kernel, after tinygrad's last rewrite and before it is put in order.
        lanes_of: dtype -> the lanes of a vector of it.
    """
    nodes = list(sink.toposort())
    buffers = [u for u in nodes if u.op is Ops.BUFFER and u.addrspace == AddrSpace.REG]
    slot = 1 + max((u.arg.slot for u in buffers), default=0)
    changes: dict[UOp, UOp] = {}
    for buffer in buffers:
        changes |= _widen(buffer, nodes, lanes_of(buffer.dtype), slot)
        slot += 1
    return sink.substitute(changes) if changes else None


def _widen(buffer: UOp, nodes: list[UOp], lanes: int, slot: int) -> dict[UOp, UOp]:
    stores = [u for u in nodes if u.op is Ops.STORE and u.src[0].buf_uop is buffer]
    if any(len(u.src) != 2 for u in stores):
        return {}  # gated: tinygrad pads an axis so
    inits = [u for u in stores if u.src[1].op is Ops.CONST]
    updates = [u for u in stores if u.src[1].op is not Ops.CONST]
    size = buffer.max_numel()
    if len(inits) != size or len(updates) != size or dtypes.is_bool(buffer.dtype):
        return {}
    found = [_update(u) for u in updates]
    if None in found or len({(op, len(leaves)) for op, leaves in found}) != 1:
        return {}
    op, count = found[0][0], len(found[0][1])
    identity = identity_element(op, buffer.dtype)
    if count < max(lanes, MIN_LEAVES) or any(u.src[1].val != identity for u in inits):
        return {}
    wide = UOp.placeholder((size * count,), buffer.dtype, slot, AddrSpace.REG)
    places = {u.src[0].src[0] for u in inits}, {u.src[0].src[0] for u in updates}
    if any(len(p) != 1 for p in places):
        return {}
    before, inside = places[0].pop(), places[1].pop()
    if inside.op is not Ops.AFTER or not (before is buffer or before.op is Ops.AFTER):
        return {}
    new_before = wide.after(*before.src[1:]) if before.op is Ops.AFTER else wide
    changes = {}
    new_inits = {}
    for store in inits:
        i = store.src[0].src[1].val
        lanes_set = [
            new_before.index(UOp.const(i * count + k, dtypes.int)).store(store.src[1])
            for k in range(count)
        ]
        new_inits[store] = UOp.group(*lanes_set)
    new_inside = wide.after(*[new_inits.get(u, u) for u in inside.src[1:]])
    for store, (_, leaves) in zip(updates, found, strict=True):
        i = store.src[0].src[1].val
        parts = []
        for k, leaf in enumerate(leaves):
            place = new_inside.index(UOp.const(i * count + k, dtypes.int))
            parts.append(place.store(_COMBINE[op](place.load(), leaf)))
        changes[store] = UOp.group(*parts)
    for load in nodes:
        if load.op is not Ops.LOAD or load.src[0].buf_uop is not buffer:
            continue
        after = load.src[0].src[0]
        if after is inside:
            continue
        if after.op is not Ops.AFTER or load.src[0].src[1].op is not Ops.CONST:
            return {}
        i = load.src[0].src[1].val
        changes[load] = _total(wide.after(*after.src[1:]), i * count, count, lanes, op)
    return changes


def _update(store: UOp) -> tuple[Ops, list[UOp]] | None:
    """The operation of `acc = acc op x0 op x1 ...` and its x, in the order they lie in memory."""
    place, value = store.src
    for op in _COMBINE:
        leaves = list(islice(_leaves(value, op), MAX_LEAVES + 1))
        if len(leaves) > MAX_LEAVES:
            return None  # a sum of sums of the same thing, which has no end when written out
        own = [u for u in leaves if u.op is Ops.LOAD and u.src[0] is place]
        others = [u for u in leaves if u not in own]
        if len(own) == 1 and len(others) > 1:
            return op, sorted(others, key=_memory_order)
    return None


def _leaves(value: UOp, op: Ops) -> Iterator[UOp]:
    stack = [value]
    while stack:
        u = stack.pop()
        parts = _operands(u, op)
        if parts is None:
            yield u
        else:
            stack.extend(reversed(parts))


def _operands(u: UOp, op: Ops) -> tuple[UOp, UOp] | None:
    if u.op is op:
        return u.src
    if op is Ops.MAX and u.op is Ops.WHERE and u.src[0].op is Ops.CMPLT:
        a, b = u.src[0].src
        if u.src[1] is b and u.src[2] is a:
            return a, b
    return None


def _memory_order(leaf: UOp) -> tuple:
    """Leaves that differ in nothing but where they load from become neighbours, in that order."""
    form, offsets, stack, seen = [], [], [leaf], set()
    while stack:
        u = stack.pop()
        if u in seen:
            continue
        seen.add(u)
        place = loaded_from(u)
        if place is not None:  # how its address is computed says nothing about the leaf
            root = place.root.key.hex() if place.root is not None else ""
            form.append(f"{place.buffer.buf_uop.arg} {root}")
            offsets.append(place.offset)
        else:
            form.append(f"{u.op} {u.dtype} {u.arg}")
            stack.extend(u.src)
    return tuple(form), tuple(offsets)


def _total(wide: UOp, start: int, count: int, lanes: int, op: Ops) -> UOp:
    """All accumulators of one result: vectors first, then the lanes of the last one in pairs."""
    combine = _COMBINE[op]
    if count % lanes == 0:
        vectors = [_vector(wide, start + k, lanes) for k in range(0, count, lanes)]
        whole = _tree(vectors, combine)
        parts = [whole.index(UOp.const(k, dtypes.int)) for k in range(lanes)]
    else:
        parts = [wide.index(UOp.const(start + k, dtypes.int)).load() for k in range(count)]
    return _tree(parts, combine)


def _vector(wide: UOp, start: int, lanes: int) -> UOp:
    where = (UOp.const(start, dtypes.int), UOp.const(lanes, dtypes.int))
    return UOp(Ops.SHRINK, src=(wide, *where)).load()


def _tree(parts: list[UOp], combine: Callable[[UOp, UOp], UOp]) -> UOp:
    """Combined in halves: far lanes first, as a vector is folded."""
    while len(parts) > 1:
        half = (len(parts) + 1) // 2
        parts = [
            combine(p, parts[half + i]) if half + i < len(parts) else p
            for i, p in enumerate(parts[:half])
        ]
    return parts[0]

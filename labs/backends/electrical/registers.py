"""Puts accumulators side by side in the order in which their results are stored.

tinygrad numbers the accumulators of an unrolled kernel by its axes, and the results that are
neighbours in memory may be eight numbers apart. Vectors are made of neighbours, so the numbers are
given anew: what ends up beside each other is summed beside each other.
"""

from collections.abc import Iterator

from tinygrad.dtype import AddrSpace, dtypes
from tinygrad.uop.ops import Ops, UOp

from labs.backends.electrical.vectorize import store_chunks


def arrange_registers(sink: UOp, lanes_of) -> UOp | None:
    """The same kernel with accumulators renumbered, or None when they are in order already.

    Args:
        sink: the kernel, after tinygrad's last rewrite and before it is put in order.
        lanes_of: dtype -> the most lanes of a vector of it.
    """
    wanted: dict[UOp, list[tuple[int, ...]]] = {}
    for chunk in store_chunks(sink, lanes_of):
        if chunk[0][0].buffer.addrspace == AddrSpace.GLOBAL and len(chunk) > 1:
            for buffer, numbers in _groups(tuple(value for _, value, _ in chunk), set()):
                wanted.setdefault(buffer, []).append(numbers)
    changes: dict[UOp, UOp] = {}
    for buffer, groups in wanted.items():
        changes |= _renumber(sink, buffer, groups)
    return sink.substitute(changes) if changes else None


def _groups(lanes: tuple[UOp, ...], seen: set) -> Iterator[tuple[UOp, tuple[int, ...]]]:
    """Where the lanes of a value come out of accumulators: the buffer, a number for each lane."""
    first = lanes[0]
    if lanes in seen or all(u is first for u in lanes) or any(u.op is not first.op for u in lanes):
        return
    seen.add(lanes)
    if first.op is Ops.LOAD:
        places = [u.src[0] for u in lanes]
        buffer = places[0].buf_uop
        if all(_is_numbered(p) and p.buf_uop is buffer for p in places):
            numbers = tuple(p.src[1].val for p in places)
            if len(set(numbers)) == len(numbers):
                yield buffer, numbers
        return
    for sources in zip(*(u.src for u in lanes), strict=False):
        yield from _groups(sources, seen)


def _is_numbered(place: UOp) -> bool:
    return (
        place.op is Ops.INDEX and place.addrspace == AddrSpace.REG and place.src[1].op is Ops.CONST
    )


def _renumber(sink: UOp, buffer: UOp, groups: list[tuple[int, ...]]) -> dict[UOp, UOp]:
    order: list[int] = []
    for numbers in sorted(groups):
        if not set(numbers) & set(order):
            order += numbers
    order += [n for n in range(buffer.max_numel()) if n not in set(order)]
    if order == sorted(order):
        return {}
    new = {old: number for number, old in enumerate(order)}
    changes = {}
    for u in sink.toposort():
        if u.op in (Ops.INDEX, Ops.SHRINK) and u.addrspace == AddrSpace.REG and u.buf_uop is buffer:
            if not _is_numbered(u):
                return {}
            number = UOp.const(new[u.src[1].val], dtypes.int)
            # the tag keeps a new number from being taken for an old one
            changes[u] = u.replace(src=(u.src[0], number), tag="renumbered")
    return changes

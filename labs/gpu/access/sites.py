"""Every load and store of a kernel, with the loops and conditions around it."""

from collections.abc import Iterator
from dataclasses import dataclass

from labs import toolchain

toolchain.activate()

from tinygrad.dtype import AddrSpace
from tinygrad.uop.ops import Ops, UOp

_PLACES = (Ops.INDEX, Ops.SHRINK)


@dataclass(frozen=True)
class Site:
    """One LOAD or STORE of a linearised kernel.

    Args:
        uop: the LOAD or STORE itself; root: the PARAM or BUFFER it goes to.
        index: element number as a UOp; gates: all have to hold.
        loops: RANGEs around it, outermost first.
        elements: in one access of one lane; itemsize: bytes of each.
    """

    uop: UOp
    root: UOp
    index: UOp | None
    gates: tuple[UOp, ...]
    loops: tuple[UOp, ...]
    elements: int
    itemsize: int

    @property
    def kind(self) -> str:
        return "load" if self.uop.op is Ops.LOAD else "store"

    @property
    def is_shared(self) -> bool:
        return self.root.op is Ops.BUFFER

    @property
    def bytes_per_lane(self) -> int:
        return self.elements * self.itemsize

    @property
    def leaves(self) -> frozenset[UOp]:
        """Launch indices and loop counters that the address or a gate depends on."""
        found: set[UOp] = set()
        for root in (*([] if self.index is None else [self.index]), *self.gates):
            found |= {u for u in inside(root) if u.op in (Ops.SPECIAL, Ops.RANGE)}
        return frozenset(found)


def inside(root: UOp) -> list[UOp]:
    """The UOps of an expression; a loop counter counts as a leaf.

    Behind a RANGE stand its length and what has to run before it, which is no part of the value.
    """
    reached: dict[UOp, None] = {}
    stack = [root]
    while stack:
        uop = stack.pop()
        if uop not in reached:
            reached[uop] = None
            stack += () if uop.op is Ops.RANGE else uop.src
    return list(reached)


def sites_of(uops: tuple[UOp, ...]) -> Iterator[Site]:
    """All accesses to global and shared memory, in the order of the code; registers left out."""
    around: list[tuple[str, UOp]] = []
    for uop in uops:
        if uop.op is Ops.RANGE:
            around.append(("loop", uop))
        elif uop.op is Ops.IF:
            around.append(("gate", uop.src[0]))
        elif uop.op in (Ops.END, Ops.ENDIF):
            around.pop()
        elif uop.op in (Ops.LOAD, Ops.STORE):
            site = _site(uop, around)
            if site is not None:
                yield site


def _site(uop: UOp, around: list[tuple[str, UOp]]) -> Site | None:
    place = uop.src[0]
    while place.op in (Ops.CAST, Ops.BITCAST):
        place = place.src[0]
    root = place
    while root.op not in (Ops.PARAM, Ops.BUFFER) and root.src:
        root = root.src[0]
    if root.op not in (Ops.PARAM, Ops.BUFFER):
        return None
    if root.op is Ops.BUFFER and root.arg.addrspace is not AddrSpace.LOCAL:
        return None
    plain = place.op in _PLACES and (place.op is Ops.SHRINK or len(place.src) == 2)
    gates = [gate for kind, gate in around if kind == "gate"]
    gates += uop.src[2:3]
    return Site(
        uop=uop,
        root=root,
        index=place.src[1] if plain else None,
        gates=tuple(gates),
        loops=tuple(loop for kind, loop in around if kind == "loop"),
        elements=uop.src[0].max_numel(),
        itemsize=uop.src[0].dtype.itemsize,
    )

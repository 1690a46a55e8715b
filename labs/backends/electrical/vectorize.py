"""Turns the scalar code of unrolled loops back into vectors: superword-level parallelism on UOps.

tinygrad unrolls a loop into one scalar expression for each lane and leaves it to the C compiler to
see that 16 of them are one vector operation; the compiler often doesn't (it gives up on long
expressions, and keeps accumulators in memory). This pass starts at stores to neighbouring addresses
and follows their values down: equal operations become one operation on vectors, neighbouring loads
one unaligned vector load, equal values a broadcast. What doesn't fit stays scalar, and is gathered.

The method is that of Larsen and Amarasinghe, "Exploiting superword level parallelism with
multimedia instruction sets", PLDI 2000, in its simplest form: seeds are stores, no cost model.
"""

import itertools
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from tinygrad.dtype import AddrSpace, DType, dtypes
from tinygrad.uop.ops import Ops, UOp

# operations whose vector form is the same text in C as the scalar one
_SAME_IN_C = {
    *(Ops.ADD, Ops.SUB, Ops.MUL, Ops.FDIV, Ops.NEG, Ops.CDIV, Ops.CMOD),
    *(Ops.AND, Ops.OR, Ops.XOR, Ops.SQRT, Ops.TRUNC),
}
_COMPARISONS = {Ops.CMPLT: "<", Ops.CMPNE: "!=", Ops.CMPEQ: "=="}
_SIGNED = {1: dtypes.int8, 2: dtypes.int16, 4: dtypes.int32, 8: dtypes.int64}
_NARROW = (dtypes.int8, dtypes.int16, dtypes.uint8, dtypes.uint16)
# converting an out-of-range float to these differs between scalar and vector instructions
_DIFFERENT_WHEN_OUT_OF_RANGE = (dtypes.uint32, dtypes.uint64, dtypes.int64)
MIN_LANES = 2


@dataclass(frozen=True)
class Address:
    """Where a scalar lies: in `buffer` at `root` + `offset` (None: at `offset`), under `gate`."""

    buffer: UOp
    root: UOp | None
    offset: int
    gate: tuple[UOp, ...] = ()

    @property
    def family(self) -> tuple:
        """Equal for addresses whose distance is known."""
        return (self.buffer, self.root, self.gate)

    @property
    def line(self) -> tuple:
        """Equal for addresses whose distance is known, whatever their gates."""
        return (self.buffer, self.root)

    def vector(self, lanes: int) -> UOp:
        """The address of `lanes` elements from here on."""
        start = UOp.const(self.offset, dtypes.int)
        if self.root is not None:
            start = self.root + start if self.offset else self.root
        return UOp(Ops.SHRINK, src=(self.buffer, start, UOp.const(lanes, dtypes.int)))


STREAMED = "streamed"  # the tag of a store that goes past the caches


def vectorize(sink: UOp, lanes_of, streams=lambda place: False) -> UOp | None:
    """The same kernel with neighbouring stores and all that leads to them in vectors.

    Args:
        sink: the kernel, after tinygrad's last rewrite and before it is put in order.
        lanes_of: dtype -> the most lanes of a vector of it.
        streams: address of a vector -> whether a store there shall go past the caches.

    Returns:
        The new kernel, or None when nothing changed.
    """
    packer = _Packer()
    replaced: dict[UOp, list[UOp]] = {}
    chunks = list(store_chunks(sink, lanes_of))
    if not any(len(c) * 2 >= lanes_of(c[0][0].buffer.dtype) for c in chunks):
        return None  # clang makes wider vectors of a plain loop than could be made here
    for chunk in chunks:
        address, value, store = chunk[0]
        if len(chunk) < MIN_LANES:
            packed = store if store.src[1].max_numel() == 1 else _alone(address, value)
        else:
            place = address.vector(len(chunk))
            value = packer.pack(tuple(v for _, v, _ in chunk), address.buffer.dtype)
            packed = place.store(value, tag=STREAMED if streams(place) else None)
        for _, _, store in chunk:
            replaced.setdefault(store, []).append(packed)
    changes = {}
    for store, packed in replaced.items():
        together = tuple(dict.fromkeys(packed))
        new = together[0] if len(together) == 1 else UOp.group(*together)
        if new is not store:
            changes[store] = new
    return sink.substitute(changes) if changes else None


def store_chunks(sink: UOp, lanes_of) -> Iterator[list[tuple[Address, UOp, UOp]]]:
    """What is stored side by side, in pieces of a vector: (address, value, the store it is in)."""
    for family in _store_families(sink):
        for run in _consecutive(family):
            start = 0
            while start < len(run):
                lanes = _widest(len(run) - start, lanes_of(family[run[start]][1].dtype))
                yield [family[offset] for offset in run[start : start + lanes]]
                start += lanes


def _alone(address: Address, value: UOp) -> UOp:
    """One element of what was a vector store."""
    place = address.vector(1)
    return place.src[0].index(place.src[1]).store(_with_dtype(value, address.buffer.dtype))


def _store_families(sink: UOp) -> list[dict[int, tuple[Address, UOp, UOp]]]:
    """Ungated stores by family: offset -> (address, value, the store it is part of)."""
    families: dict[tuple, dict[int, tuple[Address, UOp, UOp]]] = defaultdict(dict)
    spoiled = set()
    for store in sink.toposort():
        if store.op is not Ops.STORE:
            continue
        for address, value in _stored(store):
            members = families[address.family]
            if address.offset in members:
                spoiled.add(address.family)  # two stores to one place: their order matters
            members[address.offset] = (address, value, store)
    # all parts of a store must be packed, or none
    return [members for family, members in families.items() if family not in spoiled]


def _stored(store: UOp) -> Iterator[tuple[Address, UOp]]:
    if len(store.src) != 2:
        return  # gated
    target, value = store.src
    if value.dtype == dtypes.bool or target.dtype != value.dtype or target.op is Ops.CAST:
        return
    address = _address(target)
    if address is None:
        return
    lanes = value.max_numel()
    for i in range(lanes):
        place = Address(address.buffer, address.root, address.offset + i)
        yield place, (lane(value, i) if lanes > 1 else value)


def lane(vector: UOp, i: int) -> UOp:
    """One element of a vector value."""
    return vector.src[i] if vector.op is Ops.STACK else vector.index(UOp.const(i, dtypes.int))


def _address(target: UOp, gate: tuple[UOp, ...] = ()) -> Address | None:
    """The first element that INDEX or SHRINK points at."""
    if target.op not in (Ops.INDEX, Ops.SHRINK) or target.addrspace == AddrSpace.ALU:
        return None
    buffer, index = target.src[0], target.src[1]
    if buffer.op not in (Ops.PARAM, Ops.BUFFER, Ops.AFTER) or index.max_numel() != 1:
        return None
    if index.op is Ops.CONST:
        return Address(buffer, None, index.val, gate)
    if index.op is Ops.ADD:
        for root, constant in (index.src, index.src[::-1]):
            if constant.op is Ops.CONST:
                return Address(buffer, root, constant.val, gate)
    return Address(buffer, index, 0, gate)


def loaded_from(value: UOp) -> Address | None:
    """Where a scalar value was loaded from, if it was."""
    if value.op is Ops.LOAD and value.max_numel() == 1:
        return _address(value.src[0], value.src[1:])
    if value.op is Ops.INDEX and value.src[0].op is Ops.LOAD and value.src[1].op is Ops.CONST:
        load = value.src[0]
        base, i = _address(load.src[0]), value.src[1].val
        if base is not None and (len(load.src) == 1 or load.src[1].op is Ops.STACK):
            gate = (load.src[1].src[i], load.src[2]) if len(load.src) > 1 else ()
            return Address(base.buffer, base.root, base.offset + i, gate)
    return None


def _conditions(place: Address) -> list[UOp]:
    """All of them must hold for the place to be read."""
    return list(place.gate[1].split_uop(Ops.AND)) if place.gate else []


def is_multiple(index: UOp, of: int) -> bool:
    """Whether an index surely is one; tinygrad has turned multiplications into shifts by now."""
    if index.op is Ops.CONST:
        return index.val % of == 0
    if index.op is Ops.ADD:
        return all(is_multiple(u, of) for u in index.src)
    if index.op is Ops.SHL and index.src[1].op is Ops.CONST:
        factor = 1 << index.src[1].val
        return factor % of == 0 or (of % factor == 0 and is_multiple(index.src[0], of // factor))
    if index.op is Ops.MUL and index.src[1].op is Ops.CONST:
        return index.src[1].val % of == 0
    return False


def _consecutive(offsets: dict[int, object]) -> list[list[int]]:
    runs = itertools.groupby(enumerate(sorted(offsets)), lambda pair: pair[1] - pair[0])
    return [[offset for _, offset in run] for _, run in runs]


def _widest(available: int, most: int) -> int:
    """The largest power of two up to both."""
    return 1 << (min(available, most).bit_length() - 1)


class _Packer:
    """Builds vector values from scalar ones; equal requests get the same UOp."""

    def __init__(self) -> None:
        self._done: dict[tuple[UOp, ...], UOp] = {}

    def pack(self, lanes: tuple[UOp, ...], dtype: DType | None = None) -> UOp:
        """The lanes as one vector; constants that have no dtype of their own yet get this one."""
        if dtype is not None:
            lanes = tuple(_with_dtype(u, dtype) for u in lanes)
        found = self._done.get(lanes)
        if found is None:
            found = self._done[lanes] = self._pack(lanes)
        return found

    def _pack(self, lanes: tuple[UOp, ...]) -> UOp:
        first = lanes[0]
        if all(u is first for u in lanes):
            return UOp.stack(*lanes)  # a broadcast
        for found in (self._load(lanes), self._operation(lanes)):
            if found is not None:  # a UOp has no truth value
                return found
        return UOp.stack(*lanes)

    def _load(self, lanes: tuple[UOp, ...]) -> UOp | None:
        places = [loaded_from(u) for u in lanes]
        first = places[0]
        if first is None or lanes[0].dtype == dtypes.bool:
            return None
        for i, place in enumerate(places):
            if place is None or place.line != first.line or place.offset != first.offset + i:
                return None
        gates = [_conditions(p) for p in places]
        common = [c for c in gates[0] if all(c in others for others in gates)]
        extra = [[c for c in conditions if c not in common] for conditions in gates]
        if all(extra):
            return None  # no lane is sure to lie inside
        vector = first.vector(len(lanes))
        dtype = lanes[0].dtype
        otherwise = [
            _with_dtype(p.gate[0], dtype) if p.gate else UOp.const(0, dtype) for p in places
        ]
        if any(u.op is not Ops.CONST for u in otherwise):
            return None
        default = UOp.stack(*otherwise)
        value = vector.load(default, UOp.uprod(*common)) if common else vector.load()
        if not any(extra):
            return value
        # Some lanes may lie outside of the tensor, but less than a vector away from one that is
        # inside. The allocator leaves that much room around every buffer; what is read there is
        # not used.
        kind = _SIGNED[dtype.itemsize]
        inside = UOp.stack(
            *(-UOp.uprod(*c).cast(kind) if c else UOp.const(-1, kind) for c in extra)
        )
        return _custom("({0}?{1}:{2})", dtype, inside, value, default)

    def _operation(self, lanes: tuple[UOp, ...]) -> UOp | None:
        first = lanes[0]
        same = all(
            u.op is first.op and u.dtype == first.dtype and u.arg == first.arg for u in lanes
        )
        if not same or first.dtype == dtypes.bool or first.max_numel() != 1:
            return None
        if first.op is Ops.WHERE:
            return self._where(lanes)
        if first.op in (Ops.CAST, Ops.BITCAST):
            return self._convert(lanes)
        if first.op in (Ops.SHL, Ops.SHR):
            value, by = self._sources(lanes, first.dtype)
            return UOp(first.op, src=(value, by if by.dtype == value.dtype else _cast(by, value)))
        if first.op in _SAME_IN_C and all(
            s.dtype == first.dtype or s.op is Ops.CONST for u in lanes for s in u.src
        ):
            return UOp(first.op, src=self._sources(lanes, first.dtype))
        return None

    def _sources(self, lanes: tuple[UOp, ...], dtype: DType) -> tuple[UOp, ...]:
        return tuple(self.pack(s, dtype) for s in zip(*(u.src for u in lanes), strict=True))

    def _convert(self, lanes: tuple[UOp, ...]) -> UOp | None:
        to, sources = lanes[0].dtype, tuple(u.src[0] for u in lanes)
        of = sources[0].dtype
        if any(s.dtype != of or s.addrspace not in (AddrSpace.ALU, None) for s in sources):
            return None
        if sources[0].op is Ops.CONST:
            return None
        if lanes[0].op is Ops.BITCAST:
            same_size = to.itemsize == of.itemsize and dtypes.bool not in (to, of)
            return UOp(Ops.BITCAST, src=(self.pack(sources),), arg=to) if same_size else None
        if of == dtypes.bool:
            mask = self._mask(sources, to.itemsize)
            if mask is None:
                return None
            return _custom("(-{0})", _SIGNED[to.itemsize], mask).cast(to)
        if dtypes.is_float(of) and to in _DIFFERENT_WHEN_OUT_OF_RANGE:
            return None
        if of in _NARROW and to.itemsize >= 4:
            return self._promoted(sources).cast(to)
        value = self.pack(sources)
        if dtypes.is_float(of) and to in _NARROW:
            value = value.cast(dtypes.int32)  # the way of the scalar instruction
        return value.cast(to)

    def _promoted(self, lanes: tuple[UOp, ...]) -> UOp:
        """Narrow integers as C computes with them: in 32 bits, so that int8 x int8 keeps its value.

        C does that to scalars inside an expression, and tinygrad's CPU device relies on it.
        """
        first = lanes[0]
        same = all(u.op is first.op and u.dtype == first.dtype for u in lanes)
        narrow = all(s.dtype in _NARROW for u in lanes for s in u.src)
        if same and narrow and first.op in (Ops.ADD, Ops.SUB, Ops.MUL, Ops.NEG):
            sources = zip(*(u.src for u in lanes), strict=True)
            return UOp(first.op, src=tuple(self._promoted(s) for s in sources))
        return self.pack(lanes).cast(dtypes.int32)

    def _where(self, lanes: tuple[UOp, ...]) -> UOp | None:
        condition = lanes[0].src[0]
        values = [self.pack(tuple(u.src[i] for u in lanes), lanes[0].dtype) for i in (1, 2)]
        if all(u.src[0] is condition for u in lanes):
            return _custom("({0}?{1}:{2})", lanes[0].dtype, condition, *values)
        mask = self._mask(tuple(u.src[0] for u in lanes), lanes[0].dtype.itemsize)
        return None if mask is None else _custom("({0}?{1}:{2})", lanes[0].dtype, mask, *values)

    def _mask(self, lanes: tuple[UOp, ...], itemsize: int) -> UOp | None:
        """Truth values as C's vector comparisons give them: integers of `itemsize`, 0 or -1."""
        first, kind = lanes[0], _SIGNED[itemsize]
        if any(u.op is not first.op for u in lanes):
            return None
        sources = [tuple(u.src[i] for u in lanes) for i in range(len(first.src))]
        if first.op is Ops.CONST:
            return UOp.stack(*(UOp.const(-1 if u.val else 0, kind) for u in lanes))
        if first.op in (Ops.AND, Ops.OR, Ops.XOR):
            parts = [self._mask(s, itemsize) for s in sources]
            sign = {Ops.AND: "&", Ops.OR: "|", Ops.XOR: "^"}[first.op]
            return None if None in parts else _custom(f"({{0}}{sign}{{1}})", kind, *parts)
        if first.op not in _COMPARISONS:
            return None
        kinds = {s.dtype for u in lanes for s in u.src if s.op is not Ops.CONST}
        if len(kinds) != 1:
            return None
        of = kinds.pop()
        if of == dtypes.bool:
            parts = [self._mask(s, itemsize) for s in sources]
            if first.op is not Ops.CMPNE or None in parts:
                return None
            return _custom("({0}^{1})", kind, *parts)
        parts = [self.pack(s, of) for s in sources]
        compared = _custom(f"({{0}}{_COMPARISONS[first.op]}{{1}})", _SIGNED[of.itemsize], *parts)
        return compared if of.itemsize == itemsize else compared.cast(kind)


def _with_dtype(value: UOp, dtype: DType) -> UOp:
    weak = value.op is Ops.CONST and value.dtype != dtype
    return UOp.const(value.val, dtype) if weak else value


def _custom(text: str, dtype: DType, *sources: UOp) -> UOp:
    return UOp(Ops.CUSTOM, dtype, src=sources, arg=text)


def _cast(value: UOp, like: UOp) -> UOp:
    return value.cast(like.dtype)


def vector_where(comparison: Ops, a: UOp, b: UOp, yes: UOp, no: UOp) -> UOp:
    """Lane by lane `yes` where `a` compares so with `b`, else `no`; all of one element size."""
    mask = _custom(f"({{0}}{_COMPARISONS[comparison]}{{1}})", _SIGNED[a.dtype.itemsize], a, b)
    return _custom("({0}?{1}:{2})", yes.dtype, mask, yes, no)

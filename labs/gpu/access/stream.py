"""The addresses of a kernel in the order in which one core or one multiprocessor meets them.

The order is that of the code: statement by statement, loop by loop. On a GPU the blocks follow each
other, and inside a block all warps take one instruction before the next. Real hardware mixes warps
as their data arrive; which way is not in the code, so this is part of the model.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from labs import toolchain, units
from labs.errors import LabError

toolchain.activate()

from tinygrad import Tensor
from tinygrad.uop.ops import UOp

from labs.gpu.access.analysis import evaluate_site
from labs.gpu.access.evaluate import Evaluator, NotKnown
from labs.gpu.access.lanes import LaneModel, lane_model
from labs.gpu.access.points import (
    Points,
    constant_length,
    launch_values,
    thread_shape,
    variable_values,
)
from labs.gpu.access.programs import Expression, Options, Program, programs_of
from labs.gpu.access.sites import Site, sites_of

MAX_ACCESSES = 200_000
_GAP = 1 << 12  # buffers start on pages of their own, like large allocations do
_CHUNK = 1 << 22  # lanes times rounds evaluated at once: 32 MiB of addresses


@dataclass(frozen=True, eq=False)
class AddressStream:
    """Accesses to global memory in order, lane by lane.

    Args:
        addresses: byte addresses; buffers lie one after the other. widths: bytes of each access.
        requests: number of the request that a lane's access belongs to (a warp's instruction).
        is_store: whether it writes.
        kernel: name; target.
        total: accesses of the whole kernel (on a processor: of one core).
        taken: text, which part of them this is.
    """

    addresses: np.ndarray = field(repr=False)
    widths: np.ndarray = field(repr=False)
    requests: np.ndarray = field(repr=False)
    is_store: np.ndarray = field(repr=False)
    kernel: str
    target: str
    total: int
    taken: str

    def __len__(self) -> int:
        return len(self.addresses)


def address_stream(
    expression: Expression,
    target: str = "CPU",
    opts: Options | None = None,
    *,
    kernel: int = 0,
    max_accesses: int = MAX_ACCESSES,
    data: Mapping[Tensor, Any] | None = None,
    live: bool = False,
) -> AddressStream:
    """The first accesses of one kernel, in the order of its code; nothing is run.

    Args:
        kernel: its number. The other arguments are those of `analyze_access`.
        max_accesses: when the kernel makes more, its outermost loops (and first of all its blocks)
            are cut short until what is left fits.

    Raises:
        LoweringError: as `analyze_access`. LabError: no such kernel, or addresses that can't be
            told.
    """
    wanted, programs = programs_of(expression, target, opts, data, live)
    asked = f"Follow the addresses of kernel {kernel}"
    if not isinstance(kernel, int) or not 0 <= kernel < len(programs):
        expected = f"a number from 0 to {len(programs) - 1}"
        raise LabError(asked, expected=expected, got=repr(kernel))
    if max_accesses < 1:
        raise LabError(asked, expected="max_accesses above 0", got=repr(max_accesses))
    program, model = programs[kernel], lane_model(wanted)
    try:
        return _stream(program, model, max_accesses, wanted.name)
    except NotKnown as why:
        step = "pass data={tensor: array} for an index that is read from memory"
        raise LabError(
            asked, expected="addresses that follow from the code", got=str(why), next_step=step
        ) from why


def _stream(program: Program, model: LaneModel, limit: int, target: str) -> AddressStream:
    sites = [s for s in sites_of(program.uops) if not s.is_shared]
    fixed = variable_values(program)
    lengths = {loop: constant_length(loop, fixed) for site in sites for loop in site.loops}
    if None in lengths.values():
        raise NotKnown("a loop's length differs from lane to lane")
    blocks, lanes = _launch(program, model)
    nest = _Cut(sites, lengths, blocks, lanes).to(limit)
    base, bases = 0, {}
    for site in sites:
        if site.root not in bases:
            bases[site.root] = base
            size = program.argument(site.root)
            base += -(-(size.offset_bytes + size.size_bytes) // _GAP) * _GAP
    depth = max((len(site.loops) for site in sites), default=0)
    parts = [
        _site(program, model, site, nest, bases[site.root], depth, program.uops.index(site.uop))
        for site in sites
    ]
    keys = np.concatenate([p[0] for p in parts], axis=1)
    addresses, widths, stores = (np.concatenate([p[i] for p in parts]) for i in (1, 2, 3))
    order = np.lexsort(keys[::-1])
    keys = keys[:, order]
    # lanes of one warp and one statement are one request; the last row is the lane
    new = np.any(keys[:-1, 1:] != keys[:-1, :-1], axis=0)
    requests = np.concatenate(([0], np.cumsum(new))) if len(order) else np.empty(0, np.int64)
    if model.is_loop:
        requests = np.arange(len(order))
    return AddressStream(
        addresses=addresses[order],
        widths=widths[order],
        requests=requests,
        is_store=stores[order],
        kernel=program.name,
        target=target,
        total=nest.total,
        taken=nest.text,
    )


def _launch(program: Program, model: LaneModel) -> tuple[int, int]:
    """Blocks that follow each other, and lanes in one; on a processor one core is followed."""
    if model.is_loop:
        return 1, 1
    blocks = 1 if program.local_size is None else math.prod(program.global_size)
    return blocks, math.prod(thread_shape(program))


class _Cut:
    """How far each level of loops is followed, so that the accesses stay below a limit."""

    def __init__(
        self, sites: list[Site], lengths: Mapping[UOp, int], blocks: int, lanes: int
    ) -> None:
        self.sites, self.lengths, self.lanes = sites, lengths, lanes
        self.blocks = blocks
        depth = max((len(s.loops) for s in sites), default=0)
        # level 0 is the blocks, level i + 1 the loops with i loops around them
        self.caps = [blocks] + [
            max([lengths[s.loops[i]] for s in sites if len(s.loops) > i]) for i in range(depth)
        ]
        self.total = self._count()
        self.text = "all of them"

    def _count(self) -> int:
        each = (
            math.prod(min(self.lengths[loop], self.caps[i + 1]) for i, loop in enumerate(s.loops))
            for s in self.sites
        )
        return self.caps[0] * self.lanes * sum(each)

    def to(self, limit: int) -> "_Cut":
        said = []
        for level, whole in enumerate(list(self.caps)):
            if self._count() <= limit:
                break
            low, high = 1, whole  # the longest that fits, or 1
            while low < high:
                self.caps[level] = middle = (low + high + 1) // 2
                low, high = (middle, high) if self._count() <= limit else (low, middle - 1)
            self.caps[level] = low
            if low < whole:
                name = "blocks" if level == 0 else f"rounds of loops at depth {level}"
                said.append(f"the first {units.format_count(low)} of {whole:,} {name}")
        if said:
            self.text = ", ".join(said)
        return self

    def rounds(self, site: Site) -> tuple[int, ...]:
        return tuple(min(self.lengths[loop], self.caps[i + 1]) for i, loop in enumerate(site.loops))


def _site(
    program: Program,
    model: LaneModel,
    site: Site,
    cut: _Cut,
    base: int,
    depth: int,
    place: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """One access over all its rounds: its place in the order, addresses, widths, stores.

    The place of a statement is a list: block, then for each loop around it where the loop stands in
    the code and its round, then where the statement stands, the warp and the lane.
    """
    rounds, blocks = cut.rounds(site), cut.caps[0]
    many = math.prod(rounds) * blocks
    if many * cut.lanes > _CHUNK:
        raise NotKnown(f"one block makes {many * cut.lanes:,} accesses by one instruction")
    number = np.arange(many).reshape(-1, 1)
    counters = np.unravel_index(number, (blocks, *rounds))
    lane = np.arange(cut.lanes).reshape(1, -1)
    given = launch_values(program, model, counters[0], lane, variable_values(program))
    given |= dict(zip(site.loops, counters[1:], strict=True))
    shape = (many, cut.lanes)
    points = Points(given, np.ones(shape, dtype=bool), many, many, True, ())
    evaluator = Evaluator(given, lambda p: program.argument(p).read())
    addresses, active, _ = evaluate_site(program, site, points, evaluator)
    flat = active.reshape(-1)

    def row(values: Any) -> np.ndarray:
        return np.broadcast_to(values, shape).reshape(-1)[flat].astype(np.int64)

    keys = [row(counters[0])]
    for loop, at in zip(site.loops, counters[1:], strict=True):
        keys += [row(program.uops.index(loop)), row(at)]
    keys += [row(place)]
    keys += [row(0)] * (2 * depth + 2 - len(keys))
    keys += [row(lane // model.count), row(lane)]
    found = addresses.reshape(-1)[flat] + base
    widths = np.full(len(found), site.bytes_per_lane)
    return np.stack(keys), found, widths, np.full(len(found), site.kind == "store")

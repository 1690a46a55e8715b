"""From one choice of options to its neighbours: one option more, one less, or another amount.

Nothing here runs or compiles; tinygrad's own Scheduler says what fits.
"""

import math
from collections.abc import Iterator
from random import Random

from labs import toolchain
from labs.gpu.legality import fitted, legal_steps, written_out

toolchain.activate()

from tinygrad.codegen.opt import Opt, OptOps
from tinygrad.codegen.opt.postrange import Scheduler

# Copies of the innermost statement: more than 256 results don't fit into any register file that
# tinygrad compiles for (tinygrad's BEAM draws the line at the same place).
WRITTEN_OUT = 256

Opts = tuple[Opt, ...]


_LUCK = 3.0  # in doublings of the code: how far a longer candidate may come before a shorter one


def tiles(loops: Scheduler) -> tuple[Opts, ...]:
    """Choices that textbooks start a sum of products with: a tile of results in registers.

    A tile of v x t results takes v + t loads for v * t products. v lies along the last axis of the
    result, whose values are neighbours in memory; t along an axis on which the loads of v don't
    depend and others do. Where there are work groups, 16 x 16 work items share such a tile.
    """
    results = loops.upcastable_dims
    if loops.reduceop is None or len(results) < 2:
        return ()
    along = results[-1]
    loads = [b.src[1].get_idx().backward_slice_with_self for b in loops.bufs]
    vectors = [p for p in loads if loops.rngs[along] in p]
    singles = [p for p in loads if loops.rngs[along] not in p]

    def shared(axis: int) -> bool:
        rng = loops.rngs[axis]
        return any(rng not in p for p in vectors) and any(rng in p for p in singles)

    again = [axis for axis in results[:-1] if shared(axis)]
    found = []
    for across in reversed(again):
        for v, t in ((16, 4), (8, 8), (4, 4)):
            tile = (Opt(OptOps.UPCAST, along, v), Opt(OptOps.UPCAST, across, t))
            if loops.ren.has_local:
                tile += (Opt(OptOps.LOCAL, along, 16), Opt(OptOps.LOCAL, across, 16))
            if fitted(loops, tile) is not None:
                found.append(tile)
    return tuple(found)


def copies(loops: Scheduler, opts: Opts) -> int:
    """How often the innermost statement stands in the code."""
    kernel = fitted(loops, opts)
    return written_out(kernel) if kernel is not None else 1


def neighbours(loops: Scheduler, opts: Opts, random: Random) -> Iterator[Opts]:
    """Choices that differ from this one in one option and fit.

    They come in random order, shorter code rather before longer: it is compiled sooner.

    Args:
        loops: the kernel before any option.
        opts: the choice to start from; a THREAD in it stays last, as tinygrad puts it.
    """
    head = tuple(o for o in opts if o.op is not OptOps.THREAD)
    tail = tuple(o for o in opts if o.op is OptOps.THREAD)
    raw = [head[:i] + head[i + 1 :] + tail for i in range(len(head))]
    raw += [head] if tail else []
    split = fitted(loops, head)
    if split is not None:
        steps = legal_steps(split)
        raw += [(*head, o, *tail) for o in steps if o.op is not OptOps.THREAD]
        raw += [(*head, o) for o in steps if o.op is OptOps.THREAD and (o,) != tail]
    for i, opt in enumerate(head):
        before = fitted(loops, head[:i])
        if before is not None and not isinstance(opt.arg, tuple):
            others = [o for o in legal_steps(before) if (o.op, o.axis) == (opt.op, opt.axis)]
            raw += [head[:i] + (o,) + head[i + 1 :] + tail for o in others if o != opt]
    ranked = []
    for candidate in dict.fromkeys(raw):
        kernel = fitted(loops, candidate)
        if kernel is not None and (size := written_out(kernel)) <= WRITTEN_OUT:
            ranked.append((math.log2(size) + _LUCK * random.random(), len(ranked), candidate))
    yield from (candidate for _, _, candidate in sorted(ranked))

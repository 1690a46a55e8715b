"""The rungs of the matmul ladder: which options each one adds, by rules that name no device.

Every rule is a textbook's, and its numbers are those of tinygrad's code or of all APIs:
* upcast: a tile of 4 x 4 results. 4 is the widest load that tinygrad writes (float4), and a tile of
  v x t results takes v + t loads for v * t products.
* unroll: 4 steps of the sum, so that the other matrix is loaded as float4, too.
* local: groups of up to 16 x 16 work items; 256 is what every API allows (WebGPU's limit).
* group: 16 work items share a sum. It is for few, long sums; here it shows what it costs.
* padding: rows and columns up to a multiple of what tile and group want, where they are none.
* threads: as many as the device is set to, over the rows.
* tensor cores: with padding if need be, and a tile and a group of warps as tinygrad's own.
"""

from dataclasses import dataclass

from labs import toolchain
from labs.gpu.kernels import OptionError
from labs.gpu.legality import require
from labs.gpu.notation import option_text

toolchain.activate()

from tinygrad.codegen.opt import KernelOptError, Opt, OptOps
from tinygrad.codegen.opt.postrange import Scheduler
from tinygrad.uop.ops import AxisType

ROWS, COLUMNS = 0, 1
TILE, STEPS, SIDE, SHARED = 4, 4, 16, 16
NAMES = (
    "none",
    "upcast",
    "unroll",
    "local",
    "group",
    "padding",
    "threads",
    "tensor cores",
    "heuristic",
    "search",
)
WORDS = {
    "none": "One plain loop for each axis: every product loads both of its factors.",
    "upcast": "Each step keeps a tile of results in registers and uses every load several times.",
    "unroll": "Several steps of the sum are written out, so that both factors load as vectors.",
    "local": "Work items in groups: neighbours use the same rows and columns from the cache.",
    "group": "The work items of a group share each sum, through local memory.",
    "padding": "Axes are made longer, with zeros, so that tile and group fit.",
    "threads": "The rows are shared out to CPU threads.",
    "tensor cores": "Whole tiles are multiplied by one instruction.",
    "heuristic": "What tinygrad chooses by itself.",
    "search": "The fastest that a search found in its time; what tinygrad's BEAM does without a "
    "limit.",
}


@dataclass(frozen=True)
class Plan:
    """What a rung does.

    Args:
        name: one of NAMES; opts: its options, None for tinygrad's own choice or without one.
        reason: why this kernel or device can't have it; empty when it can.
        base: the rung it adds to.
    """

    name: str
    opts: tuple[Opt, ...] | None
    reason: str = ""
    base: str = ""

    @property
    def possible(self) -> bool:
        return not self.reason


def plan_rungs(loops: Scheduler, what: str) -> tuple[Plan, ...]:
    """All rungs but the search, in order, for a matmul's loops before any option."""
    none = Plan("none", ())
    upcast = _checked(Plan("upcast", _tile(loops), base="none"), loops, what)
    upcast = upcast if upcast.opts else Plan("upcast", None, _NO_TILE, "none")
    tile = upcast if upcast.possible else none
    unroll = _more(loops, what, tile, "unroll", _unroll)
    base = unroll if unroll.possible else tile
    local = _more(loops, what, base, "local", _local)
    group = _more(loops, what, base, "group", _group)
    padding = _padding(loops, what)
    best = next(p for p in (local, base) if p.possible)
    if padding.possible:
        best = padding
    threads = _more(loops, what, best, "threads", _threads)
    return (
        *(none, upcast, unroll, local, group, padding, threads),
        _tensor_cores(loops, what),
        Plan("heuristic", None),
    )


_NO_TILE = "2, 3 and 4 divide neither rows nor columns: see padding"


def _checked(plan: Plan, loops: Scheduler, what: str) -> Plan:
    try:
        require(loops, plan.opts or (), what)
    except OptionError as error:
        return Plan(plan.name, None, error.got, plan.base)
    return plan


def _more(loops: Scheduler, what: str, base: Plan, name: str, step) -> Plan:
    """A rung that adds options to another: `step` gives them, or the reason why not."""
    opts = base.opts or ()
    added = step(require(loops, opts, what))
    if isinstance(added, str):
        return Plan(name, None, added, base.name)
    return _checked(Plan(name, (*opts, *added), base=base.name), loops, what)


def _tile(loops: Scheduler) -> tuple[Opt, ...]:
    # columns first: they are the later axis, so a used-up one shifts no other
    sizes = loops.full_shape
    amounts = [(axis, _fitting(sizes[axis], TILE)) for axis in (COLUMNS, ROWS)]
    return tuple(Opt(OptOps.UPCAST, axis, n) for axis, n in amounts if n > 1)


def _unroll(loops: Scheduler):
    sums = loops.unrollable_dims
    steps = _fitting(loops.full_shape[sums[-1]], STEPS) if sums else 1
    if steps < 2:
        return "2, 3 and 4 don't divide the sum's steps"
    return (Opt(OptOps.UNROLL, len(sums) - 1, steps),)


def _local(loops: Scheduler):
    if not loops.ren.has_local:
        return "this device has no work groups: its kernel is plain loops"
    axes = loops.axes_of(AxisType.GLOBAL)
    found = [(axis, _fitting(loops.full_shape[axis], SIDE)) for axis in reversed(axes)]
    opts = tuple(Opt(OptOps.LOCAL, axis, n) for axis, n in found if n > 1)
    return opts or f"nothing from 2 to {SIDE} divides the axes of the launch: see padding"


def _group(loops: Scheduler):
    if not loops.ren.has_local:
        return "this device has no local memory that work items could share"
    sums = loops.axes_of(AxisType.REDUCE)
    shared = _fitting(loops.full_shape[sums[0]], SHARED) if sums else 1
    if shared < 2:
        return f"nothing from 2 to {SHARED} divides the sum's steps"
    return (Opt(OptOps.GROUP, 0, shared),)


def _padding(loops: Scheduler, what: str) -> Plan:
    side = SIDE if loops.ren.has_local else 1
    wanted = ((ROWS, TILE * side), (COLUMNS, TILE * side))
    pads = [Opt(OptOps.PADTO, a, m) for a, m in wanted if loops.full_shape[a] % m]
    # the sum stays as it is: what is padded there and then unrolled comes out wrong in tinygrad
    # 0.14.0 (tests/seams/test_seam_padded_sum.py)
    if not pads:
        size = "x".join(str(s) for s in loops.full_shape[:2])
        return Plan("padding", None, f"{size} needs none: tile and group fit")
    first = _checked(Plan("padding", tuple(pads), base="none"), loops, what)
    if not first.possible:
        return first
    padded = require(loops, pads, what)
    opts = (*pads, *_tile(padded))
    added = _local(require(loops, opts, what))
    opts = opts if isinstance(added, str) else (*opts, *added)
    return _checked(Plan("padding", opts, base="none"), loops, what)


def _threads(loops: Scheduler):
    if not loops.ren.has_threads:
        return "this device's kernels run no CPU threads"
    most = loops.ren.global_max[0]
    rows = loops.full_shape[ROWS]
    count = _fitting(rows, most)
    if count < 2:
        if most < 2:
            return "this device is set to one thread"
        return f"no number of threads up to {most} divides the rows that are left"
    return (Opt(OptOps.THREAD, ROWS, count),)


def _tensor_cores(loops: Scheduler, what: str) -> Plan:
    core = Opt(OptOps.TC, 0, (-1, 2, 1))
    if not loops.ren.tensor_cores:
        return Plan("tensor cores", None, "this device's renderer knows no tensor cores")
    kernel = loops.copy()
    try:
        axes = kernel.apply_opt(core)
    except KernelOptError:
        plan = _checked(Plan("tensor cores", (core,)), loops, what)
        return Plan("tensor cores", None, plan.reason or option_text(core))
    opts = [core]
    # as many results for each warp as tinygrad's heuristic takes, and 4 warps in a group
    for dimension in (1, 0):
        amount = _fitting(kernel.full_shape[kernel.rngs.index(axes[dimension])], TILE)
        if amount > 1:
            opts.append(Opt(OptOps.UPCAST, kernel.rngs.index(axes[dimension]), amount))
            axes[dimension] = kernel.apply_opt(opts[-1])[0]
    if axes[0] in kernel.rngs:
        index = kernel.rngs.index(axes[0])
        amount = _fitting(kernel.full_shape[index], 4)
        if amount > 1:
            opts.append(Opt(OptOps.LOCAL, index, amount))
    return _checked(Plan("tensor cores", tuple(opts), base="none"), loops, what)


def _fitting(size: object, most: int) -> int:
    """The largest number up to `most` that divides the size, powers of two first."""
    if not isinstance(size, int):
        return 1
    powers = [n for n in (32, 16, 8, 4, 2) if n <= most and size % n == 0]
    if powers and powers[0] * 2 > most // 2:
        return powers[0]
    return next(n for n in range(most, 0, -1) if size % n == 0)

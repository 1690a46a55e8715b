"""How ELECTRICAL splits a kernel's loops: which axis becomes a vector, which a register tile, which
is shared out to the cores.

Unofficial seam of tinygrad 0.14.0: codegen.opt.postrange.apply_opts imports
codegen.opt.heuristic.hand_coded_optimizations when it is called. `install()` puts a function there
that asks the renderer first; other devices get tinygrad's own answer. This module is imported with
the device's, so tinygrad's compile workers have it too.
"""

import math

from tinygrad.codegen.opt import KernelOptError, Opt, OptOps, heuristic
from tinygrad.uop.ops import AxisType, Ops, UOp

from labs.backends.electrical.accumulate import MIN_LEAVES, can_widen
from labs.backends.electrical.options import Options

WORK_PER_CORE = 128 << 10  # loop rounds that are worth waking another core for; tinygrad's number
# Vectors of results kept in registers: 8 independent sums hide the latency of a fused multiply-add
# (4 cycles, 2 a cycle on current cores), and leave registers for what is multiplied.
TILE = 8
TILES = (16, 12, 8, 6, 5, 4, 3, 2)  # rows of a result that are kept in registers at once

_stock = heuristic.hand_coded_optimizations


def install() -> None:
    """Let a renderer with `choose_opts` choose; twice is once."""
    heuristic.hand_coded_optimizations = _hand_coded_optimizations


def _hand_coded_optimizations(kernel):
    choose = getattr(kernel.ren, "choose_opts", None)
    chosen = choose(kernel) if choose else None
    return _stock(kernel) if chosen is None else chosen


def choose(kernel, options: Options):
    """The kernel with its loops split, or None to leave it to tinygrad.

    The axis whose steps are neighbours in memory becomes the vector: an axis of the result where
    there is one, else the axis that is summed over. Loads that don't move along another axis are
    used again for several of its steps (a register tile).
    """
    plan = _Plan(kernel.copy(), options)
    try:
        made = plan.reduction() if plan.kernel.reduceop is not None else plan.elementwise()
    except KernelOptError:
        return None
    if not made:
        return None
    plan.share_out()
    return plan.kernel


class _Plan:
    def __init__(self, kernel, options: Options) -> None:
        self.kernel, self.options = kernel, options
        nodes = kernel.ast.backward_slice_with_self
        self.stores = [u.src[0] for u in nodes if u.op is Ops.STORE and u.src[0].op is Ops.INDEX]
        places = set(self.stores)
        self.loads = [u for u in kernel.bufs if u not in places and _depends_on_loops(u)]
        self.lanes = options.lanes(max((s.dtype.itemsize for s in self.stores), default=4))
        self.tile = options.tile or TILE

    # ---- what kind of kernel ----

    def elementwise(self) -> bool:
        along = self._result_axis()
        if along is None:
            return False
        stray = [u for u in self.loads if _stride(u, along) not in (0, 1)]
        if not stray:
            # clang makes good vectors of a plain loop by itself: only fuller ones are better
            return self._split_vector(along, OptOps.UPCAST, fullness=0.6) > 0
        across = [
            r for r in self._results() if r is not along and all(_stride(u, r) == 1 for u in stray)
        ]
        if not across:
            return False
        # a square is read in rows of one side and written in rows of the other
        sides = [n for n in (8, 4, 2) if n <= self.lanes]
        return (
            self._split(across[-1], OptOps.UPCAST, sides) > 1
            and self._split(along, OptOps.UPCAST, sides) > 1
        )

    def reduction(self) -> bool:
        along = self._result_axis()
        steps = {_stride(u, along) for u in self.loads} if along is not None else set()
        if steps in ({1}, {0, 1}) and self._vector_of_results(along):
            return True
        if not can_widen(self.kernel.reduceop):
            return False
        summed = [r for r in self._summed() if all(_stride(u, r) in (0, 1) for u in self.loads)]
        summed = [r for r in summed if any(_stride(u, r) == 1 for u in self.loads)]
        return bool(summed) and self._vector_of_terms(summed[-1])

    # ---- what to do with it ----

    def _vector_of_results(self, along: UOp) -> bool:
        """Each vector holds neighbouring results; rows that share a load are kept together."""
        vectors = self._split_vector(along, OptOps.UPCAST)
        if not vectors:
            return False
        budget = whole = max(1, self.tile // vectors)
        for axis in reversed(self._results()):
            reused = [u for u in self.loads if _stride(u, along) == 1 and _stride(u, axis) == 0]
            if axis.arg[0] != along.arg[0] and reused and budget > 1:
                budget //= self._split(axis, OptOps.UPCAST, [t for t in TILES if t <= budget])
        rest = self._same(along)
        if rest is not None and budget == whole:
            self._split(rest, OptOps.UPCAST, [t for t in (8, 4, 2) if t <= budget])
            self._sliding_sum(along)
        return True

    def _sliding_sum(self, along: UOp) -> None:
        """A filter's sum in steps of a vector: vector i of the results needs vector i + k of the
        signal for term k, so several terms share most of their loads. Few enough terms that they
        aren't taken for a sum that needs accumulators of its own (accumulate.py)."""
        most = max(self.lanes, MIN_LEAVES)
        for axis in self._summed():
            slides = [u for u in self.loads if _stride(u, along) == 1 and _stride(u, axis) == 1]
            steps = _size(axis) // self.lanes
            count = next((t for t in (4, 3, 2) if t < most and steps % t == 0), 0)
            if slides and count and _size(axis) % self.lanes == 0:
                self.kernel.shift_to(axis, self.lanes, AxisType.REDUCE)
                self._split(axis, OptOps.UNROLL, [count])
                return

    def _vector_of_terms(self, axis: UOp) -> bool:
        """Each vector holds terms of one sum; sums that share a load are kept together."""
        shared = [r for r in self._results() if any(_stride(u, r) == 0 for u in self.loads)]
        if len(shared) < 2 or not self._split_vector(axis, OptOps.UNROLL, (self.lanes,)):
            return self._split_vector(axis, OptOps.UNROLL, (2 * self.lanes, self.lanes)) > 0
        for r in shared[-2:]:
            self._split(r, OptOps.UPCAST, (4, 2, 3))
        return True

    def _split_vector(
        self, axis: UOp, op: OptOps, wanted: tuple[int, ...] = (), fullness: float = 1 / 3
    ) -> int:
        """Split off enough of an axis for whole vectors: how many it takes, or 0 if none fits.

        Where no multiple of a vector divides the axis, a number does that needs few smaller ones:
        of 500, 20 are a vector of 16 and one of 4. They have to be so full on the average.
        """
        size, lanes = _size(axis), self.lanes

        def vectors(amount: int) -> int:
            return amount // lanes + (amount % lanes).bit_count()

        fitting = [n for n in wanted or (lanes,) if size % n == 0]
        if not fitting:
            possible = [n for n in range(lanes, 3 * lanes + 1) if size % n == 0]
            full = [n for n in possible if n >= vectors(n) * lanes * fullness and _parts(n, op)]
            fitting = sorted(full, key=lambda n: -n / vectors(n))
        if not fitting:
            return 0
        for part in _parts(fitting[0], op):
            self._split(axis, op, (part,))
        return vectors(fitting[0])

    def share_out(self) -> None:
        """Give each core a part of the outermost loop that can be divided."""
        kernel = self.kernel
        cores = kernel.ren.global_max[0]
        work = math.prod(s for s in kernel.full_shape if isinstance(s, int))
        outer = sorted(
            kernel.ranges_of(AxisType.WEAK), key=lambda r: -max(map(_reach(r), self._stores()))
        )
        for count in range(min(cores, work // WORK_PER_CORE), 1, -1):
            for r in outer:
                try:
                    kernel.apply_opt(Opt(OptOps.THREAD, kernel.rngs.index(r), count))
                    return
                except KernelOptError:
                    continue

    # ---- the kernel's axes ----

    def _stores(self) -> list[UOp]:
        nodes = self.kernel.ast.backward_slice_with_self
        return [u.src[0] for u in nodes if u.op is Ops.STORE and u.src[0].op is Ops.INDEX]

    def _results(self) -> list[UOp]:
        return [self.kernel.rngs[a] for a in self.kernel.upcastable_dims]

    def _summed(self) -> list[UOp]:
        return [self.kernel.rngs[a] for a in self.kernel.unrollable_dims]

    def _result_axis(self) -> UOp | None:
        """The axis along which every result lies beside the one before."""
        for r in reversed(self._results()):
            if self.stores and all(_stride(u, r) == 1 for u in self.stores):
                return r
        return None

    def _same(self, axis: UOp) -> UOp | None:
        """What is left of an axis after a split: it keeps its number."""
        return next((r for r in self._results() if r.arg[0] == axis.arg[0]), None)

    def _split(self, axis: UOp, op: OptOps, amounts) -> int:
        """Split off the first amount that divides the axis; 1 when none does."""
        here = next(r for r in self.kernel.rngs if r.arg[0] == axis.arg[0])
        for amount in amounts:
            if amount > 1 and _size(here) % amount == 0:
                axes = self.kernel.unrollable_dims if op is OptOps.UNROLL else None
                index = self.kernel.rngs.index(here)
                self.kernel.apply_opt(Opt(op, axes.index(index) if axes else index, amount))
                return amount
        return 1


def _parts(amount: int, op: OptOps) -> tuple[int, ...]:
    """As factors that tinygrad splits off in one step: up to 16, or 32 of a sum; () if none."""
    most = 16 if op is OptOps.UPCAST else 32
    if amount <= most:
        return (amount,)
    first = max((n for n in range(2, most + 1) if amount % n == 0), default=0)
    return (first, amount // first) if first and amount // first <= most else ()


def _size(axis: UOp) -> int:
    return int(axis.vmax) + 1


def _depends_on_loops(place: UOp) -> bool:
    return any(u.op is Ops.RANGE for u in place.src[1].backward_slice_with_self)


def _reach(axis: UOp):
    return lambda place: abs(_stride(place, axis) or 0)


def _stride(place: UOp, axis: UOp) -> int | None:
    """How many elements further the place is one step along the axis; None when that varies."""
    index = place.src[1].get_idx()
    if axis not in index.backward_slice_with_self:
        return 0
    total = 0
    for term in index.split_uop(Ops.ADD):
        if term is axis:
            total += 1
        elif term.op is Ops.MUL and term.src[0] is axis and term.src[1].op is Ops.CONST:
            total += term.src[1].val
        elif axis in term.backward_slice_with_self:
            return _stride_by_steps(index, axis)
    return total


def _stride_by_steps(index: UOp, axis: UOp) -> int | None:
    at = [index.substitute({axis: axis.const_like(i)}) for i in range(3)]
    steps = [(b - a).simplify() for a, b in zip(at, at[1:], strict=False)]
    if any(s.op is not Ops.CONST for s in steps) or steps[0].val != steps[1].val:
        return None
    return int(steps[0].val)

"""Which lanes, blocks and loop rounds an access is evaluated at: all of them, or a seeded sample.

A GPU's lanes are the threads of a warp: thread (x, y, z) of a block has the number
x + y * size_x + z * size_x * size_y, and consecutive numbers make a warp (NVIDIA, CUDA Programming
Guide, "Thread Hierarchy"; OpenCL numbers work items alike). A processor's lanes are consecutive
rounds of a loop.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from labs import toolchain

toolchain.activate()

from tinygrad.dtype import AddrSpace, dtypes
from tinygrad.uop.ops import Ops, UOp

from labs.gpu.access.evaluate import Evaluator, NotKnown
from labs.gpu.access.lanes import LaneModel
from labs.gpu.access.programs import Program
from labs.gpu.access.sites import Site


@dataclass(frozen=True)
class Points:
    """Groups of lanes at which accesses are evaluated.

    Args:
        given: launch indices, loop counters and sizes -> arrays that broadcast to (groups, lanes).
        exists: (groups, lanes), False for lanes past the end of a block or a loop.
        executions: how often a group makes the access in one run of the kernel, all groups
            together; an estimate where loops have different lengths.
        total: how many different groups there are; is_exact: all of them are here.
        labels: where each group is ("block 0, warp 0, Ridx0 = 3").
    """

    given: Mapping[UOp, np.ndarray] = field(repr=False)
    exists: np.ndarray = field(repr=False)
    executions: float
    total: int
    is_exact: bool
    labels: tuple[str, ...] = field(repr=False)


def lane_loop(site: Site, model: LaneModel) -> UOp | None:
    """The loop whose rounds are the lanes: the innermost one on which the address depends."""
    if not model.is_loop:
        return None
    leaves = site.leaves
    return next((loop for loop in reversed(site.loops) if loop in leaves), None)


def loops_of(site: Site, model: LaneModel) -> tuple[UOp, ...]:
    """The loops that count: what further inner loops don't change stays in a register."""
    if not model.is_loop:
        return site.loops
    lanes = lane_loop(site, model)
    return site.loops[: site.loops.index(lanes) + 1] if lanes is not None else ()


def points_of(
    program: Program,
    model: LaneModel,
    loops: tuple[UOp, ...],
    lanes: UOp | None,
    samples: int,
    seed: int = 0,
) -> Points:
    """The groups of a nest of loops: all when there are at most `samples`, else a sample.

    Args:
        loops: around the access, outermost first; lanes: the one whose rounds are the lanes.

    Raises:
        NotKnown: a loop whose length isn't known before it runs.
    """
    groups = _groups(program, model)
    fixed = variable_values(program)
    constant = [constant_length(loop, fixed) for loop in loops]
    lengths = [
        _chunks(n, model) if loop is lanes else n for loop, n in zip(loops, constant, strict=True)
    ]
    known = None not in lengths
    total = groups * math.prod(lengths) if known else 0
    if known and total <= samples:
        numbers = np.stack(
            np.meshgrid(*[np.arange(n) for n in (groups, *lengths)], indexing="ij"), -1
        ).reshape(-1, 1 + len(loops))
        group, shares = numbers[:, :1], None
    else:
        draw = np.random.default_rng(seed).random((samples, 1 + len(loops)))
        draw[0], draw[1] = 0.0, np.nextafter(1.0, 0.0)  # the first and the last are always there
        group, shares, numbers = (draw[:, :1] * groups).astype(np.int64), draw[:, 1:], None
    given, exists = _launch(program, model, group, fixed)
    if not model.is_loop:
        exists = np.broadcast_to(exists, (len(group), model.count)).copy()
    rounds = np.ones(len(group))
    positions: list[tuple[UOp, np.ndarray]] = []
    for i, loop in enumerate(loops):
        length = _length(loop, given)
        whole = _chunks(length, model) if loop is lanes else length
        if numbers is not None:
            at = numbers[:, i + 1 : i + 2]
        else:
            at = (shares[:, i : i + 1] * whole).astype(np.int64)
        if loop is lanes:
            at = at * _width(length, model) + np.arange(model.count)
            at = at[:, : int(np.max(_width(length, model)))]
        exists = exists & (at < length)
        given[loop] = at
        positions.append((loop, at))
        rounds = rounds * np.broadcast_to(whole, (len(group), np.shape(whole)[-1])).mean(axis=1)
    width = max(np.shape(a)[-1] for a in (exists, *given.values()))
    exists = np.broadcast_to(exists, (len(group), width))
    executions = float(total) if known else groups * float(rounds.mean())
    labels = tuple(
        _label(program, model, int(g), row, positions) for row, g in enumerate(group[:, 0])
    )
    return Points(given, exists, executions, total, numbers is not None, labels)


def _width(length: np.ndarray, model: LaneModel) -> np.ndarray:
    return np.minimum(model.count, np.maximum(length, 1))


def _chunks(length, model: LaneModel):
    """Groups of lanes that a loop's rounds make."""
    return None if length is None else -(-length // np.minimum(model.count, np.maximum(length, 1)))


def thread_shape(program: Program) -> tuple[int, ...]:
    """Threads of a block, x first; where the runtime chooses blocks, all threads of the launch."""
    return program.global_size if program.local_size is None else program.local_size


def _groups(program: Program, model: LaneModel) -> int:
    if model.is_loop:
        return math.prod(program.global_size)  # threads of the processor: core_id
    blocks = 1 if program.local_size is None else math.prod(program.global_size)
    return blocks * -(-math.prod(thread_shape(program)) // model.count)


def _launch(
    program: Program, model: LaneModel, group: np.ndarray, fixed: Mapping[UOp, np.ndarray]
) -> tuple[dict[UOp, np.ndarray], np.ndarray]:
    """Values of the launch indices in each group, and which lanes there are."""
    given = dict(fixed)
    if model.is_loop:
        for uop in _variables(program):
            if uop.expr == "core_id":
                given[uop] = group
        return given, np.ones((len(group), 1), dtype=bool)
    threads = math.prod(thread_shape(program))
    warps = -(-threads // model.count)
    thread = group % warps * model.count + np.arange(model.count)
    given |= launch_values(program, model, group // warps, thread, fixed)
    return given, thread < threads


def launch_values(
    program: Program,
    model: LaneModel,
    block: np.ndarray,
    thread: np.ndarray,
    fixed: Mapping[UOp, np.ndarray],
) -> dict[UOp, np.ndarray]:
    """The launch indices of threads in blocks: numbers, in arrays that broadcast together."""
    given = dict(fixed)
    if model.is_loop:
        return given
    for uop in program.uops:
        if uop.op is Ops.SPECIAL:
            axis = int(uop.arg[-1])
            per_thread = not uop.arg.startswith("g")
            sizes = thread_shape(program) if per_thread else program.global_size
            number = thread if per_thread else block
            given[uop] = number // math.prod(sizes[:axis]) % sizes[axis]
    return given


def variable_values(program: Program) -> dict[UOp, np.ndarray]:
    """Symbolic sizes as bound; run-time variables are 0."""
    return {
        uop: np.asarray(program.values.get(uop.expr, 0), dtype=np.int64).reshape(1, 1)
        for uop in _variables(program)
    }


def _variables(program: Program) -> list[UOp]:
    return [u for u in program.uops if u.op is Ops.PARAM and u.arg.addrspace is AddrSpace.ALU]


def constant_length(loop: UOp, fixed: Mapping[UOp, np.ndarray]) -> int | None:
    """A loop's length where it is the same everywhere."""
    leaves = loop.src[0].toposort()
    if loop.dtype == dtypes.void:
        raise NotKnown("it is in a loop whose length isn't known before it runs")
    if any(u.op in (Ops.SPECIAL, Ops.RANGE, Ops.LOAD) for u in leaves):
        return None
    if any(u.op is Ops.PARAM and u.arg.name == "core_id" for u in leaves):
        return None
    return int(Evaluator(fixed, _no_data).scalar(loop.src[0]).reshape(-1)[0])


def _length(loop: UOp, given: Mapping[UOp, np.ndarray]) -> np.ndarray:
    found = Evaluator(given, _no_data).scalar(loop.src[0])
    return np.asarray(found).reshape(1, 1) if np.ndim(found) < 2 else found


def _no_data(parameter: UOp) -> np.ndarray:
    raise NotKnown("the length of a loop around it depends on data")


def _label(
    program: Program,
    model: LaneModel,
    group: int,
    row: int,
    positions: list[tuple[UOp, np.ndarray]],
) -> str:
    if model.is_loop:
        parts = [f"thread {group}"] if math.prod(program.global_size) > 1 else []
    else:
        warps = -(-math.prod(thread_shape(program)) // model.count)
        parts = [f"block {group // warps}"] if program.local_size is not None else []
        parts.append(f"warp {group % warps}")
    for loop, at in positions:
        values = at[min(row, len(at) - 1)]
        name = f"loop {loop.arg[0]}"
        if len(values) > 1 and values[0] != values[-1]:
            parts.append(f"{name} = {values[0]} to {values[-1]}")
        else:
            parts.append(f"{name} = {values[0]}")
    return ", ".join(parts) or "the only one"

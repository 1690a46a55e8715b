"""analyze_access(): what each load and store of a kernel costs in memory sectors, without running.

The kernels come from tinygrad's own code generator for the target (`programs.py`), their index
expressions are evaluated for the lanes of groups (`points.py`, `evaluate.py`), and the sectors of
those addresses are counted (`coalescing.py`).
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from labs import toolchain
from labs.errors import LabError

toolchain.activate()

from tinygrad import Tensor
from tinygrad.helpers import ansistrip
from tinygrad.uop.ops import Ops, UOp

from labs.gpu.access.coalescing import (
    bank_conflicts,
    coalesce_rows,
    count_useful,
    units_touched,
)
from labs.gpu.access.evaluate import Evaluator, NotKnown
from labs.gpu.access.lanes import LaneModel, lane_model
from labs.gpu.access.model import Access, AccessAnalysis, Footprint, KernelAccess
from labs.gpu.access.points import Points, lane_loop, loops_of, points_of
from labs.gpu.access.programs import Expression, Options, Program, programs_of
from labs.gpu.access.sites import Site, inside, sites_of

SAMPLES = 48  # groups evaluated when there are more: a mean of shares settles within a few percent
_INDEX_CHARACTERS = 60


def analyze_access(
    expression: Expression,
    target: str = "CUDA:sm_90",
    opts: Options | None = None,
    *,
    data: Mapping[Tensor, Any] | None = None,
    sector_bytes: int | None = None,
    samples: int = SAMPLES,
    live: bool = False,
) -> AccessAnalysis:
    """The loads and stores of every kernel of an expression, as groups of lanes make them.

    Args:
        expression: a Tensor, a function that returns one, or a Workload of `labs.bench`.
        target: a name in `labs.lowering.TARGETS` or of a device. No hardware is needed.
        opts: tinygrad's Opts in place of its optimiser's choices, for the only kernel; or
            {kernel number: Opts}. [] applies none.
        data: tensors (made with Tensor.empty) -> their content, for addresses that are read from
            memory (a gather). Realized tensors are read by themselves, Workloads bring theirs.
        sector_bytes: in place of the target's own.
        samples: groups evaluated for each access when there are more.
        live: as the device that is open in this process would do it.

    Returns:
        One row per LOAD and STORE. Addresses that can't be told are None, with the reason.

    Raises:
        LoweringError: nothing to analyse, an unknown target, options that tinygrad refuses, or a
            symbolic size without a value.

    Example:
        >>> analyze_access(lambda: Tensor.empty(4096) + 1).efficiency
        1.0
    """
    _require_whole("samples", samples, 2, "the first and the last group are always taken")
    if sector_bytes is not None:
        _require_whole("sector_bytes", sector_bytes, 1, "bytes of the smallest transfer")
    wanted, programs = programs_of(expression, target, opts, data, live)
    model = lane_model(wanted)
    if sector_bytes is not None:
        model = replace(
            model,
            sector_bytes=sector_bytes,
            line_bytes=max(sector_bytes, model.line_bytes),
            source=f"sectors of {sector_bytes} B as asked for",
        )
    return AccessAnalysis(
        target=wanted.name,
        label=wanted.label,
        lanes=model.count,
        lane_meaning=model.meaning,
        sector_bytes=model.sector_bytes,
        line_bytes=model.line_bytes,
        source=model.source,
        kernels=tuple(_kernel(p, model, samples, wanted.language) for p in programs),
    )


def _require_whole(name: str, value: object, least: int, meaning: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise LabError(
            f"Analyse accesses with {name}={value!r}",
            expected=f"a whole number from {least} on: {meaning}",
            got=repr(value),
            next_step=f"leave {name} out",
        )


def _kernel(program: Program, model: LaneModel, samples: int, language: str) -> KernelAccess:
    nests: dict[tuple[tuple[UOp, ...], UOp | None], list[tuple[int, Site]]] = defaultdict(list)
    for number, site in enumerate(sites_of(program.uops)):
        nests[loops_of(site, model), lane_loop(site, model)].append((number, site))
    accesses: list[Access] = []
    footprints: list[Footprint] = []
    for (loops, lanes), sites in nests.items():
        made, bodies = _nest(program, model, loops, lanes, sites, samples)
        accesses += made
        footprints += bodies
    return KernelAccess(
        number=program.number,
        name=program.name,
        options=program.options,
        opts=program.opts,
        source=program.source,
        language=language,
        global_size=program.global_size,
        local_size=program.local_size,
        accesses=tuple(sorted(accesses, key=lambda a: a.number)),
        footprints=tuple(footprints),
        flop=program.flop,
        accessed_bytes=program.accessed_bytes,
        least_bytes=program.least_bytes,
        note=program.note,
    )


def _nest(
    program: Program,
    model: LaneModel,
    loops: tuple[UOp, ...],
    lanes: UOp | None,
    sites: Sequence[tuple[int, Site]],
    samples: int,
) -> tuple[list[Access], list[Footprint]]:
    """The accesses of one loop body."""
    bare = {number: _describe(program, number, site) for number, site in sites}
    try:
        points = points_of(program, model, loops, lanes, samples)
    except NotKnown as why:
        return [replace(a, reason=str(why)) for a in bare.values()], []
    evaluator = Evaluator(points.given, lambda p: program.argument(p).read())
    accesses: list[Access] = []
    together: dict[tuple[str, str], list[tuple[int, np.ndarray, np.ndarray, int]]]
    together = defaultdict(list)
    for number, site in sites:
        try:
            addresses, active, note = evaluate_site(program, site, points, evaluator)
        except NotKnown as why:
            accesses.append(replace(bare[number], reason=str(why)))
            continue
        found = _measure(replace(bare[number], note=note), site, model, points, addresses, active)
        accesses.append(found)
        if not site.is_shared:
            key = (found.buffer, found.kind)
            together[key].append((number, addresses, active, site.bytes_per_lane))
    footprints = []
    shares: dict[int, float | None] = {}
    for (buffer, kind), parts in together.items():
        footprint = _footprint(buffer, kind, parts, model, points)
        footprints.append(footprint)
        shares |= {number: footprint.efficiency for number, *_ in parts}
    finished = [replace(a, footprint_efficiency=shares.get(a.number)) for a in accesses]
    return finished, footprints


def evaluate_site(
    program: Program, site: Site, points: Points, evaluator: Evaluator
) -> tuple[np.ndarray, np.ndarray, str]:
    """Byte addresses and active lanes of one access at all points, both (groups, lanes).

    Raises:
        NotKnown: the address can't be told.
    """
    if site.index is None:
        raise NotKnown("it goes through an image, which has its own layout")
    shape = points.exists.shape
    index = np.broadcast_to(evaluator.scalar(site.index), shape).astype(np.int64)
    active, note = points.exists.copy(), ""
    for gate in site.gates:
        try:
            active &= np.broadcast_to(evaluator.scalar(gate), shape).astype(bool)
        except NotKnown as why:
            note = f"taken as never masked: {why}"
    offset = 0 if site.is_shared else program.argument(site.root).offset_bytes
    return np.where(active, index, 0) * site.itemsize + offset, active, note


def _describe(program: Program, number: int, site: Site) -> Access:
    line, text = _line(program, site)
    return Access(
        number=number,
        kernel=program.number,
        buffer="shared memory" if site.is_shared else program.argument(site.root).name,
        kind=site.kind,
        dtype=site.uop.src[0].dtype.name,
        elements=site.elements,
        bytes_per_lane=site.bytes_per_lane,
        space="shared" if site.is_shared else "global",
        index=_index_text(site),
        line=line,
        text=text,
    )


def _measure(
    access: Access,
    site: Site,
    model: LaneModel,
    points: Points,
    addresses: np.ndarray,
    active: np.ndarray,
) -> Access:
    busy = active.any(axis=1)
    first = int(np.argmax(busy))
    shown = [int(a) if on else None for a, on in zip(addresses[first], active[first], strict=True)]
    common: dict[str, Any] = {
        "lanes": model.count if points.exists.shape[1] > 1 else 1,
        "addresses": tuple(shown),
        "where": points.labels[first],
        "requests": points.executions * float(busy.mean()),
        "groups": len(busy),
        "is_exact": points.is_exact,
    }
    if site.is_shared:
        return replace(access, conflicts=bank_conflicts(shown, site.bytes_per_lane), **common)
    rows = coalesce_rows(
        addresses, active, site.bytes_per_lane, model.sector_bytes, model.line_bytes
    )
    working = [row for row, on in zip(rows, busy, strict=True) if on] or rows[:1]
    return replace(
        access,
        shown=rows[first],
        sectors=_mean([row.sectors for row in working]),
        minimum_sectors=_mean([row.minimum_sectors for row in working]),
        useful_bytes=_mean([row.useful_bytes for row in working]),
        sector_bytes=model.sector_bytes,
        **common,
    )


def _footprint(
    buffer: str,
    kind: str,
    parts: Sequence[tuple[int, np.ndarray, np.ndarray, int]],
    model: LaneModel,
    points: Points,
) -> Footprint:
    useful, sectors, busy = [], [], 0
    for row in range(len(points.labels)):
        starts = [addresses[row][active[row]] for _, addresses, active, _ in parts]
        widths = [np.full(len(s), part[3]) for s, part in zip(starts, parts, strict=True)]
        all_starts, all_widths = np.concatenate(starts), np.concatenate(widths)
        if len(all_starts):
            busy += 1
            useful.append(count_useful(all_starts, all_widths))
            sectors.append(len(units_touched(all_starts, all_widths, model.sector_bytes)))
    return Footprint(
        buffer=buffer,
        kind=kind,
        accesses=len(parts),
        requests=points.executions * busy / len(points.labels),
        useful_bytes=_mean(useful),
        sectors=_mean(sectors),
        sector_bytes=model.sector_bytes,
    )


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if len(values) else 0.0


def _index_text(site: Site) -> str:
    if site.index is None:
        return ""
    read = [u.src[0] for u in inside(site.index) if u.op is Ops.LOAD]
    if read:  # a gather: tinygrad's own text would be the whole graph
        roots = (next((s for s in place.toposort() if s.op is Ops.PARAM), None) for place in read)
        names = sorted({f"data{root.arg.slot}" for root in roots if root is not None})
        return f"read from {', '.join(names) or 'values computed before'}"
    try:
        text = ansistrip(site.index.render(simplify=False))
    except Exception:  # its renderer doesn't know every operation
        text = "UOp("
    if "UOp(" in text:
        return "an expression, see the source"
    return text if len(text) <= _INDEX_CHARACTERS else text[: _INDEX_CHARACTERS - 1] + "…"


def _line(program: Program, site: Site) -> tuple[int | None, str]:
    """Where the source says this access; the first line that has the renderer's words for it."""
    words = program.texts.get(site.uop, "").strip().split("\n")[-1].strip()
    if words:
        for number, line in enumerate(program.source.splitlines(), 1):
            if words in line:
                return number, line.strip()
    return None, ""

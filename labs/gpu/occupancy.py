"""Theoretical occupancy: how many of a multiprocessor's warp slots a kernel can fill, and why.

Four things limit how many blocks are resident on one multiprocessor (SM) at a time: its slots for
warps and for blocks, its registers and its shared memory (a fifth, barriers, rarely). The least
wins:

    warps per block      w = ceil(threads / 32)
    by warps             slots for warps / w
    by registers         4 * ((registers / 4) / (registers of a warp, rounded up to 256)) / w
    by shared memory     shared memory / (static + dynamic + reserved, rounded up to 128 B)
    by blocks            slots for blocks
    by barriers          barriers / barriers of a block
    occupancy            resident blocks * w / slots for warps

with all divisions rounded down. A warp's registers lie in one of four partitions: therefore the
division by 4 first. Source: NVIDIA, cuda_occupancy.h of CUDA 13 (the calculation behind
cudaOccupancyMaxActiveBlocksPerMultiprocessor), and the CUDA C++ Best Practices Guide, "Occupancy".

It is a bound on parallelism, not an estimate of speed.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from labs.errors import LabError
from labs.gpu.capability import WARP, Capability, capability
from labs.gpu.resources import KernelResources
from labs.tables import Table, TableView
from labs.units import format_bytes, format_count, format_percent

WARPS, BLOCKS, REGISTERS, SHARED, BARRIERS = (
    "warp slots",
    "block slots",
    "registers",
    "shared memory",
    "barriers",
)


@dataclass(frozen=True)
class Limit:
    """What one resource allows.

    Args:
        name: one of the words above.
        blocks: resident blocks that it has room for; None when the kernel doesn't use it.
        per_block: what one block takes of it, as it is handed out (rounded up).
        available: what the multiprocessor has of it.
    """

    name: str
    blocks: int | None
    per_block: int
    available: int


@dataclass(frozen=True, repr=False)
class Occupancy(TableView):
    """Theoretical occupancy of one launch on one multiprocessor.

    Args:
        fraction: active warps / warp slots, 0 to 1; 0 when the launch is impossible.
        active_warps, active_blocks: resident at once.
        limiters: the resources that allow the fewest blocks; several when they tie.
        limits: all of them.
        impossible: why such a block can't be launched at all; empty when it can.
    """

    capability: str
    threads: int
    registers: int
    shared_bytes: int
    fraction: float
    active_warps: int
    active_blocks: int
    limiters: tuple[str, ...]
    limits: tuple[Limit, ...]
    warp_slots: int
    impossible: str = ""

    @property
    def percent(self) -> float:
        """100 x fraction."""
        return 100 * self.fraction

    @property
    def limiter(self) -> str:
        """What limits it, in words: "registers", or "registers and warp slots"."""
        return " and ".join(self.limiters)

    def table(self) -> Table:
        rows = tuple(
            (
                limit.name,
                _amount(limit, limit.per_block),
                _amount(limit, limit.available),
                limit.blocks,
                "limits" if limit.name in self.limiters else "",
            )
            for limit in self.limits
        )
        columns = ("resource", "one block takes", "an SM has", "blocks it allows", "")
        title = (
            f"Theoretical occupancy {format_percent(self.fraction)}: {self.active_warps} of "
            f"{self.warp_slots} warps, {self.threads} threads a block, "
            f"compute capability {self.capability}"
        )
        note = self.impossible or f"Limited by {self.limiter}. A bound, not an estimate of speed."
        return Table(title, columns, rows, note)


@dataclass(frozen=True)
class Waves:
    """How a grid is worked off when all its blocks take equally long.

    Args:
        blocks: of the grid.
        blocks_per_wave: resident on the whole GPU at once.
        waves: blocks / blocks_per_wave; the last one is rarely full.
        rounds: waves, rounded up: what the launch takes, in times of one block.
        tail_blocks: blocks in the last wave.
        efficiency: waves / rounds, 0 to 1: what the unfilled last wave leaves of the GPU.
    """

    blocks: int
    blocks_per_wave: int
    waves: float
    rounds: int
    tail_blocks: int
    efficiency: float

    def __str__(self) -> str:
        return (
            f"{format_count(self.blocks)} blocks are {self.waves:.3g} waves of "
            f"{format_count(self.blocks_per_wave)}; the last holds "
            f"{format_count(self.tail_blocks)}: {format_percent(self.efficiency)} of the GPU is "
            "used, if all blocks take equally long (model)"
        )


def occupancy(
    resources: KernelResources,
    device: str | Capability,
    threads: int,
    *,
    dynamic_shared_bytes: int = 0,
) -> Occupancy:
    """Theoretical occupancy of a kernel launched with blocks of this many threads.

    Args:
        resources: registers and shared memory of the kernel (`labs.gpu.cubin.read_kernel`).
        device: a compute capability: "9.0", "sm_90", or a Capability.
        threads: per block, the product of all dimensions.
        dynamic_shared_bytes: shared memory that the launch adds.

    Raises:
        LabError: no thread, a negative size, an unknown capability, or unknown registers.

    Example:
        >>> occupancy(KernelResources("k", "sm_90", 64, 0), "9.0", 256).percent
        50.0
    """
    sm = capability(device)
    threads, dynamic = _whole(threads, "threads", 1), _whole(dynamic_shared_bytes, "bytes", 0)
    registers = _known(resources)
    shared = (resources.shared_bytes or 0) + dynamic
    warps = math.ceil(threads / WARP)
    limits = (
        Limit(WARPS, sm.warps // warps, warps, sm.warps),
        Limit(BLOCKS, sm.blocks, 1, sm.blocks),
        _registers(sm, registers, warps),
        _shared(sm, shared),
        _barriers(sm, resources.barriers or 0),
    )
    impossible = _impossible(sm, resources, threads, registers, warps, dynamic)
    blocks = 0 if impossible else min(x.blocks for x in limits if x.blocks is not None)
    limiters = () if impossible else tuple(x.name for x in limits if x.blocks == blocks)
    return Occupancy(
        capability=sm.name,
        threads=threads,
        registers=registers,
        shared_bytes=shared,
        fraction=blocks * warps / sm.warps,
        active_warps=blocks * warps,
        active_blocks=blocks,
        limiters=limiters,
        limits=limits,
        warp_slots=sm.warps,
        impossible=impossible,
    )


def occupancy_by_threads(
    resources: KernelResources,
    device: str | Capability,
    threads: Iterable[int] | None = None,
    *,
    dynamic_shared_bytes: int = 0,
) -> tuple[Occupancy, ...]:
    """The same kernel with other block sizes: by default every multiple of a warp."""
    sm = capability(device)
    sizes = range(WARP, sm.threads_per_block + 1, WARP) if threads is None else threads
    return tuple(
        occupancy(resources, sm, t, dynamic_shared_bytes=dynamic_shared_bytes) for t in sizes
    )


def occupancy_by_registers(
    resources: KernelResources,
    device: str | Capability,
    threads: int,
    registers: Sequence[int] | None = None,
) -> tuple[Occupancy, ...]:
    """The same launch if the kernel took other numbers of registers: where the next step lies."""
    sm = capability(device)
    counts = range(16, sm.registers_per_thread + 1) if registers is None else registers
    return tuple(occupancy(replace(resources, registers=r), sm, threads) for r in counts)


def waves(blocks: int, multiprocessors: int, active_blocks: int) -> Waves:
    """Waves of a grid: what the last, partly filled one costs (wave quantisation, tail effect).

    Args:
        blocks: of the grid, the product of all dimensions.
        multiprocessors: of the GPU.
        active_blocks: resident on one multiprocessor (`Occupancy.active_blocks`).

    Source: NVIDIA, Deep Learning Performance Guide, "Wave Quantization".

    Example:
        >>> waves(133, 132, 1).efficiency
        0.503...
    """
    blocks = _whole(blocks, "blocks", 1)
    wave = _whole(multiprocessors, "multiprocessors", 1) * _whole(active_blocks, "active_blocks", 1)
    rounds = -(-blocks // wave)
    tail = blocks - (rounds - 1) * wave
    return Waves(blocks, wave, blocks / wave, rounds, tail, blocks / (rounds * wave))


def _registers(sm: Capability, registers: int, warps: int) -> Limit:
    per_warp = _up(registers * WARP, sm.register_unit)
    if not per_warp:
        return Limit(REGISTERS, None, 0, sm.registers)
    in_a_partition = sm.registers // sm.partitions // per_warp
    return Limit(REGISTERS, in_a_partition * sm.partitions // warps, per_warp * warps, sm.registers)


def _shared(sm: Capability, shared: int) -> Limit:
    per_block = _up(shared + sm.reserved_bytes, sm.shared_unit_bytes)
    blocks = sm.shared_bytes // per_block if per_block else None
    return Limit(SHARED, blocks, per_block, sm.shared_bytes)


def _barriers(sm: Capability, barriers: int) -> Limit:
    counted = barriers and sm.barriers
    return Limit(BARRIERS, sm.barriers // barriers if counted else None, barriers, sm.barriers)


def _impossible(
    sm: Capability,
    resources: KernelResources,
    threads: int,
    registers: int,
    warps: int,
    dynamic: int,
) -> str:
    """Why the hardware or the driver refuses such a block; empty when it doesn't."""
    allowed = min(resources.max_threads or sm.threads_per_block, sm.threads_per_block)
    shared = (resources.shared_bytes or 0) + dynamic
    # the hardware checks as if every partition had as many warps as the fullest one
    assumed = _up(registers * WARP, sm.register_unit) * _up(warps, sm.partitions)
    if threads > allowed:
        return f"Impossible: {threads} threads a block, the kernel allows {allowed}."
    if registers > sm.registers_per_thread + 1:
        return f"Impossible: {registers} registers a thread, {sm.registers_per_thread} exist."
    if assumed > sm.registers:
        return f"Impossible: one block needs {assumed:,} registers, an SM has {sm.registers:,}."
    if shared > sm.shared_per_block_bytes:
        return (
            f"Impossible: one block needs {format_bytes(shared)} of shared memory, at most "
            f"{format_bytes(sm.shared_per_block_bytes)} is given to one."
        )
    return ""


def _known(resources: KernelResources) -> int:
    if resources.registers is None:
        raise LabError(
            f"derive the occupancy of {resources.kernel}",
            expected="a kernel whose registers are known",
            got=resources.reason("registers") or "no number of registers",
            next_step="compile it for a CUDA device: the cubin holds the number",
        )
    return _whole(resources.registers, "registers", 0)


def _whole(value: int, what: str, least: int) -> int:
    if isinstance(value, bool) or not hasattr(value, "__index__") or value < least:
        raise LabError(
            "derive an occupancy",
            expected=f"{what}: a whole number of at least {least}",
            got=f"{value!r}",
            next_step="pass the launch's own numbers",
        )
    return int(value)


def _up(value: int, unit: int) -> int:
    return -(-value // unit) * unit


def _amount(limit: Limit, value: int) -> str:
    return format_bytes(value) if limit.name == SHARED else format_count(value)

"""What a group of lanes costs in memory: sectors and lines touched, and how much of them is used.

Pure arithmetic on byte addresses: no kernel, no device. A GPU's memory system fetches whole
sectors, so what counts for a load or store of a warp is how many sectors its lanes touch together.

Source of the rule and of both sizes: NVIDIA, "CUDA C++ Best Practices Guide", section "Coalesced
Access to Global Memory": the accesses of a warp become as many 32-byte transactions as are needed
to serve all its threads. The 128-byte line of four sectors is the one of L1 and L2 in NVIDIA,
"Kernel Profiling Guide" of Nsight Compute, "Memory Tables".
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from labs import units
from labs.errors import LabError
from labs.tables import Table, TableView

SECTOR_BYTES = 32
LINE_BYTES = 128
# 32 banks of 4 bytes. Source: NVIDIA, "CUDA C++ Best Practices Guide", "Shared Memory"
BANKS, BANK_BYTES = 32, 4

Addresses = Sequence[int | None]


@dataclass(frozen=True, repr=False)
class Coalescing(TableView):
    """One load or store of one group of lanes.

    Args:
        lanes: lanes in the group; active_lanes: those whose mask lets them take part.
        bytes_per_lane: what one lane reads or writes, its vector included.
        useful_bytes: distinct bytes that the active lanes read or write. Bytes that several lanes
            read count once.
        sectors, lines: how many are touched.
        minimum_sectors: as many as the useful bytes would fill if they lay side by side.
        touched: numbers of the touched sectors (address // sector_bytes), ascending.
        is_broadcast: several lanes are active and all have the same address.
    """

    lanes: int
    active_lanes: int
    bytes_per_lane: int
    useful_bytes: int
    sectors: int
    lines: int
    minimum_sectors: int
    sector_bytes: int
    line_bytes: int
    touched: tuple[int, ...] = field(repr=False)
    is_broadcast: bool = False

    @property
    def moved_bytes(self) -> int:
        """Bytes of the sectors touched."""
        return self.sectors * self.sector_bytes

    @property
    def efficiency(self) -> float | None:
        """Useful bytes / bytes of the sectors touched, 0 to 1; None when no lane is active.

        A broadcast of 4 bytes moves one sector of 32 and uses 4: 12.5%, although no arrangement of
        the lanes needs fewer sectors. `coalescing` tells the two apart.
        """
        return self.useful_bytes / self.moved_bytes if self.sectors else None

    @property
    def coalescing(self) -> float | None:
        """Fewest sectors for these bytes / sectors touched, 0 to 1: what an arrangement can gain.

        1 for a broadcast: nothing to repair. None when no lane is active.
        """
        return self.minimum_sectors / self.sectors if self.sectors else None

    def table(self) -> Table:
        rows = (
            ("active lanes", f"{self.active_lanes} of {self.lanes}"),
            ("bytes per lane", units.format_bytes(self.bytes_per_lane)),
            ("distinct bytes", units.format_count(self.useful_bytes)),
            (f"sectors of {self.sector_bytes} B touched", self.sectors),
            ("fewest sectors possible", self.minimum_sectors),
            (f"lines of {self.line_bytes} B touched", self.lines),
            ("efficiency (distinct bytes / bytes of sectors)", _percent(self.efficiency)),
        )
        note = "All lanes have the same address: one sector serves them." * self.is_broadcast
        return Table("One access of a group of lanes", ("quantity", "value"), rows, note)


def coalescing_of_addresses(
    addresses: Addresses,
    bytes_per_lane: int,
    sector_bytes: int = SECTOR_BYTES,
    line_bytes: int = LINE_BYTES,
) -> Coalescing:
    """How many sectors one access of a group of lanes touches, and how much of them is used.

    Args:
        addresses: byte address of each lane's first byte; None for a lane that is masked off.
        bytes_per_lane: bytes that each lane accesses from there on.
        sector_bytes, line_bytes: the memory system's units in bytes.

    Raises:
        LabError: no lanes, a negative address, or a size that isn't positive.

    Example:
        >>> coalescing_of_addresses([8 * lane for lane in range(32)], 4).sectors
        8
    """
    lanes = list(addresses)
    for name, value in (
        ("bytes_per_lane", bytes_per_lane),
        ("sector_bytes", sector_bytes),
        ("line_bytes", line_bytes),
    ):
        if not isinstance(value, int | np.integer) or value < 1:
            raise LabError(
                "count the sectors of an access",
                expected=f"{name} as a whole number of bytes above 0",
                got=repr(value),
                next_step="pass 4 for a float32, 16 for a float4",
            )
    active = [a for a in lanes if a is not None]
    if not lanes or any(int(a) != a or a < 0 for a in active):
        raise LabError(
            "count the sectors of an access",
            expected="at least one lane, each with a whole byte address from 0 on, or None",
            got=f"{lanes[:8]}",
            next_step="pass one address per lane, in bytes from the buffer's start",
        )
    given = np.array([0 if a is None else a for a in lanes], dtype=np.int64)
    mask = np.array([a is not None for a in lanes])
    return coalesce_rows(given[None], mask[None], bytes_per_lane, sector_bytes, line_bytes)[0]


def coalesce_rows(
    addresses: np.ndarray,
    active: np.ndarray,
    bytes_per_lane: int,
    sector_bytes: int,
    line_bytes: int,
) -> list[Coalescing]:
    """`coalescing_of_addresses` for many groups: both arrays are (groups, lanes)."""
    return [
        _one(row[mask], len(row), bytes_per_lane, sector_bytes, line_bytes)
        for row, mask in zip(addresses, active, strict=True)
    ]


def _one(
    active: np.ndarray, lanes: int, width: int, sector_bytes: int, line_bytes: int
) -> Coalescing:
    useful = count_useful(active, width)
    sectors = units_touched(active, width, sector_bytes)
    return Coalescing(
        lanes=lanes,
        active_lanes=len(active),
        bytes_per_lane=int(width),
        useful_bytes=useful,
        sectors=len(sectors),
        lines=len(units_touched(active, width, line_bytes)),
        minimum_sectors=-(-useful // sector_bytes),
        sector_bytes=int(sector_bytes),
        line_bytes=int(line_bytes),
        touched=tuple(sectors.tolist()),
        is_broadcast=len(active) > 1 and len(np.unique(active)) == 1,
    )


def count_useful(starts: np.ndarray, width: int | np.ndarray) -> int:
    """Distinct bytes covered by intervals of `width` bytes from each start."""
    if not len(starts):
        return 0
    order = np.argsort(starts, kind="stable")
    begin = starts[order]
    end = begin + (width[order] if isinstance(width, np.ndarray) else width)
    before = np.concatenate(([begin[0]], np.maximum.accumulate(end)[:-1]))
    return int(np.maximum(0, end - np.maximum(begin, before)).sum())


def units_touched(starts: np.ndarray, width: int | np.ndarray, unit: int) -> np.ndarray:
    """Numbers of the units (sectors or lines) that the intervals touch, each once, ascending."""
    if not len(starts):
        return np.empty(0, dtype=np.int64)
    first, last = starts // unit, (starts + width - 1) // unit
    deepest = int((last - first).max()) + 1
    spread = first[:, None] + np.arange(deepest)
    return np.unique(spread[spread <= last[:, None]])


def bank_conflicts(addresses: Addresses, bytes_per_lane: int) -> int:
    """How many passes a shared-memory access of a warp takes beyond what its bytes need, plus one.

    1 is free of conflicts; n means that the busiest bank serves n distinct words one after the
    other. Lanes that read the same word share one pass. Accesses wider than 4 bytes are served in
    parts of 128 bytes (16 lanes of 8 bytes, 8 lanes of 16), each counted by itself; the largest
    counts. Source of the rules: as BANKS; the parts are how NVIDIA's profiler counts them.
    """
    part = max(1, BANKS * BANK_BYTES // max(BANK_BYTES, bytes_per_lane))
    worst = 1
    for start in range(0, len(addresses), part):
        active = [a for a in addresses[start : start + part] if a is not None]
        words = {
            word
            for a in active
            for word in range(a // BANK_BYTES, (a + bytes_per_lane - 1) // BANK_BYTES + 1)
        }
        if words:
            banks = np.bincount([word % BANKS for word in words], minlength=BANKS)
            worst = max(worst, int(banks.max()))
    return worst


def _percent(value: float | None) -> str | None:
    return None if value is None else units.format_percent(value)

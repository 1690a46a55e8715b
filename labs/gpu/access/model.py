"""What the analysis of a kernel's accesses yields, as plain frozen data; imports no tinygrad."""

from dataclasses import dataclass, field

from labs import units
from labs.errors import LoweringError
from labs.gpu.access.coalescing import Coalescing
from labs.tables import Table, TableView


@dataclass(frozen=True, repr=False)
class Access(TableView):
    """One LOAD or STORE of a kernel, as a group of lanes makes it.

    All counts are means over the evaluated groups that have an active lane. Every number about
    addresses is None when the addresses can't be told; `reason` says why.

    Args:
        number: place among the kernel's accesses, in the order of its code.
        kernel: number of the kernel; buffer: "data0" as in the source, or "shared memory".
        kind: "load" or "store". dtype: of one element; elements: in one access of a lane.
        space: "global" or "shared".
        index: the index expression as text. line: of the source, from 1; text: what stands there.
        lanes: in a group; addresses: byte addresses of the shown group's lanes from the start of
            the buffer's block, None for a masked lane. where: which group that is.
        shown: what that group touches; None for shared memory.
        requests: how often a group with an active lane makes this access in one run.
        sectors, minimum_sectors, useful_bytes: of one request.
        footprint_efficiency: useful bytes / bytes of sectors of all accesses of this kind to this
            buffer in the same loop body together, when a cache keeps sectors from one to the next.
        conflicts: passes through the banks of shared memory, 1 is free of conflicts; None for
            global memory.
        groups: how many were evaluated; is_exact: those are all.
        note: what was assumed.
    """

    number: int
    kernel: int
    buffer: str
    kind: str
    dtype: str
    elements: int
    bytes_per_lane: int
    space: str
    index: str
    line: int | None = None
    text: str = ""
    lanes: int = 0
    addresses: tuple[int | None, ...] | None = field(default=None, repr=False)
    where: str = ""
    shown: Coalescing | None = None
    requests: float | None = None
    sectors: float | None = None
    minimum_sectors: float | None = None
    useful_bytes: float | None = None
    sector_bytes: int = 32
    footprint_efficiency: float | None = None
    conflicts: int | None = None
    groups: int = 0
    is_exact: bool = True
    reason: str = ""
    note: str = ""

    @property
    def efficiency(self) -> float | None:
        """Useful bytes / bytes of the sectors touched, 0 to 1; useful: distinct bytes of a group.

        A broadcast uses 4 bytes of its one sector: 12.5%. See `coalescing`.
        """
        return self.useful_bytes / (self.sectors * self.sector_bytes) if self.sectors else None

    @property
    def coalescing(self) -> float | None:
        """Fewest sectors possible / sectors touched, 0 to 1: 1 for a broadcast."""
        return self.minimum_sectors / self.sectors if self.sectors else None

    @property
    def moved_bytes(self) -> float | None:
        """Bytes of the sectors of all requests of one run, each counted every time."""
        return None if self.sectors is None else self.sectors * self.sector_bytes * self.requests

    def table(self) -> Table:
        return Table("", COLUMNS, (row_of(self),), self.reason or self.note)


@dataclass(frozen=True)
class Footprint:
    """What all accesses of one kind to one buffer in one loop body touch together.

    Args:
        requests: how often a group runs that body; useful_bytes, sectors: of one time.
    """

    buffer: str
    kind: str
    accesses: int
    requests: float
    useful_bytes: float
    sectors: float
    sector_bytes: int

    @property
    def efficiency(self) -> float | None:
        return self.useful_bytes / (self.sectors * self.sector_bytes) if self.sectors else None

    @property
    def moved_bytes(self) -> float:
        return self.sectors * self.sector_bytes * self.requests


@dataclass(frozen=True, repr=False)
class KernelAccess(TableView):
    """The accesses of one kernel.

    Args:
        options: the optimiser's choices in words; opts: the same as tinygrad's Opts.
        flop, accessed_bytes, least_bytes: tinygrad's estimates `ops`, `lds` and `mem` of this
            kernel: `mem` counts each byte of a buffer at most once.
    """

    number: int
    name: str
    options: tuple[str, ...]
    opts: tuple[object, ...] = field(repr=False)
    source: str = field(repr=False)
    language: str
    global_size: tuple[int, ...]
    local_size: tuple[int, ...] | None
    accesses: tuple[Access, ...]
    footprints: tuple[Footprint, ...]
    flop: int
    accessed_bytes: int
    least_bytes: int
    note: str = ""

    @property
    def reason(self) -> str:
        """Why the totals are None; empty when they aren't."""
        unknown = [a for a in self.accesses if a.space == "global" and a.reason]
        return f"{unknown[0].kind} of {unknown[0].buffer}: {unknown[0].reason}" if unknown else ""

    @property
    def efficiency(self) -> float | None:
        """Useful / moved bytes of all requests to global memory, weighted by how often each runs.

        Every request counts its own sectors, as if no cache kept them for the next one.
        """
        if self.reason:
            return None
        return _ratio([(a.useful_bytes * a.requests, a.moved_bytes) for a in self._counted])

    @property
    def coalescing(self) -> float | None:
        """Fewest sectors possible / sectors touched, weighted alike; a broadcast counts as 1."""
        if self.reason:
            return None
        return _ratio(
            [(a.minimum_sectors * a.requests, a.sectors * a.requests) for a in self._counted]
        )

    @property
    def footprint_efficiency(self) -> float | None:
        """The same with the accesses of a loop body to one buffer taken together.

        What memory has to deliver when the first-level cache keeps a sector from one instruction of
        the body to the next.
        """
        if self.reason:
            return None
        return _ratio([(f.useful_bytes * f.requests, f.moved_bytes) for f in self.footprints])

    @property
    def moved_bytes(self) -> float | None:
        """Bytes of the sectors that all requests touch, each counted every time."""
        return None if self.reason else sum(a.moved_bytes for a in self._counted)

    @property
    def footprint_bytes(self) -> float | None:
        """Bytes of the sectors that the loop bodies touch, each counted once in a body."""
        return None if self.reason else sum(f.moved_bytes for f in self.footprints)

    @property
    def _counted(self) -> list[Access]:
        return [a for a in self.accesses if a.space == "global" and a.sectors]

    def table(self) -> Table:
        rows = tuple(row_of(a) for a in self.accesses)
        options = ", ".join(self.options) or "none"
        title = f"{self.name}: efficiency {_percent(self.efficiency) or 'not known'}"
        return Table(title, COLUMNS, rows, f"Options: {options}. {self.reason or self.note}")


@dataclass(frozen=True, repr=False)
class AccessAnalysis(TableView):
    """How the kernels of an expression go through memory on one target. Nothing was run.

    Args:
        target, label: the target, and the same for people.
        lanes: in a group; lane_meaning: what a lane is there.
        sector_bytes, line_bytes: the memory's units; source: where they are from.
    """

    target: str
    label: str
    lanes: int
    lane_meaning: str
    sector_bytes: int
    line_bytes: int
    source: str
    kernels: tuple[KernelAccess, ...]

    @property
    def accesses(self) -> tuple[Access, ...]:
        return tuple(a for k in self.kernels for a in k.accesses)

    @property
    def efficiency(self) -> float | None:
        """Useful / moved bytes of all requests of all kernels; None when one isn't known."""
        if self.reason:
            return None
        return _ratio(
            [(a.useful_bytes * a.requests, a.moved_bytes) for k in self.kernels for a in k._counted]
        )

    @property
    def footprint_efficiency(self) -> float | None:
        """The same with the accesses of a loop body to one buffer taken together."""
        if self.reason:
            return None
        bodies = [f for k in self.kernels for f in k.footprints]
        return _ratio([(f.useful_bytes * f.requests, f.moved_bytes) for f in bodies])

    @property
    def reason(self) -> str:
        """Why the totals are None; empty when they aren't."""
        return next((k.reason for k in self.kernels if k.reason), "")

    def find(self, kind: str = "load", buffer: str | None = None, kernel: int = 0) -> Access:
        """The first access of that kind to that buffer ("data1") in a kernel.

        Raises:
            LoweringError: there is none.
        """
        found = [
            a
            for a in self.accesses
            if a.kernel == kernel and a.kind == kind and buffer in (None, a.buffer)
        ]
        if not found:
            there = ", ".join(f"{a.kind} of {a.buffer} in kernel {a.kernel}" for a in self.accesses)
            raise LoweringError(
                f"Find a {kind} of {buffer or 'any buffer'} in kernel {kernel}",
                expected=f"one of: {there}",
                got="no such access",
            )
        return found[0]

    def table(self) -> Table:
        rows = tuple(row_of(a) for a in self.accesses)
        total, together = _percent(self.efficiency), _percent(self.footprint_efficiency)
        title = f"Memory accesses on {self.label}: "
        title += f"{total} of the bytes moved are used" if total else "how many bytes move is open"
        notes = [
            f"{self.lane_meaning}. Sizes: {self.source}.",
            "Efficiency: distinct bytes of a group / bytes of the sectors it touches, each access "
            "by itself.",
            f"Accesses of a loop body taken together: {together}." if together else "",
            "Nothing was run.",
            *(k.note for k in self.kernels),
        ]
        return Table(title, COLUMNS, rows, " ".join(n for n in dict.fromkeys(notes) if n))


COLUMNS = (
    "kernel",
    "access",
    "type",
    "bytes per lane",
    "active lanes",
    "sectors",
    "fewest",
    "efficiency",
    "requests",
    "index",
    "remarks",
)


def row_of(access: Access) -> tuple[object, ...]:
    vector = f" x{access.elements}" if access.elements > 1 else ""
    shown = access.shown
    active = None if access.addresses is None else sum(a is not None for a in access.addresses)
    return (
        access.kernel,
        f"{access.kind} {access.buffer}",
        access.dtype + vector,
        access.bytes_per_lane,
        None if active is None else f"{active} of {access.lanes}",
        _number(access.sectors),
        _number(access.minimum_sectors),
        _percent(access.efficiency),
        units.format_count(access.requests),
        access.index,
        "; ".join(filter(None, (_remark(access, shown), access.note, access.reason))),
    )


def _remark(access: Access, shown: Coalescing | None) -> str:
    if access.conflicts is not None:
        return f"banks: {access.conflicts} passes" if access.conflicts > 1 else "no bank conflict"
    if shown is not None and shown.is_broadcast:
        return "broadcast: one sector serves all lanes"
    if access.sectors and not access.is_exact:
        return f"mean of {access.groups} sampled groups"
    return ""


def _ratio(parts: list[tuple[float, float]]) -> float | None:
    moved = sum(m for _, m in parts)
    return sum(u for u, _ in parts) / moved if moved else None


def _percent(value: float | None) -> str | None:
    return None if value is None else units.format_percent(value)


def _number(value: float | None) -> str | None:
    return None if value is None else f"{value:.4g}"

"""What a guard has found, as data."""

from dataclasses import dataclass

from labs import units
from labs.tables import Table, TableView

KINDS = {
    "behind": "written behind the end of a buffer",
    "in front": "written in front of a buffer",
    "after free": "written into memory that had been freed",
    "double free": "freed a second time",
    "overlap": "handed out while a part of it was in use",
    "views": "a view doesn't begin where it was asked to",
}


@dataclass(frozen=True)
class Finding:
    """One misuse of memory.

    Args:
        kind: a key of KINDS.
        device: whose memory.
        block: number of the buffer, in the order of allocation; size_bytes: as it was asked for.
        bytes: how many were changed; distance_bytes: from the edge of the buffer to the first of
            them (to the last in front of it), or its place in memory that had been freed.
        writer: the kernel or copy after which it was seen first; empty where that isn't known.
        place, code: the line of the reader's code that allocated it.
    """

    kind: str
    device: str
    block: int
    size_bytes: int
    bytes: int = 0
    distance_bytes: int = 0
    writer: str = ""
    place: str = ""
    code: str = ""
    message: str = ""

    def __str__(self) -> str:
        text = f"buffer {self.block} ({units.format_bytes(self.size_bytes)}) on {self.device}: "
        text += KINDS[self.kind]
        if self.bytes:
            text += f", {self.bytes} bytes, {self.distance_bytes} from its edge"
        text += f", by {self.writer}" if self.writer else ""
        text += f"; allocated in {self.place}" if self.place else ""
        return text + (f"; {self.message}" if self.message else "")


@dataclass(frozen=True, repr=False)
class GuardReport(TableView):
    """What happened to the memory of devices while a guard was active.

    Args:
        guarded: buffers that were given red zones; unguarded: special ones that were not.
        checks: how often the red zones were looked at.
        zone_bytes: behind each buffer, and in front where `notes` doesn't say otherwise.
        notes: what this guard couldn't see on this device.
    """

    devices: tuple[str, ...]
    findings: tuple[Finding, ...]
    guarded: int
    unguarded: int
    checks: int
    zone_bytes: int
    notes: tuple[str, ...]

    @property
    def clean(self) -> bool:
        """Nothing was found."""
        return not self.findings

    def table(self) -> Table:
        rows = tuple(
            (
                f.device,
                KINDS[f.kind],
                f"{f.block}: {units.format_bytes(f.size_bytes)}",
                f.bytes or None,
                f.distance_bytes if f.bytes else None,
                f.writer or None,
                "\n".join(t for t in (f.place, f.code, f.message) if t) or None,
            )
            for f in self.findings
        )
        columns = ("device", "what", "buffer", "bytes", "from its edge", "writer", "allocated in")
        found = f"{len(rows)} finding{'s' if len(rows) != 1 else ''}" if rows else "nothing wrong"
        title = f"Guard on {', '.join(self.devices)}: {found}"
        zone = units.format_bytes(self.zone_bytes)
        note = f"{self.guarded} buffers with red zones of {zone}, checked {self.checks} times"
        note += f"; {self.unguarded} special ones left alone" if self.unguarded else ""
        return Table(title, columns, rows, " ".join([note + ".", *self.notes]))

"""What one multiprocessor (SM) of each NVIDIA generation has to give, by compute capability.

Source of the sizes: NVIDIA, CUDA C++ Programming Guide 13.x, appendix "Compute Capabilities", table
"Technical Specifications per Compute Capability". Source of the units in which they
are handed out, of the four partitions and of the barriers: NVIDIA, cuda_occupancy.h of CUDA 13,
the header behind the occupancy functions of the CUDA runtime.
"""

import re
from dataclasses import dataclass

from labs.errors import LabError

WARP = 32  # threads that execute together, on every NVIDIA GPU so far
_KIB = 1024


@dataclass(frozen=True)
class Capability:
    """The limits of one multiprocessor.

    Args:
        name: the compute capability ("9.0").
        warps: resident at once, at most.
        blocks: resident at once, at most.
        shared_bytes: shared memory of the multiprocessor, at the largest split from L1.
        shared_per_block_bytes: of it one block may have, when its launch asks for more than 48 KiB.
        shared_unit_bytes: shared memory is handed out in multiples of this.
        reserved_bytes: the driver takes this much of every block's share.
        barriers_per_block: barriers of the multiprocessor, divided by `blocks`; 0 where NVIDIA
            counts none (before 9.0).
        registers: 32-bit registers, in `partitions` that share nothing.
        register_unit: a warp gets a multiple of this many registers.
    """

    name: str
    warps: int
    blocks: int
    shared_bytes: int
    shared_per_block_bytes: int
    shared_unit_bytes: int = 128
    reserved_bytes: int = 1024
    barriers_per_block: int = 0
    registers: int = 65536
    registers_per_thread: int = 255
    register_unit: int = 256
    partitions: int = 4
    threads_per_block: int = 1024

    @property
    def threads(self) -> int:
        """Resident at once, at most."""
        return self.warps * WARP

    @property
    def barriers(self) -> int:
        """Of the multiprocessor, for all resident blocks."""
        return self.blocks * self.barriers_per_block


def _row(
    name: str, warps: int, blocks: int, shared_kib: int, per_block_kib: int, **others: int
) -> Capability:
    return Capability(name, warps, blocks, shared_kib * _KIB, per_block_kib * _KIB, **others)


# before compute capability 8 nothing is reserved, and the unit is larger
_VOLTA = {"shared_unit_bytes": 256, "reserved_bytes": 0}

CAPABILITIES: dict[str, Capability] = {
    row.name: row
    for row in (
        _row("7.0", 64, 32, 96, 96, **_VOLTA),  # V100
        _row("7.5", 32, 16, 64, 64, **_VOLTA),  # T4, RTX 20
        _row("8.0", 64, 32, 164, 163),  # A100
        _row("8.6", 48, 16, 100, 99),  # A10, RTX 30
        _row("8.7", 48, 16, 164, 163),  # Orin
        _row("8.9", 48, 24, 100, 99),  # L4, RTX 40
        _row("9.0", 64, 32, 228, 227, barriers_per_block=2),  # H100, H200
        _row("10.0", 64, 32, 228, 227, barriers_per_block=2),  # B200
        _row("10.3", 64, 32, 228, 227, barriers_per_block=1),  # B300
        _row("11.0", 48, 24, 228, 227, barriers_per_block=1),  # Thor
        _row("12.0", 48, 24, 100, 99, barriers_per_block=1),  # RTX 50
        _row("12.1", 48, 24, 100, 99, barriers_per_block=1),  # GB10
    )
}


def capability(name: str | Capability) -> Capability:
    """The limits for a compute capability, written as "9.0", "sm_90", "sm_90a" or "90".

    Raises:
        LabError: for one that is not in the table.
    """
    if isinstance(name, Capability):
        return name
    match = re.fullmatch(r"(?:sm_|compute_)?(\d+?)\.?(\d)[af]?", str(name).strip().lower())
    key = f"{match[1]}.{match[2]}" if match else ""
    if key not in CAPABILITIES:
        raise LabError(
            f"look up the compute capability {name!r}",
            expected=f"one of {', '.join(CAPABILITIES)}, or such as 'sm_90a'",
            got="a capability that the table does not have" if match else "no compute capability",
            next_step="GPUs of other vendors have other limits: occupancy is not derived for them",
        )
    return CAPABILITIES[key]

"""Who runs side by side on a target, and in which units its memory moves."""

from dataclasses import dataclass

from labs.gpu.access.coalescing import LINE_BYTES, SECTOR_BYTES
from labs.lowering.targets import Target

_WARP = "A lane is a thread: 32 with consecutive thread ids make a warp (CUDA Programming Guide)"
_YARDSTICK = (
    "sectors of 32 B and lines of 128 B are NVIDIA's, used here as a yardstick: this target's "
    "hardware may differ"
)
_CPU_LINE = 64


@dataclass(frozen=True)
class LaneModel:
    """How the accesses of a target are grouped.

    Args:
        count: lanes in a group.
        meaning: what a lane is, one sentence.
        is_loop: lanes are consecutive rounds of the innermost loop, not threads.
        sector_bytes: the smallest amount that memory moves; line_bytes: a cache line.
        source: where the numbers are from, or why they are only a yardstick.
    """

    count: int
    meaning: str
    is_loop: bool
    sector_bytes: int
    line_bytes: int
    source: str


def lane_model(target: Target) -> LaneModel:
    """Lanes and memory units of a target of `labs.lowering`."""
    device = target.device
    if device in ("CUDA", "NV"):
        source = "NVIDIA, CUDA C++ Best Practices Guide: 32-byte transactions"
        return LaneModel(32, _WARP, False, SECTOR_BYTES, LINE_BYTES, source)
    if device in ("AMD", "HIP"):
        # RDNA (gfx10 and later) runs waves of 32, CDNA and GCN (gfx9) waves of 64. Source: AMD,
        # "RDNA Architecture" white paper, "HIP programming guide", warpSize
        count = 64 if target.arch.startswith("gfx9") else 32
        meaning = f"A lane is a work item: {count} consecutive ones make a wave"
        return LaneModel(count, meaning, False, SECTOR_BYTES, LINE_BYTES, _YARDSTICK)
    if device == "EDGE":
        meaning = "A lane is one of 16 consecutive rounds of the innermost loop around the access"
        source = "a Cortex-M4 has no data cache: its 32-bit bus moves 4 bytes at a time"
        return LaneModel(16, meaning, True, 4, 4, source)
    if _loops(target):
        meaning = (
            "A lane is one of 16 consecutive rounds of the innermost loop around the access (one "
            "core runs them one after the other); each moves its whole vector"
        )
        source = "a CPU fetches whole cache lines, of 64 B on x86 and most Arm (Apple: 128 B)"
        return LaneModel(16, meaning, True, _CPU_LINE, _CPU_LINE, source)
    meaning = (
        "A lane is a work item: 32 with consecutive local ids, as GPUs group them (a CPU that "
        "runs this language loops over them instead)"
    )
    return LaneModel(32, meaning, False, SECTOR_BYTES, LINE_BYTES, _YARDSTICK)


def _loops(target: Target) -> bool:
    """Whether the target runs its kernels as loops of a processor."""
    return target.device in ("CPU", "ELECTRICAL", "DSP") or target.language == "C"

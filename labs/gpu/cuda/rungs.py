"""The hand-written ladder as a reader climbs it: what each rung changes, and why it should help."""

from dataclasses import dataclass

from labs.errors import LabError
from labs.gpu.cuda.matmul import RUNGS
from labs.gpu.cuda.source import kernel_text


@dataclass(frozen=True)
class Rung:
    """One rung.

    Args:
        name: of `matmul_<name>.cu`.
        change: what it does differently from the rung below.
        reason: why that should be faster.
        limit: what holds it back then.
    """

    name: str
    title: str
    change: str
    reason: str
    limit: str

    @property
    def source(self) -> str:
        """The kernel's text."""
        return kernel_text(f"matmul_{self.name}")


LADDER = (
    Rung(
        "naive",
        "one thread per element",
        "nothing yet: neighbouring threads take neighbouring rows",
        "it is the formula written down",
        "a warp's 32 loads and stores touch 32 different sectors",
    ),
    Rung(
        "coalesced",
        "lanes side by side",
        "neighbouring threads take neighbouring columns",
        "a warp reads 128 bytes in a row, 4 sectors instead of 32",
        "two loads for each multiply-add",
    ),
    Rung(
        "shared",
        "tile in shared memory",
        "a block loads 32 x 32 tiles once and uses each number 32 times",
        "32 times fewer loads from L2 and device memory",
        "still two loads for each multiply-add, from shared memory now",
    ),
    Rung(
        "register",
        "tile in registers",
        "a thread computes 8 x 8 elements instead of one",
        "16 loads serve 64 multiply-adds",
        "loads of 4 bytes, and everybody waits while a tile is loaded",
    ),
    Rung(
        "vector",
        "16-byte loads, double buffer",
        "all loads and stores are 16 bytes wide; the next tile is loaded during this one",
        "a quarter of the load instructions, and memory's latency is hidden",
        "the multiply-adds themselves: 128 of them per cycle and multiprocessor",
    ),
    Rung(
        "mma",
        "tensor cores",
        "one instruction of a warp does 16 x 8 x 16 multiply-adds; cp.async fills 4 stages",
        "one instruction in the place of 64: tensor cores do 16 times the work in a cycle",
        "every operand goes through registers, and one warp at a time waits for its own",
    ),
    Rung(
        "wgmma",
        "Hopper: wgmma fed by TMA",
        "4 warps multiply 64 x 256 x 16 straight from shared memory; a copy engine fills it",
        "no load instructions, no addresses, no registers for operands",
        "the tensor cores wait at each step's barrier, and while results are stored",
    ),
    Rung(
        "hopper",
        "Hopper: division of labour",
        "one warpgroup loads, two multiply; pairs of blocks share loads; blocks stay and take "
        "tile after tile",
        "loads, products and stores overlap, and L2 is read less",
        "power: the GPU lowers its clock to stay within its limit",
    ),
)
assert tuple(r.name for r in LADDER) == RUNGS


def rung(name: str) -> Rung:
    """A rung by its name.

    Raises:
        LabError: for an unknown one.
    """
    for item in LADDER:
        if item.name == name:
            return item
    raise LabError(
        f"look up the rung '{name}'",
        expected=f"one of {', '.join(RUNGS)}",
        got=repr(name),
        next_step="choose one from that list",
    )

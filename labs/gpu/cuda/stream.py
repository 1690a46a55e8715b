"""The streaming kernels (copy, x + 1, x + y, sum) and the transpose: how each is launched."""

import math

from labs.errors import LabError
from labs.gpu.cuda.launch import Launch

STREAMS = ("copy", "add_one", "add", "sum", "transpose")
EACH = {"copy": 1, "add_one": 1, "add": 1, "sum": 16}
TILE = 64
_STREAM_THREADS, _SUM_THREADS = 256, 512
_SUM_BLOCKS = 4  # for each multiprocessor


def stream_launch(
    name: str, n: int, *, multiprocessors: int = 132, tuning: dict[str, int] | None = None
) -> Launch:
    """How a streaming kernel is launched.

    Args:
        name: one of STREAMS.
        n: float32 elements; of the transpose: rows and columns.

    Raises:
        LabError: for an unknown name, or a size that a block's share doesn't divide.
    """
    if name not in STREAMS:
        raise LabError(
            f"launch the streaming kernel '{name}'",
            expected=f"one of {', '.join(STREAMS)}",
            got=repr(name),
            next_step="choose one from that list",
        )
    tuning = tuning or {}
    if name == "transpose":
        t = {"TILE": TILE, "DIAGONAL": 0} | tuning
        _require_multiple(name, n, t["TILE"])
        blocks = n // t["TILE"]
        return Launch("transpose", (blocks, blocks, 1), 256, {"N": n} | t)
    each = tuning.get("EACH", EACH[name])
    threads = _SUM_THREADS if name == "sum" else _STREAM_THREADS
    share = each * threads * 4
    _require_multiple(name, n, share)
    defines = {"N": n} | tuning | {"EACH": each}
    if name == "sum":
        blocks = min(n // share, multiprocessors * tuning.get("BLOCKS", _SUM_BLOCKS))
        scratch = (blocks * 4, 4)
        return Launch("stream_sum", (blocks, 1, 1), threads, defines, scratch_bytes=scratch)
    return Launch("stream", (n // share, 1, 1), threads, defines, entry=f"stream_{name}")


def stream_bytes(name: str, n: int) -> int:
    """The bytes that must be moved at least: each input read once, each result written once."""
    count = n * n if name == "transpose" else n
    return 4 * count * {"add": 3, "sum": 1}.get(name, 2)


def _require_multiple(name: str, n: int, share: int) -> None:
    if n < share or n % share:
        raise LabError(
            f"run '{name}' over {n}",
            expected=f"a multiple of {share}",
            got=str(n),
            next_step=f"take {max(share, math.ceil(n / share) * share)}",
        )

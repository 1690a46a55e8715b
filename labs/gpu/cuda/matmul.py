"""The matmul kernels: for each, which sizes it takes and how it is launched.

C[m][n] = A[m][k] @ B[k][n], all row-major. The sizes are compiled in. The tiles were chosen by
measuring on an H100 (`benchmarks/gpu/`); `tuning` overrides them.
"""

import math
from typing import TYPE_CHECKING

from labs.errors import LabError
from labs.gpu.cuda.launch import Box, Launch, LoadedKernel, capability

if TYPE_CHECKING:
    from tinygrad import Tensor

DTYPES = ("float32", "float16", "bfloat16")
SIMPLE = ("naive", "coalesced", "shared", "register", "vector")
TENSOR_CORES = ("mma", "wgmma", "hopper")
RUNGS = (*SIMPLE, *TENSOR_CORES)

VECTOR = {"WARPS_M": 1, "WARPS_N": 4, "EACH_M": 16, "EACH_N": 8, "DEPTH": 8, "BLOCKS": 2}
MMA = {"WARPS_M": 2, "WARPS_N": 2, "WARP_M": 64, "WARP_N": 64, "STAGES": 4}
HOPPER = {"STAGES": 4, "STORE_N": 128, "CLUSTER": 2, "GROUP": 8}
_WGMMA_STAGES = 4


def matmul_launch(
    rung: str,
    m: int,
    n: int,
    k: int,
    dtype: str = "float32",
    *,
    multiprocessors: int = 132,
    tuning: dict[str, int] | None = None,
) -> Launch:
    """How this rung multiplies matrices of this size.

    Args:
        rung: one of RUNGS.
        dtype: "float32" (up to "vector"), "float16" (all), "bfloat16" (tensor cores).
        multiprocessors: of the GPU: "hopper" starts one block on each.
        tuning: macros instead of this module's choices.

    Raises:
        LabError: for an unknown rung, a dtype it doesn't have, or sizes its tiles don't divide.
    """
    _require_choice("rung", rung, RUNGS)
    dtypes = ("float32", "float16") if rung in SIMPLE else ("float16", "bfloat16")
    _require_choice(f"dtype of rung '{rung}'", dtype, dtypes)
    half = int(dtype != "float32")
    defines = {"M": m, "N": n, "K": k, "HALF": half, "BFLOAT16": int(dtype == "bfloat16")}
    make = {
        "naive": _simple,
        "coalesced": _simple,
        "shared": _simple,
        "register": _simple,
        "vector": _vector,
        "mma": _mma,
        "wgmma": _wgmma,
        "hopper": _hopper,
    }[rung]
    return make(rung, m, n, k, defines, tuning or {}, multiprocessors)


def matmul(a: "Tensor", b: "Tensor", rung: str = "hopper") -> "Tensor":
    """The product of two matrices on a CUDA device, computed by one of the hand-written kernels.

    Args:
        a: shape (m, k); b: shape (k, n); both of one dtype on one device. They are realized.

    Returns:
        Realized tensor of shape (m, n) and the same dtype.

    Raises:
        LabError: for sizes, dtypes or a rung that don't go together.
        DeviceError: without an NVIDIA GPU, or with one that is too old for the rung.
    """
    from tinygrad import Tensor

    from labs.gpu.compiled import cuda_multiprocessors

    device = str(a.device)
    capability(device)  # says what is missing before anything is computed

    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[0] or a.dtype != b.dtype:
        raise LabError(
            "multiply two matrices",
            expected="shapes (m, k) and (k, n), one dtype",
            got=f"{a.shape} {a.dtype.name} and {b.shape} {b.dtype.name}",
            next_step="check the shapes, or cast one of them",
        )
    (m, k), n = a.shape, b.shape[1]
    name = {"float": "float32", "half": "float16", "__bf16": "bfloat16"}.get(
        a.dtype.name, a.dtype.name
    )
    launch = matmul_launch(rung, m, n, k, name, multiprocessors=cuda_multiprocessors(device))
    result = Tensor.empty(m, n, dtype=a.dtype, device=a.device).contiguous().realize()
    result.uop.buffer.ensure_allocated()
    LoadedKernel(launch, result, a.contiguous().realize(), b.contiguous().realize())(wait=True)
    return result


def _simple(rung, m, n, k, defines, tuning, multiprocessors) -> Launch:
    rows, columns, threads = {
        "naive": (32, 8, 256),
        "coalesced": (8, 32, 256),
        "shared": (32, 32, 1024),
        "register": (128, 128, 256),
    }[rung]
    depth = {"shared": 32, "register": 8}.get(rung, 1)
    _require_tiles(rung, (m, n, k), (rows, columns, depth))
    grid = (n // columns, m // rows, 1)
    return Launch(f"matmul_{rung}", grid, threads, defines)


def _vector(rung, m, n, k, defines, tuning, multiprocessors) -> Launch:
    t = VECTOR | tuning
    rows, columns = t["WARPS_M"] * 8 * t["EACH_M"], t["WARPS_N"] * 4 * t["EACH_N"]
    _require_tiles(rung, (m, n, k), (rows, columns, t["DEPTH"]))
    shared = 2 * t["DEPTH"] * (rows + 4 + columns) * 4
    threads = t["WARPS_M"] * t["WARPS_N"] * 32
    grid = (n // columns, m // rows, 1)
    return Launch(f"matmul_{rung}", grid, threads, defines | t, shared_bytes=shared)


def _mma(rung, m, n, k, defines, tuning, multiprocessors) -> Launch:
    t = MMA | tuning
    rows, columns = t["WARPS_M"] * t["WARP_M"], t["WARPS_N"] * t["WARP_N"]
    _require_tiles(rung, (m, n, k), (rows * 8, columns, 32))  # 8 rows of tiles form a group
    return Launch(
        f"matmul_{rung}",
        (m // rows * (n // columns), 1, 1),
        t["WARPS_M"] * t["WARPS_N"] * 32,
        defines | t,
        shared_bytes=t["STAGES"] * (rows + columns) * 32 * 2,
        least_capability=(8, 0),
    )


def _wgmma(rung, m, n, k, defines, tuning, multiprocessors) -> Launch:
    _require_tiles(rung, (m, n, k), (128 * 8, 256, 64))
    return Launch(
        f"matmul_{rung}",
        (m // 128 * (n // 256), 1, 1),
        256,
        defines,
        shared_bytes=_WGMMA_STAGES * (128 + 256) * 64 * 2,
        wgmma_columns=256,
        least_capability=(9, 0),
        maps=_input_boxes(m, n, k),
    )


def _hopper(rung, m, n, k, defines, tuning, multiprocessors) -> Launch:
    t = HOPPER | tuning
    _require_tiles(rung, (m, n, k), (128 * t["CLUSTER"], 256, 64))
    tiles = m // (128 * t["CLUSTER"]) * (n // 256)
    clusters = min(tiles, multiprocessors // t["CLUSTER"])
    return Launch(
        f"matmul_{rung}",
        (clusters * t["CLUSTER"], 1, 1),
        384,
        defines | t,
        shared_bytes=t["STAGES"] * (128 + 256) * 64 * 2 + 2 * 64 * t["STORE_N"] * 2,
        wgmma_columns=256,
        least_capability=(9, 0),
        maps=_input_boxes(m, n, k, t["CLUSTER"]) + (Box(0, (n, m), (n * 2,), (64, 64)),),
    )


def _input_boxes(m: int, n: int, k: int, cluster: int = 1) -> tuple[Box, ...]:
    # B in slabs of 64 columns, so that one copy brings several, each with rows of 128 bytes
    slabs = Box(2, (64, k, n // 64), (n * 2, 128), (64, 64, 256 // 64 // cluster))
    return Box(1, (k, m), (k * 2,), (64, 128)), slabs


def _require_choice(what: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise LabError(
            f"choose the {what}",
            expected=f"one of {', '.join(known)}",
            got=repr(value),
            next_step="choose one from that list",
        )


def _require_tiles(rung: str, sizes: tuple[int, ...], tiles: tuple[int, ...]) -> None:
    wrong = [f"{s} for {t}" for s, t in zip(sizes, tiles, strict=True) if s < t or s % t]
    if wrong:
        raise LabError(
            f"multiply {sizes[0]} x {sizes[2]} by {sizes[2]} x {sizes[1]} with rung '{rung}'",
            expected=f"m, n, k as multiples of {tiles}",
            got=", ".join(wrong),
            next_step=f"use multiples of {math.lcm(*tiles)}, or pad with zeros",
        )

"""The judges of notebook 03: fresh questions for each check, and what is wrong with an answer.

Nothing measured is graded, because the reader's own process could measure anything. Options are
judged by what they make of a kernel: it is written here for a target, counted, and never run.
"""

from functools import cache

import numpy as np

from labs.grading.checks.choices import judge_choices
from labs.grading.compare import expect_close, expect_equal, expect_type
from labs.grading.judges import Wrong, judge

# **************** 3.1 Two numbers and a roof ****************

# (FLOP/s, B/s): a laptop's core, a laptop, an H100 without and with tensor cores
_ROOFS = ((5e10, 1.5e10), (4e11, 5e10), (6.69e13, 3.35e12), (9.894e14, 3.35e12))


def _roof_questions(rng: np.random.Generator) -> list[tuple]:
    found = []
    for flop_per_s, bytes_per_s in _ROOFS:
        ridge = flop_per_s / bytes_per_s
        for factor in (float(rng.uniform(0.05, 0.8)), float(rng.uniform(1.25, 20))):
            least = float(rng.integers(10**6, 10**10))
            found.append((least * ridge * factor, least, flop_per_s, bytes_per_s))
    return found + [(0.0, 4e9, 6.69e13, 3.35e12)]  # a copy computes nothing


@judge("3.1", questions=_roof_questions)
def check_3_1(question: tuple, answer: object) -> None:
    flop, least_bytes, flop_per_s, bytes_per_s = question
    compute_s, memory_s = flop / flop_per_s, least_bytes / bytes_per_s
    expect_type("the answer", answer, (tuple, list), question)
    if len(answer) != 2:
        raise Wrong(f'expected two values (seconds, "memory" or "compute"), got {len(answer)}')
    word = "compute" if compute_s > memory_s else "memory"
    why = f"computing takes {compute_s:.3g} s, moving {memory_s:.3g} s"
    if answer[1] != word:
        raise Wrong(f"the word: expected {word!r}, got {answer[1]!r} ({why})", question)
    expect_close("the seconds", answer[0], max(compute_s, memory_s), question=question)


# **************** 3.2 What fusing a layer is worth ****************


def _layer_questions(rng: np.random.Generator) -> list[tuple]:
    drawn = [tuple(int(v) for v in rng.integers(2, 3000, 3)) for _ in range(4)]
    return [(*d, size) for d, size in zip(drawn, (4, 2, 1, 4), strict=True)] + [(1, 512, 512, 2)]


@judge("3.2", questions=_layer_questions)
def check_3_2(question: tuple, answer: object) -> None:
    m, k, n, itemsize = question
    flop = 2 * m * k * n + 2 * m * n
    inputs, result = m * k + k * n + n, m * n
    fused, apart = flop / (itemsize * (inputs + result)), flop / (itemsize * (inputs + 5 * result))
    expect_type("the answer", answer, (tuple, list), question)
    if len(answer) != 2:
        raise Wrong(f"expected two numbers (fused, unfused), got {len(answer)}")
    for name, got, want in (("fused", answer[0], fused), ("unfused", answer[1], apart)):
        expect_type(name, got, (float, int), question)
        if want and abs(got - want) > 1e-9 * want:
            hint = "multiplications and additions, bias and maximum all count as FLOP"
            if name == "unfused":
                hint = "how often is an m x n result written by one kernel, and read by the next?"
            raise Wrong(f"{name}: expected {want:.6g} FLOP/B, got {got:.6g} ({hint})", question)


# **************** 3.3 Count the sectors ****************

_LANES = 32


def _sector_questions(rng: np.random.Generator) -> list[tuple]:
    lanes = range(_LANES)
    fixed = [
        # side by side, a stride, all the same, misaligned, wide, half of the lanes masked
        ([4 * i for i in lanes], 4, 32),
        ([128 * i for i in lanes], 4, 32),
        ([64] * _LANES, 4, 32),
        ([4 * i + 4 for i in lanes], 4, 32),
        ([64 * i + 24 for i in lanes], 16, 32),
        ([4 * i if i % 2 else None for i in lanes], 4, 64),
        ([None] * _LANES, 4, 32),
    ]
    drawn = []
    for _ in range(4):
        width = int(rng.choice([1, 2, 4, 8, 16]))
        stride, start = int(rng.integers(1, 40)), int(rng.integers(0, 100))
        addresses = [start + stride * i if rng.random() < 0.9 else None for i in lanes]
        drawn.append((addresses, width, int(rng.choice([32, 64]))))
    return fixed + drawn


@judge("3.3", questions=_sector_questions)
def check_3_3(question: tuple, answer: object) -> None:
    addresses, width, sector = question
    touched = {
        number
        for a in addresses
        if a is not None
        for number in range(a // sector, (a + width - 1) // sector + 1)
    }
    expect_type("the number of sectors", answer, (int,), question)
    if answer == len(touched):
        return
    first = {a // sector for a in addresses if a is not None}
    if answer == len(first):
        raise Wrong(
            f"expected {len(touched)}, got {answer}: {width} bytes from an address can reach into "
            "a second sector",
            question,
        )
    raise Wrong(f"expected {len(touched)} sectors of {sector} B, got {answer}", question)


# **************** 3.4 Repair an uncoalesced kernel ****************

ROW_SUM_TARGET = "CUDA:sm_90"
LEAST_EFFICIENCY = 0.95
_MOST_OPTIONS, _LONGEST, _MOST_COPIES = 12, 400, 256


@judge("3.4", questions=lambda rng: [()])
def check_3_4(question: tuple, answer: object) -> None:
    options = _options_of(answer)
    efficiency, items = _row_sum(options)
    if efficiency < LEAST_EFFICIENCY:
        raise Wrong(
            f"{_shown(options)}: {efficiency:.1%} of the bytes moved are used, "
            f"{LEAST_EFFICIENCY:.0%} is asked for. Which elements do neighbouring lanes read?"
        )
    if items < _LANES:
        raise Wrong(
            f"{_shown(options)}: only {items} of a warp's {_LANES} lanes are at work. Give the "
            "group at least 32 work items"
        )


def row_sum():
    """The kernel of 3.4: the sums of 1024 rows of 1024 samples."""
    from tinygrad import Tensor

    return Tensor.empty(1024, 1024).sum(axis=1)


@cache
def _row_sum(options: tuple[str, ...]) -> tuple[float, int]:
    """(efficiency, work items of a group) of the row sums with these options."""
    loops, opts = _fitting(row_sum, options, ROW_SUM_TARGET)
    from labs.gpu.access import analyze_access
    from labs.gpu.legality import work_items

    return analyze_access(row_sum, ROW_SUM_TARGET, list(opts)).efficiency, work_items(loops)


def _options_of(answer: object) -> tuple[str, ...]:
    """A list of texts, such as ["LOCAL 0 8", "UPCAST 1 4"]."""
    expect_type("the options", answer, (list, tuple))
    for line in answer:
        expect_type("an option", line, (str,))
    if len(answer) > _MOST_OPTIONS or sum(map(len, answer)) > _LONGEST:
        raise Wrong(f"at most {_MOST_OPTIONS} options, got {len(answer)}")
    return tuple(line.strip() for line in answer if line.strip())


def _fitting(subject, options: tuple[str, ...], target: str):
    """The kernel's loops with the options, and tinygrad's Opts; an option that doesn't fit is wrong
    for tinygrad's own reason."""
    from labs.errors import LabError
    from labs.gpu.kernels import backend_of, choose_kernel, loops_of
    from labs.gpu.legality import require, written_out
    from labs.gpu.notation import parse_options

    try:
        opts = parse_options(list(options))
        kernel = choose_kernel(subject, target)
        loops = require(loops_of(kernel.ast, backend_of(target).renderer), opts, "the kernel")
    except LabError as error:
        raise Wrong(str(error)) from None
    if written_out(loops) > _MOST_COPIES:
        raise Wrong(
            f"{_shown(options)}: {written_out(loops)} copies of the innermost statement would be "
            f"written out; at most {_MOST_COPIES} are reasonable"
        )
    return loops, opts


def _shown(options: tuple[str, ...]) -> str:
    return "; ".join(options) or "no options"


# **************** 3.5 When does batching pay? ****************


def _batch_questions(rng: np.random.Generator) -> list[tuple]:
    fixed = [
        (50, 3, 10),  # 1.25: the second record pays
        (60, 5, 30),  # exactly 2 records take as long either way: 3
        (10, 2, 10),  # a copy costs as much as a launch: never
        (5, 100, 9),
        (40, 7, 0),  # nothing to copy: two
    ]
    drawn = [tuple(int(v) for v in rng.integers(1, 80, 3)) for _ in range(5)]
    close = [(launch, 5, launch - 1) for launch in (int(v) for v in rng.integers(5, 90, 2))]
    return fixed + drawn + close


@judge("3.5", questions=_batch_questions)
def check_3_5(question: tuple, answer: object) -> None:
    launch, work, copy = question
    want = launch // (launch - copy) + 1 if launch > copy else None
    if answer == want and type(answer) is type(want):
        return
    expect_type("the batch", answer, (int, type(None)), question)
    if want is None:
        raise Wrong(
            f"a copy takes {copy} us, a launch {launch} us: no batch pays, expected None, got "
            f"{answer}",
            question,
        )
    got = "" if answer is None else f" (with {answer}: {_batch_times(question, answer)})"
    raise Wrong(f"expected {want} ({_batch_times(question, want)}), got {answer}{got}", question)


def _batch_times(question: tuple, batch: int) -> str:
    launch, work, copy = question
    return f"{batch * (launch + work)} us apart, {launch + batch * (work + copy)} us together"


# **************** 3.6 Active warps, and what limits them ****************

_SM = "9.0"
_ALLOCATED = (16, 24, 32, 40, 48, 64, 128, 168, 255)  # registers of a thread, as kernels have them


def _occupancy_questions(rng: np.random.Generator) -> list[tuple]:
    fixed = [
        (256, 32, 0),  # warp slots
        (32, 32, 0),  # block slots
        (256, 128, 0),  # registers
        (128, 40, 98_304),  # shared memory
        (128, 32, 46_080),  # what is reserved costs one block
        (384, 168, 213_000),  # one block only, as the ladder's last rung
        (100, 40, 0),  # the last warp of a block is not full
        (256, 33, 0),  # registers are handed out in units
    ]
    drawn: list[tuple] = []
    while len(drawn) < 6:
        q = (
            int(rng.integers(1, 33)) * 32,
            int(rng.choice(_ALLOCATED)),
            int(rng.choice([0, 0, 8192, 20_000, 49_152, 100_000])),
        )
        if _is_simple(q):
            drawn.append(q)
    return fixed + drawn


def _derived(question: tuple):
    from labs.gpu.occupancy import occupancy
    from labs.gpu.resources import KernelResources

    threads, registers, shared = question
    return occupancy(KernelResources("asked", "sm_90", registers, shared), _SM, threads)


def _is_simple(question: tuple) -> bool:
    """Whether a block fits at all, and the four partitions of the registers make no difference."""
    found = _derived(question)
    if found.impossible:
        return False
    threads, registers, _ = question
    warps, of_a_warp = -(-threads // 32), -(-registers * 32 // 256) * 256
    return next(x.blocks for x in found.limits if x.name == "registers") == (
        65536 // of_a_warp // warps
    )


@judge("3.6", questions=_occupancy_questions)
def check_3_6(question: tuple, answer: object) -> None:
    found = _derived(question)
    expect_type("the answer", answer, (tuple, list), question)
    if len(answer) != 2:
        raise Wrong(f"expected two values (warps, what limits), got {len(answer)}", question)
    allows = ", ".join(f"{x.name}: {x.blocks}" for x in found.limits if x.blocks is not None)
    if answer[0] != found.active_warps or type(answer[0]) is not int:
        raise Wrong(
            f"active warps: expected {found.active_warps}, got {answer[0]!r} "
            f"(blocks that each allows: {allows})",
            question,
        )
    if answer[1] not in found.limiters:
        raise Wrong(
            f"what limits: expected {found.limiter}, got {answer[1]!r} "
            f"(blocks that each allows: {allows})",
            question,
        )


# **************** 3.7 Beat the heuristic ****************

MATMUL = "matmul:n=256"
MATMUL_TARGET = "CPU"
# tinygrad's heuristic makes a tile of 4 x 4: 0.99 operations for each byte accessed
LEAST_INTENSITY = 1.3
MOST_RESULTS = 64  # kept by one work item: more don't fit into registers beside what is loaded


@judge("3.7", questions=lambda rng: [()])
def check_3_7(question: tuple, answer: object) -> None:
    options = _options_of(answer)
    if any(line.upper().startswith("THREAD") for line in options):
        raise Wrong("leave THREAD out here: readers' machines have different numbers of cores")
    intensity, results = _product_counts(options)
    if results > MOST_RESULTS:
        raise Wrong(
            f"{_shown(options)}: one work item would keep {results} results, at most "
            f"{MOST_RESULTS} are likely to stay in registers"
        )
    if intensity < LEAST_INTENSITY:
        raise Wrong(
            f"{_shown(options)}: {intensity:.2f} operations for each byte accessed, "
            f"{LEAST_INTENSITY} is asked for. How many multiply-adds does a loaded value serve?"
        )


@cache
def _product_counts(options: tuple[str, ...]) -> tuple[float, int]:
    """(operations per byte accessed, results kept by a work item) of the product."""
    _, opts = _fitting(MATMUL, options, MATMUL_TARGET)
    from labs.errors import LabError
    from labs.gpu.options import apply

    try:
        counts = apply(MATMUL, opts, MATMUL_TARGET).counts
    except LabError as error:
        raise Wrong(str(error)) from None
    return counts.intensity_accessed or 0.0, counts.accumulators


# **************** 3.8 A product in blocks ****************


def _blocked_questions(rng: np.random.Generator) -> list[tuple]:
    # not square, not divisible, a block larger than everything, and blocks of one
    shapes = [(8, 8, 8, 4), (7, 5, 9, 3), (3, 4, 2, 10), (4, 3, 5, 1), (13, 6, 6, 6)]
    shapes.append(tuple(int(v) for v in rng.integers(5, 30, 3)) + (int(rng.integers(2, 9)),))
    return [
        (
            rng.integers(-9, 10, (m, k)).astype(np.int64),
            rng.integers(-9, 10, (k, n)).astype(np.int64),
            block,
            int(rng.integers(2, 50)),
        )
        for m, k, n, block in shapes
    ]


def _with_product(answer, a: np.ndarray, b: np.ndarray, block: int, unit: int) -> object:
    """Asks for a product made of `product(x, y)`: a small unit, whose results count in units.

    So a product that was made in one piece, or by numpy, has other values.
    """

    def product(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        if max(*x.shape, *y.shape) > block:
            shapes = f"{x.shape} and {y.shape}"
            raise ValueError(f"this unit takes blocks of at most {block} x {block}, got {shapes}")
        return unit * (x @ y)

    return answer(a, b, block, product)


@judge("3.8", questions=_blocked_questions, ask=_with_product)
def check_3_8(question: tuple, answer: object) -> None:
    a, b, block, unit = question
    expect_type("the product", answer, (np.ndarray,))
    want, made_alone = unit * (a @ b), a @ b
    where = f"(a: {a.shape}, b: {b.shape}, block: {block})"
    if answer.shape != want.shape:
        raise Wrong(f"expected shape {want.shape}, got {answer.shape} {where}")
    if np.array_equal(answer, made_alone):
        raise Wrong(f"these are numpy's numbers: every product has to come from product() {where}")
    if answer.dtype.kind == "f" and np.array_equal(answer, want):
        return
    try:
        expect_equal("the product", answer, want)
    except Wrong as wrong:
        raise Wrong(f"{wrong.message} {where}") from None


# **************** 3.9 Eight bits and a scale ****************

_TOP = 127


def _quantize_questions(rng: np.random.Generator) -> list[tuple]:
    x = rng.standard_normal((6, 40)).astype(np.float32)
    # rows of very different size, one of zeros, one whose extreme is negative
    x *= np.array([1, 1e-3, 300, 0, 1, 1], np.float32)[:, None]
    x[4, 7] = -5.0
    return [
        (x,),
        (np.array([[127.0, 63.5, -0.6, 0.4]], np.float32),),
        (np.zeros((2, 3), np.float32),),
        (rng.uniform(-1, 1, (3, 500)).astype(np.float32),),
    ]


@judge("3.9", questions=_quantize_questions)
def check_3_9(question: tuple, answer: object) -> None:
    (x,) = question
    expect_type("the answer", answer, (tuple, list))
    if len(answer) != 2:
        raise Wrong(f"expected two arrays (q, scales), got {len(answer)} values")
    q, scales = answer
    largest = np.abs(x).max(axis=1)
    want = np.where(largest > 0, largest / np.float32(_TOP), 1).astype(np.float32)
    expect_close("scales", scales, want, atol=0.0)
    expect_type("q", q, (np.ndarray,))
    if q.dtype != np.int8 or q.shape != x.shape:
        raise Wrong(f"q: expected int8 of shape {x.shape}, got {q.dtype} of shape {q.shape}")
    error = np.abs(x.astype(np.float64) - q.astype(np.float64) * want[:, None])
    allowed = 0.5 * want[:, None] * (1 + 1e-4)
    if (error > allowed).any():
        at = tuple(int(i) for i in np.argwhere(error > allowed)[0])
        raise Wrong(
            f"x[{at[0]}, {at[1]}] = {x[at]:.4g} became {q[at]} x {want[at[0]]:.4g}: the error is "
            f"{error[at] / want[at[0]]:.2f} steps, and rounding makes at most half a step"
        )


# **************** 3.10 Bytes of a tiled product ****************


def _tile_questions(rng: np.random.Generator) -> list[tuple]:
    found = [(4096, 4096, 4096, 1, 1, 4), (4096, 4096, 4096, 128, 128, 4)]
    for _ in range(5):
        rows, columns = (int(v) for v in rng.choice([1, 8, 16, 32, 64, 128, 256], 2))
        blocks = rng.integers(1, 20, 2)
        m, n, k = int(blocks[0]) * rows, int(blocks[1]) * columns, int(rng.integers(1, 4000))
        found.append((m, n, k, rows, columns, int(rng.choice([1, 2, 4, 8]))))
    return found


@judge("3.10", questions=_tile_questions)
def check_3_10(question: tuple, answer: object) -> None:
    m, n, k, rows, columns, itemsize = question
    blocks = (m // rows) * (n // columns)
    loaded, stored = blocks * (rows + columns) * k, m * n
    expect_type("the bytes", answer, (int, float), question)
    want = itemsize * (loaded + stored)
    if answer == want:
        return
    why = ""
    if answer == itemsize * loaded:
        why = ": the result is written, too"
    elif answer == itemsize * (m * k + k * n + m * n):
        why = ": that is each byte once, but every block loads its own rows and columns"
    raise Wrong(f"expected {want:,} B from {blocks:,} blocks, got {answer:,}{why}", question)


# **************** 3.11 What does each rung save? ****************

_SAVED = {
    "coalesced: neighbouring threads take neighbouring columns": "sectors of each load",
    "shared: a block loads tiles once for all its threads": "loads from memory and L2",
    "register: a thread computes 8 x 8 results": "loads from shared memory",
    "vector: 16 bytes at a time, the next tile during this one": "load instructions and waiting",
    "mma: a warp multiplies 16 x 8 x 16 at once": "multiply-add instructions",
    "hopper fills 12 of 64 warp slots, and is fastest: its warps have": "independent work",
}


@judge("3.11", questions=lambda rng: [()])
def check_3_11(question: tuple, answer: object) -> None:
    judge_choices("answer", _SAVED, answer)

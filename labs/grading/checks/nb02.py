"""The judges of notebook 02: fresh questions for each check, and what is wrong with an answer.

Two of them run what the reader wrote: a line of C on the emulated microcontroller, which reaches
nothing but its own memory, and a whole backend in child processes.
"""

import numpy as np

from labs.grading.checks.choices import judge_choices
from labs.grading.checks.own_backend import expect_score, written
from labs.grading.compare import expect_equal, expect_type
from labs.grading.judges import Wrong, judge

# **************** 2.1 From a name to a class ****************


def _name_questions(rng: np.random.Generator) -> list[tuple]:
    fixed = [
        # another instance is the same class, and no class of another name will do
        ("EDGE:1", ["EdgeRenderer", "EdgeProgram", "EdgeDevice"]),
        ("MINE", ["MineAllocator", "OtherDevice"]),
        ("mine", ["MineCompiler", "MINEDevice"]),
        ("CUDA", ["Device", "CudaDeviceBase", "CUDADevice"]),
    ]
    drawn = []
    for _ in range(4):
        name = str(rng.choice(["relay", "meter", "scope", "probe"]))
        parts = [f"{name.capitalize()}{p}" for p in ("Device", "Allocator", "Renderer")]
        shuffled = [str(p) for p in rng.permutation(parts)]
        drawn.append((f"{name.upper()}:{int(rng.integers(0, 12))}", shuffled))
    return fixed + drawn


@judge("2.1", questions=_name_questions)
def check_2_1(question: tuple, answer: object) -> None:
    device, classes = question
    name = device.split(":")[0].lower()
    found = next((c for c in classes if c.lower() == f"{name}device"), None)
    expect_type("the answer", answer, (tuple, list), question)
    if len(answer) != 2:
        raise Wrong(f"expected two values (module, class), got {len(answer)}")
    expect_equal("the module", answer[0], f"tinygrad.runtime.ops_{name}", question)
    expect_equal("the class", answer[1], found, question)


# **************** 2.2 First fit ****************

_ALIGNMENT = 64


def _fit_questions(rng: np.random.Generator) -> list[tuple]:
    fixed = [
        # aligned, a gap used again, two gaps that became one, no room, and room again
        ([("alloc", "a", 10), ("alloc", "b", 100), ("free", "a"), ("alloc", "c", 64)], 1024),
        (
            [("alloc", "a", 64), ("alloc", "b", 64), ("alloc", "c", 64), ("free", "a")]
            + [("free", "b"), ("alloc", "d", 128)],
            192,
        ),
        ([("alloc", "a", 129), ("alloc", "b", 1), ("free", "a"), ("alloc", "c", 192)], 192),
        ([], 64),
    ]
    return fixed + [(_random_requests(rng), 2048) for _ in range(4)]


def _random_requests(rng: np.random.Generator) -> list[tuple]:
    events, live = [], []
    for step in range(30):
        if live and rng.random() < 0.4:
            events.append(("free", live.pop(int(rng.integers(len(live))))))
        else:
            live.append(f"b{step}")
            events.append(("alloc", live[-1], int(rng.integers(1, 400))))
    return events


def _first_fit(events: list[tuple], limit: int) -> list[int | None]:
    used: dict[str, tuple[int, int]] = {}
    answers: list[int | None] = []
    for kind, name, *size in events:
        if kind == "free":
            used.pop(name, None)
            continue
        need, start = -(-size[0] // _ALIGNMENT) * _ALIGNMENT, 0
        for address, length in sorted(used.values()):
            if address - start >= need:
                break
            start = address + length
        fits = start + need <= limit
        answers.append(start if fits else None)
        if fits:
            used[name] = (start, need)
    return answers


@judge("2.2", questions=_fit_questions)
def check_2_2(question: tuple, answer: object) -> None:
    want = _first_fit(*question)
    expect_type("the addresses", answer, (list, tuple), question)
    if len(answer) != len(want):
        raise Wrong(f"expected one answer for each alloc, {len(want)} in all, got {len(answer)}")
    for number, (got, right) in enumerate(zip(answer, want, strict=True), start=1):
        if got == right and type(got) is type(right):
            continue
        allocs = [e for e in question[0] if e[0] == "alloc"]
        what = f"alloc number {number} ({allocs[number - 1][1:]!r}): expected {right}, got {got!r}"
        if type(got) is int and got % _ALIGNMENT:
            raise Wrong(f"{what}. That is no multiple of {_ALIGNMENT}.")
        if right is None:
            raise Wrong(f"{what}. There is no gap of that size below the limit.")
        raise Wrong(f"{what}. The first gap from the left that is large enough is meant.")


# **************** 2.3 What the cache can't see ****************


def _cache_questions(rng: np.random.Generator) -> list[tuple]:
    def build(renderer: str, arch: str, flags: str) -> dict[str, str]:
        return {"renderer": renderer, "arch": arch, "flags": flags}

    fixed = [
        # the same twice is no trouble; another renderer or arch is another key
        ([build("A", "x", "-O2"), build("A", "x", "-O2"), build("A", "x,O3", "-O3")],),
        ([build("A", "x", "-O2"), build("B", "x", "-O3")],),
        ([build("A", "x", "-O2"), build("B", "y", "-O1"), build("A", "x", "-O3")],),
        ([],),
    ]
    drawn = []
    for _ in range(4):
        pick = lambda *options: str(rng.choice(options))  # noqa: E731 - two letters shorter below
        builds = [
            build(pick("CRenderer", "LRenderer"), pick("x86_64", "arm64"), pick("-O2", "-O3"))
            for _ in range(int(rng.integers(3, 7)))
        ]
        drawn.append((builds,))
    return fixed + drawn


@judge("2.3", questions=_cache_questions)
def check_2_3(question: tuple, answer: object) -> None:
    flags: dict[tuple[str, str], set[str]] = {}
    for b in question[0]:
        flags.setdefault((b["renderer"], b["arch"]), set()).add(b["flags"])
    want = sorted(key for key, found in flags.items() if len(found) > 1)
    expect_type("the answer", answer, (list,), question)
    if [tuple(a) if isinstance(a, list) else a for a in answer] == want:
        return
    extra = [a for a in answer if a not in want]
    missing = [w for w in want if w not in answer]
    told = "; ".join(
        [f"{m} stands for {sorted(flags[m])}, and is missing" for m in missing]
        + [f"{e!r} always means the same flags" for e in extra]
    )
    raise Wrong(told or f"expected them sorted: {want}, got {answer}", question)


# **************** 2.4 Arguments of a launch ****************


def _launch_questions(rng: np.random.Generator) -> list[tuple]:
    def question(buffers: int, numbers: int, core: int | None, cores: int) -> tuple:
        names = [f"data{i}" for i in range(buffers)] + [f"n{i}" for i in range(numbers)]
        vals: list[int | None] = [int(v) for v in rng.integers(1, 999, numbers)]
        if core is not None:
            names.insert(buffers + core, "core_id")
            vals.insert(core, None)
        addresses = [int(a) * 64 for a in rng.integers(1000, 9999, buffers)]
        return names, addresses, vals, (cores, 1, 1)

    fixed = [question(2, 0, None, 1), question(2, 0, 0, 3), question(1, 2, 1, 2)]
    # without core_id the launch size is the device's own business: one call
    fixed += [question(3, 1, None, 4), question(2, 1, 0, 4)]
    return fixed + [
        question(int(rng.integers(1, 5)), int(rng.integers(0, 3)), 0, int(rng.integers(1, 6)))
        for _ in range(3)
    ]


@judge("2.4", questions=_launch_questions)
def check_2_4(question: tuple, answer: object) -> None:
    names, addresses, vals, size = question
    base = [*addresses, *vals]
    at = names.index("core_id") if "core_id" in names else None
    want = [base] if at is None else [[*base[:at], c, *base[at + 1 :]] for c in range(size[0])]
    expect_type("the answer", answer, (list, tuple), question)
    if len(answer) != len(want):
        why = "core_id is among the arguments" if at is not None else "there is no core_id"
        raise Wrong(f"expected {len(want)} calls ({why}), got {len(answer)}", question)
    for number, (got, right) in enumerate(zip(answer, want, strict=True)):
        expect_type(f"call {number}", got, (list, tuple), question)
        expect_equal(f"call {number}", list(got), right, question)


# **************** 2.5 A clamp in C ****************

# what x may be: its text, and the same for numpy (p is x > 1 in both)
_OPERANDS = {
    "x": lambda x: x,
    "x*2.0f-1.0f": lambda x: x * np.float32(2) - np.float32(1),
    "p?-x:x": lambda x: np.where(x > 1, -x, x),
}
_VALUES = np.array(
    [*np.linspace(-4, 4, 33), np.inf, -np.inf, np.nan, 1e-40, 3e38, -0.0], np.float32
)
_NOT_AN_EXPRESSION = ("#", ";", "{", "}", "\\", '"', "asm")
_LONGEST = 2000  # characters


def _clamp_questions(rng: np.random.Generator) -> list[tuple]:
    found = []
    for operand in _OPERANDS:
        low = float(np.round(rng.uniform(-3, 0), 2))
        high = low + float(np.round(rng.uniform(0.5, 3), 2))
        found.append((operand, f"{low:.2f}f", f"{high:.2f}f"))
    return [*found, ("x", "p?0.50f:-0.50f", "2.00f")]


@judge("2.5", questions=_clamp_questions)
def check_2_5(question: tuple, answer: object) -> None:
    expect_type("the expression", answer, (str,), question)
    found = [word for word in _NOT_AN_EXPRESSION if word in answer]
    if found or len(answer) > _LONGEST:
        raise Wrong(f"expected one expression in C, got {found or 'a very long text'}", question)
    got = _on_microcontroller(answer)
    with np.errstate(all="ignore"):  # infinities and NaN are among the values on purpose
        x = _OPERANDS[question[0]](_VALUES)
        low, high = (_limit(text, _VALUES) for text in question[1:])
        want = np.where(x < low, low, np.where(high < x, high, x)).astype(np.float32)
    wrong = ~((got == want) | (np.isnan(got) & np.isnan(want)))
    if not wrong.any():
        return
    at = int(np.argmax(wrong))
    hint = ". NaN has to stay NaN" if np.isnan(x[at]) else ""
    hint = hint or (". Are there parentheses around each part?" if "?" in str(question) else "")
    raise Wrong(f"{answer}\nfor x = {_VALUES[at]}: expected {want[at]}, got {got[at]}{hint}")


def _limit(text: str, x: np.ndarray) -> np.ndarray:
    if text.startswith("p?"):
        yes, no = text[2:].split(":")
        return np.where(x > 1, _limit(yes, x), _limit(no, x))
    return np.full_like(x, float(text.removesuffix("f")))


def _on_microcontroller(expression: str) -> np.ndarray:
    """The expression for each of _VALUES, by EDGE: it can touch its own memory and no more."""
    from labs import backends, toolchain

    toolchain.activate()
    backends.register()
    from tinygrad import Device, Tensor
    from tinygrad.device import CompileError

    source = (
        "void answer(float *out, float *in, int n) { for (int i = 0; i < n; i++) {\n"
        "float x = in[i]; int p = x > 1.0f;\n"
        f"out[i] = {expression};\n}} }}"
    )
    edge = Device["EDGE"]
    try:
        program = edge.program(source, "answer", ["float*", "float*", "int"])
    except CompileError as error:
        raise Wrong(f"{expression}\nThe compiler says: {_first_error(str(error))}") from None
    out, values = (Tensor(a, device="EDGE").realize() for a in (np.zeros_like(_VALUES), _VALUES))
    blocks = [t.uop.buffer.get_buf("EDGE") for t in (out, values)]
    try:
        program(*blocks, vals=(len(_VALUES),), wait=True)
    except RuntimeError as error:
        raise Wrong(f"{expression}\nThe microcontroller stopped: {error}") from None
    return out.numpy()


def _first_error(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if "error:" in line]
    return lines[0].partition("error:")[2].strip() if lines else text.strip().split("\n")[0]


# **************** 2.6 What -ffast-math breaks ****************

_LINES = {
    "(x != x).sum() counts the NaN in a record": "broken",
    "x.isinf().any() finds an overflow": "broken",
    "the mean of ordinary samples": "the same up to rounding",
    "exp(nan) gives nan": "broken",
    "the sum of 1000 whole numbers in int32": "the same to the last bit",
}


@judge("2.6", questions=lambda rng: [()])
def check_2_6(question: tuple, answer: object) -> None:
    judge_choices("effect", _LINES, answer)


# **************** 2.7 Cut it until it fits ****************


def _block_questions(rng: np.random.Generator) -> list[tuple]:
    fixed = [
        (10, 4, 4, 4, 10_000),  # one block is enough
        (7, 3, 2, 4, 4 * (3 * 2 + 2 * 5)),  # two rows each, and one row left over
        (5, 8, 8, 4, 4 * 8 * 8),  # B alone fills the memory
        (3, 2, 2, 8, 8 * (2 * 2 + 4)),  # one row each
    ]
    drawn = []
    for _ in range(5):
        m, k, n = (int(v) for v in rng.integers(2, 200, 3))
        item = int(rng.choice([1, 2, 4, 8]))
        rows = int(rng.integers(1, m + 5))
        drawn.append((m, k, n, item, item * (k * n + rows * (k + n)) + int(rng.integers(0, item))))
    return fixed + drawn


@judge("2.7", questions=_block_questions)
def check_2_7(question: tuple, answer: object) -> None:
    m, k, n, item, limit = question
    rows = (limit // item - k * n) // (k + n)
    if rows < 1:
        if answer is not None:
            raise Wrong(f"B and a single row don't fit: expected None, got {answer!r}", question)
        return
    expect_type("the blocks", answer, (list, tuple), question)
    at = 0
    for block in answer:
        expect_type("a block", block, (tuple, list), question)
        if len(block) != 2 or block[0] != at or block[1] <= block[0]:
            raise Wrong(f"expected a block that begins at row {at}, got {block!r}", question)
        need = item * (k * n + (block[1] - block[0]) * (k + n))
        if need > limit:
            raise Wrong(f"rows {block!r} need {need} B, the limit is {limit} B", question)
        at = block[1]
    if at != m:
        raise Wrong(f"the blocks end at row {at}, there are {m}", question)
    fewest = -(-m // rows)
    if len(answer) > fewest:
        raise Wrong(f"{len(answer)} blocks, but {fewest} are enough: {rows} rows fit", question)


# **************** 2.8 Three broken backends ****************

_FAULTY = {"B": "Allocator._copyout", "C": "Compiler.compile", "D": "Program.__call__"}


@judge("2.8", questions=lambda rng: [()])
def check_2_8(question: tuple, answer: object) -> None:
    judge_choices("part", _FAULTY, answer)


# **************** 2.9 What is wrong with this backend? ****************

_OLD_LINES = {
    "os.environ['DEVICE'] = 'MINE'": "nothing",
    "os.environ['DEBUG'] = '4', after import tinygrad": "nothing",
    "if uop.op is Ops.RELU: ... in a renderer": "raises at once",
    "super().__init__(), in a renderer's __init__": "raises at once",
    "an allocator without _offset": "raises at the first view",
    "a pool that hands out any freed block, whatever its size": "wrong answers",
}


@judge("2.9", questions=lambda rng: [()])
def check_2_9(question: tuple, answer: object) -> None:
    judge_choices("effect", _OLD_LINES, answer)


# **************** 2.10 A backend of your own ****************

PASS_SCORE = 0.95
# a sample of the suite that a right backend passes in a few seconds
_CASES = (
    "open",
    "allocator/size/*",
    "allocator/alignment/*",
    "allocator/apart/*",
    "copy/dtype/*",
    "copy/in-out/*",
    "views/*",
    "compiler/refuses*",
    "compiler/cache-key",
    "compiler/renderer-pickles",
    "launch/first",
    "launch/two-inputs-in-order",
    "launch/range/*",
    "unary/*/float32",
    "special/*/float32",
    "reduce/sum/*",
    "matmul/*/float32",
    "symbolic/value-in-arithmetic",
    "symbolic/sum",
)


def _text_of(answer, seed: int) -> object:
    return answer()  # the seed is for the suite's inputs


@judge("2.10", questions=lambda rng: [(int(rng.integers(2**31)),)], ask=_text_of, runs_code=True)
def check_2_10(question: tuple, answer: object) -> None:
    with written(answer) as (name, file):
        expect_score(name, file, _CASES, question[0], PASS_SCORE)

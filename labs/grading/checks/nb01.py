"""The judges of notebook 01: fresh questions for each check, and what is wrong with an answer.

A judge sees plain data only, so that it can work outside the process in which the answer was made.
"""

import numpy as np

from labs.grading.checks.choices import judge_choices
from labs.grading.compare import expect_equal, expect_type
from labs.grading.judges import Wrong, judge

_ABILITIES = ("supports_gpu", "supports_fp16", "supports_int8", "supports_compilation")


# **************** 1.1 Pick a device without guessing ****************


def _pick_questions(rng: np.random.Generator) -> list[tuple]:
    traps = [
        # None must not count as yes, an ability that isn't listed is unknown, and order decides
        (
            [{"device": "A", "supports_fp16": None}, {"device": "B", "supports_fp16": True}],
            ["supports_fp16"],
        ),
        ([{"device": "A"}, {"device": "B", "supports_int8": False}], ["supports_int8"]),
        ([{"device": "A", "supports_gpu": False}, {"device": "B", "supports_gpu": True}], []),
    ]
    for _ in range(6):
        names = rng.permutation(["CPU", "CL", "CUDA", "WEBGPU", "METAL"]).tolist()
        values = [True, True, False, None]
        rows = [
            {"device": n} | {a: values[int(rng.integers(4))] for a in _ABILITIES} for n in names
        ]
        needs = rng.permutation(_ABILITIES)[: int(rng.integers(1, 3))].tolist()
        traps.append((rows, needs))
    return traps


@judge("1.1", questions=_pick_questions)
def check_1_1(question: tuple, answer: object) -> None:
    devices, needs = question
    fits = (d["device"] for d in devices if all(d.get(n) is True for n in needs))
    want = next(fits, None)
    expect_type("the device", answer, (str, type(None)), question)
    if answer != want:
        chosen = next((d for d in devices if d["device"] == answer), {})
        why = [f"{n} is {chosen.get(n)} for {answer}" for n in needs if chosen.get(n) is not True]
        detail = "; ".join(why) or "an earlier device, or none, fits"
        raise Wrong(f"needs {needs}: expected {want!r}, got {answer!r} ({detail})")


# **************** 1.2 Who does what in a backend ****************

_JOBS = {
    "turns UOps into source text": "Renderer",
    "turns source text into a binary": "Compiler",
    "launches a binary on buffers": "Program",
    "reserves memory and copies data in and out": "Allocator",
    "owns the other parts and waits for the device": "Compiled",
}


@judge("1.2", questions=lambda rng: [()])
def check_1_2(question: tuple, answer: object) -> None:
    judge_choices("part", _JOBS, answer)


# **************** 1.3 Work and traffic of a matrix product ****************


def _matmul_questions(rng: np.random.Generator) -> list[tuple]:
    sizes = [tuple(int(v) for v in rng.integers(2, 2000, 3)) for _ in range(4)]
    return [(*s, item) for s, item in zip(sizes, (4, 2, 8, 1), strict=True)] + [(1, 7, 1, 4)]


@judge("1.3", questions=_matmul_questions)
def check_1_3(question: tuple, answer: object) -> None:
    m, k, n, itemsize = question
    expect_type("the answer", answer, (tuple, list), question)
    if len(answer) != 2:
        raise Wrong(f"expected two numbers (flop, min_bytes), got {len(answer)}")
    expect_equal("flop", answer[0], 2 * m * n * k, question)
    expect_equal("min_bytes", answer[1], itemsize * (m * k + k * n + m * n), question)


# **************** 1.4 Read four kernels ****************

_LANGUAGES = {"A": "CUDA", "B": "WGSL", "C": "OpenCL C", "D": "Metal"}


@judge("1.4", questions=lambda rng: [()])
def check_1_4(question: tuple, answer: object) -> None:
    judge_choices("language", _LANGUAGES, answer)


# **************** 1.5 An allocator that remembers ****************


def _allocator_questions(rng: np.random.Generator) -> list[tuple]:
    fixed = [
        # a kept block of another size is no use, and freeing returns nothing to the device
        ([("alloc", "x", 100), ("free", "x", 100), ("alloc", "y", 60)],),
        ([("alloc", "x", 64), ("free", "x", 64), ("alloc", "y", 64), ("alloc", "z", 64)],),
        ([],),
    ]
    return fixed + [(_random_trace(rng),) for _ in range(3)]


def _random_trace(rng: np.random.Generator) -> list[tuple]:
    live: dict[str, int] = {}
    events = []
    for step in range(40):
        if live and rng.random() < 0.45:
            name = str(rng.choice(sorted(live)))
            events.append(("free", name, live.pop(name)))
        else:
            live[f"t{step}"] = int(rng.choice([256, 1024, 4096]))
            events.append(("alloc", f"t{step}", live[f"t{step}"]))
    return events


def _replay(events: list[tuple]) -> tuple[int, int]:
    kept: dict[int, int] = {}
    held = peak = reused = 0
    for kind, _, size in events:
        if kind == "free":
            kept[size] = kept.get(size, 0) + 1
        elif kept.get(size):
            kept[size] -= 1
            reused += 1
        else:
            held += size
            peak = max(peak, held)
    return peak, reused


@judge("1.5", questions=_allocator_questions)
def check_1_5(question: tuple, answer: object) -> None:
    peak, reused = _replay(question[0])
    expect_type("the answer", answer, (tuple, list), question)
    if len(answer) != 2:
        raise Wrong(f"expected two numbers (peak_bytes, reused), got {len(answer)}")
    expect_equal("peak_bytes", answer[0], peak, question)
    expect_equal("reused", answer[1], reused, question)


# **************** 1.6 Repair the stopwatch ****************


class _Bench:
    """A device on a virtual clock: launches queue work, the first compiles, some is pending."""

    LAUNCH_S = 1e-5

    def __init__(self, kernel_s: float, compile_s: float, pending_s: float) -> None:
        self.now_s, self.free_at_s = 0.0, pending_s
        self.kernel_s, self.compile_s, self.compiled = kernel_s, compile_s, False

    def clock(self) -> float:
        return self.now_s

    def launch(self) -> None:
        if not self.compiled:
            self.now_s, self.compiled = self.now_s + self.compile_s, True
        self.now_s += self.LAUNCH_S
        self.free_at_s = max(self.free_at_s, self.now_s) + self.kernel_s

    def synchronize(self) -> None:
        self.now_s = max(self.now_s, self.free_at_s)


def _stopwatch_questions(rng: np.random.Generator) -> list[tuple]:
    return [
        (
            float(rng.uniform(1e-3, 5e-3)),
            float(rng.uniform(0.1, 1.0)),
            float(rng.uniform(0, 0.5)),
            loops,
        )
        for loops in (1, 10, 100)
    ]


def _time_with(answer, kernel_s: float, compile_s: float, pending_s: float, loops: int) -> object:
    bench = _Bench(kernel_s, compile_s, pending_s)
    return answer(bench.launch, bench.synchronize, bench.clock, loops)


@judge("1.6", questions=_stopwatch_questions, ask=_time_with)
def check_1_6(question: tuple, answer: object) -> None:
    kernel_s, compile_s, _, loops = question
    expect_type("the time", answer, (float, int), question)
    # the queue starts one launch late, so an honest answer is a launch longer at most
    if kernel_s <= answer <= kernel_s + 2 * _Bench.LAUNCH_S:
        return
    got = f"{answer * 1e3:.3f} ms, but one kernel takes {kernel_s * 1e3:.3f} ms (loops={loops})"
    if answer < 0.5 * kernel_s:
        raise Wrong(f"too short: got {got}. The clock stopped before the device had finished.")
    if answer * loops >= compile_s:
        raise Wrong(
            f"too long: got {got}. The compilation of the first launch is inside the clock."
        )
    raise Wrong(f"got {got}. Is work that was queued earlier inside the clock, or a loop too many?")


# **************** 1.7 Faster, slower, or not resolved ****************


def _verdict_questions(rng: np.random.Generator) -> list[tuple]:
    fixed = [
        (1.5, 0.9, 2.5),
        (1.5, 1.4, 1.6),
        (0.7, 0.6, 0.8),
        (1.01, 1.005, 1.015),
        (0.985, 0.98, 0.99),
    ]
    drawn = []
    for _ in range(6):
        speedup, width = float(rng.uniform(0.7, 1.5)), float(rng.uniform(0.01, 0.4))
        drawn.append((speedup, speedup / (1 + width), speedup * (1 + width)))
    return [(*q, 0.02) for q in fixed + drawn] + [(1.04, 1.03, 1.05, 0.05)]


@judge("1.7", questions=_verdict_questions)
def check_1_7(question: tuple, answer: object) -> None:
    speedup, low, high, threshold = question
    if low <= 1 <= high or abs(speedup - 1) < threshold:
        want = "not resolved"
    else:
        want = "faster" if speedup > 1 else "slower"
    expect_equal("the verdict", answer, want, question)

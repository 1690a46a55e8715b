"""The judges of notebook 05: fresh questions for each check, and what is wrong with an answer.

What is right comes from how a question was made (amplitudes, edges, lost samples) or from the
definition, sample by sample; never from the steps that a solution takes.
"""

import json
import math
import subprocess
import sys
from collections import deque
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from labs.grading.checks.choices import judge_choices
from labs.grading.checks.limit_files import judge_limit_file
from labs.grading.checks.own_backend import expect_score, written
from labs.grading.compare import expect_close, expect_equal, expect_type
from labs.grading.judges import Wrong, judge

# **************** 5.1 RMS of every half cycle ****************


def _half_sines(amplitudes: Sequence[float], half: int) -> np.ndarray:
    """Half cycles of a sine, each with an amplitude of its own: their mean square is a^2 / 2."""
    phase = (np.arange(half) + 0.5) * np.pi / half
    sign = np.resize([1.0, -1.0], len(amplitudes))
    return (np.asarray(amplitudes) * sign)[:, None] * np.sin(phase)


def _half_cycle_questions(rng: np.random.Generator) -> list[tuple]:
    steady = _half_sines([325.0] * 8, 64).ravel().astype(np.float32)
    dip = _half_sines([325.0, 325.0, 130.0, 130.0, 130.0, 325.0], 50).ravel()
    counts = np.round(_half_sines([30000.0, 12000.0, 30000.0, 30000.0], 40)).ravel()
    fixed = [
        (steady, 64),
        (dip, 50),
        (counts.astype(np.int16), 40),
        (np.full(30, -2.0, np.float32), 10),
        (np.append(np.full(20, 3.0), [1e6, 1e6, 1e6]), 10),  # not a whole half cycle more
        (np.ones(19), 10),  # not even a cycle
    ]
    drawn = []
    for _ in range(2):
        half = int(rng.integers(8, 100))
        amplitudes = np.round(rng.uniform(10, 400, int(rng.integers(3, 9))), 1)
        rest = np.full(int(rng.integers(0, half)), 1e4)
        drawn.append((np.append(_half_sines(amplitudes, half).ravel(), rest), half))
    return fixed + drawn


@judge("5.1", questions=_half_cycle_questions)
def check_5_1(question: tuple, answer: object) -> None:
    x, half = question
    exact = [
        int(v) if x.dtype.kind == "i" else float(v) for v in x
    ]  # Python's numbers: no overflow
    want = []
    for start in range(0, len(x) - 2 * half + 1, half):
        cycle = exact[start : start + 2 * half]
        want.append(math.sqrt(math.fsum(v * v for v in cycle) / len(cycle)))
    expect_type("the answer", answer, np.ndarray, question)
    if answer.dtype.kind != "f" or answer.ndim != 1:
        raise Wrong(
            f"expected real numbers in one row, got {answer.dtype} in the shape {answer.shape}",
            question,
        )
    if len(answer) != len(want):
        raise Wrong(
            f"{len(x)} samples with {half} in a half cycle have {len(want)} values, "
            f"got {len(answer)}",
            question,
        )
    expect_close(
        "the RMS", answer.astype(float), np.array(want, float), rtol=1e-5, question=question
    )


# **************** 5.2 Where a dip begins and ends ****************


def _dip_questions(rng: np.random.Generator) -> list[tuple]:
    fixed = [
        ([230.0, 150.0, 140.0, 230.0], 207.0, 4.6),
        ([230.0, 207.0, 230.0], 207.0, 4.6),  # at the threshold isn't below it
        ([230.0, 100.0, 209.0, 211.5, 212.0, 230.0], 207.0, 5.0),  # ends at threshold + hysteresis
        ([230.0, 206.0, 208.0, 206.5, 208.0, 230.0], 207.0, 4.0),  # one dip, not two
        ([230.0, 208.0, 210.0, 208.0], 207.0, 4.0),  # never below: the hysteresis alone is no dip
        ([230.0, 90.0, 80.0, 85.0], 207.0, 4.0),  # still going on
        ([50.0, 230.0, 60.0], 207.0, 4.0),  # from the first value on, and once more
        ([], 207.0, 4.0),
    ]
    return fixed + [_made_dips(rng)[0] for _ in range(3)]


def _made_dips(rng: np.random.Generator) -> tuple[tuple, list[tuple]]:
    """A question made of dips that are known, with quarters of a volt, which are exact."""
    threshold, hysteresis = 207.0, float(rng.integers(8, 24)) / 4
    top, values, events = threshold + hysteresis, [], []

    def between(low: float, high: float, count: int) -> list[float]:
        return [float(v) / 4 for v in rng.integers(round(low * 4), round(high * 4), count)]

    for _ in range(int(rng.integers(1, 4))):
        values += between(threshold, 240, int(rng.integers(1, 5)))  # above or in the band: no dip
        start = len(values)
        inside = between(20, threshold, 1) + between(20, top, int(rng.integers(0, 6)))
        values += inside
        events.append((start, len(values), min(inside)))
        values.append(top if rng.random() < 0.5 else between(top, 240, 1)[0])
    return (values, threshold, hysteresis), events


def _dips(values: Sequence[float], threshold: float, hysteresis: float) -> list[tuple]:
    """By looking ahead from each beginning, instead of going along with a state."""
    found, at, n = [], 0, len(values)
    while True:
        start = next((i for i in range(at, n) if values[i] < threshold), None)
        if start is None:
            return found
        at = next((i for i in range(start, n) if values[i] >= threshold + hysteresis), None)
        found.append((start, at, min(values[start:at])))
        if at is None:
            return found


@judge("5.2", questions=_dip_questions)
def check_5_2(question: tuple, answer: object) -> None:
    want = _dips(*question)
    expect_type("the answer", answer, (list, tuple), question)
    for number, dip in enumerate(answer):
        expect_type(f"dip {number}", dip, (tuple, list), question)
        if len(dip) != 3:
            raise Wrong(f"dip {number}: expected (start, stop, lowest), got {dip!r}", question)
    if len(answer) != len(want):
        raise Wrong(f"expected {len(want)} dips, got {len(answer)}: {answer}", question)
    for number, (got, right) in enumerate(zip(answer, want, strict=True)):
        expect_equal(f"dip {number}, start", got[0], right[0], question)
        expect_equal(f"dip {number}, stop", got[1], right[1], question)
        expect_close(f"dip {number}, lowest", got[2], right[2], question=question)


# **************** 5.3 THDS from a folded window ****************

_LAST = 40


def _folded(rng: np.random.Generator, cycles: int, m: int, parts: dict[int, float]) -> tuple:
    """The folds of a window with these amplitudes at these bins (one bin is a `cycles`th of f0)."""
    n = np.arange(cycles * m)
    x = np.zeros(cycles * m)
    for place, amplitude in parts.items():
        x += amplitude * np.cos(2 * np.pi * place * n / len(n) + rng.uniform(0, 2 * np.pi))
    turned = x * np.exp(-2j * np.pi * n / len(n))
    return x.reshape(cycles, m).sum(0), turned.reshape(cycles, m).sum(0)


def _thds(cycles: int, parts: dict[int, float]) -> float:
    """From the amplitudes themselves."""

    def group(h: int) -> float:
        return sum(parts.get(cycles * h + k, 0.0) ** 2 for k in (-1, 0, 1))

    return 100 * math.sqrt(sum(group(h) for h in range(2, _LAST + 1)) / group(1))


def _window_questions(rng: np.random.Generator) -> list[tuple]:
    return [made[:2] for made in _windows(rng)]


def _windows(rng: np.random.Generator) -> list[tuple]:
    """(y0, y1, the THDS): harmonics, their neighbours, and what belongs to no subgroup."""
    plans = [
        (10, 96, {10: 325.0, 30: 16.0, 50: 12.0}),  # whole harmonics only
        (10, 128, {10: 325.0, 29: 20.0, 31: 5.0}),  # only beside the harmonic
        (12, 90, {12: 170.0, 11: 30.0, 13: 40.0, 24: 9.0}),  # beside the fundamental
        (10, 100, {10: 100.0, 400: 4.0, 410: 30.0, 401: 3.0}),  # the 40th counts, the 41st doesn't
        (12, 88, {12: 100.0, 18: 50.0, 30: 20.0, 0: 10.0, 36: 1.0}),  # between harmonics, and DC
    ]
    for _ in range(2):
        cycles, m = int(rng.choice([10, 12])), int(rng.integers(84, 200))
        parts = {cycles: 325.0}
        for h in range(2, 42):
            for k in (-1, 0, 1, 5):
                if rng.random() < 0.3:
                    parts[cycles * h + k] = float(np.round(rng.uniform(0.5, 30), 2))
        plans.append((cycles, m, parts))
    return [(*_folded(rng, c, m, parts), _thds(c, parts)) for c, m, parts in plans]


@judge("5.3", questions=_window_questions)
def check_5_3(question: tuple, answer: object) -> None:
    y0, y1 = question
    # the full spectrum of each fold, by its definition
    m = np.arange(len(y0))
    h = np.arange(1, _LAST + 1)
    turn = np.exp(-2j * np.pi * np.outer(h, m) / len(m))
    squares = sum(np.abs(turn @ y) ** 2 for y in (y0, y1, np.conj(y1)))
    want = 100 * math.sqrt(squares[1:].sum() / squares[0])
    expect_type("THDS", answer, (float, int), question)
    if math.isclose(answer, want, rel_tol=1e-6):
        return
    alone = np.abs(turn @ y0) ** 2
    further = np.exp(-2j * np.pi * np.outer(np.arange(2, 51), m) / len(m))
    more = sum(np.abs(further @ y) ** 2 for y in (y0, y1, np.conj(y1)))
    known = {
        "the harmonics alone, without their neighbours, give that": 100
        * math.sqrt(alone[1:].sum() / alone[0]),
        "that is a ratio, not per cent": want / 100,
        "that is relative to the whole RMS": 100 * math.sqrt(squares[1:].sum() / squares.sum()),
        "with the fundamental in the sum": 100 * math.sqrt(squares.sum() / squares[0]),
        "up to the 50th it would be that": 100 * math.sqrt(more.sum() / squares[0]),
        "the sum of squares has a root": 100 * squares[1:].sum() / squares[0],
    }
    why = next((w for w, v in known.items() if math.isclose(answer, v, rel_tol=1e-6)), "")
    raise Wrong(f"expected {want:.6g}%, got {answer!r}{': ' if why else ''}{why}", question)


# **************** 5.4 A filter that doesn't see blocks ****************


def _stream_through(function, taps: np.ndarray, blocks: list[np.ndarray]) -> list:
    state, made = np.zeros(len(taps) - 1), []
    for block in blocks:
        filtered, state = function(taps, state, block)
        made.append(filtered)
    return made


def _split_questions(rng: np.random.Generator) -> list[tuple]:
    # whole numbers in float64: every sum is exact, so a split that changes one bit is wrong
    def signal(n: int) -> np.ndarray:
        return rng.integers(-500, 500, n).astype(float)

    def cut(x: np.ndarray, *lengths: int) -> list[np.ndarray]:
        return np.split(x, np.cumsum(lengths))

    taps = rng.integers(-9, 10, 8).astype(float)
    fixed = [
        (taps, [signal(40)]),
        (taps, cut(signal(40), 20)),
        (taps, cut(signal(12), *[1] * 11)),  # blocks shorter than the filter
        (np.array([3.0]), cut(signal(9), 4)),  # one tap: no state at all
        (np.array([1.0, 2.0, 4.0]), cut(np.append(1.0, np.zeros(7)), 1, 3)),  # the taps themselves
    ]
    drawn = []
    for _ in range(3):
        lengths = rng.integers(1, 12, int(rng.integers(2, 6)))
        some = rng.integers(-9, 10, int(rng.integers(2, 12))).astype(float)
        drawn.append((some, cut(signal(int(lengths.sum()) + 3), *map(int, lengths))))
    return fixed + drawn


@judge("5.4", questions=_split_questions, ask=_stream_through)
def check_5_4(question: tuple, answer: object) -> None:
    taps, blocks = question
    whole = np.concatenate(blocks)
    expect_type("the filtered blocks", answer, (list,), question)
    at = 0
    for number, (block, got) in enumerate(zip(blocks, answer, strict=True)):
        name = f"block {number} of {len(blocks)}"
        expect_type(name, got, np.ndarray, question)
        want = np.array(
            [
                sum(taps[k] * whole[n - k] for k in range(len(taps)) if n >= k)
                for n in range(at, at + len(block))
            ]
        )
        if got.shape != want.shape:
            raise Wrong(f"{name}: {len(block)} samples in, {got.shape} out", question)
        if not np.array_equal(got, want):
            first = int(np.flatnonzero(got != want)[0])
            edge = " (its beginning: what came before it counts)" if number and not first else ""
            raise Wrong(
                f"{name}{edge}: value {first}: expected {want[first]:g}, got {got[first]:g}",
                question,
            )
        at += len(block)


# **************** 5.5 Inside the mask ****************


def _mask_questions(rng: np.random.Generator) -> list[tuple]:
    nan, inf = math.nan, math.inf
    low, high = [-1.0, -1.0, -1.0, -1.0], [1.0, 1.0, 1.0, 1.0]
    plans = [
        ([0.0, 0.5, -0.5, 0.25], low, high),
        ([0.0, 1.0, -1.0, 0.0], low, high),  # on the edge is inside
        ([0.0, 1.25, 0.0, -3.0], low, high),
        ([0.0, -1.5, 0.0, 0.0], low, high),
        ([0.0, nan, 0.0, 0.0], low, high),
        ([nan, 0.0, 0.0, 9.0], low, high),
        ([0.0, 9.0, nan, 0.0], low, high),
        ([0.0, 5.0, -5.0, 0.0], [-inf, -inf, -6.0, -inf], [inf, 6.0, inf, 1.0]),  # open there
    ]
    for _ in range(3):
        n = int(rng.integers(5, 60))
        centre = rng.integers(-640, 640, n) / 64  # exact in binary, so margins are as well
        x = centre + rng.integers(-80, 80, n) / 64
        if rng.random() < 0.3:
            x[int(rng.integers(n))] = nan
        plans.append((x, centre - 1, centre + float(rng.choice([0.5, 1.0, 3.0]))))
    return [tuple(np.array(part, float) for part in plan) for plan in plans]


@judge("5.5", questions=_mask_questions)
def check_5_5(question: tuple, answer: object) -> None:
    margin, first = -math.inf, None
    for i, (x, low, high) in enumerate(zip(*map(np.ndarray.tolist, question), strict=True)):
        outside = max(x - high, low - x) if x == x else math.nan
        if not outside <= 0 and first is None:
            first = i
        if not math.isnan(margin) and not outside <= margin:
            margin = outside
    expect_type("the answer", answer, (tuple, list), question)
    if len(answer) != 3:
        raise Wrong(f"expected (verdict, margin, first), got {answer!r}", question)
    verdict, got_margin, got_first = answer
    expect_equal("the verdict", verdict, "PASS" if first is None else "FAIL", question)
    expect_type("the margin", got_margin, (float, int), question)
    if got_margin != margin and not (math.isnan(got_margin) and math.isnan(margin)):
        raise Wrong(f"the margin: expected {margin!r}, got {got_margin!r}", question)
    expect_equal("the first", got_first, first, question)


# **************** 5.6 Rise time between the samples ****************


def _ramp(n: int, begin: float, rise: float, low: float, high: float) -> np.ndarray:
    """Level, a straight rise that begins and ends between samples, level."""
    return np.interp(np.arange(n), [begin, begin + rise], [low, high])


def _pulses(rng: np.random.Generator) -> list[tuple]:
    """(x, low, high, fs, rise time in s or None): the last is known, not measured."""
    fs = 1e6
    steep = np.array([0.0, 0.0, 1.0, 1.0])  # within one sample: 10% to 90% takes 0.8 of it
    falling = np.linspace(1, 0, 30)
    plans = [
        (_ramp(60, 10.3, 20.0, 0.0, 5.0), 0.0, 5.0, fs, 0.8 * 20.0 / fs),
        (_ramp(60, 7.7, 12.5, -3.0, 9.0), -3.0, 9.0, 2.5e5, 0.8 * 12.5 / 2.5e5),
        (steep, 0.0, 1.0, fs, 0.8 / fs),
        (falling, 0.0, 1.0, fs, None),
        (np.minimum(_ramp(60, 10.0, 20.0, 0.0, 1.0), 0.85), 0.0, 1.0, fs, None),
        # it comes down first: only what rises counts
        (
            np.append(falling, _ramp(40, 5.2, 16.0, 0.0, 1.0)),
            0.0,
            1.0,
            fs,
            0.8 * 16.0 / fs,
        ),
        (np.full(9, 0.5), 0.0, 1.0, fs, None),
        (np.full(9, 1.0), 0.0, 1.0, fs, None),
    ]
    tau = float(rng.uniform(40, 80))  # in samples; 10% to 90% of a single pole: ln 9 tau
    t = np.arange(900) - rng.uniform(10, 30)
    pole = np.where(t > 0, -np.expm1(-np.maximum(t, 0) / tau), 0.0)
    low, high = float(np.round(rng.uniform(-5, 1), 2)), float(np.round(rng.uniform(2, 9), 2))
    plans.append((low + (high - low) * pole, low, high, 5e5, math.log(9) * tau / 5e5))
    rise = float(rng.uniform(5, 30))
    plans.append((_ramp(80, float(rng.uniform(5, 40)), rise, low, high), low, high, fs,
                  0.8 * rise / fs))  # fmt: skip
    return plans


def _pulse_questions(rng: np.random.Generator) -> list[tuple]:
    return [plan[:4] for plan in _pulses(rng)]


def _first_above(x: Sequence[float], level: float, begin: float) -> float | None:
    for i in range(len(x) - 1):
        if x[i] < level <= x[i + 1]:
            place = i + (level - x[i]) / (x[i + 1] - x[i])
            if place >= begin:
                return place
    return None


@judge("5.6", questions=_pulse_questions)
def check_5_6(question: tuple, answer: object) -> None:
    x, low, high, fs = question
    ten = _first_above(x.tolist(), low + 0.1 * (high - low), 0)
    ninety = None if ten is None else _first_above(x.tolist(), low + 0.9 * (high - low), ten)
    if ninety is None:
        if answer is not None:
            raise Wrong(f"it never rises from 10% to 90%: expected None, got {answer!r}", question)
        return
    want = (ninety - ten) / fs
    expect_type("the rise time", answer, (float, int), question)
    if abs(answer - want) * fs > 1e-6:
        raise Wrong(
            f"expected {want * 1e6:.6g} us, got {answer * 1e6:.6g} us: "
            f"{abs(answer - want) * fs:.3g} samples off",
            question,
        )


# **************** 5.7 A limit file that catches it ****************


def _text_of(answer, seed: int) -> object:
    return answer()  # the seed is for the records, or for the suite's inputs


@judge("5.7", questions=lambda rng: [(int(rng.integers(2**31)),)], ask=_text_of, runs_code=True)
def check_5_7(question: tuple, answer: object) -> None:
    expect_type("the limit file", answer, (str,))
    judge_limit_file(answer, question[0])


# **************** 5.8 A ring that doesn't lie ****************


def _ring_questions(rng: np.random.Generator) -> list[tuple]:
    fixed = [
        ([("push", 4), ("pop", 3), ("pop", 3), ("pop", 1)], 8),
        # the second block doesn't fit, and isn't taken in part
        ([("push", 6), ("push", 4), ("pop", 9), ("pop", 9), ("pop", 9)], 8),
        # lost twice in a row is one gap; then there is room again
        (
            [
                ("push", 8),
                ("push", 2),
                ("push", 3),
                ("pop", 8),
                ("push", 1),
                ("pop", 9),
                ("pop", 9),
            ],
            8,
        ),
        # blocks without a loss between them go on
        ([("push", 2), ("push", 2), ("pop", 9)], 8),
        # a pop may not reach over a gap, even where there is more behind it
        (
            [("push", 5), ("push", 5), ("pop", 2), ("push", 5), ("pop", 9), ("pop", 9), ("pop", 9)],
            8,
        ),
        # a gap that was told and goes on is told once more, with what was lost since
        ([("push", 9), ("pop", 1), ("push", 9), ("pop", 1), ("pop", 1)], 8),
        ([("pop", 1)], 4),
    ]
    drawn = []
    for _ in range(4):
        capacity, events = int(rng.integers(4, 20)), []
        for _ in range(int(rng.integers(8, 24))):
            events.append((str(rng.choice(["push", "pop"])), int(rng.integers(1, 9))))
        drawn.append((events + [("pop", 50)] * 6, capacity))
    return fixed + drawn


def _replayed(events: list[tuple], capacity: int) -> list[tuple | None]:
    """Every sample for itself: a number and whether it was kept."""
    line: deque[tuple[int, bool]] = deque()
    number, answers = 0, []
    for kind, n in events:
        if kind == "push":
            fits = sum(kept for _, kept in line) + n <= capacity
            line += [(number + i, fits) for i in range(n)]
            number += n
            continue
        if not line:
            answers.append(None)
            continue
        first, kept = line[0]
        count = 0
        while line and line[0][1] == kept and (count < n or not kept):
            line.popleft()
            count += 1
        answers.append(("samples" if kept else "gap", first, count))
    return answers


@judge("5.8", questions=_ring_questions)
def check_5_8(question: tuple, answer: object) -> None:
    want = _replayed(*question)
    expect_type("the answer", answer, (list, tuple), question)
    if len(answer) != len(want):
        raise Wrong(f"expected {len(want)} answers, one for each pop, got {len(answer)}", question)
    for number, (got, right) in enumerate(zip(answer, want, strict=True)):
        name = f"pop {number}"
        if got == right and type(got) is type(right):
            continue
        if isinstance(got, list) and right is not None and tuple(got) == right:
            continue
        why = ""
        if right and got and len(got) == 3 and right[0] == "samples" == got[0]:
            behind = right[1] + right[2]
            lost = any(a[:2] == ("gap", behind) for a in want[number + 1 :] if a)
            why = ": there is a gap in between" if lost and got[2] > right[2] else ""
        raise Wrong(f"{name}: expected {right!r}, got {got!r}{why}", question)


# **************** 5.9 Does it keep up? ****************


def _pace_questions(rng: np.random.Generator) -> list[tuple]:
    fixed = [
        ([60, 60, 60, 60], 100),
        ([100, 100, 100], 100),  # a load of 1, and nothing is late
        ([60, 250, 60, 60, 60, 60], 100),  # one is slow, and others are late for it
        ([150, 150, 150, 150, 150], 100),  # falls behind for ever
        ([350, 10, 10, 10, 10, 10], 100),
        ([40], 100),
    ]
    drawn = []
    for _ in range(4):
        period = int(rng.integers(50, 500))
        n = int(rng.integers(5, 20))
        times = (period * rng.choice([0.5, 0.7, 0.9, 3.0], n, p=[0.4, 0.3, 0.2, 0.1])).astype(int)
        drawn.append(([max(1, int(t)) for t in times], period))
    return fixed + drawn


def _pace(times: list[int], period: int) -> tuple[float, int, int]:
    """Microsecond by microsecond: a worker, a queue, and a clock."""
    queue: deque[int] = deque()
    arrived = late = high = busy = 0
    clock, left = 0, 0
    while arrived < len(times) or queue:
        clock += 1
        if queue:  # what it worked at since the last tick
            left -= 1
            busy += 1
            if left == 0:
                block = queue.popleft()
                late += clock > (block + 2) * period
                left = times[queue[0]] if queue else 0
        if clock % period == 0 and arrived < len(times):
            queue.append(arrived)
            if len(queue) == 1:
                left = times[arrived]
            arrived += 1
            high = max(high, len(queue))
    return busy / (len(times) * period), late, high


@judge("5.9", questions=_pace_questions)
def check_5_9(question: tuple, answer: object) -> None:
    load, missed, waiting = _pace(*question)
    expect_type("the answer", answer, (tuple, list), question)
    if len(answer) != 3:
        raise Wrong(f"expected (load, missed, ring), got {answer!r}", question)
    expect_close("the load", answer[0], load, question=question)
    expect_equal("the missed deadlines", answer[1], missed, question)
    expect_equal("the blocks in the ring", answer[2], waiting, question)


# **************** 5.10 Was the gate met? ****************


def _round(ours: float, theirs: float, right: bool = True) -> dict:
    return {"ours_s": ours, "theirs_s": theirs, "right": right}


def _gate_questions(rng: np.random.Generator) -> list[tuple]:
    steady = [_round(1.0, 4.5), _round(1.0, 4.25), _round(2.0, 9.5), _round(1.0, 4.5)]
    # a busy machine: whole rounds are slow, and their ratios stay
    busy = [_round(t, 4.0 * t + 0.25) for t in (1.0, 8.0, 1.0, 2.0, 16.0, 1.0, 4.0, 1.0)]
    wide = [_round(1.0, r) for r in (2.0, 3.0, 5.0, 6.0, 4.5, 3.5, 7.0, 5.5)]
    fixed = [
        (steady, 4.0, 1),
        (steady, 5.0, 1),
        (steady, 4.5, 1),
        (busy, 4.0, 1),
        (wide, 4.0, 1),
        (wide, 4.0, 2),
        (wide, 3.0, 2),  # the low end is at the gate
        (wide, 3.0, 1),
        (wide, 6.0, 2),  # the high end is at the gate: it may be met
        (steady, 4.0, 0),  # too few for an interval
        ([*steady, _round(0.5, 9.0, False)], 4.0, 1),
        ([*steady, _round(0.5, 9.0, False)], 4.0, 0),
    ]
    drawn = []
    for _ in range(4):
        n = int(rng.integers(6, 13))
        rounds = []
        for _ in range(n):
            slow = float(2.0 ** rng.integers(-2, 3))
            rounds.append(_round(slow, slow * float(rng.integers(8, 48)) / 8))
        gate = float(rng.choice([1.5, 2.0, 3.0, 4.0]))
        drawn.append((rounds, gate, int(rng.integers(1, (n - 1) // 2 + 1))))
    return fixed + drawn


@judge("5.10", questions=_gate_questions)
def check_5_10(question: tuple, answer: object) -> None:
    rounds, gate, k = question
    expect_type("the word", answer, (str,), question)
    if not all(r["right"] for r in rounds):
        want = "invalid"
    elif not k:
        want = "not resolved"
    else:
        ratios = [r["theirs_s"] / r["ours_s"] for r in rounds]
        # an end of the interval has at least k ratios on its outer side, itself among them
        reaches = sum(r >= gate for r in ratios)
        want = "met" if len(ratios) - reaches < k else "missed" if reaches < k else "not resolved"
    if answer != want:
        raise Wrong(f"expected {want!r}, got {answer!r}", question)


# **************** 5.11 What is wrong with this validator? ****************

_FLAWS = {
    "A": "NaN passes",
    "B": "a gap is bridged",
    "C": "a mean hides what is short",
    "D": "a clipped record is believed",
    "E": "each block begins anew",
    "F": "the window doesn't follow the frequency",
}


@judge("5.11", questions=lambda rng: [()])
def check_5_11(question: tuple, answer: object) -> None:
    judge_choices("flaw", _FLAWS, answer)


# **************** 5.12 Your device on the bench ****************

# what a stream asks of a device, in a few seconds; on a live stream nothing may be wrong
_CASES = (
    "open",
    "allocator/alignment/*",
    "copy/dtype/*",
    "views",
    "compiler/refuses*",
    "launch/first",
    "launch/range/*",
    "special/*/float32",
    "reduce/sum/*",
    "matmul/*/float32",
)
_SHARED = Path(__file__).with_name("shared_memory.py")
_SHARED_TIMEOUT_S = 60


@judge("5.12", questions=lambda rng: [(int(rng.integers(2**31)),)], ask=_text_of, runs_code=True)
def check_5_12(question: tuple, answer: object) -> None:
    with written(answer) as (name, file):
        _expect_shared_memory(name, file, question[0])
        expect_score(name, file, _CASES, question[0], 1.0)


def _expect_shared_memory(name: str, file: Path, seed: int) -> None:
    """What numpy writes into a buffer is what the device's kernels read, and the other way."""
    command = [sys.executable, str(_SHARED), name, str(file), str(seed)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_SHARED_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise Wrong(f"a few launches took more than {_SHARED_TIMEOUT_S} s") from None
    last = (done.stdout.strip().splitlines() or [""])[-1]
    try:
        wrong = json.loads(last)["wrong"]
    except (ValueError, KeyError, TypeError):
        told = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise Wrong(f"the device ended its process ({done.returncode}): {told[:300]}") from None
    if wrong:
        raise Wrong(wrong)

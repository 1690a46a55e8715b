"""The judges of notebook 04: fresh questions for each check, and what is wrong with an answer.

All of it is arithmetic on plain data. What the debugging tools find on the three suspects is fixed
here, and tests/grading/test_suspects.py asks the tools.
"""

import math
import statistics
from collections.abc import Mapping
from itertools import pairwise

import numpy as np

from labs.grading.checks.choices import judge_choices
from labs.grading.compare import expect_close, expect_equal, expect_type
from labs.grading.judges import Wrong, judge

# **************** 4.1 Reading a profile ****************


def _figure(value: float | None, spread: float = 0.0, how: str = "measured") -> dict:
    low, high = (None, None) if value is None else (value * (1 - spread), value * (1 + spread))
    return {"value": value, "low": low, "high": high, "how": how}


def _figure_questions(rng: np.random.Generator) -> list[tuple]:
    fixed = [
        (_figure(80e9, 0.02), _figure(100e9, 0.05)),
        (_figure(None), _figure(100e9, 0.05)),
        (_figure(3e9, 0.1), _figure(None)),
        # two numbers, and no quotient of theirs means anything
        (_figure(2e9, 0.01), _figure(4e9, 0.0, "model")),
        (_figure(2e9, 0.0, "model"), _figure(4e9, 0.1)),
        (_figure(1e6, 0.0, "model"), _figure(4e6, 0.0, "model")),
    ]
    drawn = []
    for _ in range(3):
        roof = float(np.round(rng.uniform(1e9, 1e12), -6))
        spreads = np.round(rng.uniform(0.01, 0.2, 2), 3)
        reached = float(np.round(roof * rng.uniform(0.05, 1.0), -6))
        drawn.append((_figure(reached, float(spreads[0])), _figure(roof, float(spreads[1]))))
    return fixed + drawn


@judge("4.1", questions=_figure_questions)
def check_4_1(question: tuple, answer: object) -> None:
    reached, roof = question
    if reached["value"] is None or roof["value"] is None:
        if answer is not None:
            raise Wrong(f"a value is missing: expected None, got {answer!r}", question)
        return
    if reached["how"] != roof["how"]:
        if answer is not None:
            raise Wrong(
                f"a measured number and a model's have no quotient: expected None, got {answer!r}",
                question,
            )
        return
    expect_type("the answer", answer, (dict,), question)
    want = {
        "value": reached["value"] / roof["value"],
        "low": reached["low"] / roof["high"],
        "high": reached["high"] / roof["low"],
    }
    for name, right in want.items():
        if name not in answer:
            raise Wrong(
                f"no {name!r} in the answer, which has {sorted(map(str, answer))}", question
            )
        expect_close(name, answer[name], right, question=question)


# **************** 4.2 What may be concluded ****************

_CLAIMS = {
    "B multiplies faster than A": "follows",
    "A adds faster than B": "not resolved",
    "A and B add equally fast": "not resolved",
    "C multiplies 50 times faster than B": "no basis",
    "B needs less energy than A": "no basis",
    "adding on A can't be made much faster": "follows",
}


@judge("4.2", questions=lambda rng: [()])
def check_4_2(question: tuple, answer: object) -> None:
    judge_choices("answer", _CLAIMS, answer)


# **************** 4.3 Six lying benchmarks ****************

_LIES = {
    "A": "nobody waited for the device",
    "B": "nothing was computed",
    "C": "it was computed before",
    "D": "a compilation was timed",
    "E": "a mean of skewed samples",
    "F": "a smaller problem",
}


@judge("4.3", questions=lambda rng: [()])
def check_4_3(question: tuple, answer: object) -> None:
    judge_choices("flaw", _LIES, answer)


# **************** 4.4 The honest number ****************


def _call(n: int, start: float, launch: float, wait: float, first: bool = False) -> dict:
    times = {"start": start, "returned": start + launch, "synchronized": start + launch + wait}
    return {"n": n, "first": first, **times}


def _log_questions(rng: np.random.Generator) -> list[tuple]:
    fixed = [
        ([_call(100, 0.0, 0.001, 0.999), _call(100, 2.0, 0.5, 1.5), _call(100, 5.0, 0.1, 3.9)],),
        # one call of another size, and a first call that takes ever so long
        ([_call(10, 0, 9.0, 1.0, True), _call(20, 20, 0.5, 0.5), _call(10, 30, 0.25, 0.25)],),
        ([_call(64, 0, 1.0, 1.0, True)],),
        ([],),
    ]
    drawn = []
    for _ in range(4):
        at, calls = float(np.round(rng.uniform(0, 9), 3)), []
        for k in range(int(rng.integers(4, 8))):
            n = int(rng.choice([64, 128, 256]))
            launch = float(np.round(rng.uniform(1e-4, 1e-3), 5))
            # skewed: now and then one takes twenty times as long
            wait = float(np.round(n**3 * 1e-9 * rng.choice([1, 1.1, 1.2, 20]), 6))
            calls.append(_call(n, at, launch, wait, k == 0))
            at += 30.0
        drawn.append((calls,))
    return fixed + drawn


@judge("4.4", questions=_log_questions)
def check_4_4(question: tuple, answer: object) -> None:
    counted = [c for c in question[0] if not c["first"]]
    if not counted:
        if answer is not None:
            raise Wrong(f"no call counts: expected None, got {answer!r}", question)
        return
    rates = [2 * c["n"] ** 3 / (c["synchronized"] - c["start"]) for c in counted]
    expect_type("the rate", answer, (float, int), question)
    want = statistics.median(rates)
    if math.isclose(answer, want, rel_tol=1e-9):
        return
    all_rates = [2 * c["n"] ** 3 / (c["synchronized"] - c["start"]) for c in question[0]]
    known = {
        "that is the mean of the rates": statistics.fmean(rates),
        "a first call is among them": statistics.median(all_rates),
        "a launch that returned has not ended yet": statistics.median(
            2 * c["n"] ** 3 / (c["returned"] - c["start"]) for c in counted
        ),
    }
    why = next((w for w, v in known.items() if math.isclose(answer, v, rel_tol=1e-9)), "")
    raise Wrong(f"expected {want:.6g} FLOP/s, got {answer!r}{': ' if why else ''}{why}", question)


# **************** 4.5 to 4.7 Three suspects ****************

# what the tools find on the notebook's expressions, whatever the machine
SUSPECTS = {
    "4.5": {"step": 4, "index": (6,), "fault": "the last element is never written"},
    "4.6": {"buffer_bytes": 28, "bytes_outside": 4, "fault": "one value is written behind the end"},
    "4.7": {"step": 1, "index": (3,), "fault": "of a number below 1"},
}


def _judge_suspect(want: Mapping[str, object], answer: object) -> None:
    expect_type("the answer", answer, (dict,))
    missing = [name for name in want if answer.get(name) in (None, "")]
    if missing:
        raise Wrong(f"not answered yet: {', '.join(missing)}")
    wrong = [name for name, right in want.items() if not _same(answer[name], right)]
    if wrong:
        raise Wrong(
            f"{len(want) - len(wrong)} of {len(want)} right. Look again at: {', '.join(wrong)}"
        )


def _same(got: object, want: object) -> bool:
    if isinstance(want, tuple):
        number = len(want) == 1 and type(got) is int  # 6 for (6,)
        return got == want[0] if number else isinstance(got, (tuple, list)) and tuple(got) == want
    return type(got) is type(want) and got == want


@judge("4.5", questions=lambda rng: [()])
def check_4_5(question: tuple, answer: object) -> None:
    _judge_suspect(SUSPECTS["4.5"], answer)


@judge("4.6", questions=lambda rng: [()])
def check_4_6(question: tuple, answer: object) -> None:
    _judge_suspect(SUSPECTS["4.6"], answer)


@judge("4.7", questions=lambda rng: [()])
def check_4_7(question: tuple, answer: object) -> None:
    _judge_suspect(SUSPECTS["4.7"], answer)


# **************** 4.8 From counters to rates ****************


def _reading(t: float, kernels: int, joules: float | None) -> dict:
    return {"t": t, "kernels": kernels, "joules": joules}


def _sample_questions(rng: np.random.Generator) -> list[tuple]:
    fixed = [
        ([_reading(0.0, 0, 10.0), _reading(0.5, 100, 12.0), _reading(1.5, 100, 13.0)],),
        # a sensor that fails for one moment costs two intervals
        ([_reading(0, 0, 1.0), _reading(1, 4, None), _reading(2, 6, 3.0), _reading(4, 10, 5.0)],),
        # restarted in the middle
        ([_reading(1.0, 50, 5.0), _reading(2.0, 7, 6.0), _reading(3.0, 9, 7.0)],),
        ([_reading(0.0, 3, 2.0)],),
        ([],),
    ]
    drawn = []
    for _ in range(3):
        t, kernels, joules, samples = 0.0, 0, 50.0, []
        for _ in range(int(rng.integers(4, 7))):
            known = float(np.round(joules, 2)) if rng.random() < 0.8 else None
            samples.append(_reading(float(np.round(t, 2)), kernels, known))
            t += float(rng.uniform(0.1, 2.0))
            kernels = (
                int(rng.integers(0, 20))
                if rng.random() < 0.2
                else kernels + int(rng.integers(0, 500))
            )
            joules += float(rng.uniform(0.1, 9.0))
        drawn.append((samples,))
    return fixed + drawn


def _rates(samples: list[dict]) -> list[tuple[float, float | None] | None]:
    found: list[tuple[float, float | None] | None] = []
    for a, b in pairwise(samples):
        count = b["kernels"] - a["kernels"]
        if count < 0:
            found.append(None)
            continue
        known = a["joules"] is not None and b["joules"] is not None and count
        each = (b["joules"] - a["joules"]) / count if known else None
        found.append((count / (b["t"] - a["t"]), each))
    return found


@judge("4.8", questions=_sample_questions)
def check_4_8(question: tuple, answer: object) -> None:
    want = _rates(question[0])
    expect_type("the answer", answer, (list, tuple), question)
    if len(answer) != len(want):
        raise Wrong(
            f"expected {len(want)} entries, one less than samples, got {len(answer)}", question
        )
    for number, (got, right) in enumerate(zip(answer, want, strict=True)):
        name = f"entry {number}"
        if right is None:
            if got is not None:
                raise Wrong(f"{name}: the counter went back: expected None, got {got!r}", question)
            continue
        expect_type(name, got, (tuple, list), question)
        if len(got) != 2:
            raise Wrong(f"{name}: expected two values, got {len(got)}", question)
        expect_close(f"{name}, kernels per second", got[0], right[0], question=question)
        if right[1] is None:
            if got[1] is not None:
                raise Wrong(
                    f"{name}: energy per kernel can't be told: expected None, got {got[1]!r}",
                    question,
                )
            continue
        expect_close(f"{name}, joules per kernel", got[1], right[1], question=question)


# **************** 4.9 Choose before you measure ****************


def _machine(
    launch_s: float, flop_per_s: float, bytes_per_s: float, link: tuple[float, float] | None
) -> dict:
    link_s, link_bytes_per_s = link or (None, None)
    return {
        "launch_s": launch_s,
        "flop_per_s": flop_per_s,
        "bytes_per_s": bytes_per_s,
        "link_s": link_s,
        "link_bytes_per_s": link_bytes_per_s,
    }


def _job(kernels: int, flop: float, nbytes: float, moved: float) -> dict:
    return {"kernels": kernels, "flop": flop, "bytes": nbytes, "moved": moved}


_HOST = _machine(5e-6, 50e9, 20e9, None)
_GPU = _machine(2e-5, 10e12, 1e12, (1e-5, 10e9))
_SLOW_START = _machine(1e-3, 200e9, 40e9, (5e-4, 5e9))


def _job_questions(rng: np.random.Generator) -> list[tuple]:
    all_three = {"HOST": _HOST, "GPU": _GPU, "BOARD": _SLOW_START}
    fixed = [
        (_job(1, 2e9, 12e6, 0), all_three),  # arithmetic: the GPU
        (_job(1, 1e6, 800e6, 800e6), all_three),  # memory, and all of it has to travel: the host
        (_job(1, 1e6, 800e6, 0), all_three),  # the same where it is already: the GPU
        (_job(1000, 1e6, 1e6, 0), all_three),  # launches only
        (_job(1, 1e3, 1e3, 0), {"GPU": _GPU, "HOST": _HOST}),
        (_job(2, 5e8, 1e7, 4e7), {"BOARD": _SLOW_START, "GPU": _GPU}),
    ]
    drawn = []
    for _ in range(4):
        devices = {
            name: _machine(
                float(f"{10 ** rng.uniform(-6, -3):.2e}"),
                float(f"{10 ** rng.uniform(9, 13):.2e}"),
                float(f"{10 ** rng.uniform(9, 12):.2e}"),
                None if name == "HOST" else (2e-5, float(f"{10 ** rng.uniform(9, 10.5):.2e}")),
            )
            for name in ("HOST", "GPU", "BOARD")
        }
        moved = float(rng.choice([0, 1e6, 1e8]))
        flop, nbytes = (float(f"{10 ** rng.uniform(6, 11):.2e}") for _ in range(2))
        drawn.append((_job(int(rng.integers(1, 200)), flop, nbytes, moved), devices))
    return fixed + drawn


def _seconds(work: Mapping[str, float], device: Mapping[str, float]) -> float:
    busy = max(work["flop"] / device["flop_per_s"], work["bytes"] / device["bytes_per_s"])
    moving = 0.0
    if device["link_s"] is not None and work["moved"]:
        moving = device["link_s"] + work["moved"] / device["link_bytes_per_s"]
    return work["kernels"] * device["launch_s"] + busy + moving


@judge("4.9", questions=_job_questions)
def check_4_9(question: tuple, answer: object) -> None:
    work, devices = question
    times = {name: _seconds(work, device) for name, device in devices.items()}
    best = min(times, key=lambda name: times[name])
    expect_type("the answer", answer, (tuple, list), question)
    if len(answer) != 2:
        raise Wrong(f"expected two values (name, seconds), got {len(answer)}", question)
    name, seconds = answer
    if name in times and name != best:
        raise Wrong(
            f"{name} takes {times[name]:.6g} s, {best} only {times[best]:.6g} s; your answer says "
            f"{seconds!r} s",
            question,
        )
    expect_equal("the name", name, best, question)
    expect_close("the seconds", seconds, times[best], question=question)


# **************** 4.10 Shares ****************


def _share_questions(rng: np.random.Generator) -> list[tuple]:
    fixed = [
        (30, {"CPU": 0.01, "CL": 0.02}),
        (4, {"GPU": 0.001, "CPU": 1.0}),  # the slow one gets nothing
        (7, {"A": 1.0, "B": 1.0}),
        (0, {"A": 1.0, "B": 2.0}),
        (9, {"ONE": 0.5}),
        # rounding down loses batches, rounding each up makes some twice
        (10, {"A": 1.0, "B": 1.0, "C": 1.0}),
        (3, {"A": 1.0, "B": 1.4, "C": 1.5}),
    ]
    drawn = []
    for _ in range(5):
        names = ["CPU", "CL", "GPU", "WEBGPU"][: int(rng.integers(2, 5))]
        each = {name: float(f"{10 ** rng.uniform(-3, -1):.2e}") for name in names}
        drawn.append((int(rng.integers(1, 60)), each))
    return fixed + drawn


def _least_makespan(n: int, seconds_each: Mapping[str, float]) -> float:
    counts = dict.fromkeys(seconds_each, 0)
    for _ in range(n):
        device = min(counts, key=lambda d: (counts[d] + 1) * seconds_each[d])
        counts[device] += 1
    return max((counts[d] * seconds_each[d] for d in counts), default=0.0)


@judge("4.10", questions=_share_questions)
def check_4_10(question: tuple, answer: object) -> None:
    n, each = question
    expect_type("the answer", answer, (dict,), question)
    if set(answer) != set(each):
        raise Wrong(f"expected a share for each of {sorted(each)}, got {sorted(map(str, answer))}")
    for device, count in answer.items():
        expect_type(f"the share of {device}", count, (int,), question)
        if count < 0:
            raise Wrong(f"the share of {device} is {count}", question)
    if sum(answer.values()) != n:
        raise Wrong(f"the shares add up to {sum(answer.values())}, there are {n} batches", question)
    got = max(answer[d] * each[d] for d in each)
    want = _least_makespan(n, each)
    if got > want * (1 + 1e-9):
        last = max(each, key=lambda d: answer[d] * each[d])
        raise Wrong(
            f"{answer}: {last} is done after {got:.6g} s; another split is done after {want:.6g} s",
            question,
        )


# **************** 4.11 Nothing lost, nothing twice ****************


def _event_questions(rng: np.random.Generator) -> list[tuple]:
    fixed = [
        # the failed device had two in its hands; the late word about one of them isn't heard
        (
            4,
            [("sent", "A", 0), ("sent", "B", 1), ("sent", "A", 2), ("failed", "A")]
            + [("done", "A", 0, 10.0), ("done", "B", 1, 11.0)],
        ),
        # computed elsewhere meanwhile: the first result counts, and the redone one only once
        (
            3,
            [("sent", "A", 0), ("sent", "B", 1), ("failed", "A"), ("sent", "B", 0)]
            + [("done", "B", 1, 1.0), ("done", "B", 0, 2.0), ("done", "A", 0, 9.0)],
        ),
        # in the hands of a living device is not lost
        (2, [("sent", "A", 0), ("sent", "B", 1), ("done", "A", 0, 5.0)]),
        # done before it failed stays done
        (2, [("sent", "A", 0), ("sent", "A", 1), ("done", "A", 0, 3.0), ("failed", "A")]),
        (2, []),
        # two copies of one batch: the first answer counts
        (
            1,
            [("sent", "A", 0), ("sent", "B", 0), ("done", "B", 0, 7.0), ("done", "A", 0, 8.0)],
        ),
    ]
    return fixed + [_random_log(rng) for _ in range(4)]


def _random_log(rng: np.random.Generator) -> tuple[int, list[tuple]]:
    n, log = int(rng.integers(5, 12)), []
    held: dict[str, list[int]] = {"A": [], "B": [], "C": []}
    waiting, failed = list(range(n)), set()
    for _ in range(3 * n):
        device = str(rng.choice(list(held)))
        roll = rng.random()
        if roll < 0.5 and waiting and device not in failed:
            held[device].append(waiting.pop(0))
            log.append(("sent", device, held[device][-1]))
        elif roll < 0.93 and held[device]:
            batch = held[device].pop(0)
            log.append(("done", device, batch, float(np.round(rng.uniform(0, 99), 2))))
        elif roll >= 0.93 and device not in failed and len(failed) < 2:
            failed.add(device)
            waiting = sorted([*waiting, *held[device]])  # it may still answer: too late
            log.append(("failed", device))
    return n, log


def _recovered(n: int, log: list[tuple]) -> tuple[dict[int, float], list[int]]:
    results: dict[int, float] = {}
    held: dict[str, set[int]] = {}
    failed: set[str] = set()
    for kind, device, *more in log:
        if device in failed:
            continue
        if kind == "sent":
            held.setdefault(device, set()).add(more[0])
        elif kind == "done":
            held.get(device, set()).discard(more[0])
            results.setdefault(more[0], more[1])
        else:
            failed.add(device)
            held.pop(device, None)
    busy = set().union(*held.values()) if held else set()
    return results, [b for b in range(n) if b not in results and b not in busy]


@judge("4.11", questions=_event_questions)
def check_4_11(question: tuple, answer: object) -> None:
    results, left = _recovered(*question)
    expect_type("the answer", answer, (tuple, list), question)
    if len(answer) != 2:
        raise Wrong(f"expected two values (results, left), got {len(answer)}", question)
    expect_type("the results", answer[0], (dict,), question)
    expect_type("what is left", answer[1], (list, tuple), question)
    invented = [b for b in answer[0] if b not in results]
    lost = [b for b in results if b not in answer[0]]
    if invented:
        raise Wrong(f"batch {invented[0]} has no result that counts", question)
    if lost:
        raise Wrong(f"the result of batch {lost[0]} is lost", question)
    expect_equal("the results", answer[0], results, question)
    if sorted(answer[1]) != left:
        twice = [b for b in answer[1] if b not in left]
        if twice:
            why = "it is done" if twice[0] in results else "a living device has it in its hands"
            raise Wrong(f"batch {twice[0]} would be computed twice: {why}", question)
        missing = [b for b in left if b not in answer[1]]
        raise Wrong(
            f"batch {missing[0]} would never be computed" if missing else "a batch is there twice",
            question,
        )
    expect_equal("what is left", list(answer[1]), left, question)

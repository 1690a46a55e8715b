"""Two ways to do the same work, timed in interleaved rounds of one run."""

import time
from collections.abc import Callable, Mapping

import numpy as np

from labs.bench.statistics import summarize_rounds

Timed = dict[str, list[float]]


def interleaved(functions: Mapping[str, Callable[[], object]], rounds: int, loops: int) -> Timed:
    """Seconds of one call: for each round the median of `loops` calls, after a round of warm-up."""
    timed: Timed = {name: [] for name in functions}
    for number in range(rounds + 1):
        for name, function in functions.items():
            seconds = []
            for _ in range(loops):
                began = time.perf_counter()
                function()
                seconds.append(time.perf_counter() - began)
            if number:
                timed[name].append(float(np.median(seconds)))
    return timed


def fastest(timed: Timed, names: list[str]) -> str:
    return min(names, key=lambda name: float(np.median(timed[name])))


def row(
    item: str,
    ours: list[float],
    theirs: list[float],
    n: int,
    gate: float | None,
    stretch: float | None,
    note: str,
) -> dict:
    """How many times as fast as theirs ours is, from the rounds' ratios, with its 95% interval."""
    ratio, interval = summarize_rounds([b / a for a, b in zip(ours, theirs, strict=True)])
    best = min(theirs) / min(ours)
    return {
        "item": item,
        "ratio": ratio,
        "low": interval.low if interval else ratio,
        "high": interval.high if interval else ratio,
        "gate": gate,
        "stretch": stretch,
        "ours": n / np.median(ours) / 1e6,
        "theirs": n / np.median(theirs) / 1e6,
        "unit": "MS/s",
        "n": n,
        "note": f"medians; best against best {best:.2f}x; {note}",
        "met": gate is None or ratio >= gate,
    }


def require(what: str, error: float, gate: float) -> None:
    """Nothing is timed that isn't right."""
    if not error <= gate:
        raise SystemExit(f"{what} is wrong: {error:.2g} where {gate:.2g} is allowed")

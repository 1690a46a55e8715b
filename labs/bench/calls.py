"""The harness for any function: what a notebook uses to time three lines of its own."""

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

from labs.bench.plan import (
    Case,
    Plan,
    make_settings,
    require_choice,
    require_positive,
    resolve_devices,
)
from labs.bench.results import CACHES, Measurement, ResultSet
from labs.bench.runner import Cancel, Progress, run_plan
from labs.bench.sampler import Settings
from labs.errors import MeasurementError


def measure_call(
    function: Callable[[], object],
    *,
    name: str,
    device: str = "CPU",
    expected: np.ndarray | None = None,
    **options: object,
) -> Measurement:
    """Times one function of no arguments; see `measure_calls` for the options.

    Raises:
        MeasurementError: when the function fails, with its message.

    Example:
        >>> measure_call(lambda: a + b, name="add, eager", rounds=5, round_time_s=0.1)
    """
    wanted = {} if expected is None else {name: expected}
    results = measure_calls({name: function}, device=device, expected=wanted, **options)
    if results.failures:
        failure = results.failures[0]
        if failure.kind == MeasurementError.__name__:  # its text has all four parts already
            raise MeasurementError(failure.error)
        raise MeasurementError(
            f"measure '{name}' on {device}",
            expected="a function that runs",
            got=failure.error,
            next_step="call it once by itself, then measure it",
        )
    if not results.measurements:
        raise MeasurementError(
            f"measure '{name}' on {device}",
            expected="at least one round",
            got=f"the run was {results.stop_reason}",
            next_step="run it again",
        )
    return results.measurements[0]


def measure_calls(
    functions: Mapping[str, Callable[[], object]],
    *,
    device: str = "CPU",
    expected: Mapping[str, np.ndarray] | None = None,
    rtol: float = 1e-4,
    atol: float = 1e-5,
    flop: float | None = None,
    min_bytes: float | None = None,
    rounds: int = 20,
    round_time_s: float = 0.25,
    cache: str = "warm",
    seed: int = 0,
    precision: float = 0.02,
    settings: Settings | None = None,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> ResultSet:
    """Times several functions of no arguments in interleaved rounds, by the wall clock.

    Tensors they return are realized, and the device is synchronized before the clock stops. Compare
    two of them with `compare(a, b, implementations=True)`.

    Args:
        functions: name -> function returning a Tensor, several, or None.
        expected: name -> the right answer of a function's first tensor.
        flop, min_bytes: of one call, the same for all: different ways to do the same work.
        The others are those of `measure`.
    """
    require_choice("cache", cache, CACHES)
    require_positive("rounds", rounds)
    (where,) = resolve_devices(device)
    answers = expected or {}
    from labs.bench.execution import prepare_call  # imports tinygrad

    cases = tuple(
        Case(
            name=f"{name.replace('/', ' per ')}/{cache}/wall",
            device=where,
            label=f"{name} on {where}",
            prepare=partial(prepare_call, call, name, where, answers.get(name), rtol, atol),
            flop=flop,
            min_bytes=min_bytes,
        )
        for name, call in functions.items()
    )
    settings = settings or make_settings(round_time_s, precision)
    plan = Plan(cases, int(rounds), cache, "wall", int(seed), settings)
    return run_plan(
        plan,
        notify=lambda e: progress(e.done, e.total, e.text) if progress else None,
        cancel=cancel,
    )

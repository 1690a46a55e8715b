"""Applies a recommendation: both ways checked against numpy, then timed in interleaved rounds."""

from collections.abc import Callable
from typing import Any

import numpy as np

from labs import bench, toolchain
from labs.errors import LabError
from labs.gpu.advice.model import Recommendation, Trial, Verified

toolchain.activate()

from tinygrad import Tensor


def verify_trial(recommendation: Recommendation, **settings: Any) -> Verified:
    """Measure a recommendation; what goes wrong on the way becomes its `failure`.

    Args:
        settings: of `labs.bench.measure_calls`.
    """
    try:
        trial = recommendation.make_trial()
        errors = {name: _error(trial, name) for name in trial.functions}
        results = bench.measure_calls(
            trial.functions,
            device=trial.device,
            expected=trial.answers,
            rtol=trial.rtol,
            atol=trial.atol,
            **settings,
        )
    except LabError as error:
        return Verified(recommendation, None, failure=error.got or error.asked)
    except Exception as error:  # a driver that fails, or an expression that can't be built this way
        return Verified(recommendation, None, failure=f"{type(error).__name__}: {error}")
    if results.failures or len(results) < 2:
        why = "; ".join(f.error for f in results.failures) or f"the run was {results.stop_reason}"
        return Verified(recommendation, None, results, errors, why, trial.note)
    now, then = results.measurements
    comparison = bench.compare(now, then, implementations=True)
    return Verified(recommendation, comparison, results, errors, "", trial.note)


def largest_error(result: Tensor, answer: np.ndarray) -> float:
    """The largest distance from numpy's answer; infinite when a value is NaN."""
    got = result.numpy().astype(np.float64).reshape(-1)
    want = np.asarray(answer, np.float64).reshape(-1)
    if got.size != want.size:
        return float("inf")
    error = np.abs(got - want)
    return float(np.where(np.isnan(error), np.inf, error).max(initial=0.0))


def within(result: Tensor, answer: np.ndarray, rtol: float, atol: float) -> bool:
    """Whether a result is right within the tolerances, everywhere."""
    got, want = result.numpy().astype(np.float64), np.asarray(answer, np.float64)
    return got.shape == want.shape and bool(np.all(np.abs(got - want) <= atol + rtol * abs(want)))


def _error(trial: Trial, name: str) -> float:
    function: Callable[[], Any] = trial.functions[name]
    result = function()
    first = result[0] if isinstance(result, (tuple, list)) else result
    return largest_error(first, trial.answers[name])

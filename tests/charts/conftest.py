"""Measurements and traces with known contents, for the chart tests: no clock, no device."""

from types import SimpleNamespace

import numpy as np
import pytest

from labs.bench import Failure, Measurement, ResultSet, Round

ENVIRONMENT = {"date": "2026-03-04T05:06:07+00:00", "hostname": "host-a"}


def make_measurement(
    name="matmul/n=500/float32/warm/wall",
    device="CPU",
    median_s=1e-3,
    *,
    rounds=10,
    samples=20,
    noise=0.01,
    seed=0,
    capped=0,
    loops=1,
    clock="wall",
    modelled=False,
    first_call_s=0.2,
):
    rng = np.random.default_rng(seed)
    made = []
    for index in range(rounds):
        values = median_s * np.exp(
            noise * rng.standard_normal() + noise * rng.exponential(size=samples)
        )
        made.append(
            Round(
                samples_s=tuple(values.tolist()),
                loops=loops,
                warmups_s=tuple((median_s * np.array([3.0, 1.6, 1.1])).tolist()),
                stop_reason="time" if index < capped else "precision",
                index=index,
            )
        )
    return Measurement(
        name, device, "ClangRenderer", clock, "warm", tuple(made), first_call_s=first_call_s,
        environment=ENVIRONMENT, modelled=modelled, run_id="run-1",
    )  # fmt: skip


def make_results(times, failures=(), **settings):
    """times: {(workload, device): seconds}."""
    rows = tuple(
        make_measurement(f"{w}/n=500/float32/warm/wall", d, t, seed=i, **settings)
        for i, ((w, d), t) in enumerate(times.items())
    )
    return ResultSet(
        rows, tuple(Failure(f"{w}/n=500/float32/warm/wall", d, e) for w, d, e in failures)
    )


def make_trace(device="CPU"):
    rows = (
        (0.0, "allocate", 4 << 20, 4 << 20),
        (0.001, "copy_in", 4 << 20, 4 << 20),
        (0.002, "allocate", 4 << 20, 8 << 20),
        (0.004, "free", 4 << 20, 4 << 20),
        (0.005, "reuse", 4 << 20, 8 << 20),
        (0.007, "copy_out", 4 << 20, 8 << 20),
        (0.009, "free", 4 << 20, 4 << 20),
        (0.010, "free", 4 << 20, 0),
    )
    events = tuple(
        SimpleNamespace(t_s=t, device=device, kind=kind, bytes=size, live_bytes=live)
        for t, kind, size, live in rows
    )
    return SimpleNamespace(events=events, peak_bytes=8 << 20, leaks=())


@pytest.fixture(scope="session")
def make():
    """The makers above, for tests that want their own numbers."""
    return SimpleNamespace(measurement=make_measurement, results=make_results, trace=make_trace)

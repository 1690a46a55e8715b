"""labs.gpu.measured: choices of options side by side, verified, in this process and in another."""

from dataclasses import replace

import numpy as np
import pytest

from labs import bench
from labs.gpu.isolated_choices import measure_choices_isolated
from labs.gpu.kernels import choose_kernel
from labs.gpu.measured import measure_choices
from labs.gpu.notation import parse_options

QUICK = {"rounds": 2, "round_time_s": 0.002}


def _choices(device="CPU"):
    key = choose_kernel("matmul:n=8", device).key
    return {
        "heuristic": {},
        "none": {key: ()},
        "tile": {key: parse_options("UPCAST 1 4")},
        "wrong": {key: parse_options("UPCAST 1 3")},
    }


@pytest.mark.parametrize("clock", ["device", "wall"])
def test_choices_are_interleaved_verified_and_a_wrong_one_fails_alone(clock):
    steps = []
    results = measure_choices(
        *("matmul:n=8", _choices()),
        clock=clock,
        progress=lambda done, total, text: steps.append((done, total)),
        **QUICK,
    )
    assert [m.workload for m in results] == ["heuristic", "none", "tile"]
    assert len({m.run_id for m in results}) == 1 and {m.clock for m in results} == {clock}
    assert all(m.verification.startswith("numpy") for m in results)
    assert [f.name.split("/")[0] for f in results.failures] == ["wrong"]
    assert "can't divide" in results.failures[0].error
    assert steps[-1][0] == steps[-1][1]
    pair = bench.compare(results.measurements[0], results.measurements[2], implementations=True)
    assert pair.interleaved and pair.rounds == 2


def test_a_wrong_answer_is_never_timed():
    work = bench.WORKLOADS["matmul"](n=8)
    lie = replace(work, reference=lambda a, b: work.reference(a, b) + 1)
    results = measure_choices(lie, {"heuristic": {}}, **QUICK)
    assert not results.measurements and "from numpy" in results.failures[0].error


def test_the_time_of_a_modelled_device_says_so():
    results = measure_choices("matmul:n=8", {"heuristic": {}}, device="EDGE", **QUICK)
    assert results.measurements[0].modelled


def test_a_cancelled_run_keeps_what_it_has():
    results = measure_choices("matmul:n=8", {"heuristic": {}}, cancel=lambda: True, **QUICK)
    assert results.stop_reason == "cancelled" and not results.measurements


@pytest.mark.slow
def test_the_same_in_a_process_of_its_own():
    results = measure_choices_isolated("matmul:n=8", _choices(), **QUICK)
    assert [m.workload for m in results] == ["heuristic", "none", "tile"]
    assert [f.name.split("/")[0] for f in results.failures] == ["wrong"]


def test_inputs_are_the_same_for_all_choices():
    seen = []
    work = bench.WORKLOADS["sum"](n=8)

    def inputs(rng):
        seen.append(work.inputs(rng))
        return seen[-1]

    measure_choices(replace(work, inputs=inputs), {"a": {}, "b": {}}, **QUICK)
    assert len(seen) == 1 and isinstance(seen[0][0], np.ndarray)

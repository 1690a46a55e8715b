"""labs.gpu.arithmetic: a chain whose result counts its steps, so that none can be left out."""

from dataclasses import replace

import numpy as np
import pytest

from labs import backends, bench
from labs.gpu import arithmetic
from labs.gpu.arithmetic import Shape, chain_workload
from labs.gpu.kernel_work import compile_workload, count_work

STEPS = 16
ROWS = Shape("rows", 8, 4)


@pytest.fixture(autouse=True)
def _registered():
    backends.register()


def once(workload, device):
    return bench.measure(workload, device, clock="device", settings=ONE, rounds=1)


ONE = bench.Settings(warmup_time_s=0, warmup_calls=1, warmup_cap_s=0, round_time_s=0, min_samples=1)


@pytest.mark.parametrize("dtype", arithmetic.DTYPES)
def test_chain_when_run_then_exact_and_every_operation_is_in_the_kernel(dtype):
    workload = chain_workload("CPU", dtype, 32, ROWS, STEPS)
    assert count_work(workload, "CPU").flop == workload.flop == 2 * 32 * STEPS
    results = once(workload, "CPU")
    assert not results.failures
    assert results.measurements[0].verification == "numpy, largest error 0.0e+00"


@pytest.mark.parametrize("dtype", ["float32", "int32"])
def test_chain_when_steps_are_missing_then_the_answer_is_wrong(dtype):
    whole = chain_workload("CPU", dtype, 32, ROWS, STEPS)
    short = chain_workload("CPU", dtype, 32, ROWS, STEPS - 4)
    results = once(replace(whole, compute=short.compute), "CPU")
    assert not results.measurements
    assert "values are off" in results.failures[0].error


def test_chain_when_in_registers_then_the_same_answer():
    workload = chain_workload("CPU", "float32", 32, Shape("registers", 8, 4), STEPS)
    assert count_work(workload, "CPU").flop == workload.flop
    assert not once(workload, "CPU").failures


def test_chain_when_the_device_has_threads_then_they_share_the_rows():
    workload = chain_workload("ELECTRICAL", "float32", 10, ROWS, STEPS)
    n = int(workload.shape.split(",")[0].removeprefix("n="))
    assert n >= 10 and workload.flop == 2 * n * STEPS
    assert not once(workload, "ELECTRICAL").failures


def test_chain_when_compiled_then_the_loop_is_in_the_source():
    linear = compile_workload(chain_workload("CPU", "float32", 32, ROWS, STEPS), "CPU")
    source = linear.src[-1].src[0].src[2].arg
    assert source.count("for (") == 5  # rows; load; repetitions, lanes; store
    assert any(line.count("+val") == 4 for line in source.splitlines())  # 4 steps, unrolled


def test_reference_when_whole_numbers_then_they_wrap_as_on_the_device():
    x, ab = np.array([1, 100], np.int8), np.array([5, 3], np.int8)
    assert arithmetic._result(x, ab, 2).tolist() == [43, -42]  # (100*5+3)*5+3 = 2518 = -42 mod 256


def test_shapes_when_the_device_has_no_groups_then_rows():
    assert {s.form for s in arithmetic.shapes_for("CPU", False)} == {"rows"}

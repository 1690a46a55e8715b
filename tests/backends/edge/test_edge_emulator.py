"""Counting, flash, the stack's depth, and what an interruption leaves behind."""

import signal
import threading

import numpy as np
import pytest
from tinygrad import Context, Tensor

from labs.backends.edge import emulator as emulator_module
from labs.backends.edge.cores import CORES

LOOP = "void f(int *x, int n) { int s = 0; for (int i = 0; i < n; i++) s += x[i & 7]; x[0] = s; }"
DEEP = """
static __attribute__((noinline)) int deeper(int n, volatile int *p) {
  volatile int frame[16]; frame[n & 15] = n;
  return n ? deeper(n - 1, frame) + frame[3] + p[0] : 0;
}
void f(int *x, int n) { int zero = 0; x[0] = deeper(n, &zero); }
"""


@pytest.mark.parametrize("core", CORES)
def test_count_when_compared_with_one_by_one_then_equal_but_for_skipped_ones(edge, core):
    """Whole pieces are counted; one by one unicorn leaves out what an IT block skips (Thumb)."""
    with Context(DEV=f"EDGE::{core}"):
        x = Tensor(np.linspace(-20, 20, 64, dtype=np.float32), device="EDGE").realize()
        emulator = edge.emulator(edge.core)
        with emulator.every_instruction() as counted:
            x.sin().realize()
        exact, pieces = counted.value, edge.last_run.instructions
    assert exact > 1000
    if edge.emulator(CORES[core]).core.instruction_set == "riscv32":
        assert pieces == exact
    else:
        assert exact <= pieces <= 1.1 * exact


def test_count_when_nothing_is_conditional_then_exact(edge, numbers):
    program = edge.program(LOOP, "f", ["int*", "int"])
    _, buffer = numbers(np.arange(8, dtype=np.int32))
    with edge.emulator(edge.core).every_instruction() as counted:
        program(buffer, vals=(1000,))
    assert counted.value == edge.last_run.instructions
    assert edge.last_run.branches_taken == 999  # back to the loop's start


def test_count_when_the_same_kernel_runs_again_then_the_same(edge, numbers):
    program = edge.program(LOOP, "f", ["int*", "int"])
    runs = []
    for _ in range(3):
        _, buffer = numbers(np.arange(8, dtype=np.int32))
        program(buffer, vals=(12345,))
        runs.append(edge.last_run)
    assert len({(r.instructions, r.model_cycles, r.branches_taken) for r in runs}) == 1


def test_count_when_a_launch_is_cut_into_slices_then_the_same(edge, numbers, monkeypatch):
    """After each slice Python has a turn; the piece that was not run must not be counted twice."""
    program = edge.program(LOOP, "f", ["int*", "int"])
    seen = []
    for size in (emulator_module._SLICE, 97, 1001):
        monkeypatch.setattr(emulator_module, "_SLICE", size)
        tensor, buffer = numbers(np.arange(8, dtype=np.int32))
        program(buffer, vals=(5000,))
        seen.append((edge.last_run.instructions, edge.last_run.model_cycles, tensor.numpy()[0]))
    assert seen[0][2] == sum(i & 7 for i in range(5000))
    assert seen[0] == seen[1] == seen[2]


@pytest.mark.parametrize("core", ["cortex-m4", "rv32imac"])
def test_stack_bytes_when_calls_nest_then_they_grow_with_the_depth(edge, numbers, core):
    with Context(DEV=f"EDGE::{core}"):
        program = edge.program(DEEP, "f", ["int*", "int"])
        _, buffer = numbers(np.zeros(8, np.int32))
        depths = []
        for n in (1, 11, 101, 1):
            program(buffer, vals=(n,))
            depths.append(edge.last_run.stack_bytes)
    frame = (depths[1] - depths[0]) / 10
    assert frame >= 64  # its array alone
    assert depths[2] - depths[1] == 90 * frame
    assert depths[3] == depths[0]  # what the deeper launch wrote is not counted again


def test_flash_when_it_is_full_then_erased_and_kernels_still_run(edge, numbers, monkeypatch):
    emulator = edge.emulator(edge.core)
    tensor, buffer = numbers(np.zeros(8, np.int32))
    programs = [
        edge.program(f"void f(int *x) {{ x[0] = {n}; }}", "f", ["int*"]) for n in range(1, 6)
    ]
    # room for two of these kernels
    monkeypatch.setattr(emulator, "_end", emulator_module._FIRST_PROGRAM + 2 * 16)
    monkeypatch.setattr(emulator, "_next", emulator._end)
    for _ in range(2):
        for n, program in enumerate(programs, start=1):
            program(buffer)
            assert tensor.numpy()[0] == n
            assert 1 <= len(emulator.kernels()) <= 2


def test_interrupt_when_a_kernel_runs_for_ever_then_the_device_goes_on(edge, numbers):
    program = edge.program("void f(int *x) { for (;;) x[1]++; }", "f", ["int*"])
    tensor, buffer = numbers(np.arange(8, dtype=np.int32))
    edge.instruction_budget = 10**15  # the interrupt comes first
    timer = threading.Timer(0.3, signal.raise_signal, [signal.SIGINT])
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        program(buffer)
    timer.join()
    assert (tensor + 1).numpy()[2] == 3

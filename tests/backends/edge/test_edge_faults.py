"""Kernels that really go wrong: what the error says, and that the device goes on."""

import pickle

import numpy as np
import pytest
from tinygrad import Context

from labs.backends.edge.errors import (
    EdgeBudgetExceeded,
    EdgeFault,
    EdgeIllegalInstruction,
    EdgeMemoryFault,
    EdgeStackOverflow,
)
from labs.errors import DeviceError

CORES = ["cortex-m4", "cortex-m3", "rv32imac"]
RAM_END = 0x2200_0000


@pytest.fixture(params=CORES)
def fails(request, edge, numbers):
    """fails(body, kind): runs C that goes wrong; its error, after seeing that all still works."""

    def run(body: str, kind: type[EdgeFault]) -> EdgeFault:
        tensor, buffer = numbers(np.arange(16, dtype=np.int32))
        with Context(DEV=f"EDGE::{request.param}"):
            program = edge.program(body, "f", ["int*", "int"])
            with pytest.raises(kind) as raised:
                program(buffer, vals=(16,))
            assert (tensor * 2 + 1).numpy()[4:].tolist() == list(range(9, 33, 2))
        error = raised.value
        assert isinstance(error, DeviceError) and isinstance(error, RuntimeError)
        assert error.kernel == "f" and "'f'" in error.asked
        run.program, run.buffer = program, buffer
        return error

    return run


def instruction_at(program, pc: int):
    """The instruction that the error's pc is about."""
    block = next(
        b
        for b in program.dev.emulator(program.core).kernels()
        if b.address <= pc < b.address + b.size
    )
    return next(i for i in program.image.instructions if i.offset == pc - block.address)


def test_read_past_the_end_of_memory_then_address_pc_and_buffer(fails):
    error = fails("void f(int *x, int n) { x[0] = x[(1 << 23) + 5]; }", EdgeMemoryFault)
    assert error.address == fails.buffer.address + 4 * ((1 << 23) + 5) >= RAM_END
    assert f"0x{error.address >> 16:04x}_{error.address & 0xFFFF:04x}" in error.got
    assert "a read of 4 B" in error.got and "nearest buffer: parameter 0 (64 B" in error.got
    assert f"element {(1 << 23) + 5}" in error.got and "past its end" in error.got
    assert instruction_at(fails.program, error.pc).mnemonic.removeprefix("c.")[:2] in ("ld", "lw")


def test_write_before_memory_then_address_pc_and_buffer(fails):
    error = fails("void f(int *x, int n) { x[-(1 << 22)] = n; }", EdgeMemoryFault)
    assert error.address == fails.buffer.address - (1 << 24)
    assert "a write of 4 B" in error.got and "16777216 B before its start" in error.got
    assert instruction_at(fails.program, error.pc).mnemonic.removeprefix("c.")[:2] in ("st", "sw")


def test_write_through_a_null_pointer_then_a_memory_fault(fails):
    error = fails("void f(int *x, int n) { *(volatile int *)0 = n; }", EdgeMemoryFault)
    assert error.address == 0


def test_write_to_flash_then_a_memory_fault_that_says_so(fails):
    error = fails("void f(int *x, int n) { *(volatile int *)0x08000200 = n; }", EdgeMemoryFault)
    assert error.address == 0x0800_0200 and "in flash" in error.got


def test_jump_into_data_then_a_memory_fault_that_says_so(fails):
    body = "void f(int *x, int n) { ((void (*)(void))((unsigned)x | 1))(); x[1] = 1; }"
    error = fails(body, EdgeMemoryFault)
    assert error.address & ~1 == fails.buffer.address and "in data memory" in error.got
    assert "called from" in error.got and "that is in parameter 0" in error.got


def test_loop_for_ever_when_the_budget_is_reached_then_it_says_where(fails, edge):
    edge.instruction_budget = 200_000
    error = fails("void f(int *x, int n) { for (;;) x[2]++; }", EdgeBudgetExceeded)
    assert "200,000 instructions" in error.expected and "_start" in error.got
    assert error.address is None and "instruction_budget" in error.next_step


def test_budget_when_a_kernel_needs_exactly_that_then_it_ends(edge, numbers):
    program = edge.program(
        "void f(int *x, int n) { for (int i = 0; i < n; i++) x[i & 7]++; }", "f", ["int*", "int"]
    )
    _, buffer = numbers(np.zeros(8, np.int32))
    program(buffer, vals=(1000,))
    needed = edge.instruction_budget = edge.last_run.instructions
    program(buffer, vals=(1000,))
    edge.instruction_budget = needed - 1
    with pytest.raises(EdgeBudgetExceeded):
        program(buffer, vals=(1000,))


def test_recursion_without_end_then_a_stack_overflow(fails):
    error = fails(
        """
        static __attribute__((noinline)) int deeper(int n, volatile int *p) {
          volatile int frame[16]; frame[n & 15] = n;
          return n ? deeper(n - 1, frame) + frame[3] + p[0] : 0;
        }
        void f(int *x, int n) { x[0] = deeper(1000000, x); }""",
        EdgeStackOverflow,
    )
    assert error.address < 0x1000_0000 and "deeper" in error.got and "64 KiB" in error.expected
    assert "below the stack" in error.got


def test_a_local_array_larger_than_the_stack_then_a_stack_overflow(fails):
    body = """void f(int *x, int n) {
      volatile char big[300000];
      for (int i = 0; i < n * 1000; i++) big[i] = i;
      x[0] = big[5];
    }"""
    error = fails(body, EdgeStackOverflow)
    assert "put large arrays into buffers" in error.next_step


def test_an_instruction_that_does_not_exist_then_its_address(fails):
    error = fails("void f(int *x, int n) { x[0]++; __builtin_trap(); }", EdgeIllegalInstruction)
    assert instruction_at(fails.program, error.pc).mnemonic in ("udf", "trap", "c.unimp", "unimp")


@pytest.mark.parametrize(
    ("thumb", "riscv"), [("svc #0", "ecall"), ("bkpt #1", "ebreak"), ("wfi", "wfi")]
)
def test_an_instruction_that_waits_or_calls_a_system_then_an_error(fails, thumb, riscv):
    body = f"""
    #ifdef __riscv
    void f(int *x, int n) {{ x[0]++; __asm__ volatile("{riscv}"); x[1]++; }}
    #else
    void f(int *x, int n) {{ x[0]++; __asm__ volatile("{thumb}"); x[1]++; }}
    #endif
    """
    fails(body, EdgeIllegalInstruction)


def test_fault_when_pickled_then_its_place_comes_along(fails):
    error = fails("void f(int *x, int n) { *(volatile int *)0 = n; }", EdgeMemoryFault)
    copy = pickle.loads(pickle.dumps(error))
    assert (copy.kernel, copy.pc, copy.address) == (error.kernel, error.pc, error.address)
    assert str(copy) == str(error)


def test_faults_when_many_follow_each_other_then_right_answers_between(edge, numbers):
    bodies = (
        "void f(int *x, int n) { *(volatile int *)0 = n; }",
        "void f(int *x, int n) { for (;;); }",
        "void f(int *x, int n) { volatile char b[90000]; for (int i = 0; i < n; i++) b[i] = i; }",
    )
    edge.instruction_budget = 100_000
    programs = [edge.program(body, "f", ["int*", "int"]) for body in bodies]
    tensor, buffer = numbers(np.arange(16, dtype=np.int32))
    for _ in range(10):
        for program in programs:
            with pytest.raises(EdgeFault):
                program(buffer, vals=(16,))
            assert int((tensor + 1).sum().item()) == 136

"""Cycles by the stated tables, seconds and joules by the chip's clock and supply."""

import subprocess
import sys

import pytest

from labs.backends.edge.cores import CORES
from labs.backends.edge.model import (
    RP2350_HAZARD3,
    STM32F407,
    cortex_m_costs,
    hazard3_costs,
)


@pytest.mark.parametrize(
    ("listing", "cycles"),
    [
        ([("add.w", "r0, r1, r2"), ("mul", "r0, r1, r2"), ("mla", "r0, r1, r2, r3")], [1, 1, 1]),
        ([("sdiv", "r0, r1, r2"), ("udiveq", "r0, r1, r2")], [7, 7]),
        ([("ldr", "r0, [r1]")], [2]),
        ([("ldr", "r0, [r1]"), ("ldr", "r2, [r1, #4]"), ("str", "r0, [r2]")], [2, 1, 1]),
        ([("ldrd", "r0, r1, [r2]"), ("adds", "r0, #1"), ("ldrb", "r0, [r1]")], [3, 1, 2]),
        ([("push", "{r4, r5, lr}"), ("pop.w", "{r4, r5, r6, pc}")], [4, 5]),
        ([("vldr", "s0, [r0]"), ("nop", ""), ("vldr", "d0, [r0]")], [2, 1, 3]),
        ([("vldmia", "r0!, {s0, s1, s2}"), ("vpush", "{d8, d9}")], [4, 5]),
        ([("vadd.f32", "s0, s1, s2"), ("vmul.f32", "s0, s1, s2")], [1, 1]),
        ([("vfma.f32", "s0, s1, s2"), ("vmla.f32", "s0, s1, s2"), ("vfnms.f32", "")], [3, 3, 3]),
        ([("vdiv.f32", "s0, s1, s2"), ("vsqrt.f32", "s0, s1")], [14, 14]),
        ([("vmov", "r0, r1, d0"), ("vmov.f32", "s0, s1"), ("vmov", "r0, s0")], [2, 1, 1]),
        ([], []),
    ],
)
def test_cortex_m_costs_when_of_the_manuals_kinds_then_its_cycles(listing, cycles):
    assert cortex_m_costs(listing) == cycles


@pytest.mark.parametrize(
    ("listing", "cycles"),
    [
        ([("add", "a0, a1, a2"), ("mul", "a0, a1, a2"), ("mulhu", "a0, a1, a2")], [1, 1, 1]),
        ([("div", "a0, a1, a2"), ("remu", "a0, a1, a2")], [18, 18]),
        ([("lw", "a0, 0(a1)"), ("add", "a2, a0, a3")], [2, 1]),
        ([("lw", "a0, 0(a1)"), ("add", "a2, a4, a3")], [1, 1]),
        ([("c.lw", "a0, 0(a1)"), ("sw", "a0, 4(a2)")], [1, 1]),  # its data is wanted later
        ([("c.lw", "a0, 0(a1)"), ("sw", "a2, 4(a0)")], [2, 1]),  # its address is not
        ([("c.lw", "a0, 0(a1)"), ("c.add", "a0, a3")], [2, 1]),
        ([("lbu", "a0, 0(a1)"), ("bnez", "a0, 12")], [2, 1]),
        ([("lw", "a0, 0(a1)"), ("lw", "a0, 0(a2)")], [1, 1]),
        ([("lw", "a0, 0(a1)")], [1]),
    ],
)
def test_hazard3_costs_when_a_load_is_needed_at_once_then_one_more(listing, cycles):
    assert hazard3_costs(listing) == cycles


def test_cycles_when_branches_are_taken_then_the_refill_is_added():
    assert STM32F407.cycles(100, 10) == 120 and RP2350_HAZARD3.cycles(100, 10) == 110


def test_energy_when_the_chip_has_a_figure_then_power_times_time():
    assert STM32F407.time_s(168_000_000) == 1.0
    assert STM32F407.energy_j(168_000_000) == pytest.approx(3.3 * 0.040)


def test_energy_when_there_is_no_figure_then_none_and_the_model_says_so():
    assert RP2350_HAZARD3.energy_j(1000) is None
    assert any("no energy" in text for text in RP2350_HAZARD3.assumptions)


def test_models_then_each_names_its_sources_and_what_it_leaves_out():
    for core in CORES.values():
        assert core.model.sources and core.model.assumptions
        assert core.model.clock_hz > 1e6 and core.model.refill_cycles >= 1


def test_model_then_it_imports_neither_tinygrad_nor_the_emulator():
    # loaded by itself: the package's own __init__ brings the rest in
    file = sys.modules[STM32F407.__module__].__file__
    code = f"""
import importlib.util, sys
spec = importlib.util.spec_from_file_location("model", {file!r})
module = sys.modules["model"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
sys.exit(bool({{"tinygrad", "unicorn", "capstone"}} & set(sys.modules)))
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

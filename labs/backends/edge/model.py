"""Cycles, seconds and joules of a microcontroller, from a stated model: nothing here is measured.

A cost table says what each instruction costs on a core with memory that never makes it wait; taken
branches add a refill of the pipeline. Time is cycles over the clock, energy is power times time.
What the model leaves out stands in `assumptions`. Numbers made from it are called `model_...`
wherever they appear.

Knows neither tinygrad nor the emulator: text of instructions in, numbers out.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

# mnemonic and operands of consecutive instructions, in the disassembler's spelling
Listing = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class CostModel:
    """What a cycle and a joule are worth on one chip.

    Args:
        chip: the chip whose clock and supply are taken.
        clock_hz: its core clock.
        refill_cycles: added for each branch taken (the pipeline starts anew).
        costs: cycles of each instruction of a straight piece of code, without refills.
        supply_v, current_a: while it runs at `clock_hz`; None where no figure was found.
        sources: where the numbers are from.
        assumptions: what the model leaves out or chooses.
    """

    chip: str
    clock_hz: float
    refill_cycles: int
    costs: Callable[[Listing], list[int]]
    supply_v: float | None
    current_a: float | None
    sources: tuple[str, ...]
    assumptions: tuple[str, ...]

    def cycles(self, instruction_cycles: int, branches_taken: int) -> int:
        """Model cycles: of the instructions, and of the refills after branches."""
        return instruction_cycles + self.refill_cycles * branches_taken

    def time_s(self, cycles: int) -> float:
        """Model seconds."""
        return cycles / self.clock_hz

    def energy_j(self, cycles: int) -> float | None:
        """Model joules of the whole chip while the core runs; None without a figure for it."""
        if self.supply_v is None or self.current_a is None:
            return None
        return self.supply_v * self.current_a * self.time_s(cycles)


# by the start of the mnemonic: a width (.w, .f32) or a condition (eq) may follow
_ACCESS = re.compile(r"v?(?:ldr|str)")
_PAIR = re.compile(r"(?:ldr|str)d")
_MULTIPLE = re.compile(r"v?(?:ldm|stm|push|pop)")
_LIST = re.compile(r"\{([^}]*)\}")
_LONG = (  # what takes more than a cycle; a divide ends early (2 to 12): the middle is taken
    (re.compile(r"[su]div"), 7),
    (re.compile(r"v(?:div|sqrt)"), 14),
    (re.compile(r"v(?:n?ml|fn?m)[as]"), 3),
)


def cortex_m_costs(listing: Listing) -> list[int]:
    """Cycles of Thumb code on a Cortex-M3 or M4.

    Example:
        >>> cortex_m_costs([("ldr", "r0, [r1]"), ("adds", "r0, #1"), ("sdiv", "r0, r0, r1")])
        [2, 1, 7]
    """
    found, after_access = [], False
    for mnemonic, operands in listing:
        access = _ACCESS.match(mnemonic) is not None
        if access:
            words = 2 if _PAIR.match(mnemonic) or operands.startswith("d") else 1
            found.append(words + (not after_access))  # the first in a row also pays its address
        elif _MULTIPLE.match(mnemonic):
            found.append(1 + _words(operands))
        elif mnemonic.startswith("vmov"):
            found.append(2 if operands.count(",") == 2 else 1)
        else:
            found.append(next((n for start, n in _LONG if start.match(mnemonic)), 1))
        after_access = access
    return found


def _words(operands: str) -> int:
    registers = _LIST.search(operands)
    names = [r.strip() for r in registers[1].split(",")] if registers else [""]
    return sum(2 if name.startswith("d") else 1 for name in names)


_REGISTER = re.compile(r"\b(?:zero|ra|sp|gp|tp|[ast]\d+)\b")
_LOAD = re.compile(r"(?:c\.)?l(?:w|h|hu|b|bu|wsp)$")
# what reads its first operand too; a store's is data, which is wanted a stage later: no wait
_READS_FIRST = re.compile(r"b|c\.[bj]|c\.(?:add|addi|sub|and|andi|or|xor|slli|srli|srai)$")


def hazard3_costs(listing: Listing) -> list[int]:
    """Cycles of RV32IMAC code on a Hazard3: a load costs 2 when the next instruction needs it.

    Example:
        >>> hazard3_costs([("lw", "a0, 0(a1)"), ("add", "a0, a0, a2"), ("divu", "a0, a0, a2")])
        [2, 1, 18]
    """
    found = []
    for (mnemonic, operands), following in zip(listing, [*listing[1:], ("", "")], strict=True):
        name = mnemonic.removeprefix("c.")
        if name in ("div", "divu", "rem", "remu"):
            found.append(18)
        elif name.startswith("amo"):
            found.append(4)
        elif _LOAD.match(mnemonic):
            found.append(1 + _needs(operands, *following))
        else:
            found.append(1)
    return found


def _needs(loaded: str, mnemonic: str, operands: str) -> bool:
    """Whether the instruction reads the register that the load before it has written."""
    register = loaded.partition(",")[0].strip()
    read = operands if _READS_FIRST.match(mnemonic) else operands.partition(",")[2]
    return register in _REGISTER.findall(read)


STM32F407 = CostModel(
    chip="STM32F407 (Cortex-M4F, 168 MHz)",
    clock_hz=168e6,
    refill_cycles=2,
    costs=cortex_m_costs,
    supply_v=3.3,
    current_a=0.040,
    sources=(
        "Arm Cortex-M4 Technical Reference Manual (DDI 0439), tables 3-1 and 7-1",
        "TI SWCU192, table 3-25 and its notes on load/store pairing: the same cycle counts",
        "ST data sheet DocID022152 (STM32F405xx/407xx), run mode from flash with the accelerator, "
        "168 MHz, peripherals off: 40 mA typical at 3.3 V",
    ),
    assumptions=(
        "flash and 32 MB of data memory answer without wait states (a real F407 has 192 KB inside)",
        "a taken branch refills the pipeline in 2 cycles (the manual: 1 to 3)",
        "a divide takes 7 cycles (the manual: 2 to 12, by its operands)",
        "an instruction that an IT block skips costs what it would have cost",
        "the current is the same whatever the instructions are; the data memory's is not counted",
    ),
)

STM32F103 = CostModel(
    chip="STM32F103 (Cortex-M3 without floating point, 72 MHz)",
    clock_hz=72e6,
    refill_cycles=2,
    costs=cortex_m_costs,
    supply_v=None,
    current_a=None,
    sources=(
        "Arm Cortex-M3 Technical Reference Manual (DDI 0337), instruction set summary",
        "ST data sheet DocID13587 (STM32F103x8/xB): 72 MHz",
    ),
    assumptions=(
        *STM32F407.assumptions[:4],
        "a long multiply takes 1 cycle (the manual: 3 to 5, by its operands)",
        "no energy: no figure was taken for this chip",
    ),
)

RP2350_HAZARD3 = CostModel(
    chip="RP2350 (Hazard3, RV32IMAC, 150 MHz)",
    clock_hz=150e6,
    refill_cycles=1,
    costs=hazard3_costs,
    supply_v=None,
    current_a=None,
    sources=(
        "Hazard3 documentation (github.com/Wren6991/Hazard3, doc/sections/instruction_timings.adoc,"
        " commit 0efb6f5): instruction cycle counts",
        "Raspberry Pi RP2350 data sheet: 150 MHz",
    ),
    assumptions=(
        "flash and 32 MB of data memory answer without wait states (a real one has 520 KB inside)",
        "the branch predictor is left out: each branch taken costs 1 cycle more",
        "a branch to a 32-bit instruction that is not aligned costs nothing extra",
        "no energy: no figure is published for this core alone",
    ),
)

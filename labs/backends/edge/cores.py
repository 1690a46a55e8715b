"""The microcontroller cores behind `device="EDGE"`, and how an arch string names one.

    DEV="EDGE::cortex-m4,O3"        # core and optimisation level; "cortex-m4,Os" is the default

A leaf: flags and numbers, neither tinygrad nor the emulator.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from labs.backends.edge.model import RP2350_HAZARD3, STM32F103, STM32F407, CostModel
from labs.errors import DeviceError

DEFAULT_ARCH = "cortex-m4,Os"
LEVELS = ("Os", "Oz", "O0", "O1", "O2", "O3")


@dataclass(frozen=True)
class Core:
    """One core: how to compile for it, how to run it, what its time is worth.

    Args:
        name: as in the arch string.
        title: for people.
        instruction_set: "thumb" or "riscv32": which emulator and which disassembler.
        clang_flags: the target. Code and constants are addressed relative to the program counter
            (`-fropi`, `-mcmodel=medany`), so that a kernel runs wherever in flash it is put.
        zig_target, zig_cpu: the same target in zig's spelling, for the compiler's support
            routines. They must match the core: routines for another one give wrong answers.
        model: its cycles, seconds and joules.
    """

    name: str
    title: str
    instruction_set: str
    clang_flags: tuple[str, ...]
    zig_target: str
    zig_cpu: str
    model: CostModel


_CORTEX_M4 = Core(
    name="cortex-m4",
    title="Arm Cortex-M4F (Thumb-2, single-precision floating point)",
    instruction_set="thumb",
    clang_flags=("--target=thumbv7em-none-eabihf", "-mcpu=cortex-m4", "-fropi"),
    zig_target="thumb-freestanding-eabihf",
    zig_cpu="cortex_m4+vfp4d16sp",
    model=STM32F407,
)
_CORTEX_M3 = Core(
    name="cortex-m3",
    title="Arm Cortex-M3 (Thumb-2, floating point in software)",
    instruction_set="thumb",
    clang_flags=("--target=thumbv7m-none-eabi", "-mcpu=cortex-m3", "-fropi"),
    zig_target="thumb-freestanding-eabi",
    zig_cpu="cortex_m3",
    model=STM32F103,
)
_RV32IMAC = Core(
    name="rv32imac",
    title="RISC-V RV32IMAC (floating point in software)",
    instruction_set="riscv32",
    clang_flags=(
        "--target=riscv32-unknown-none-elf",
        "-march=rv32imac",
        "-mabi=ilp32",
        "-mcmodel=medany",
    ),
    zig_target="riscv32-freestanding-none",
    zig_cpu="generic_rv32+m+a+c",
    model=RP2350_HAZARD3,
)

CORES: Mapping[str, Core] = MappingProxyType(
    {core.name: core for core in (_CORTEX_M4, _CORTEX_M3, _RV32IMAC)}
)


def parse_arch(arch: str) -> tuple[Core, str]:
    """The core and the optimisation level that an arch string names, each with its default.

    Example:
        >>> core, level = parse_arch("rv32imac")
        >>> core.name, level
        ('rv32imac', 'Os')

    Raises:
        DeviceError: a word is neither a core nor a level, or there are two of one kind.
    """
    words = [word.strip() for word in arch.split(",") if word.strip()]
    cores = [word for word in words if word in CORES]
    levels = [word for word in words if word in LEVELS]
    unknown = [word for word in words if word not in CORES and word not in LEVELS]
    if unknown or len(cores) > 1 or len(levels) > 1:
        raise DeviceError(
            f"use EDGE with the arch {arch!r}",
            expected=f"one core ({', '.join(CORES)}) and one level ({', '.join(LEVELS)})",
            got=f"unknown: {', '.join(unknown)}" if unknown else f"{', '.join(words)}",
            next_step=f'choose for example DEV="EDGE::{DEFAULT_ARCH}"',
        )
    core, level = DEFAULT_ARCH.split(",")
    return CORES[cores[0] if cores else core], levels[0] if levels else level

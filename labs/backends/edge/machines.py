"""How unicorn spells the instruction sets of the cores: modes, CPU models, registers."""

from dataclasses import dataclass

from unicorn import arm_const, riscv_const, unicorn_const


@dataclass(frozen=True)
class Machine:
    """One instruction set.

    Args:
        arch, mode: of `unicorn.Uc`.
        models: its CPU model, by the core's name.
        program_counter, stack_pointer, return_address, argument: registers.
        mode_bit: set in the addresses of code (Thumb's lowest bit).
        loop: a jump to itself, for the halt address.
        past_illegal: unicorn leaves the program counter so far behind an illegal instruction.
    """

    arch: int
    mode: int
    models: dict[str, int]
    program_counter: int
    stack_pointer: int
    return_address: int
    argument: int
    mode_bit: int
    loop: bytes
    past_illegal: int


MACHINES = {
    "thumb": Machine(
        unicorn_const.UC_ARCH_ARM,
        unicorn_const.UC_MODE_THUMB | unicorn_const.UC_MODE_MCLASS,
        {
            "cortex-m4": arm_const.UC_CPU_ARM_CORTEX_M4,
            "cortex-m3": arm_const.UC_CPU_ARM_CORTEX_M3,
        },
        arm_const.UC_ARM_REG_PC,
        arm_const.UC_ARM_REG_SP,
        arm_const.UC_ARM_REG_LR,
        arm_const.UC_ARM_REG_R0,
        1,
        b"\xfe\xe7",
        0,
    ),
    "riscv32": Machine(
        unicorn_const.UC_ARCH_RISCV,
        unicorn_const.UC_MODE_RISCV32,
        {"rv32imac": riscv_const.UC_CPU_RISCV32_SIFIVE_E31},
        riscv_const.UC_RISCV_REG_PC,
        riscv_const.UC_RISCV_REG_SP,
        riscv_const.UC_RISCV_REG_RA,
        riscv_const.UC_RISCV_REG_A0,
        0,
        b"\x01\xa0",
        4,
    ),
}

"""A linked program, read: its code, its symbols, and what lies before each half-word.

The linker's marks say which bytes are instructions and which are constants; capstone names the
instructions, the core's model prices them.
"""

import functools
import io
import struct
from dataclasses import dataclass

import capstone
import numpy as np
from elftools.elf.constants import SH_FLAGS
from elftools.elf.elffile import ELFFile
from elftools.elf.relocation import RelocationSection

from labs.backends.edge.cores import CORES, Core
from labs.errors import DeviceError

# relocation types of the ELF supplements of both: a whole word that is an address (ABS32; 32) can
# be moved with the program, an address inside instructions (MOVW/MOVT_ABS; HI20, LO12) can not
_WORD = {"EM_ARM": 2, "EM_RISCV": 1}
_INSIDE = {"EM_ARM": {43, 44, 47, 48}, "EM_RISCV": {26, 27, 28}}
_DISASSEMBLERS = {
    "thumb": (capstone.CS_ARCH_ARM, capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS),
    "riscv32": (capstone.CS_ARCH_RISCV, capstone.CS_MODE_RISCV32 | capstone.CS_MODE_RISCVC),
}
BEFORE = np.dtype([("instructions", np.uint32), ("cycles", np.uint32)])


@dataclass(frozen=True)
class Instruction:
    """One machine instruction; `offset` in bytes from the program's first."""

    offset: int
    size: int
    mnemonic: str
    operands: str
    model_cycles: int


@dataclass(frozen=True, eq=False)
class Image:
    """A program for one core, which can be put at any address.

    Args:
        code: what goes into flash, as linked for `link_address`.
        addresses: offsets of the words in it that are addresses (few programs have any).
        entry: offset of its first instruction.
        ranges: where its instructions are, between constants: offsets of first and end.
        before: for each half-word of the code, and for its end, the instructions and model cycles
            before it.
        symbols: function names by offset, in order.
    """

    core: Core
    code: bytes
    link_address: int
    addresses: tuple[int, ...]
    entry: int
    ranges: tuple[tuple[int, int], ...]
    before: np.ndarray
    symbols: tuple[tuple[int, str], ...]

    @functools.cached_property
    def instructions(self) -> tuple[Instruction, ...]:
        """Every instruction, in order; made when it is asked for, because it is large."""
        return _instructions(self.code, self.ranges, self.core)

    @property
    def code_bytes(self) -> int:
        """What the program takes in flash: code and constants."""
        return len(self.code)

    def code_at(self, address: int) -> bytes:
        """The bytes to put at an address."""
        if not self.addresses or address == self.link_address:
            return self.code
        moved = bytearray(self.code)
        for offset in self.addresses:
            (word,) = struct.unpack_from("<I", moved, offset)
            struct.pack_into("<I", moved, offset, word + address - self.link_address)
        return bytes(moved)

    def function_at(self, offset: int) -> str:
        """The function that an offset lies in, such as '__muldf3+0x12'; empty outside."""
        if not 0 <= offset < len(self.code):
            return ""
        start, name = max((s for s in self.symbols if s[0] <= offset), default=(0, ""))
        return f"{name}+{offset - start:#x}" if name else ""


@functools.lru_cache(maxsize=256)
def load_image(program: bytes, core_name: str) -> Image:
    """Reads a linked program.

    Raises:
        DeviceError: it isn't a program for this core, or can run at one address only.
    """
    core = CORES[core_name]
    asked = f"load a program for {core.name}"
    try:
        elf = ELFFile(io.BytesIO(program))
        machine, text = elf["e_machine"], elf.get_section_by_name(".text")
        symbols = list(elf.get_section_by_name(".symtab").iter_symbols())
        sections = list(elf.iter_sections())
    except Exception as error:  # pyelftools raises whatever a wrong byte leads to
        raise DeviceError(asked, expected="a linked ELF file", got=str(error)) from error
    wanted = {"thumb": "EM_ARM", "riscv32": "EM_RISCV"}[core.instruction_set]
    if text is None or machine != wanted:
        raise DeviceError(asked, expected=f"code for {wanted}", got=f"{machine}")
    start = text["sh_addr"]
    loaded = [s for s in sections if s["sh_flags"] & SH_FLAGS.SHF_ALLOC and s["sh_size"]]
    relocations = [
        (relocation["r_info_type"], relocation["r_offset"] - start)
        for section in sections
        if isinstance(section, RelocationSection) and sections[section["sh_info"]] in loaded
        for relocation in section.iter_relocations()
    ]
    inside = {kind for kind, _ in relocations} & _INSIDE[machine]
    if inside:
        raise DeviceError(
            asked,
            expected="code that reaches everything relative to itself",
            got=f"addresses inside instructions (relocation types {sorted(inside)})",
            next_step="compile it with labs.backends.edge.compile_kernel",
        )
    code = bytearray(max(s["sh_addr"] + s["sh_size"] for s in loaded) - start)
    for section in loaded:
        offset = section["sh_addr"] - start
        code[offset : offset + section["sh_size"]] = section.data()
    marks, functions = [], []
    for symbol in symbols:
        offset = symbol["st_value"] - start
        kind = symbol.name.partition(".")[0]
        if not 0 <= offset < text["sh_size"]:
            continue  # constants, or the names of files
        if kind in ("$t", "$x", "$d"):
            marks.append((offset, kind != "$d"))
        elif symbol["st_info"]["type"] == "STT_FUNC":
            functions.append((offset & ~1, symbol.name))  # Thumb marks functions by an odd address
    ranges = _code_ranges(marks, text["sh_size"])
    instructions = _instructions(bytes(code), ranges, core)
    return Image(
        core=core,
        code=bytes(code),
        link_address=start,
        addresses=tuple(sorted({at for kind, at in relocations if kind == _WORD[machine]})),
        entry=(elf["e_entry"] & ~1) - start,
        ranges=ranges,
        before=_before(instructions, text["sh_size"]),
        symbols=tuple(sorted(functions)),
    )


def _code_ranges(marks: list[tuple[int, bool]], end: int) -> tuple[tuple[int, int], ...]:
    marks = sorted(marks)
    following = [offset for offset, _ in marks[1:]] + [end]
    pairs = zip(marks, following, strict=True)
    return tuple((start, stop) for (start, is_code), stop in pairs if is_code and stop > start)


def _instructions(
    code: bytes, ranges: tuple[tuple[int, int], ...], core: Core
) -> tuple[Instruction, ...]:
    disassembler = capstone.Cs(*_DISASSEMBLERS[core.instruction_set])
    found: list[Instruction] = []
    for start, end in ranges:
        pieces = []
        while start < end:
            for offset, size, mnemonic, operands in disassembler.disasm_lite(
                code[start:end], start
            ):
                pieces.append((offset, size, mnemonic, operands))
                start = offset + size
            if start < end:  # unknown to capstone: one instruction, of the length it says itself
                size = min(_length(code[start : start + 2], core), end - start)
                pieces.append((start, size, "?", ""))
                start += size
        costs = core.model.costs([(mnemonic, operands) for _, _, mnemonic, operands in pieces])
        found += [Instruction(*piece, cost) for piece, cost in zip(pieces, costs, strict=True)]
    return tuple(found)


def _length(first: bytes, core: Core) -> int:
    half = int.from_bytes(first, "little")
    long = half >> 11 in (29, 30, 31) if core.instruction_set == "thumb" else half & 3 == 3
    return 4 if long else 2


def _before(instructions: tuple[Instruction, ...], size: int) -> np.ndarray:
    each = np.zeros(size // 2 + 1, BEFORE)  # counted at the half-word after the instruction's first
    ends = np.fromiter((i.offset // 2 + 1 for i in instructions), np.intp, len(instructions))
    each["instructions"][ends] = 1
    each["cycles"][ends] = [i.model_cycles for i in instructions]
    before = np.empty_like(each)
    for field in BEFORE.names:
        np.cumsum(each[field], out=before[field])
    return before

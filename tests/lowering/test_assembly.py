"""Disassembly: instructions where a disassembler is there, a reason everywhere else."""

import shutil

import pytest

from labs.lowering import TARGETS
from labs.lowering.assembly import disassemble
from labs.lowering.renderers import Built

# mov eax, 42; ret
X86_CODE = bytes.fromhex("b82a000000c3")


def elf(machine: int, code: bytes = X86_CODE) -> bytes:
    """A little-endian ELF64 file with .text and .shstrtab, by the System V ABI."""
    names = b"\0.text\0.shstrtab\0"
    text, strings = 64, 64 + len(code)
    table = strings + len(names)

    def section(name, kind, offset, size):
        fields = (name, kind, 0, 0, offset, size, 0, 0, 1, 0)
        widths = (4, 4, 8, 8, 8, 8, 4, 4, 8, 8)
        return b"".join(f.to_bytes(w, "little") for f, w in zip(fields, widths, strict=True))

    head = b"\x7fELF\x02\x01\x01" + bytes(9) + (1).to_bytes(2, "little")
    head += machine.to_bytes(2, "little") + (1).to_bytes(4, "little") + bytes(16)
    head += table.to_bytes(8, "little") + bytes(4)
    head += b"".join(n.to_bytes(2, "little") for n in (64, 0, 0, 64, 3, 2))
    sections = section(0, 0, 0, 0) + section(1, 1, text, len(code))
    sections += section(7, 3, strings, len(names))
    return head + code + names + sections


def show(binary: bytes | None, target: str = "CPU", reason: str = "", assembly: str = ""):
    return disassemble(Built(binary, reason, "a compiler", assembly), TARGETS[target])


def test_x86_elf():
    text, reason, note = show(elf(62))
    assert [line.split()[1] for line in text.splitlines()] == ["mov", "ret"]
    assert not reason and "x86-64" in note


def test_arm64_elf():
    # mov w0, #42; ret
    text, reason, note = show(elf(183, bytes.fromhex("40058052c0035fd6")))
    assert [line.split()[1] for line in text.splitlines()] == ["mov", "ret"]
    assert not reason and "arm64" in note


def test_microcontroller_elf():
    # movs r0, #42; bx lr
    text, _, note = show(elf(40, bytes.fromhex("2a207047")), "EDGE")
    assert [line.split()[1] for line in text.splitlines()] == ["movs", "bx"] and "Thumb" in note
    # li a0, 10; ret, both in their short forms
    text, _, note = show(elf(243, bytes.fromhex("29458280")), "EDGE:RV32")
    assert [line.split()[1] for line in text.splitlines()][0] == "c.li" and "RISC-V" in note


@pytest.mark.parametrize("machine", [224, 8])
def test_other_machines_have_a_reason(machine):
    text, reason, note = show(elf(machine))
    assert text is None and "no disassembler" in reason and note


def test_cubin_without_the_tool(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    text, reason, _ = show(elf(190))
    assert text is None and "nvdisasm" in reason


def test_ptx_text_is_shown_as_it_is():
    text, reason, note = show(b".version 7.8\n\0", "CUDA")
    assert text == ".version 7.8\n" and not reason and "PTX" in note


def test_unknown_format_and_no_binary():
    assert show(b"MTLB\xff", "METAL")[0] is None
    text, reason, _ = show(None, "METAL", "no compiler")
    assert text is None and "no compiler" in reason


def test_assembly_that_came_with_the_binary_is_used():
    text, reason, _ = show(elf(224), "AMD:LLVM", assembly="s_endpgm")
    assert text == "s_endpgm" and not reason

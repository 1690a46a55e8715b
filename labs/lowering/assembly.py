"""What is in a binary: the instructions, where a disassembler for that machine is at hand.

capstone (a dependency) reads x86-64, arm64, Thumb and RISC-V; NVIDIA's nvdisasm reads cubins when
it is on PATH.
"""

import io
import shutil
import struct
import subprocess
import tempfile
from pathlib import Path

import capstone
from elftools.elf.elffile import ELFFile

from labs.lowering.renderers import Built
from labs.lowering.targets import Target

_ELF = b"\x7fELF"
# e_machine of the ELF header -> what it is for, and how capstone calls that
_MACHINES = {
    62: ("x86-64", "x86_64"),
    183: ("arm64", "arm64"),
    40: ("Arm, Thumb instructions", "thumb"),
    243: ("RISC-V", "riscv32"),
    190: ("NVIDIA", ""),
    224: ("AMD GPU", ""),
}
_CUDA = 190
_CAPSTONE = {
    "x86_64": (capstone.CS_ARCH_X86, capstone.CS_MODE_64),
    "arm64": (capstone.CS_ARCH_ARM64, capstone.CS_MODE_ARM),
    "thumb": (capstone.CS_ARCH_ARM, capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS),
    "riscv32": (capstone.CS_ARCH_RISCV, capstone.CS_MODE_RISCV32 | capstone.CS_MODE_RISCVC),
}


def disassemble(built: Built, target: Target) -> tuple[str | None, str, str]:
    """The instructions of a binary.

    Returns:
        the text or None; the reason for None; what the binary is.
    """
    binary = built.binary
    if binary is None:
        if target.language == "PTX assembly":
            return None, "PTX is itself an assembly language: see the source", ""
        return None, f"there is no binary: {built.reason}", ""
    if binary[:4] == _ELF:
        return _elf(binary, built)
    if target.device == "CPU":
        architecture = target.arch.split(",")[0]
        note = f"bare machine code for {architecture}, by {built.maker}"
        return _capstone(binary, architecture), "", note
    text = _text(binary)
    if text is not None and ".version" in text:
        return text, "", f"PTX from {built.maker}: the driver assembles it when it is loaded"
    reason = f"no disassembler for what {built.maker} makes"
    return None, reason, f"{built.maker}'s own format"


def _elf(binary: bytes, built: Built) -> tuple[str | None, str, str]:
    kind, machine = struct.unpack_from("<HH", binary, 16)
    name, reader = _MACHINES.get(machine, (f"machine {machine}", ""))
    what = "ELF program" if kind == 2 else "ELF object"  # ET_EXEC
    note = f"{what} for {name}, by {built.maker}"
    if reader:
        return _capstone(text_section(binary), reader), "", note
    if machine == _CUDA:
        return *_nvdisasm(binary), note
    if built.assembly:
        return built.assembly, "", note
    return None, f"no disassembler for {name} here", note


def text_section(elf: bytes) -> bytes:
    """The machine code of an ELF file: the bytes of its .text."""
    section = ELFFile(io.BytesIO(elf)).get_section_by_name(".text")
    return section.data() if section is not None else b""


def _capstone(code: bytes, architecture: str) -> str | None:
    if architecture not in _CAPSTONE:
        return None
    reader = capstone.Cs(*_CAPSTONE[architecture])
    reader.skipdata = True  # constants between functions are not instructions
    lines = (
        f"{i.address:6x}:  {i.mnemonic:<12} {i.op_str}".rstrip() for i in reader.disasm(code, 0)
    )
    return "\n".join(lines) + "\n"


def _nvdisasm(cubin: bytes) -> tuple[str | None, str]:
    tool = shutil.which("nvdisasm")
    if tool is None:
        return None, "nvdisasm is not on PATH (it comes with the CUDA toolkit)"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "kernel.cubin")
        path.write_bytes(cubin)
        result = subprocess.run([tool, str(path)], capture_output=True, text=True, timeout=30)
    if result.returncode:
        return None, f"nvdisasm failed: {result.stderr.strip()[:160]}"
    return result.stdout, ""


def _text(binary: bytes) -> str | None:
    try:
        return binary.rstrip(b"\0").decode("ascii")
    except UnicodeDecodeError:
        return None

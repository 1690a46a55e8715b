"""What is in a binary: the instructions, where a disassembler for that machine is at hand.

capstone (a dependency) reads x86-64 and arm64; NVIDIA's nvdisasm reads cubins when it is on PATH.
"""

import shutil
import struct
import subprocess
import tempfile
from pathlib import Path

import capstone

from labs.lowering.renderers import Built
from labs.lowering.targets import Target

_ELF = b"\x7fELF"
_SECTION_HEADER = struct.Struct("<IIQQQQIIQQ")  # Elf64_Shdr: System V ABI, chapter "Sections"
_X86_64, _CUDA, _ARM64, _AMDGPU = 62, 190, 183, 224  # e_machine
_MACHINES = {_X86_64: "x86-64", _CUDA: "NVIDIA", _ARM64: "arm64", _AMDGPU: "AMD GPU"}
_CAPSTONE_NAMES = {_X86_64: "x86_64", _ARM64: "arm64"}
_CAPSTONE = {
    "x86_64": (capstone.CS_ARCH_X86, capstone.CS_MODE_64),
    "arm64": (capstone.CS_ARCH_ARM64, capstone.CS_MODE_ARM),
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
    machine = struct.unpack_from("<H", binary, 18)[0]
    name = _MACHINES.get(machine, f"machine {machine}")
    note = f"ELF object for {name}, by {built.maker}"
    if machine in _CAPSTONE_NAMES:
        return _capstone(_text_section(binary), _CAPSTONE_NAMES[machine]), "", note
    if machine == _CUDA:
        return *_nvdisasm(binary), note
    if built.assembly:
        return built.assembly, "", note
    return None, f"no disassembler for {name} here", note


def _text_section(elf: bytes) -> bytes:
    """The bytes of .text in a little-endian 64-bit ELF file."""
    table = struct.unpack_from("<Q", elf, 40)[0]
    size, count, names_index = struct.unpack_from("<HHH", elf, 58)
    headers = [_SECTION_HEADER.unpack_from(elf, table + i * size) for i in range(count)]
    names = headers[names_index][4]
    for name, _kind, _flags, _address, offset, length, *_ in headers:
        start = names + name
        if elf[start : elf.index(b"\0", start)] == b".text":
            return elf[offset : offset + length]
    return b""


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

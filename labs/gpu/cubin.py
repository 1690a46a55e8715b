"""Reads what a compiled CUDA kernel needs from the cubin itself: no driver, no GPU, no toolkit.

A cubin is an ELF file for machine 190. Besides the code (`.text.<kernel>`) it holds attributes, in
`.nv.info` (for all kernels, by symbol) and `.nv.info.<kernel>`, and a section without contents
whose size is the kernel's static shared memory (`.nv.shared.<kernel>`).

Source of the format, which NVIDIA doesn't document: the names and values that `cuobjdump -elf`
(CUDA 13.4) prints beside each record; tinygrad 0.14.0, runtime/ops_nv.py, which reads three of the
attributes; LLVM, llvm/BinaryFormat/ELF.h, for where e_flags holds the architecture. Checked against
`ptxas -v` and `cuobjdump --dump-resource-usage`, for what NVRTC 12.9 and 13.5 make for sm_70, 80,
90, 90a, 100 and 120.
"""

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from elftools.elf.elffile import ELFFile

from labs.errors import LoweringError
from labs.gpu.resources import KernelResources

_EM_CUDA = 190
# kinds of values: how many bytes follow a record's four of (kind, attribute, 16-bit value)
_SIZED = 0x04  # EIFMT_SVAL: the value is the length of what follows; all others end here
# attributes
_MAX_THREADS = 0x05  # EIATTR_MAX_THREADS: x, y, z of __launch_bounds__
_FRAME_SIZE = 0x11  # EIATTR_FRAME_SIZE: symbol, bytes of its own stack frame
_MIN_STACK_SIZE = 0x12  # EIATTR_MIN_STACK_SIZE: symbol, bytes with all that it calls
_REGCOUNT = 0x2F  # EIATTR_REGCOUNT: symbol, registers per thread
_NUM_BARRIERS = 0x4C  # EIATTR_NUM_BARRIERS: in the low byte
_BARRIER_SHIFT = 20  # of sh_flags
# From sm_90 on the section's size includes what the driver reserves in each block
_RESERVED_BYTES, _RESERVED_SINCE = 1024, 90
# without __launch_bounds__ the limit is that of every architecture since sm_20
_THREADS_PER_BLOCK = 1024


@dataclass(frozen=True)
class _Record:
    attribute: int
    value: int
    words: tuple[int, ...]


def read_cubin(cubin: bytes) -> tuple[KernelResources, ...]:
    """The resources of every kernel in a cubin, in the order of the file.

    Args:
        cubin: what NVRTC or ptxas produced.

    Raises:
        LoweringError: when the bytes are no cubin (PTX is text, a fatbin is a container), or hold
            no kernel.

    Example:
        >>> read_cubin(Path("kernel.cubin").read_bytes())[0].registers
        32
    """
    asked = "read a compiled CUDA kernel"
    try:
        elf = ELFFile(io.BytesIO(cubin))
        machine = elf.header.e_machine
        if machine not in ("EM_CUDA", _EM_CUDA):
            raise LoweringError(
                asked,
                expected="an ELF file for NVIDIA's GPUs (machine 190)",
                got=f"one for {machine}",
                next_step="pass the binary of a kernel that was compiled for a CUDA device",
            )
        found = tuple(_kernels(elf))
    except LoweringError:
        raise
    except Exception as error:  # a damaged file fails in any of pyelftools' and struct's ways
        raise LoweringError(
            asked,
            expected="a cubin (an ELF file)",
            got=_what_it_is(cubin) or f"{len(cubin)} bytes that are none ({error!r})",
            next_step="compile to machine code: tinygrad's NVRTCCompiler(arch, ptx=False) does, "
            "its CUDA device hands PTX to the driver",
        ) from error
    if not found:
        raise LoweringError(asked, expected="a cubin with a kernel", got="one without any")
    return found


def read_kernel(cubin: bytes, name: str | None = None) -> KernelResources:
    """One kernel of a cubin: by name, or the only one.

    Raises:
        LoweringError: there is no such kernel, or there are several and no name was given.
    """
    kernels = read_cubin(cubin)
    chosen = [k for k in kernels if name in (None, k.kernel)]
    if len(chosen) == 1:
        return chosen[0]
    raise LoweringError(
        f"read the kernel {name!r} of a cubin" if name else "read the kernel of a cubin",
        expected=f"one of {', '.join(k.kernel for k in kernels)}",
        got="no name, and there are several" if name is None else f"{name!r}",
        next_step="pass one of these names",
    )


def architecture(elf: ELFFile) -> int:
    """90 for sm_90 and sm_90a: the letter can't be told from all files.

    Source: LLVM, llvm/BinaryFormat/ELF.h, EF_CUDA_SM for ABI version 7 and EF_CUDA_SM_MASK for 8.
    """
    flags = elf.header.e_flags
    new = elf.header.e_ident.EI_ABIVERSION >= 8
    return flags >> 8 & 0xFF if new else flags & 0xFF


def _kernels(elf: ELFFile) -> Iterator[KernelResources]:
    arch = architecture(elf)
    sections = {s.name: s for s in elf.iter_sections()}
    names = [s.name for s in elf.get_section_by_name(".symtab").iter_symbols()]
    of_symbol: dict[tuple[int, str], int] = {}
    for record in _records(_data(sections, ".nv.info")):
        if record.attribute in (_REGCOUNT, _FRAME_SIZE, _MIN_STACK_SIZE):
            symbol, value = record.words
            of_symbol[record.attribute, names[symbol]] = value
    for section in sections:
        if not section.startswith(".text."):
            continue
        name = section.removeprefix(".text.")
        # CUDA 12 counts barriers in the flags of the code's section, CUDA 13 in a record
        threads = _THREADS_PER_BLOCK
        barriers = sections[section].header.sh_flags >> _BARRIER_SHIFT & 0x7F
        for record in _records(_data(sections, f".nv.info.{name}")):
            if record.attribute == _MAX_THREADS:
                x, y, z = record.words
                threads = x * y * z
            elif record.attribute == _NUM_BARRIERS:
                barriers = record.value & 0xFF
        registers = of_symbol.get((_REGCOUNT, name))
        frame = of_symbol.get((_FRAME_SIZE, name))
        stack = of_symbol.get((_MIN_STACK_SIZE, name), frame)
        missing = "the cubin has no such record"
        fields = {"registers": registers, "stack_bytes": stack}
        yield KernelResources(
            kernel=name,
            target=f"sm_{arch}",
            registers=registers,
            shared_bytes=_shared_bytes(sections.get(f".nv.shared.{name}"), arch),
            stack_bytes=stack,
            max_threads=threads,
            barriers=barriers,
            source="the cubin's .nv.info and .nv.shared sections",
            reasons=tuple((field, missing) for field, value in fields.items() if value is None),
        )


def _shared_bytes(section, arch: int) -> int:
    size = section.header.sh_size if section is not None else 0
    return max(0, size - _RESERVED_BYTES) if arch >= _RESERVED_SINCE else size


def _data(sections: dict, name: str) -> bytes:
    return sections[name].data() if name in sections else b""


def _records(data: bytes) -> Iterator[_Record]:
    """The records of an attribute section: kind, attribute, 16 bits, and for one kind a body."""
    at = 0
    while at + 4 <= len(data):
        kind, attribute, value = struct.unpack_from("<BBH", data, at)
        at += 4
        words: tuple[int, ...] = ()
        if kind == _SIZED:
            words = struct.unpack_from(f"<{value // 4}I", data, at)
            at += value
        yield _Record(attribute, value, words)


def _what_it_is(data: bytes) -> str:
    if data[:4] == b"\x50\xed\x55\xba":  # the fatbin magic 0xba55ed50, little endian
        return "a fatbin, which holds cubins for several GPUs"
    if not data:
        return "nothing: 0 bytes"
    try:
        text = data.rstrip(b"\0").decode("ascii")
    except UnicodeDecodeError:
        return ""
    return "PTX, which is text" if ".version" in text else "text"

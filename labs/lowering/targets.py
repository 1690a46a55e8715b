"""The targets an expression can be lowered for: a language, a device, who renders and compiles."""

import platform
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from labs import backends, toolchain
from labs.errors import LoweringError

toolchain.activate()
backends.register()  # ours are targets as well, and may be opened to see what they really use

from tinygrad import Device
from tinygrad.renderer import Renderer


@dataclass(frozen=True)
class Target:
    """A language and the device it is for.

    Args:
        name: the key in TARGETS; label: the same for people.
        language: what the source is written in.
        device: tinygrad's device; spec: the DEV string that selects exactly this on hardware.
        renderer: "module:class" of the renderer; arch: what it is told about the hardware.
        compiler: what turns the source into a binary.
        features: what this target can do that shows in the code.
        lexer: the pygments lexer for the source.
    """

    name: str
    label: str
    language: str
    device: str
    spec: str
    renderer: str
    arch: str
    compiler: str
    features: tuple[str, ...]
    lexer: str
    notes: str = ""

    @property
    def maker(self) -> str:
        """Who compiles, without when."""
        return self.compiler.partition(",")[0]


def _host_arch() -> str:
    machine = platform.machine().lower()
    return {"amd64": "x86_64", "aarch64": "arm64"}.get(machine, machine)


_CSTYLE = "tinygrad.renderer.cstyle"
_THREADS = "threads over the outermost loop"
_GROUPS = "work groups and work items"
_NATIVE = f"{_host_arch()},native"
_OURS = "labs.backends.runtime"


def _targets() -> tuple[Target, ...]:
    def target(name, label, language, spec, renderer, compiler, features, lexer, notes=""):
        device, _, rest = spec.partition(":")
        arch = rest.partition(":")[2]
        return Target(
            name, label, language, device, spec, renderer, arch, compiler, features, lexer, notes
        )

    llvm = "tinygrad.renderer.llvmir"
    return (
        target(
            *("CPU", "CPU", "C", f"CPU:CLANG:{_NATIVE}", f"{_CSTYLE}:ClangRenderer", "clang"),
            *((_THREADS, "vector types (ext_vector_type)"), "c"),
        ),
        target(
            *("CPU:X86", "CPU, tinygrad's own assembler", "x86-64 assembly"),
            *("CPU:X86:x86_64,native", "tinygrad.renderer.isa.x86:X86Renderer"),
            *("tinygrad itself", (_THREADS, "vector registers allocated by tinygrad"), "text"),
        ),
        target(
            *("CPU:LLVM", "CPU through LLVM", "LLVM IR", f"CPU:LLVM:{_NATIVE}"),
            *(f"{llvm}:CPULLVMRenderer", "libLLVM", (_THREADS, "LLVM vector types"), "llvm"),
        ),
        target(
            *("OPENCL", "OpenCL", "OpenCL C", "CL:OPENCL:cl_khr_fp16,cl_khr_fp64"),
            *(f"{_CSTYLE}:OpenCLRenderer", "the OpenCL driver, on loading"),
            *((_GROUPS, "local memory and barriers", "float4 loads"), "c"),
        ),
        target(
            *("METAL", "Apple Metal", "Metal Shading Language", "METAL:METAL:Apple9"),
            *(f"{_CSTYLE}:MetalRenderer", "Apple's Metal compiler"),
            *((_GROUPS, "threadgroup memory", "simdgroup matrices"), "c++"),
        ),
        target(
            *("CUDA", "NVIDIA CUDA, Ampere", "CUDA C++", "CUDA:CUDA:sm_80"),
            *(f"{_CSTYLE}:CUDARenderer", "NVRTC"),
            *((_GROUPS, "shared memory", "tensor cores by mma.sync"), "cuda"),
        ),
        target(
            *("CUDA:sm_90", "NVIDIA CUDA, Hopper", "CUDA C++", "CUDA:CUDA:sm_90"),
            *(f"{_CSTYLE}:CUDARenderer", "NVRTC"),
            *((_GROUPS, "shared memory", "tensor cores by mma.sync"), "cuda"),
        ),
        target(
            *("PTX", "NVIDIA PTX", "PTX assembly", "CUDA:PTX:sm_80"),
            *("tinygrad.renderer.ptx:PTXRenderer", "the CUDA driver, on loading"),
            *((_GROUPS, "virtual registers", "tensor cores by mma.sync"), "text"),
        ),
        target(
            *("HIP", "AMD HIP, RDNA3", "HIP C++", "AMD:HIP:gfx1100"),
            *(f"{_CSTYLE}:HIPRenderer", "comgr"),
            *((_GROUPS, "local data share", "matrix cores (WMMA) for half"), "c++"),
        ),
        target(
            *("AMD:LLVM", "AMD through LLVM, RDNA3", "LLVM IR", "AMD:LLVM:gfx1100"),
            *(f"{llvm}:AMDLLVMRenderer", "libLLVM with the AMDGPU target"),
            *((_GROUPS, "local data share", "matrix cores (WMMA) for half"), "llvm"),
        ),
        target(
            *("WGSL", "WebGPU", "WGSL", "WEBGPU:WGSL:shader-f16"),
            *("tinygrad.renderer.wgsl:WGSLRenderer", "the WebGPU library, on loading"),
            *((_GROUPS, "at most 8 buffers in a kernel", "no 64-bit types"), "text"),
        ),
        target(
            *("QCOM", "Qualcomm Adreno", "OpenCL C", "QCOM:QCOMCL:a630"),
            *(f"{_CSTYLE}:QCOMCLRenderer", "Qualcomm's OpenCL compiler"),
            *((_GROUPS, "image textures (off by default)"), "c"),
        ),
        target(
            *("ELECTRICAL", "ELECTRICAL, the course's own for this CPU", "C"),
            *(f"ELECTRICAL::{_NATIVE}", f"{_OURS}.ops_electrical:ElectricalRenderer", "clang"),
            *((_THREADS, "vectors as wide as the processor's", "tiles for its registers"), "c"),
        ),
        target(
            *("EDGE", "EDGE, an Arm Cortex-M4F", "C", "EDGE::cortex-m4,Os"),
            *(f"{_OURS}.ops_edge:EdgeRenderer", "zig's clang for Cortex-M"),
            *(("one core, no vectors", "code as small as can be", "32-bit addresses"), "c"),
        ),
        target(
            *("EDGE:RV32", "EDGE as a RISC-V RV32IMAC", "C", "EDGE::rv32imac,Os"),
            *(f"{_OURS}.ops_edge:EdgeRenderer", "zig's clang for RISC-V"),
            *(("one core, no vectors", "floating point in software", "32-bit addresses"), "c"),
        ),
    )


TARGETS: Mapping[str, Target] = MappingProxyType({t.name: t for t in _targets()})
_OF_DEVICE = {t.device: t for t in reversed(tuple(TARGETS.values()))}  # the first one listed wins
_ALIASES = {"CPU:CLANG": "CPU", "CUDA:SM_80": "CUDA", "CUDA:SM_90": "CUDA:sm_90", "NV": "CUDA"}


# tinygrad itself would open "CPU:ANYTHING" as one more CPU
_DEVICE_NAME = re.compile(r"[A-Z_][A-Z_0-9]*(:\d+)?")


def find_target(name: str) -> Target:
    """The target of that name, or of the device of that name.

    Raises:
        LoweringError: neither a target nor a device that tinygrad can open.
    """
    if not isinstance(name, str):
        got = f"{name!r}, a {type(name).__name__}"
        raise LoweringError("Choose a target to lower for", expected=_known(), got=got)
    key = name.strip()
    upper = key.upper()
    for known in TARGETS:
        if known.upper() == upper:
            return TARGETS[known]
    if upper in _ALIASES:
        return TARGETS[_ALIASES[upper]]
    device = upper.split(":")[0]
    if device in _OF_DEVICE and (":" not in upper or upper.split(":")[1].isdigit()):
        return _OF_DEVICE[device]
    if not _DEVICE_NAME.fullmatch(upper):
        raise LoweringError(f"Lower for {name!r}", expected=_known(), got="no such target")
    return live_target(key)


def live_target(name: str) -> Target:
    """The target that a device of this process uses now, in the course's terms.

    Raises:
        LoweringError: tinygrad can't open that device here.
    """
    try:
        renderer = Device[name].renderer
    except Exception as e:  # whatever a driver raises while it is opened
        asked = f"Lower for {name!r}"
        got = f"no target of that name, and no such device opens here ({type(e).__name__}: {e})"
        step = "choose one of labs.lowering.TARGETS, or see `course doctor` for the device"
        raise LoweringError(asked, expected=_known(), got=got, next_step=step) from e
    for known in TARGETS.values():
        same_class = known.renderer == _class_path(renderer)
        if same_class and known.device == renderer.target.device and _same_chip(known, renderer):
            return known
    return _describe(name, renderer)


def _describe(name: str, renderer: Renderer) -> Target:
    """A target for a device unknown to this file, such as a backend of the reader's."""
    device, kind = name.split(":")[0].upper(), type(renderer).__name__
    base = next((t for t in TARGETS.values() if _is_a(renderer, t.renderer)), None)
    language = base.language if base else "its renderer's own language"
    return Target(
        name=device,
        label=device,
        language=language,
        device=device,
        spec=str(renderer.target),
        renderer=_class_path(renderer),
        arch=renderer.target.arch,
        compiler=type(renderer.compiler).__name__,
        features=(f"rendered by {kind}",),
        lexer=base.lexer if base else "text",
    )


def _is_a(renderer: Renderer, path: str) -> bool:
    name = path.partition(":")[2]
    return any(c.__name__ == name for c in type(renderer).__mro__)


def _same_chip(target: Target, renderer: Renderer) -> bool:
    one_of_several = target.device in ("CUDA", "EDGE")
    return not one_of_several or target.arch == renderer.target.arch


def _class_path(renderer: Renderer) -> str:
    return f"{type(renderer).__module__}:{type(renderer).__qualname__}"


def _known() -> str:
    return f"one of {', '.join(TARGETS)}, or the name of a device that opens here"

"""Compiles a CUDA kernel with NVRTC, and launches it on the buffers of realized tensors.

This is tinygrad's own way to run a kernel (NVRTCCompiler, CUDAProgram), entered one step later:
the source is ours instead of the renderer's.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

from labs import toolchain
from labs.errors import DeviceError, LabError
from labs.gpu.cuda.source import full_source

if TYPE_CHECKING:
    from tinygrad import Tensor


@dataclass(frozen=True)
class Launch:
    """A kernel, and how it is launched.

    Args:
        kernel: its file in `kernels/`.
        entry: the function in it; the file's name when empty.
        defines: macros: sizes, tiles, choices.
        grid: blocks; block: threads of a block.
        shared_bytes: dynamic shared memory of a block.
        wgmma_columns: of a Hopper kernel's wgmma; such a kernel is compiled for sm_90a.
        least_capability: of the GPU, such as (8, 0).
        maps: tensor maps for the copy engine, one per tensor that has one.
        scratch_bytes: buffers of zeros that the kernel gets after its tensors.
    """

    kernel: str
    grid: tuple[int, int, int]
    block: int
    defines: Mapping[str, int] = field(default_factory=dict)
    entry: str = ""
    shared_bytes: int = 0
    wgmma_columns: int = 0
    least_capability: tuple[int, int] = (5, 0)
    maps: tuple["Box", ...] = ()
    scratch_bytes: tuple[int, ...] = ()

    @property
    def source(self) -> str:
        """All that NVRTC compiles."""
        return full_source(self.kernel, self.defines, wgmma_columns=self.wgmma_columns)


@dataclass(frozen=True)
class Box:
    """What the copy engine has to know of one tensor: its shape, innermost first, and a box of it.

    Args:
        tensor: 0 for the result, 1 for the first input, ...
        shape: elements (2 bytes each); strides_bytes: of all dimensions but the innermost.
        box: elements that one copy moves.
    """

    tensor: int
    shape: tuple[int, ...]
    strides_bytes: tuple[int, ...]
    box: tuple[int, ...]


def compile_launch(launch: Launch, capability: tuple[int, int]) -> bytes:
    """The cubin of a kernel for a GPU of this compute capability. Needs NVRTC, and no GPU.

    Raises:
        LabError: with NVRTC's messages when it doesn't compile.
        DeviceError: when NVRTC is not there, or the kernel needs a newer GPU.
    """
    if capability < launch.least_capability:
        raise DeviceError(
            f"compile '{launch.kernel}' for compute capability {capability[0]}.{capability[1]}",
            expected=f"at least {launch.least_capability[0]}.{launch.least_capability[1]}",
            got=f"{capability[0]}.{capability[1]}",
            next_step="take an earlier rung: each needs less of the GPU",
        )
    suffix = "a" if launch.wgmma_columns else ""  # wgmma exists for sm_90a alone
    return _compile(launch.source, f"sm_{capability[0]}{capability[1]}{suffix}", launch.kernel)


@cache
def _compile(source: str, arch: str, name: str) -> bytes:
    toolchain.activate()
    from tinygrad.device import CompileError

    try:
        from tinygrad.runtime.support.compiler_cuda import NVRTCCompiler

        compiler = NVRTCCompiler(arch, ptx=False, cache_key="labs_cuda")
    except (AttributeError, OSError, ImportError, RuntimeError) as error:
        raise DeviceError(
            f"compile the CUDA kernel '{name}'",
            expected="NVRTC, NVIDIA's run-time compiler",
            got=f"{type(error).__name__}: {error}",
            next_step="install the CUDA toolkit, or nvidia-cuda-nvrtc from PyPI",
        ) from None
    try:
        return compiler.compile(source)
    except CompileError as error:
        raise LabError(
            f"compile the CUDA kernel '{name}' for {arch}",
            expected="source that NVRTC accepts",
            got=str(error).strip()[:2000],
            next_step="mend the first error it names",
        ) from None


def capability(device: str = "CUDA") -> tuple[int, int]:
    """The compute capability of a tinygrad CUDA device, such as (9, 0).

    Raises:
        DeviceError: when there is none.
    """
    toolchain.activate()
    from tinygrad import Device

    try:
        number = int(Device[device].renderer.target.arch.removeprefix("sm_"))
    except Exception as error:  # a driver may raise anything
        raise DeviceError(
            f"open '{device}'",
            expected="an NVIDIA GPU with its driver and NVRTC",
            got=f"{type(error).__name__}: {error}",
            next_step="`course doctor` says what is missing; the sources and the recorded results "
            "can be read without a GPU",
        ) from None
    return divmod(number, 10)


class LoadedKernel:
    """A kernel on a device, with its result and inputs: calling it launches it.

    Args:
        result, inputs: realized tensors on `device`, in the order of the kernel's arguments.
    """

    def __init__(self, launch: Launch, result: "Tensor", *inputs: "Tensor") -> None:
        from tinygrad import Device, Tensor, dtypes
        from tinygrad.device import TinyELF
        from tinygrad.helpers import Target
        from tinygrad.runtime.ops_cuda import CUDAProgram

        from labs.gpu.cuda.tensor_maps import encode

        self.launch, self.device = launch, str(result.device)
        opened = Device[self.device]
        self.cubin = compile_launch(launch, capability(self.device))
        tensors = [result, *inputs]
        if launch.maps:
            tensors.append(encode(launch.maps, tensors))
        for size in launch.scratch_bytes:
            zeros = Tensor.zeros(size, dtype=dtypes.uint8, device=self.device)
            tensors.append(zeros.contiguous().realize())
        self.tensors = tuple(tensors)  # kept: the kernel writes into their memory
        self._buffers = [t.uop.buffer.get_buf(self.device) for t in tensors]
        signature = tuple((None, i, t.dtype, (t.numel(),)) for i, t in enumerate(tensors))
        entry = launch.entry or launch.kernel
        elf = TinyELF(self.cubin, entry, Target("CUDA"), signature)
        self._program = CUDAProgram(opened, elf, smem=launch.shared_bytes)
        opened.synchronize()

    def __call__(self, wait: bool = False) -> float | None:
        """Launches once; with `wait` until it is done, and returns the device's seconds."""
        return self._program(
            *self._buffers,
            global_size=self.launch.grid,
            local_size=(self.launch.block, 1, 1),
            wait=wait,
        )

    def seconds_per_call(self, calls: int = 1) -> float:
        """The device's seconds for one of `calls` launches in a row, between two CUDA events."""
        from tinygrad.runtime.ops_cuda import cu_time_execution

        return cu_time_execution(lambda: [self() for _ in range(calls)], enable=True) / calls

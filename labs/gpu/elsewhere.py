"""What kernels would take on a GPU that isn't here: compiled by NVRTC, which needs no GPU.

tinygrad's CUDA device has NVRTC make PTX, and the driver makes machine code of it. Here NVRTC makes
the machine code, with the same back end of its own version, so numbers can differ by a register or
two from what a driver makes.

NVRTC comes with the CUDA toolkit, or by `pip install nvidia-cuda-nvrtc-cu12`. Without it there are
no numbers, only the reason.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from labs.errors import LabError
from labs.gpu.cubin import read_kernel
from labs.gpu.occupancy import Occupancy, occupancy
from labs.gpu.resources import KernelResources

if TYPE_CHECKING:
    from tinygrad import Tensor

_FIELDS = ("registers", "shared_bytes", "stack_bytes", "max_threads", "barriers")


def resources_for(
    expression: "Tensor | Callable[[], Tensor]", target: str = "CUDA:sm_90"
) -> tuple[tuple[KernelResources, Occupancy | None], ...]:
    """Resources and theoretical occupancy of an expression's kernels on an NVIDIA GPU.

    Args:
        target: "CUDA" (sm_80) or "CUDA:sm_90".

    Returns:
        one pair for each kernel; without NVRTC resources with reasons, and no occupancy.

    Raises:
        LoweringError: nothing to compile. LabError: a target that isn't CUDA.
    """
    from labs.lowering import lower  # imports tinygrad
    from labs.lowering.targets import find_target

    wanted = find_target(target)
    if wanted.device != "CUDA" or wanted.language != "CUDA C++":
        raise LabError(
            f"derive what kernels take on {wanted.label}",
            expected="target 'CUDA' or 'CUDA:sm_90'",
            got=repr(target),
            next_step="only cubins are read: they say how many registers a kernel takes",
        )
    found: list[tuple[KernelResources, Occupancy | None]] = []
    for kernel in lower(expression, wanted.name).kernels:
        try:
            resources = read_kernel(_cubin(kernel.source, wanted.arch), kernel.name)
        except Exception as error:  # no NVRTC, or one that doesn't know the architecture
            why = f"NVRTC: {(str(error).splitlines() or [type(error).__name__])[0][:160]}"
            reasons = tuple((field, why) for field in _FIELDS)
            found.append((KernelResources(kernel.name, wanted.arch, reasons=reasons), None))
            continue
        threads = 1
        for size in kernel.local_size or ():
            threads *= size
        found.append((resources, occupancy(resources, wanted.arch, threads)))
    return tuple(found)


def _cubin(source: str, arch: str) -> bytes:
    from tinygrad.runtime.support.compiler_cuda import NVRTCCompiler

    return NVRTCCompiler(arch, ptx=False).compile(source)

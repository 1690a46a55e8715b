"""The kernels of a computation as a device really runs them: launch, time, and what each takes.

Compiled and timed on the device itself (unlike `labs.lowering`, which needs no device); resources
come from the binary where it is a cubin, else from the driver (CUDA, OpenCL).
"""

import ctypes
import math
import statistics
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from labs import toolchain
from labs.errors import MeasurementError
from labs.gpu.resources import KernelResources
from labs.tables import Table, TableView
from labs.units import format_bytes, format_flop, format_seconds

toolchain.activate()

from tinygrad import Device, Tensor
from tinygrad.codegen.opt import OptOps
from tinygrad.engine.realize import (
    capturing,
    compile_linear,
    get_runtime,
    run_linear,
    time_call,
)
from tinygrad.helpers import ansistrip
from tinygrad.uop.ops import Ops, UOp, sym_infer

_TIMED_CALLS = 5
_ELF = b"\x7fELF"
# clGetKernelWorkGroupInfo. Source: Khronos, OpenCL 3.0 API, cl.h
_CL_WORK_GROUP_SIZE, _CL_LOCAL_MEM_SIZE, _CL_PRIVATE_MEM_SIZE = 0x11B0, 0x11B2, 0x11B4
_FIELDS = ("registers", "shared_bytes", "stack_bytes", "max_threads", "barriers")
_NO_BLOCKS = {
    "CPU": "a CPU core runs one thread: nothing is divided among blocks",
    "ELECTRICAL": "a CPU core runs one thread: nothing is divided among blocks",
    "EDGE": "an emulated microcontroller runs one thread",
    "PYTHON": "an interpreter has no registers",
    "WEBGPU": "WebGPU tells nothing about a compiled kernel",
    "METAL": "Metal tells no registers; tinygrad keeps no pipeline state to ask for the rest",
    "AMD": "the course doesn't read AMD's code objects",
    "HIP": "the course doesn't read AMD's code objects",
}


@dataclass(frozen=True, repr=False)
class CompiledKernel(TableView):
    """One kernel of a computation on a device.

    Args:
        global_size: blocks (work groups; threads on a CPU); local_size: threads of one, None where
            the device has none.
        flop, accessed_bytes, least_bytes: of the code, as tinygrad counts them (Estimates).
        seconds: device time of one launch, the median of a few; None with `no_time`.
        uses_matrix_units: tinygrad chose tensor cores for it.
        program: tinygrad's PROGRAM.
    """

    index: int
    name: str
    device: str
    global_size: tuple[int, ...]
    local_size: tuple[int, ...] | None
    flop: int
    accessed_bytes: int
    least_bytes: int
    resources: KernelResources
    seconds: float | None
    no_time: str = ""
    uses_matrix_units: bool = False
    program: UOp | None = field(default=None, repr=False)

    @property
    def blocks(self) -> int:
        return math.prod(self.global_size)

    @property
    def threads(self) -> int | None:
        """In one block."""
        return None if self.local_size is None else math.prod(self.local_size)

    def table(self) -> Table:
        return kernels_table((self,))


def kernels_table(kernels: tuple[CompiledKernel, ...]) -> Table:
    """One row per kernel."""
    rows = tuple(
        (
            k.name,
            "x".join(map(str, k.global_size)),
            None if k.local_size is None else "x".join(map(str, k.local_size)),
            k.resources.registers,
            None if k.resources.shared_bytes is None else format_bytes(k.resources.shared_bytes),
            format_flop(k.flop),
            format_bytes(k.least_bytes),
            format_seconds(k.seconds),
        )
        for k in kernels
    )
    columns = ("kernel", "blocks", "threads of a block", "registers", "shared memory")
    columns += ("operations", "bytes, each once", "device time")
    device = kernels[0].device if kernels else ""
    reasons = {why for k in kernels for _, why in k.resources.reasons} - {""}
    reasons |= {k.no_time for k in kernels} - {""}
    return Table(f"Kernels on {device}", columns, rows, "; ".join(sorted(reasons)))


def compile_kernels(
    expression: Callable[[], Tensor] | Tensor, *, timed: bool = True
) -> tuple[CompiledKernel, ...]:
    """The kernels of an expression, compiled for the device that its tensors are on.

    Args:
        expression: a lazy tensor, or a function that returns one. What a function realizes on the
            way is among the kernels; it must not read values (numpy(), item()) before it returns.
        timed: also run each a few times.

    Raises:
        MeasurementError: there is no kernel, because all is realized or only copied.
    """
    linears = _linears(expression)
    calls = [
        (call, values)
        for linear, values in linears
        for call in linear.src
        if call.src[0].op is Ops.PROGRAM
    ]
    if not calls:
        raise MeasurementError(
            "look at the kernels of an expression",
            expected="a lazy expression with something to compute",
            got="one that is realized already, or only a copy",
            next_step="pass a function that builds it anew: lambda: a @ b",
        )
    if timed:
        for linear, values in linears:  # inputs of later kernels have to be there
            run_linear(linear, values, jit=True, update_stats=False)
    return tuple(_kernel(i, call, values, timed) for i, (call, values) in enumerate(calls))


class _Collector:
    """Takes what realize() would run, in TinyJit's place: nothing is run."""

    def __init__(self) -> None:
        self.linears: list[tuple[UOp, dict[str, int]]] = []

    def add_linear(self, linear: UOp, var_vals: dict[str, int], *_others: Any) -> None:
        self.linears.append((linear, var_vals))


def _linears(expression: Callable[[], Tensor] | Tensor) -> list[tuple[UOp, dict[str, int]]]:
    if not callable(expression):
        linear, values = expression.linear_with_vars()
        return [(compile_linear(linear), values)]
    collector = _Collector()
    capturing.append(collector)
    try:
        result = expression()
        if isinstance(result, Tensor):
            result.realize()
    finally:
        capturing.remove(collector)
    return [(compile_linear(linear), values) for linear, values in collector.linears]


def heaviest(kernels: tuple[CompiledKernel, ...]) -> CompiledKernel:
    """The kernel that takes most of the time; without times, the one with most work."""
    return max(kernels, key=lambda k: (k.seconds or 0, k.flop + k.accessed_bytes))


def _kernel(index: int, call: UOp, values: dict[str, int], timed: bool) -> CompiledKernel:
    program, device = call.src[0], call.src[1].device
    device = device if isinstance(device, str) else device[0]
    info, counts = program.arg, program.src[0].arg.estimates
    bound = {"core_id": 0, "_device_num": 0, **values}
    global_size, local_size = info.launch_dims(bound)
    seconds, why = _seconds(call, values) if timed else (None, "not timed")
    ops, accessed, least = (int(sym_infer(n, bound)) for n in (counts.ops, counts.lds, counts.mem))
    return CompiledKernel(
        index=index,
        name=ansistrip(info.function_name),
        device=device,
        global_size=tuple(int(s) for s in global_size),
        local_size=None if local_size is None else tuple(int(s) for s in local_size),
        flop=ops,
        accessed_bytes=accessed,
        least_bytes=least,
        resources=resources_of(program, device),
        seconds=seconds,
        no_time=why,
        uses_matrix_units=any(o.op is OptOps.TC for o in program.src[0].arg.applied_opts),
        program=program,
    )


def _seconds(call: UOp, values: dict[str, int]) -> tuple[float | None, str]:
    timer = time_call(call, values)
    next(timer)  # the first launch loads the binary
    found = [next(timer) for _ in range(_TIMED_CALLS)]
    median = statistics.median(found)
    if not (math.isfinite(median) and median > 0):
        return None, f"its runtime answered {median:g} s"
    return median, ""


def resources_of(program: UOp, device: str) -> KernelResources:
    """What a compiled kernel takes, from its binary or its driver; reasons where neither tells.

    Args:
        program: tinygrad's PROGRAM with its binary.
        device: the device that it was compiled for.
    """
    name, base = program.arg.function_name, device.split(":")[0]
    binary = program.src[3].arg if len(program.src) > 3 else b""
    try:
        if base in ("CUDA", "NV") and bytes(binary[:4]) == _ELF:
            from labs.gpu.cubin import read_kernel

            return read_kernel(bytes(binary), name)
        if base == "CUDA":  # tinygrad hands it PTX: only the driver knows what it made of it
            return cuda_driver_resources(get_runtime(device, program), name)
        if base == "CL":
            return _opencl_resources(get_runtime(device, program), name)
    except Exception as error:
        return _unknown(name, device, f"asking for them failed: {type(error).__name__}: {error}")
    return _unknown(name, device, _NO_BLOCKS.get(base, f"{base} tells nothing about it"))


def cuda_driver_resources(runtime: Any, name: str) -> KernelResources:
    """The CUDA driver's own numbers of a loaded kernel (to check a cubin's against, or for PTX)."""
    from tinygrad.runtime.autogen import cuda

    def ask(attribute: int) -> int:
        value = ctypes.c_int()
        _cuda(cuda.cuFuncGetAttribute(ctypes.byref(value), attribute, runtime.prg))
        return value.value

    return KernelResources(
        kernel=name,
        target=runtime.dev.renderer.target.arch,
        registers=ask(cuda.CU_FUNC_ATTRIBUTE_NUM_REGS),
        shared_bytes=ask(cuda.CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES),
        stack_bytes=ask(cuda.CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES),
        max_threads=ask(cuda.CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK),
        source="the CUDA driver (cuFuncGetAttribute)",
        reasons=(("barriers", "the driver doesn't tell"),),
    )


def cuda_driver_blocks(
    program: UOp, device: str, threads: int, dynamic_shared_bytes: int = 0
) -> int:
    """The CUDA driver's own answer to how many blocks are resident on one multiprocessor.

    To check `labs.gpu.occupancy` against, on a machine with such a device.
    """
    from tinygrad.runtime.autogen import cuda

    runtime, blocks = get_runtime(device, program), ctypes.c_int()
    _cuda(
        cuda.cuOccupancyMaxActiveBlocksPerMultiprocessor(
            ctypes.byref(blocks), runtime.prg, threads, dynamic_shared_bytes
        )
    )
    return blocks.value


def cuda_multiprocessors(device: str) -> int:
    """How many multiprocessors a CUDA device has."""
    from tinygrad.runtime.autogen import cuda

    count = ctypes.c_int()
    attribute = cuda.CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT
    _cuda(cuda.cuDeviceGetAttribute(ctypes.byref(count), attribute, Device[device].cu_device))
    return count.value


def _cuda(status: int) -> None:
    from tinygrad.runtime.ops_cuda import check

    check(status)


def _opencl_resources(runtime: Any, name: str) -> KernelResources:
    from tinygrad.runtime.autogen import opencl

    def ask(parameter: int) -> int:
        value = ctypes.c_uint64()
        status = opencl.clGetKernelWorkGroupInfo(
            runtime.kernel, runtime.dev.cl_dev, parameter, 8, ctypes.byref(value), None
        )
        if status:
            raise RuntimeError(f"clGetKernelWorkGroupInfo answered {status}")
        return value.value

    untold = "OpenCL does not tell how many a kernel takes"
    return KernelResources(
        kernel=name,
        target=runtime.dev.device_name,
        shared_bytes=ask(_CL_LOCAL_MEM_SIZE),
        stack_bytes=ask(_CL_PRIVATE_MEM_SIZE),
        max_threads=ask(_CL_WORK_GROUP_SIZE),
        source="the OpenCL driver (clGetKernelWorkGroupInfo)",
        reasons=(("registers", untold), ("barriers", untold)),
    )


def _unknown(name: str, device: str, why: str) -> KernelResources:
    return KernelResources(name, device, reasons=tuple((field, why) for field in _FIELDS))

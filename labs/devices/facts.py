"""What the driver of an opened device says about the hardware, one function per driver.

Runs in the probe's child process only. Each function fills the fields it can ask for; a field that
the driver can't tell stays out and gets its reason in `found["reasons"]`.
"""

import ctypes
import os
import platform
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tinygrad.device import Compiler
from tinygrad.dtype import DTYPES_DICT
from tinygrad.helpers import Context

from labs.devices.host import (
    cpu_name,
    file_text,
    host_memory_bytes,
    last_level_cache_bytes,
    usable_processors,
)

# class of renderer -> what people call the language its kernels are written in
LANGUAGES = {
    "ClangRenderer": "C",
    "CPULLVMRenderer": "LLVM IR",
    "X86Renderer": "x86-64 assembly",
    "LVPRenderer": "NIR",
    "OpenCLRenderer": "OpenCL C",
    "QCOMCLRenderer": "OpenCL C",
    "IR3Renderer": "NIR",
    "CUDARenderer": "CUDA C++",
    "NVRenderer": "CUDA C++",
    "NVCCRenderer": "CUDA C++",
    "PTXRenderer": "PTX",
    "NAKRenderer": "NIR",
    "MetalRenderer": "Metal",
    "HIPRenderer": "HIP C++",
    "HIPCCRenderer": "HIP C++",
    "AMDLLVMRenderer": "LLVM IR",
    "WGSLRenderer": "WGSL",
    "DSPRenderer": "C",
    "PythonRenderer": "UOps (interpreted)",
}
BACKENDS = {
    "CPU": "native code of the host",
    "ELECTRICAL": "native code of the host, by the course's own backend",
    "EDGE": "microcontroller code on an emulator, by the course's own backend",
    "CL": "OpenCL",
    "CUDA": "CUDA driver API",
    "NV": "NVIDIA's kernel driver, without CUDA",
    "AMD": "AMD's kernel driver, without ROCm",
    "HIP": "HIP (ROCm)",
    "METAL": "Metal",
    "WEBGPU": "WebGPU (Dawn)",
    "QCOM": "Qualcomm's Adreno driver",
    "DSP": "Qualcomm's Hexagon DSP",
    "PYTHON": "interpreter in Python",
}
DRIVER_COMPILES = ("CL", "WEBGPU")  # tinygrad hands these drivers the source of a kernel
HOST_MEMORY = "RAM of the host"
GPU_MEMORY = "memory of the GPU"


def describe_renderers(opened: Any, found: dict[str, Any], check: Callable[[str], None]) -> None:
    """Which renderers work here, each tried by computing, and what the one in use offers."""
    used = opened.renderer
    works = {opened._renderer_name(type(used)): ""}
    languages = [_language(type(used))]
    for kind in opened.renderers:
        name = opened._renderer_name(kind)
        if name in works:
            continue
        try:
            with Context(DEV=f"{opened.device.split(':')[0]}:{name}"):
                check(opened.device)
        except Exception as error:
            works[name] = _short(error)
        else:
            works[name] = ""
            languages.append(_language(kind))
    found["renderers"] = works
    found["kernel_languages"] = list(dict.fromkeys(languages))
    # float32 and float are one type: the name with its width goes last and stays
    by_width = sorted(DTYPES_DICT.items(), key=lambda item: any(map(str.isdigit, item[0])))
    names = {dtype: name for name, dtype in by_width}
    found["dtypes"] = sorted(names.get(d, d.name) for d in used.supported_dtypes())
    found["arch"] = used.target.arch or None
    found["supports_compilation"] = _compiles(opened, used, found["reasons"])
    found["optimization_features"] = _features(opened, used)


def describe_hardware(opened: Any, found: dict[str, Any]) -> None:
    """Name, memory, compute units and caches, from the driver."""
    name = opened.device.split(":")[0]
    found["backend_type"] = BACKENDS.get(name, type(opened).__module__)
    ask = {
        "CPU": _host,
        "ELECTRICAL": _host,
        "EDGE": _edge,
        "PYTHON": _interpreter,
        "CL": _opencl,
        "CUDA": _cuda,
        "WEBGPU": _webgpu,
        "METAL": _metal,
        "HIP": _hip,
        "AMD": _amd,
        "NV": _nv,
    }.get(name)
    if ask is None:
        ask = _own_backend
    try:
        ask(opened, found)
    except Exception as error:
        found["reasons"]["device_name"] = f"asking the driver failed: {_short(error)}"


def _compiles(opened: Any, renderer: Any, reasons: dict[str, str]) -> bool | None:
    """Whether the kernel that has just run was machine code."""
    name = opened.device.split(":")[0]
    if name == "PYTHON":
        reasons["supports_compilation"] = "kernels are interpreted, one operation at a time"
        return False
    if type(renderer.compiler) is not Compiler or name in DRIVER_COMPILES:
        return True
    reasons["supports_compilation"] = "the runtime gets source text, and doesn't tell what it does"
    return None


def _features(opened: Any, renderer: Any) -> list[str]:
    features = []
    if renderer.has_local:
        features.append("work-groups")
    if renderer.has_local and renderer.has_shared:
        features.append(f"local memory ({renderer.shared_max // 1024} KiB per group)")
    if renderer.has_threads:
        features.append(f"threads (up to {renderer.global_max[0]} per kernel)")
    if renderer.supports_float4:
        features.append("vector loads and stores")
    if "IMAGE_PITCH_ALIGNMENT" in (renderer.target.arch or ""):
        features.append("images")
    cores = {f"{c.dtype_in.name} to {c.dtype_out.name}" for c in renderer.tensor_cores}
    if cores:
        features.append("tensor cores: " + ", ".join(sorted(cores)))
    if opened.graph is not None:
        features.append("graph launch")
    return features


def _language(kind: type) -> str:
    # a backend outside tinygrad mostly inherits from one of these
    known = (LANGUAGES[c.__name__] for c in kind.__mro__ if c.__name__ in LANGUAGES)
    return next(known, kind.__name__.removesuffix("Renderer"))


def _short(error: BaseException) -> str:
    from labs.devices.probe import explain

    return explain(error)[:200]


def _host(opened: Any, found: dict[str, Any]) -> None:
    found |= {
        "device_name": cpu_name(),
        "supports_gpu": False,
        "memory_type": HOST_MEMORY,
        "max_memory": host_memory_bytes(),
        "compute_units": usable_processors(),
        "driver": f"clang through {os.environ.get('CC', 'clang')}",
    }
    found["reasons"]["largest_buffer_bytes"] = "limited by the memory only"
    found["reasons"]["local_memory_bytes"] = "a CPU has no local memory of its own"
    cache = last_level_cache_bytes()
    if cache is None:
        found["reasons"]["last_level_cache_bytes"] = "the system doesn't list its caches"
    found["last_level_cache_bytes"] = cache


def _edge(opened: Any, found: dict[str, Any]) -> None:
    from labs.backends.edge.cores import parse_arch

    core, _ = parse_arch(opened.renderer.target.arch)
    found |= {
        "device_name": core.title,
        "supports_gpu": False,
        "memory_type": "RAM of the emulated microcontroller",
        "max_memory": opened.allocator.usage().limit_bytes,
        "compute_units": 1,
        "driver": f"unicorn {version('unicorn')} emulating {core.name}; its clock is a model",
    }
    found["reasons"] |= {
        "largest_buffer_bytes": "limited by the memory only",
        "local_memory_bytes": "one memory for everything",
        "last_level_cache_bytes": "the core has no data cache",
    }


def _own_backend(opened: Any, found: dict[str, Any]) -> None:
    """Of a backend that nobody here knows: what it says in the course's own terms, if it does."""
    usage = getattr(opened.allocator, "usage", None)
    if usage is None:
        found["reasons"]["max_memory"] = "its allocator has no usage()"
        return
    limit = usage().limit_bytes
    found["max_memory"] = limit
    if limit is None:
        found["reasons"]["max_memory"] = "its allocator sets no limit"


def _interpreter(opened: Any, found: dict[str, Any]) -> None:
    _host(opened, found)
    found |= {"compute_units": 1, "driver": f"Python {platform.python_version()}"}


def _opencl(opened: Any, found: dict[str, Any]) -> None:
    from tinygrad.runtime.autogen import opencl as cl

    def ask(name: str, kind: Any = ctypes.c_uint64) -> int:
        value = kind()
        key = getattr(cl, f"CL_DEVICE_{name}")
        status = cl.clGetDeviceInfo(
            opened.cl_dev, key, ctypes.sizeof(value), ctypes.byref(value), None
        )
        if status != 0:
            raise RuntimeError(f"clGetDeviceInfo({name}) returned {status}")
        return value.value

    is_gpu = bool(ask("TYPE") & cl.CL_DEVICE_TYPE_GPU)
    unified = bool(ask("HOST_UNIFIED_MEMORY", ctypes.c_uint32))
    found |= {
        "device_name": opened.device_name.strip(),
        "supports_gpu": is_gpu,
        "memory_type": HOST_MEMORY if unified else GPU_MEMORY,
        "max_memory": ask("GLOBAL_MEM_SIZE"),
        "compute_units": ask("MAX_COMPUTE_UNITS", ctypes.c_uint32),
        "driver": f"OpenCL driver {opened.driver_version.strip()}",
        "last_level_cache_bytes": ask("GLOBAL_MEM_CACHE_SIZE") or None,
        "largest_buffer_bytes": ask("MAX_MEM_ALLOC_SIZE"),
        "local_memory_bytes": ask("LOCAL_MEM_SIZE"),
    }


def _cuda(opened: Any, found: dict[str, Any]) -> None:
    from tinygrad.runtime.autogen import cuda

    def attribute(name: str) -> int:
        value = ctypes.c_int()
        key = getattr(cuda, f"CU_DEVICE_ATTRIBUTE_{name}")
        if status := cuda.cuDeviceGetAttribute(ctypes.byref(value), key, opened.cu_device):
            raise RuntimeError(f"cuDeviceGetAttribute({name}) returned {status}")
        return value.value

    name, total, version = ctypes.create_string_buffer(256), ctypes.c_size_t(), ctypes.c_int()
    cuda.cuDeviceGetName(name, 256, opened.cu_device)
    cuda.cuDeviceTotalMem_v2(ctypes.byref(total), opened.cu_device)
    cuda.cuDriverGetVersion(ctypes.byref(version))
    integrated = bool(attribute("INTEGRATED"))
    major, minor = version.value // 1000, version.value % 1000 // 10
    found |= {
        "device_name": name.value.decode(errors="replace"),
        "supports_gpu": True,
        "memory_type": HOST_MEMORY if integrated else GPU_MEMORY,
        "max_memory": total.value,
        "compute_units": attribute("MULTIPROCESSOR_COUNT"),
        "driver": f"CUDA {major}.{minor} driver",
        "last_level_cache_bytes": attribute("L2_CACHE_SIZE") or None,
        "local_memory_bytes": attribute("MAX_SHARED_MEMORY_PER_BLOCK"),
    }
    found["reasons"]["largest_buffer_bytes"] = "limited by the memory only"


def _webgpu(opened: Any, found: dict[str, Any]) -> None:
    from tinygrad.runtime.autogen import webgpu
    from tinygrad.runtime.ops_webgpu import from_wgpu_str

    info, limits = webgpu.WGPUAdapterInfo(), webgpu.WGPUSupportedLimits()
    webgpu.wgpuDeviceGetAdapterInfo(opened.device_res, ctypes.byref(info))
    webgpu.wgpuDeviceGetLimits(opened.device_res, ctypes.byref(limits))
    kind = info.adapterType
    software = kind == webgpu.WGPUAdapterType_CPU
    known = kind in (webgpu.WGPUAdapterType_DiscreteGPU, webgpu.WGPUAdapterType_IntegratedGPU)
    backend = webgpu.enum_WGPUBackendType.get(info.backendType, "").removeprefix("WGPUBackendType_")
    found |= {
        "device_name": from_wgpu_str(info.device),
        "supports_gpu": True if known else False if software else None,
        "driver": f"{backend}: {from_wgpu_str(info.description)}",
        "largest_buffer_bytes": limits.limits.maxBufferSize,
        "local_memory_bytes": limits.limits.maxComputeWorkgroupStorageSize,
    }
    found["reasons"]["compute_units"] = "WebGPU doesn't tell"
    found["reasons"]["last_level_cache_bytes"] = "WebGPU doesn't tell"
    if software:
        found |= {"memory_type": HOST_MEMORY, "max_memory": host_memory_bytes()}
        found["reasons"]["supports_gpu"] = "this Vulkan driver is software that runs on the CPU"
        return
    shared = kind == webgpu.WGPUAdapterType_IntegratedGPU
    found["memory_type"] = HOST_MEMORY if shared else GPU_MEMORY
    found["reasons"]["max_memory"] = "WebGPU tells the size of the largest buffer only"


def _metal(opened: Any, found: dict[str, Any]) -> None:
    from tinygrad.runtime.ops_metal import from_ns_str

    device = opened.sysdevice
    found |= {
        "device_name": from_ns_str(device.name()),
        "supports_gpu": True,
        "memory_type": HOST_MEMORY if device.hasUnifiedMemory() else GPU_MEMORY,
        "max_memory": int(device.recommendedMaxWorkingSetSize()),
        "driver": f"macOS {platform.mac_ver()[0]}",
        "largest_buffer_bytes": int(device.maxBufferLength()),
        "local_memory_bytes": int(device.maxThreadgroupMemoryLength()),
    }
    found["reasons"]["compute_units"] = "Metal doesn't tell"
    found["reasons"]["last_level_cache_bytes"] = "Metal doesn't tell"


def _hip(opened: Any, found: dict[str, Any]) -> None:
    from tinygrad.runtime.autogen import hip

    props = hip.hipDeviceProp_t()
    hip.hipGetDeviceProperties(ctypes.byref(props), opened.device_id)
    found |= {
        "device_name": bytes(props.name).split(b"\0")[0].decode(errors="replace"),
        "supports_gpu": True,
        "memory_type": HOST_MEMORY if props.integrated else GPU_MEMORY,
        "max_memory": props.totalGlobalMem,
        "compute_units": props.multiProcessorCount,
        "last_level_cache_bytes": props.l2CacheSize or None,
        "local_memory_bytes": props.sharedMemPerBlock,
    }


def _amd(opened: Any, found: dict[str, Any]) -> None:
    props = opened.iface.props
    card = Path(f"/sys/class/drm/renderD{props['drm_render_minor']}/device")
    found |= {
        "device_name": file_text(card / "product_name") or f"AMD {opened.arch}",
        "supports_gpu": True,
        "memory_type": GPU_MEMORY,
        "compute_units": props["simd_count"] // props["simd_per_cu"],
        "local_memory_bytes": props["lds_size_in_kb"] << 10,
    }
    if total := file_text(card / "mem_info_vram_total"):
        found["max_memory"] = int(total)


def _nv(opened: Any, found: dict[str, Any]) -> None:
    import pynvml

    pynvml.nvmlInit()
    handle = pynvml.nvmlDeviceGetHandleByIndex(opened.device_id)
    name = pynvml.nvmlDeviceGetName(handle)
    found |= {
        "device_name": name.decode() if isinstance(name, bytes) else name,
        "supports_gpu": True,
        "memory_type": GPU_MEMORY,
        "max_memory": pynvml.nvmlDeviceGetMemoryInfo(handle).total,
        "driver": f"NVIDIA kernel driver {pynvml.nvmlSystemGetDriverVersion()}",
    }

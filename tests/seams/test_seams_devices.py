"""The unofficial seams of tinygrad 0.14.0 that discovery and the probe stand on, one test each."""

import inspect
from pathlib import Path

import pytest

from labs import toolchain
from labs.devices import names, probe

toolchain.activate()
import tinygrad
from tinygrad import Device
from tinygrad.device import ALL_DEVICES, Compiled, Compiler
from tinygrad.dtype import DTYPES_DICT, dtypes
from tinygrad.helpers import DEV, Context, Target
from tinygrad.renderer import Renderer, cstyle, llvmir, nir, ptx, wgsl

RUNTIME = Path(tinygrad.__file__).parent / "runtime"
NOT_DEVICES = {"DISK", "NPY", "TINYFS", "RDMA"}  # storage and network, which run no kernels


def test_we_know_exactly_the_devices_that_tinygrad_brings():
    theirs = {p.stem.removeprefix("ops_").upper() for p in RUNTIME.glob("ops_*.py")} - NOT_DEVICES
    # a device of our own may be an alias in tinygrad.runtime, but not a file there
    assert set(names.TINYGRAD_DEVICES) == theirs
    assert set(ALL_DEVICES) <= theirs


@pytest.mark.parametrize(
    ("file", "needed"),
    [
        ("ops_amd.py", '"/dev/kfd"'),
        ("ops_nv.py", '"/dev/nvidiactl"'),
        ("ops_qcom.py", "'/dev/kgsl-3d0'"),
        ("ops_dsp.py", "'/dev/ion', os.O_RDONLY"),
        ("autogen/hip.py", "os.getenv('ROCM_PATH', '/opt/rocm')+'/lib/libamdhip64.so'"),
        ("autogen/cuda.py", "c.DLL('cuda', 'nvcuda' if WIN else 'cuda')"),
    ],
)
def test_what_we_look_for_before_asking_is_what_tinygrad_opens(file, needed):
    assert needed in (RUNTIME / file).read_text()


@pytest.mark.parametrize("device", ["AMD", "NV"])
def test_an_interface_can_be_chosen_that_leaves_the_gpu_to_its_driver(device):
    text = (RUNTIME / f"ops_{device.lower()}.py").read_text()
    interface = probe.SAFE_INTERFACE[device]
    assert f"class {interface}Iface" in text and f"ifaces = [{interface}Iface" in text
    target = Target.parse(f"{interface}+{device}")
    assert (target.interface, target.device) == (interface, device)
    with Context(DEV=f"{interface}+{device}"):
        assert DEV.target(device).interface == interface


def test_a_target_of_dev_applies_to_its_device_only():
    with Context(DEV="CPU:X86;PYTHON"):
        assert DEV.target("CPU").renderer == "X86" and DEV.target("PYTHON").renderer == ""


def test_a_renderer_says_what_the_optimiser_may_use():
    for name in ("has_local", "has_shared", "has_threads", "supports_float4", "shared_max"):
        assert hasattr(Renderer, name)
    assert isinstance(Renderer.tensor_cores, list) and callable(Renderer.supported_dtypes)
    assert type(Renderer.compiler) is Compiler
    made = Device["CPU"].renderer
    assert made.target.arch and made.global_max[0] >= 1


def test_every_renderer_has_a_language_of_its_own_name():
    from labs.devices.facts import LANGUAGES

    abstract = {"Renderer", "CStyleLanguage", "LLVMRenderer", "NIRRenderer"}
    found = {
        name
        for module in (cstyle, llvmir, nir, ptx, wgsl)
        for name, kind in vars(module).items()
        if inspect.isclass(kind) and issubclass(kind, Renderer)
    }
    assert found - abstract <= LANGUAGES.keys()


def test_a_device_lists_its_renderers_and_their_names():
    cpu = Device["CPU"]
    assert [cpu._renderer_name(kind) for kind in cpu.renderers] == ["CLANG", "LLVM", "LVP", "X86"]
    parameters = list(inspect.signature(Compiled.__init__).parameters)
    assert parameters[1:] == ["device", "allocator", "renderers", "runtime", "graph", "arch"]
    assert cpu.graph is None


def test_a_data_type_that_is_not_native_is_emulated_silently():
    # why the probe asks the renderer, and doesn't trust a right result alone
    from tinygrad.codegen.decomp import dtype

    assert "supported_dtypes" in inspect.getsource(dtype)
    assert DTYPES_DICT["float16"] is dtypes.half and DTYPES_DICT["int8"] is dtypes.char


def test_the_pool_of_compile_workers_can_be_switched_off_by_a_variable():
    text = (RUNTIME.parent / "helpers.py").read_text()
    assert 'PARALLEL = ContextVar("PARALLEL"' in text


def test_opencl_opens_the_first_platform_only_and_gpus_first():
    # what the toolchain's question to a system's OpenCL copies
    text = (RUNTIME / "ops_cl.py").read_text()
    assert "[cl.CL_DEVICE_TYPE_GPU, cl.CL_DEVICE_TYPE_DEFAULT]" in text
    assert "platform_ids[0], device_type" in text


@pytest.mark.parametrize(
    ("file", "needed"),
    [
        ("ops_cl.py", ("self.cl_dev", "self.device_name", "self.driver_version")),
        ("ops_cuda.py", ("self.cu_device",)),
        ("ops_webgpu.py", ("self.device_res", "def from_wgpu_str")),
        ("ops_metal.py", ("self.sysdevice", "def from_ns_str")),
        ("ops_hip.py", ("self.device_id",)),
        ("ops_amd.py", ("self.iface.props", "self.props", "drm_render_minor", "simd_per_cu")),
        ("ops_nv.py", ("self.device_id",)),
    ],
)
def test_an_opened_device_keeps_the_handle_that_we_ask_the_driver_with(file, needed):
    text = (RUNTIME / file).read_text()
    assert all(name in text for name in needed)


def test_the_functions_we_ask_drivers_with_are_in_the_bindings():
    wanted = {
        "opencl": ("clGetDeviceInfo", "CL_DEVICE_HOST_UNIFIED_MEMORY", "CL_DEVICE_LOCAL_MEM_SIZE"),
        "cuda": ("cuDeviceTotalMem_v2", "cuDeviceGetName", "CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE"),
        "webgpu": ("wgpuDeviceGetAdapterInfo", "wgpuDeviceGetLimits", "maxBufferSize"),
        "hip": ("hipGetDeviceProperties", "l2CacheSize", "totalGlobalMem"),
        "metal": ("recommendedMaxWorkingSetSize", "hasUnifiedMemory", "maxBufferLength"),
    }
    for module, functions in wanted.items():
        text = (RUNTIME / "autogen" / f"{module}.py").read_text()
        assert [f for f in functions if f not in text] == []

"""The names of the devices, and what has to be there before one is opened.

Those of tinygrad 0.14.0, the course's own two, and what the reader has registered.

What can be told from the presence of a file is told here, without a process: no child is started
for an AMD GPU on a machine that has no AMD driver. Everything else is found by trying.
Source of the files: tinygrad 0.14.0, runtime/ops_*.py.
"""

import functools
import importlib.util
import os
import sys
from pathlib import Path

from labs import backends, toolchain
from labs.toolchain.cuda import has_nvidia_driver

TINYGRAD_DEVICES = (
    "CPU",
    "CL",
    "WEBGPU",
    "METAL",
    "CUDA",
    "NV",
    "AMD",
    "HIP",
    "QCOM",
    "DSP",
    "PYTHON",
    "NULL",
)
COURSE_DEVICES = tuple(backends.COURSE_BACKENDS)
# the devices of this list are right, and too slow to be measured beside the others
SLOW_DEVICES = ("PYTHON", "EDGE")
# what EDGE is made of: module -> the package that brings it
EDGE_PARTS = {"ziglang": "ziglang", "unicorn": "unicorn", "elftools": "pyelftools"}
COMPUTES_NOTHING = "NULL runs nothing: it only renders kernels for other targets"
PCI_VENDORS = {"0x10de": "NVIDIA", "0x1002": "AMD", "0x8086": "Intel", "0x106b": "Apple"}


def known_devices() -> tuple[str, ...]:
    """Every device name: tinygrad's, the course's, and what this process has registered."""
    return tuple(dict.fromkeys((*TINYGRAD_DEVICES, *COURSE_DEVICES, *backends.registered())))


def missing_part(device: str) -> str:
    """Why the device can't be there, as far as files tell; empty when it is worth trying."""
    check = {
        "CPU": _missing_cpu,
        "CL": lambda: _missing_library("opencl"),
        "WEBGPU": lambda: _missing_library("webgpu"),
        "METAL": lambda: "" if sys.platform == "darwin" else "Metal exists on macOS only",
        "CUDA": _missing_cuda,
        "NV": lambda: _missing_node("/dev/nvidiactl", "NVIDIA's kernel driver"),
        "AMD": lambda: _missing_node("/dev/kfd", "AMD's compute driver"),
        "HIP": _missing_hip,
        "QCOM": lambda: _missing_node("/dev/kgsl-3d0", "Qualcomm's Adreno driver"),
        "ELECTRICAL": _missing_cpu,
        "EDGE": _missing_edge,
        "DSP": lambda: _missing_node("/dev/ion", "the memory driver of Qualcomm's Hexagon DSP"),
    }.get(device)
    return check() if check else ""


@functools.cache
def gpu_vendors() -> tuple[str, ...]:
    """The vendors of the display and accelerator cards on this machine's PCI bus (Linux)."""
    found = set()
    for card in Path("/sys/bus/pci/devices").glob("*"):
        try:
            kind, vendor = (card / "class").read_text(), (card / "vendor").read_text().strip()
        except OSError:
            continue
        if kind.startswith(("0x03", "0x12")):  # display controller, processing accelerator
            found.add(PCI_VENDORS.get(vendor, vendor))
    return tuple(sorted(found))


def _missing_cpu() -> str:
    tools = toolchain.activate()
    return "" if tools.compiler else f"no C compiler: {tools.reasons['compiler']}"


def _missing_edge() -> str:
    missing = [p for m, p in EDGE_PARTS.items() if importlib.util.find_spec(m) is None]
    plural = "s" if len(missing) > 1 else ""
    verb = "are" if missing[1:] else "is"
    return f"the package{plural} {' and '.join(missing)} {verb} not installed" if missing else ""


def _missing_library(name: str) -> str:
    tools = toolchain.activate()
    return "" if getattr(tools, name) else tools.reasons[name]


def _missing_cuda() -> str:
    if os.environ.get("CUDA_PATH") and Path(os.environ["CUDA_PATH"]).is_file():
        return ""  # tinygrad takes a file named here as the driver's library
    return "" if has_nvidia_driver() else "NVIDIA's driver library (libcuda) is not installed"


def _missing_hip() -> str:
    library = Path(os.environ.get("ROCM_PATH", "/opt/rocm")) / "lib" / "libamdhip64.so"
    named = os.environ.get("HIP_PATH", "")
    if library.is_file() or Path(named).is_file():
        return ""
    return f"AMD's ROCm is not installed ({library} is missing)"


def _missing_node(path: str, driver: str) -> str:
    if not sys.platform.startswith("linux"):
        return f"this device needs Linux and {driver}"
    if not os.path.exists(path):
        return f"{driver} is not there ({path} is missing)"
    if not os.access(path, os.R_OK | os.W_OK) and device_needs_write(path):
        return f"no permission to use {driver}: {path} can't be opened for writing"
    return ""


def device_needs_write(path: str) -> bool:
    """All of the device nodes but the DSP's are opened for reading and writing."""
    return path != "/dev/ion"

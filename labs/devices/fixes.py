"""The one command that would make a device usable on this operating system, or why there is none.

Only what a reader can do is suggested: a package to install, a driver, a group to join. Where the
hardware or the operating system rules a device out, that is said instead of a command.
"""

import importlib.util
import platform
import sys
from collections.abc import Mapping
from pathlib import Path

from labs import backends
from labs.devices.names import EDGE_PARTS, gpu_vendors

# family -> (the command, package for: Vulkan on the CPU, OpenCL on the CPU)
# Debian's Vulkan driver was installed from this table; the other names have not been tried by us.
LINUX_PACKAGES = {
    "debian": (
        "sudo apt-get install -y",
        {"WEBGPU": "mesa-vulkan-drivers", "CL": "pocl-opencl-icd ocl-icd-libopencl1"},
    ),
    "fedora": (
        "sudo dnf install -y",
        {"WEBGPU": "mesa-vulkan-drivers vulkan-loader", "CL": "pocl ocl-icd"},
    ),
    "arch": (
        "sudo pacman -S --needed",
        {"WEBGPU": "vulkan-swrast vulkan-icd-loader", "CL": "pocl ocl-icd"},
    ),
    "suse": (
        "sudo zypper install -y",
        {"WEBGPU": "libvulkan_lvp libvulkan1", "CL": "pocl"},
    ),
}
NOTHING = "none on this machine: "  # begins every text that isn't a command


def fix_for(device: str, reason: str) -> str:
    """What would make `device` usable here.

    Args:
        device: one of the known devices.
        reason: why it isn't usable.

    Returns:
        A command, or a text that begins with "none on this machine:".
    """
    if "has no renderer" in reason:  # tinygrad's words when DEV names one that isn't there
        return f"unset DEV, or name a renderer that {device} has (DEV={device} takes its first)"
    find = {
        "CPU": lambda: pip_command("ziglang"),
        "ELECTRICAL": lambda: _course(reason, "ziglang"),
        "EDGE": lambda: _course(reason, " ".join(EDGE_PARTS.values())),
        "CL": lambda: _opencl(reason),
        "WEBGPU": lambda: _webgpu(reason),
        "METAL": _metal,
        "CUDA": lambda: _nvidia(reason, "CUDA"),
        "NV": lambda: _nvidia(reason, "NV"),
        "AMD": lambda: _amd(reason, "AMD"),
        "HIP": lambda: _amd(reason, "HIP"),
        "QCOM": lambda: f"{NOTHING}QCOM needs a Qualcomm Adreno GPU under Linux or Android",
        "DSP": lambda: f"{NOTHING}DSP needs a Qualcomm Hexagon DSP",
        "PYTHON": lambda: pip_command("--force-reinstall tinygrad==0.14.0"),
        "NULL": lambda: f"{NOTHING}it is made to run nothing; use it to render kernels only",
    }.get(device)
    if find:
        return find()
    module = backends.registered().get(device)
    if module:
        return f"correct {module}, then labs.backends.reload_backend({device!r})"
    return f"{NOTHING}not a device that tinygrad brings; ask who wrote it"


def pip_command(packages: str) -> str:
    """The command that installs packages into this environment, with or without pip in it."""
    python = sys.executable
    if Path(python).is_relative_to(Path.cwd()):
        python = str(Path(python).relative_to(Path.cwd()))
    quoted = f'"{python}"' if " " in python else python
    if importlib.util.find_spec("pip") is None:  # uv makes environments without pip
        return f"uv pip install --python {quoted} {packages}"
    return f"{quoted} -m pip install {packages}"


def linux_family(release: Mapping[str, str] | None = None) -> str:
    """debian, fedora, arch or suse; empty when it is none of these."""
    if release is None:
        try:
            release = platform.freedesktop_os_release()
        except OSError:
            return ""
    ids = [release.get("ID", ""), *release.get("ID_LIKE", "").split()]
    kin = {"ubuntu": "debian", "rhel": "fedora", "centos": "fedora", "opensuse": "suse"}
    for name in ids:
        family = kin.get(name, name).split("-")[0]
        family = kin.get(family, family)
        if family in LINUX_PACKAGES:
            return family
    return ""


def _course(reason: str, packages: str) -> str:
    if "not installed" in reason or "no C compiler" in reason or "compiler" in reason:
        return pip_command(packages)
    return "python3 course.py test -k backends (it is the course's own device: this is a bug)"


def _system_package(device: str, otherwise: str) -> str:
    family = linux_family()
    if not family:
        return otherwise
    command, packages = LINUX_PACKAGES[family]
    return f"{command} {packages[device]}"


def _opencl(reason: str) -> str:
    if sys.platform == "darwin":
        return f"{NOTHING}the OpenCL of macOS doesn't work here; METAL is the device to use"
    if sys.platform == "win32":
        return pip_command("intel-opencl-rt intel-cmplr-lib-rt")
    if platform.machine() == "x86_64":
        return pip_command("pyopencl pocl-binary-distribution")
    return _system_package("CL", "install PoCL (pocl) with the system's package manager")


def _webgpu(reason: str) -> str:
    if "dawn-python has no library" in reason:
        return f"{NOTHING}dawn-python is not built for {platform.machine()}"
    if "dawn-python" in reason:
        return pip_command("dawn-python")
    if sys.platform.startswith("linux"):
        return _system_package("WEBGPU", "install Mesa's Vulkan drivers (lavapipe)")
    return f"{NOTHING}the graphics driver offers no adapter to WebGPU"


def _metal() -> str:
    if sys.platform != "darwin":
        return f"{NOTHING}Metal exists on macOS only"
    return f"{NOTHING}macOS found no GPU that supports Metal"


def _nvidia(reason: str, device: str) -> str:
    if sys.platform == "darwin":
        return f"{NOTHING}macOS has no NVIDIA drivers"
    if device == "NV" and not sys.platform.startswith("linux"):
        return f"{NOTHING}NV needs Linux; CUDA is the device to use"
    if "driver" not in reason:  # the driver is there, so something else of it is missing or old
        lowered = reason.lower()
        if "nvrtc" in lowered:
            return pip_command("nvidia-cuda-nvrtc-cu12 nvidia-cuda-runtime-cu12")
        if device == "NV":
            return f"{NOTHING}tinygrad's own driver doesn't open this GPU; CUDA is the one to use"
    if sys.platform == "win32":
        return "winget install Nvidia.GeForceExperience"
    vendors = gpu_vendors()
    if "NVIDIA" not in vendors:
        return f"{NOTHING}there is no NVIDIA GPU on its PCI bus"
    if Path("/.dockerenv").exists():
        return "docker run --gpus all ... (start this container with its GPUs)"
    if "ubuntu" in _release_ids():
        return "sudo ubuntu-drivers install"
    if linux_family() == "debian":
        return "sudo apt-get install -y nvidia-driver"
    return "install NVIDIA's driver as your distribution's manual says"


def _amd(reason: str, device: str) -> str:
    if not sys.platform.startswith("linux"):
        return f"{NOTHING}{device} needs Linux"
    if "AMD" not in gpu_vendors():
        return f"{NOTHING}there is no AMD GPU on its PCI bus"
    if "no permission" in reason:
        return 'sudo usermod -aG render,video "$USER" (then log in again)'
    if device == "HIP":
        return "install ROCm as AMD's manual for your distribution says"
    return "sudo modprobe amdgpu"


def _release_ids() -> list[str]:
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        return []
    return [release.get("ID", ""), *release.get("ID_LIKE", "").split()]

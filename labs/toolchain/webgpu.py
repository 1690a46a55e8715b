"""Finds Dawn, the WebGPU library from PyPI, and says why it can't compute: a missing Vulkan part.

Dawn runs on Vulkan on Linux, Metal on macOS and Direct3D 12 on Windows. On Linux it opens
libvulkan.so.1, the loader, which reads the driver descriptions (JSON files) in standard folders.
"""

import ctypes
import os
import platform
from collections.abc import Mapping
from pathlib import Path

from labs.toolchain.files import (
    LINUX,
    MACOS,
    WINDOWS,
    Library,
    find_library,
    package_dir,
    toolchain_dir,
)

# Source: Vulkan-Loader, docs/LoaderDriverInterface.md, "Driver Discovery on Linux"
DRIVER_VARIABLES = ("VK_DRIVER_FILES", "VK_ICD_FILENAMES", "VK_ADD_DRIVER_FILES")
DRIVER_FOLDERS = (
    "/usr/local/etc/vulkan/icd.d",
    "/usr/local/share/vulkan/icd.d",
    "/etc/vulkan/icd.d",
    "/usr/share/vulkan/icd.d",
    "/run/opengl-driver/share/vulkan/icd.d",
)


def find_webgpu(environ: Mapping[str, str]) -> tuple[Library | str, dict]:
    """The Dawn library, and the variable that makes tinygrad load it.

    Returns:
        (Library, variables), or (the reason why WEBGPU can't be used, variables).
    """
    library, variables = _dawn(environ)
    if isinstance(library, str) or not LINUX:
        return library, variables
    if not _has_vulkan_loader(Path(library.path).parent):
        return "Dawn needs Vulkan, and its loader libvulkan.so.1 is not installed", variables
    drivers = vulkan_drivers(environ)
    if not drivers:
        return "Dawn needs a Vulkan driver, and none is installed", variables
    names = ", ".join(sorted({driver.name.split("_icd")[0] for driver in drivers}))
    note = f"Vulkan drivers: {names}"
    if not environ.get("XDG_RUNTIME_DIR"):
        # Mesa complains to stderr, in the middle of a notebook, when there is no such folder
        variables["XDG_RUNTIME_DIR"] = str(_runtime_folder())
    return Library(library.path, library.origin, note), variables


def vulkan_drivers(environ: Mapping[str, str]) -> tuple[Path, ...]:
    """The driver descriptions that the Vulkan loader will read (Linux)."""
    named = environ.get("VK_DRIVER_FILES") or environ.get("VK_ICD_FILENAMES")
    places = [Path(p) for p in (named or "").split(os.pathsep) if p]
    if not named:
        places = [Path(p) for p in environ.get("VK_ADD_DRIVER_FILES", "").split(os.pathsep) if p]
        shares = [
            environ.get("XDG_DATA_HOME") or str(Path.home() / ".local/share"),
            *environ.get("XDG_DATA_DIRS", "").split(os.pathsep),
        ]
        places += [Path(share) / "vulkan/icd.d" for share in shares if share]
        places += [Path(folder) for folder in DRIVER_FOLDERS]
    found: list[Path] = []
    for place in places:
        files = sorted(place.glob("*.json")) if place.is_dir() else [place]
        found += [file for file in files if file.is_file() and file not in found]
    return tuple(found)


def _runtime_folder() -> Path:
    folder = toolchain_dir() / "runtime"
    folder.mkdir(mode=0o700, exist_ok=True)  # the XDG specification asks for this mode
    return folder


def _dawn(environ: Mapping[str, str]) -> tuple[Library | str, dict]:
    if path := environ.get("WEBGPU_PATH"):
        return Library(path, "user", "chosen by WEBGPU_PATH"), {}
    folder = package_dir("pydawn")
    machine = platform.machine().lower()
    names = {
        "linux": {"x86_64": "x86_64.so", "aarch64": "aarch64.so"},
        "macos": {"x86_64": "x86_64.dylib", "arm64": "arm64.dylib"},
    }
    if WINDOWS:
        file = "libwebgpu_dawn.dll"  # tinygrad finds this one by itself
    else:
        suffix = names["macos" if MACOS else "linux"].get(machine)
        if suffix is None:
            return f"dawn-python has no library for {machine}", {}
        file = f"libwebgpu_dawn_{suffix}"
    if folder is None or not (path := folder / "lib" / file).is_file():
        return "the package dawn-python (the WebGPU library) is not installed", {}
    variables = {} if WINDOWS else {"WEBGPU_PATH": str(path)}
    return Library(str(path), "dawn-python"), variables


def _has_vulkan_loader(beside: Path) -> bool:
    if (beside / "libvulkan.so.1").is_file() or find_library("vulkan"):
        return True
    try:
        ctypes.CDLL("libvulkan.so.1")  # distributions with other folders
    except OSError:
        return False
    return True

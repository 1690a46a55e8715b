"""Finds NVIDIA's run-time compiler (NVRTC), linker and headers: of the toolkit, else from PyPI.

tinygrad's CUDA device needs the driver's libcuda and NVRTC; half-precision kernels include
cuda_fp16.h. Nothing is downloaded: the packages are found when they are there.
Source: tinygrad 0.14.0, runtime/support/compiler_cuda.py and runtime/autogen/nvrtc.py.
"""

import os
import platform
from collections.abc import Mapping
from pathlib import Path

from labs.toolchain.files import WINDOWS, Library, find_library, library_dirs, package_dir

TOOLKIT_INCLUDES = ("/usr/local/cuda/include", "/usr/include", "/opt/cuda/include")


def find_cuda(environ: Mapping[str, str]) -> tuple[Library | str, dict]:
    """The NVRTC library, and the variables that make tinygrad use what PyPI brought.

    Returns:
        (Library, variables), or (the reason why CUDA kernels can't be compiled, variables).
    """
    variables: dict[str, str] = {}
    if path := environ.get("NVRTC_PATH"):
        library: Library | str = Library(path, "user", "chosen by NVRTC_PATH")
    elif path := find_library("nvrtc", _toolkit_dirs()):
        library = Library(str(path), "system", "CUDA toolkit")
    elif path := find_library("nvrtc", _pypi_folders("lib", "bin")):
        library = Library(str(path), "nvidia-cuda-nvrtc")
        variables["NVRTC_PATH"] = str(path)
    else:
        return "NVRTC, NVIDIA's run-time compiler, is not installed", {}
    if "NVJITLINK_PATH" not in environ and not find_library("nvJitLink", _toolkit_dirs()):
        linker = find_library("nvJitLink", _pypi_folders("lib", "bin"))
        variables |= {"NVJITLINK_PATH": str(linker)} if linker else {}
    if "CUDA_PATH" not in environ and not _has_headers(Path(p) for p in TOOLKIT_INCLUDES):
        headers = next((f for f in _pypi_folders("include") if _has_headers([f])), None)
        variables |= {"CUDA_PATH": str(headers.parent)} if headers else {}
    return library, variables


def has_nvidia_driver() -> bool:
    """Whether the driver's library is there (it comes with the driver, not with the toolkit)."""
    return find_library("nvcuda" if WINDOWS else "cuda") is not None


def _toolkit_dirs() -> tuple[Path, ...]:
    machine = platform.machine().lower()
    targets = [f"{machine}-linux", "sbsa-linux"]
    roots = ["/opt/cuda", "/usr/local/cuda"]
    return library_dirs() + tuple(Path(f"{r}/targets/{t}/lib") for r in roots for t in targets)


def _pypi_folders(*names: str) -> tuple[Path, ...]:
    """site-packages/nvidia/<part>/<name>: one part per package (CUDA 12), or cu13 for all."""
    root = package_dir("nvidia")
    if root is None:
        return ()
    parts = sorted(os.listdir(root), reverse=True)
    return tuple(root / part / name for part in parts for name in names)


def _has_headers(folders) -> bool:
    return any((folder / "cuda_fp16.h").is_file() for folder in folders)

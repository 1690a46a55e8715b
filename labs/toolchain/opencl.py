"""Finds an OpenCL that works: the user's, the system's when it has a device, else PoCL from PyPI.

PoCL from PyPI (x86-64 Linux) runs OpenCL kernels on the CPU. Its three variables and their traps:
without PYOPENCL_HOME its loader dies of a segmentation fault, and the driver list (a folder named
by OCL_ICD_VENDORS) must give the driver's absolute path.
"""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from labs.paths import cache_dir
from labs.toolchain.files import (
    LINUX,
    MACOS,
    Library,
    find_library,
    package_dir,
    toolchain_dir,
    write_if_different,
)
from labs.toolchain.linker import can_link, linker_folder

SYSTEM_VENDORS = Path("/etc/OpenCL/vendors")
QUESTION = Path(__file__).with_name("opencl_question.py")
SYSTEM_TIMEOUT_S = 20.0  # a driver that takes longer to say what devices it has is not used
# a user who sets one of these has chosen drivers: leave the choice alone
USER_VARIABLES = ("OPENCL_PATH", "OCL_ICD_VENDORS", "OCL_ICD_FILENAMES", "OPENCL_VENDOR_PATH")


def find_opencl(environ: Mapping[str, str], notes: list[str]) -> tuple[Library | str, dict]:
    """The OpenCL library to use, and the variables that make tinygrad use it.

    Args:
        environ: the variables that the user set.
        notes: what is worth knowing is appended.

    Returns:
        (Library, variables), or (the reason why there is none, {}).
    """
    if named := [name for name in USER_VARIABLES if environ.get(name)]:
        return _users_choice(environ, named)
    if MACOS:
        return Library("", "system", "the OpenCL framework of macOS"), {}
    system = find_library("OpenCL")
    if not LINUX:
        found = Library(str(system), "system") if system else "no OpenCL.dll: no driver installed"
        return found, {}
    drivers = _system_drivers()
    if system and drivers:
        if failure := _check_system(system, drivers):
            notes.append(f"the system's OpenCL is not used: {failure}")
        else:
            names = ", ".join(driver.stem for driver in drivers)
            return Library(str(system), "system", f"drivers in {SYSTEM_VENDORS}: {names}"), {}
    return _pocl()


def _users_choice(environ: Mapping[str, str], named: list[str]) -> tuple[Library | str, dict]:
    path = environ.get("OPENCL_PATH", "")
    library = Library(path, "user", "chosen by " + ", ".join(named))
    home = package_dir("pyopencl")
    if home and path and Path(path).is_relative_to(home) and "PYOPENCL_HOME" not in environ:
        return library, {"PYOPENCL_HOME": str(home)}  # its loader crashes without
    return library, {}


def _system_drivers() -> tuple[Path, ...]:
    try:
        return tuple(sorted(SYSTEM_VENDORS.glob("*.icd")))
    except OSError:
        return ()


def _pocl() -> tuple[Library | str, dict]:
    home = package_dir("pyopencl")
    loaders = sorted((home / ".libs").glob("libOpenCL*.so*")) if home else []
    drivers = sorted((home / ".libs").glob("libpocl*.so*")) if home else []
    if not loaders or not drivers:
        missing = "pyopencl" if not loaders else "pocl-binary-distribution"
        return f"no OpenCL driver of the system, and the package {missing} is not installed", {}
    try:
        vendors = _driver_list(drivers[0])
        programs = "" if can_link() else linker_folder()
    except OSError as error:
        return f"the OpenCL driver list or linker can't be written: {error}", {}
    variables = {
        "OPENCL_PATH": str(loaders[0]),
        "PYOPENCL_HOME": str(home),
        "OCL_ICD_VENDORS": str(vendors),
        "POCL_CACHE_DIR": str(cache_dir().absolute() / "pocl"),
    }
    note = "PoCL, on the CPU" + (", linked by zig" if programs else "")
    return Library(str(loaders[0]), "pocl-binary-distribution", note, programs), variables


def _driver_list(driver: Path) -> Path:
    """A folder whose only driver file names `driver`; one per driver, as environments differ."""
    text = os.fsencode(f"{driver}\n")
    folder = toolchain_dir() / f"opencl-{sha256(text).hexdigest()[:8]}"
    folder.mkdir(exist_ok=True)
    write_if_different(folder / "pocl.icd", text)
    return folder.absolute()


def _check_system(loader: Path, drivers: tuple[Path, ...]) -> str:
    """Why the system's OpenCL has no device for us; empty when it has one.

    Asked of a child process, since a broken driver may take the process with it, and kept until
    a driver, the loader or the list of device nodes changes, or the machine restarts.
    """
    store, key = toolchain_dir() / "opencl.json", _hardware_stamp(loader, drivers)
    with contextlib.suppress(OSError, ValueError):
        kept = json.loads(store.read_bytes())
        if isinstance(kept, dict) and kept.get("key") == key and isinstance(kept["failure"], str):
            return kept["failure"]
    command = [sys.executable, "-I", "-S", str(QUESTION), str(loader)]
    try:
        done = subprocess.run(command, capture_output=True, timeout=SYSTEM_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        failure = f"its driver did not answer within {SYSTEM_TIMEOUT_S:.0f} s"
    else:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        text = lines[-1] if lines else f"asking for its devices ended with code {done.returncode}"
        failure = "" if done.returncode == 0 else text
    with contextlib.suppress(OSError):
        write_if_different(store, json.dumps({"key": key, "failure": failure}).encode())
    return failure


def _hardware_stamp(loader: Path, drivers: tuple[Path, ...]) -> str:
    parts = []
    for file in (loader, *drivers):
        status = file.stat()
        parts.append(f"{file}|{status.st_size}|{status.st_mtime_ns}")
    # a container started without its GPU has the same files but not the same device nodes
    for folder, pattern in (("/dev", "nvidia*"), ("/dev/dri", "*"), ("/dev", "kfd")):
        parts += sorted(str(node) for node in Path(folder).glob(pattern))
    with contextlib.suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
    return "||".join(parts)

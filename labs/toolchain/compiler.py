"""Finds the C compiler for tinygrad's CPU device: the user's CC, a system clang, or zig's clang.

tinygrad runs `$CC` with clang's options and reads an object file from its standard output, so gcc
can't serve. A candidate counts only after it has compiled a probe with exactly those options. The
answer is kept in the cache folder under the file's path, size and time, because asking costs about
50 ms and every process of the course asks.
Source of the options: tinygrad 0.14.0, runtime/support/compiler_cpu.py.
"""

import contextlib
import functools
import json
import os
import platform
import shlex
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from labs.errors import ToolchainError
from labs.toolchain.files import MACOS, WINDOWS, package_dir, toolchain_dir, write_if_different

PROBE_TIMEOUT_S = 60.0  # the very first start of zig from a cold disk takes seconds
OLDEST_CLANG, NEWEST_CLANG = 14, 24  # Debian installs clang-19 without a plain clang
OPTIONS = (
    "-c -x c -O2 -fPIC -ffreestanding -fno-math-errno -nostdlib -fno-ident --target={arch}"
    "-none-unknown-elf"
)
# what tinygrad's C needs beyond C: vectors, half precision, builtins that become instructions
PROBE = """
typedef float float4 __attribute__((aligned(16),ext_vector_type(4)));
typedef __fp16 half4 __attribute__((aligned(8),ext_vector_type(4)));
void probe(float* restrict out, __fp16* restrict in, const int core_id) {
  for (int i = 0; i < 256; i++) {
    float4 v = {(float)in[i*4], __builtin_sqrtf(in[i*4+1]), __builtin_truncf(in[i*4+2]), core_id};
    *((float4*)(out + i*4)) = v + v;
  }
}
"""


@dataclass(frozen=True)
class Compiler:
    """A clang that has compiled the probe.

    Args:
        path: what CC is set to.
        origin: "CC" (the user's), "system" or "zig".
        version: the first line of `--version`.
        identity: changes whenever its object files may: the compiler file, its version, this CPU.
    """

    path: str
    origin: str
    version: str
    identity: str


def find_compiler(user_cc: str | None = None) -> Compiler:
    """The first working compiler of: the user's CC, a system clang, zig's clang.

    Args:
        user_cc: the value of CC that the user set, if any.

    Raises:
        ToolchainError: when none works; it names each one that was tried and why it was refused.
    """
    refused: list[str] = []
    compiler = choose_compiler(user_cc, refused)
    if compiler is None:
        raise ToolchainError(
            "find a C compiler for tinygrad's CPU device",
            expected="a clang that compiles a small probe",
            got="; ".join(refused) or "no candidate at all",
            next_step="pip install ziglang (a complete clang in a wheel)",
        )
    return compiler


def choose_compiler(user_cc: str | None, refused: list[str]) -> Compiler | None:
    """As find_compiler, but None when there is none; `refused` gets why others were not taken."""
    for origin, path, depends_on in _candidates(user_cc, refused):
        try:
            version = verify_compiler(path, depends_on)
        except ToolchainError as error:
            refused.append(f"{_name(origin)} {path}: {error.got}")
            continue
        files = (path, *depends_on)
        return Compiler(path, origin, version, _identity(files, version))
    return None


def verify_compiler(path: str, depends_on: tuple[str, ...] = ()) -> str:
    """Compile the probe as tinygrad would, or take the answer kept for the same file.

    Args:
        path: the compiler, one program name without options.
        depends_on: further files whose change makes a kept answer void (a shim's target).

    Returns:
        The compiler's version line.

    Raises:
        ToolchainError: the compiler is missing or refuses tinygrad's options; `got` says why.
    """
    resolved = shutil.which(path)
    if resolved is None:
        raise _refusal(path, _why_not_found(path))
    store = toolchain_dir() / "compilers.json"
    key = _stamp((resolved, *depends_on))
    kept = _read_store(store).get(key)
    if kept is None:
        kept = _probe(resolved)
        # read again: another process may have added its own; a full disk only costs time later
        with contextlib.suppress(OSError):
            write_if_different(store, json.dumps({**_read_store(store), key: kept}).encode())
    if "error" in kept:
        raise _refusal(path, kept["error"])
    return kept["version"]


def zig_shim() -> tuple[Path, Path] | None:
    """The one-word command that runs zig's clang, and the zig it runs; None without ziglang."""
    folder = package_dir("ziglang")
    zig = folder / ("zig.exe" if WINDOWS else "zig") if folder else None
    if zig is None or not zig.is_file():
        return None
    if WINDOWS:  # CreateProcess can't start a script: the console script course-clang does it
        return Path(sysconfig.get_path("scripts")) / "course-clang.exe", zig
    shim = toolchain_dir() / "zig-clang"
    script = f'#!/bin/sh\nexec {shlex.quote(str(zig))} clang "$@"\n'
    write_if_different(shim, os.fsencode(script), executable=True)
    return shim.absolute(), zig


def clang_main() -> None:
    """The console script course-clang: zig's clang with the same arguments, streams and exit."""
    folder = package_dir("ziglang")
    if folder is None:
        sys.exit("course-clang: ziglang is not installed here: pip install ziglang")
    command = [str(folder / ("zig.exe" if WINDOWS else "zig")), "clang", *sys.argv[1:]]
    if WINDOWS:
        sys.exit(subprocess.call(command))
    os.execv(command[0], command)


def _candidates(
    user_cc: str | None, refused: list[str]
) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    if user_cc:
        yield "CC", user_cc, ()
    for name in _system_clangs():
        yield "system", name, ()
    try:
        found = zig_shim()
    except OSError as error:
        refused.append(f"zig's clang: its shim can't be written: {error}")
        return
    if found is None:
        refused.append("zig's clang: the package ziglang is not installed")
    else:
        yield "zig", str(found[0]), (str(found[1]),)


def _system_clangs() -> Iterator[str]:
    names = ["clang"] + [f"clang-{n}" for n in range(NEWEST_CLANG, OLDEST_CLANG - 1, -1)]
    if MACOS:
        names.append("/opt/homebrew/opt/llvm/bin/clang")
    if WINDOWS:
        names.append(r"C:\Program Files\LLVM\bin\clang.exe")
    for name in names:
        path = shutil.which(name)
        if path and not (path == "/usr/bin/clang" and MACOS and not _has_xcode_tools()):
            yield path


def _has_xcode_tools() -> bool:
    # without the tools /usr/bin/clang is a stub whose start opens an installer window
    command = ["/usr/bin/xcode-select", "-p"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def target_arch() -> str:
    """This machine's architecture in tinygrad's spelling."""
    machine = platform.machine().lower()
    return {"amd64": "x86_64", "aarch64": "arm64"}.get(machine, machine)


def compile_command(path: str) -> list[str]:
    """tinygrad's own command line for a CPU kernel, source on stdin and object on stdout."""
    arch = target_arch()
    native = {
        "arm64": ["-ffixed-x18", "-mcpu=native"],
        "riscv64": ["-march=rv64g"],
    }.get(arch, ["-march=native"])
    return [path, *OPTIONS.format(arch=arch).split(), *native, "-", "-o", "-"]


def _probe(path: str) -> dict[str, str]:
    """{"version": ...} or {"error": ...}; raises for what may be different next time."""
    try:
        done = subprocess.run(
            compile_command(path),
            input=PROBE.encode(),
            capture_output=True,
            timeout=PROBE_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        got = f"did not compile a 9-line probe within {PROBE_TIMEOUT_S:.0f} s"
        raise _refusal(path, got) from error
    except OSError as error:
        raise _refusal(path, f"can't be started: {error.strerror or error}") from error
    if done.returncode != 0:
        if done.returncode < 0:  # killed: by the user or for want of memory, not by its nature
            raise _refusal(path, f"was killed by signal {-done.returncode}")
        return {"error": f"refuses tinygrad's options: {_first_error(done.stderr)}"}
    if done.stdout[:4] != b"\x7fELF":
        return {"error": "did not write an ELF object to its standard output"}
    return {"version": _version(path)}


def _version(path: str) -> str:
    done = subprocess.run(
        [path, "--version"], capture_output=True, timeout=PROBE_TIMEOUT_S, check=False
    )
    lines = done.stdout.decode(errors="replace").splitlines()
    return lines[0].strip() if lines else "unknown version"


def _first_error(stderr: bytes) -> str:
    lines = [line.strip() for line in stderr.decode(errors="replace").splitlines() if line.strip()]
    return next((line for line in lines if "error" in line.lower()), lines[0] if lines else "")


def _refusal(path: str, got: str) -> ToolchainError:
    return ToolchainError(
        f"use {path!r} as the C compiler of tinygrad's CPU device",
        expected="a clang: one program name that accepts --target, -march=native and vector types",
        got=got,
        next_step="unset CC to let the course choose, or point CC at a clang",
    )


def _why_not_found(path: str) -> str:
    words = path.split(" ")
    for end in range(len(words) - 1, 0, -1):  # the program's own path may hold spaces
        if shutil.which(" ".join(words[:end])):
            count = 1 + len(words) - end
            return f"is {count} words: CC must be one program (write a small script around it)"
    if Path(path).exists():
        return "exists but is not an executable file"
    return "no such program"


def _name(origin: str) -> str:
    return {"CC": "CC =", "system": "system clang", "zig": "zig's clang"}[origin]


def _stamp(files: tuple[str, ...]) -> str:
    parts = [_options_stamp()]
    for file in files:
        status = os.stat(file)  # of the target of a link: an upgrade changes it
        parts.append(f"{os.path.realpath(file)}|{status.st_size}|{status.st_mtime_ns}")
    return "||".join(parts)


@functools.cache
def _options_stamp() -> str:
    text = " ".join(compile_command("")) + PROBE
    return sha256(text.encode()).hexdigest()[:12]


def _identity(files: tuple[str, ...], version: str) -> str:
    paths = tuple(shutil.which(file) or file for file in files)
    text = "|".join([_stamp(paths), version, _cpu()])
    return sha256(text.encode(errors="surrogateescape")).hexdigest()[:12]


@functools.cache
def _cpu() -> str:
    """What -march=native depends on: a cache folder may be shared by different machines."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            for line in file:
                if line.startswith(("flags", "Features", "isa")):
                    return line.strip()
    except OSError:
        pass
    return f"{platform.machine()} {platform.processor()}"


def _read_store(path: Path) -> dict[str, dict[str, str]]:
    try:
        kept = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    if not isinstance(kept, dict):
        return {}
    valid = {"version", "error"}
    return {k: v for k, v in kept.items() if isinstance(v, dict) and valid & v.keys()}

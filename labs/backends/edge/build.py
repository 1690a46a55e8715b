"""C in, a program for a microcontroller out: zig's clang, zig's linker, zig's support routines.

A kernel is compiled and linked by two short processes (about 30 ms). What both need is built once
and kept in the course's cache folder: the compiler's support routines for each core (64-bit and
floating-point arithmetic that the core lacks, from the source in the ziglang wheel), and the hooks
that count instructions inside the emulator, for this machine. Both are written in one step, so that
neither an interrupted build nor two at once leave half a file.
No system compiler is used.
"""

import functools
import os
import platform
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path

from labs.backends.compile_errors import KernelCompileError, refused
from labs.backends.edge.cores import Core
from labs.backends.edge.hooks import SOURCE as HOOKS_SOURCE
from labs.backends.edge.memory import FLASH_START
from labs.errors import ToolchainError
from labs.toolchain.compiler import zig_shim
from labs.toolchain.files import LINUX, toolchain_dir, write_if_different

PATIENCE_S = 300.0  # a first build from a cold disk takes half a minute
_ENTRY_NAME = "_start"
_COMPILE = (
    "-ffreestanding -nostdlib -fno-math-errno -ffunction-sections -fdata-sections -fno-ident "
    "-fno-unwind-tables -fno-asynchronous-unwind-tables -x c -c - -o"
)
_STATE = "the kernel has a static variable that it could write"
# nothing that a kernel could write: it runs from flash and keeps no state between launches
_SCRIPT = f"""SECTIONS {{
  . = {FLASH_START:#x};
  .text : {{ KEEP(*(.text.{_ENTRY_NAME})) *(.text .text.*) }}
  .rodata : {{ *(.rodata .rodata.* .srodata .srodata.*) }}
  .data : {{ *(.data .data.* .sdata .sdata.* .got .got.*) }}
  .bss : {{ *(.bss .bss.* .sbss .sbss.* COMMON) }}
  /DISCARD/ : {{ *(.ARM.exidx* .ARM.extab* .comment *.attributes .eh_frame* .note*) }}
  ASSERT(SIZEOF(.data) + SIZEOF(.bss) == 0, "{_STATE}")
}}
"""
# relocations are kept so that the loader sees which words are addresses
_LINK = f"-e {_ENTRY_NAME} --gc-sections --emit-relocs --nmagic"
_ROUTINES = "-O ReleaseSmall -fstrip -ffunction-sections -fdata-sections --name routines"


def entry_point(function: str, types: Sequence[str]) -> str:
    """C of the program's start: unpacks a table of 8-byte slots and calls the kernel.

    Args:
        types: of the kernel's parameters, in order ("float*", "int").

    Example:
        >>> print(entry_point("add", ["float*", "int"]))
        __attribute__((section(".text._start"))) void _start(const unsigned long long *a) {
          add(*(float**)(a+0), *(int*)(a+1));
        }
    """
    arguments = ", ".join(f"*({type_}*)(a+{i})" for i, type_ in enumerate(types))
    return (
        f'__attribute__((section(".text.{_ENTRY_NAME}"))) '
        f"void {_ENTRY_NAME}(const unsigned long long *a) {{\n  {function}({arguments});\n}}"
    )


def compile_kernel(source: str, core: Core, level: str) -> bytes:
    """The linked program (ELF) of one kernel.

    Args:
        source: C with an entry point (see `entry_point`).
        level: "Os", "O3", ...

    Raises:
        KernelCompileError: the compiler's or the linker's message, with lines of the source.
        ToolchainError: there is no zig, or the support routines can't be built.
    """
    zig, routines = find_zig(), support_routines(core)
    with tempfile.TemporaryDirectory(prefix="edge-") as folder:
        object_, program, script = (Path(folder) / name for name in ("k.o", "k.elf", "k.ld"))
        command = [zig, "clang", *core.clang_flags, f"-{level}", *_COMPILE.split(), object_]
        done = _run(command, folder, source.encode())
        if done.returncode:
            raise _refused(done, source, core, level)
        script.write_text(_SCRIPT)
        command = [zig, "ld.lld", "-T", script, *_LINK.split(), object_, routines, "-o", program]
        done = _run(command, folder)
        if done.returncode:
            raise _refused(done, source, core, level)
        return program.read_bytes()


def fingerprint(core: Core, level: str) -> str:
    """Changes whenever the bytes that `compile_kernel` gives may: flags, script, zig."""
    parts = [
        *core.clang_flags,
        level,
        _COMPILE,
        _LINK,
        _SCRIPT,
        _ROUTINES,
        core.zig_cpu,
        _zig_stamp(),
    ]
    return sha256("|".join(parts).encode()).hexdigest()[:12]


def support_routines(core: Core) -> Path:
    """The archive of the core's support routines, built at first use (about 5 s)."""
    stamp = sha256(f"{_ROUTINES}|{core.clang_flags}|{_zig_stamp()}".encode()).hexdigest()[:12]
    path = _folder() / f"routines-{core.name}-{stamp}.a"

    def command(zig: str, output: Path) -> list[object]:
        source = Path(zig).parent / "lib" / "compiler_rt.zig"
        model = [f for f in core.clang_flags if f.startswith("-mcmodel")]
        target = ["-target", core.zig_target, f"-mcpu={core.zig_cpu}", *model]
        return [zig, "build-lib", source, *target, *_ROUTINES.split(), f"-femit-bin={output}"]

    return _built(path, f"the compiler's support routines for {core.name}", command)


def counting_hooks() -> Path:
    """The shared library that counts inside the emulator, for this machine, built at first use."""
    suffix = {"win32": ".dll", "darwin": ".dylib"}.get(sys.platform, ".so")
    machine = f"{sysconfig.get_platform()}-{platform.machine()}"
    stamp = sha256(f"{HOOKS_SOURCE}|{machine}|{_zig_stamp()}".encode()).hexdigest()[:12]

    def command(zig: str, output: Path) -> list[object]:
        source = output.parent / "hooks.c"
        source.write_text(HOOKS_SOURCE)
        # any CPU of this kind: the cache folder may be shared between machines
        flags = ["-shared", "-O2", "-mcpu=baseline", "-fno-sanitize=undefined", "-g0"]
        if LINUX:  # the hooks need no library; elsewhere the loader wants one to be named
            flags.append("-nostdlib")
        return [zig, "cc", *flags, source, "-o", output]

    return _built(_folder() / f"hooks-{stamp}{suffix}", "the emulator's counting hooks", command)


def find_zig() -> str:
    """The zig of the installed package.

    Raises:
        ToolchainError: it isn't installed.
    """
    found = zig_shim()
    if found is None:
        raise ToolchainError(
            "compile for EDGE",
            expected="the package ziglang: its clang compiles for microcontrollers",
            got="it is not installed in this environment",
            next_step="pip install ziglang",
        )
    return str(found[1])


def _built(path: Path, what: str, command: Callable[[str, Path], list[object]]) -> Path:
    if not path.is_file():
        with tempfile.TemporaryDirectory(prefix="edge-build-") as folder:
            output = Path(folder) / path.name
            done = _run(command(find_zig(), output), folder)
            if done.returncode or not output.is_file():
                raise ToolchainError(
                    f"build {what}",
                    expected="zig builds it once and it is kept",
                    got="\n".join(done.stderr.decode(errors="replace").splitlines()[:8])
                    or f"zig ended with {done.returncode}",
                    next_step="pip install --force-reinstall ziglang, then try again",
                )
            write_if_different(path, output.read_bytes())  # whole or not at all
    return path


def _run(
    command: Sequence[object], folder: str, given: bytes | None = None
) -> subprocess.CompletedProcess:
    # caches of its own: an interrupted zig must not leave something for the next one to trip over
    environment = os.environ | {"ZIG_GLOBAL_CACHE_DIR": folder, "ZIG_LOCAL_CACHE_DIR": folder}
    try:
        return subprocess.run(
            [str(word) for word in command],
            input=given,
            stdin=subprocess.DEVNULL if given is None else None,
            capture_output=True,
            timeout=PATIENCE_S,
            env=environment,
            cwd=folder,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ToolchainError(
            f"run {command[0]}",
            expected="zig's tools, which come with the package ziglang",
            got=str(error),
            next_step="pip install --force-reinstall ziglang",
        ) from error


def _folder() -> Path:
    folder = toolchain_dir() / "edge"
    folder.mkdir(exist_ok=True)
    return folder


@functools.cache
def _zig_stamp() -> str:
    zig = os.stat(find_zig())
    return f"{zig.st_size}|{zig.st_mtime_ns}"


def _refused(
    done: subprocess.CompletedProcess, source: str, core: Core, level: str
) -> KernelCompileError:
    message = done.stderr.decode(errors="replace")
    next_step = ""
    if _STATE in message:
        next_step = "make it const, or a parameter: a kernel runs from flash and keeps no state"
    elif "undefined symbol" in message:
        next_step = "call only what the source defines: there is no C library on the core"
    return refused(message, source, f"EDGE, {core.name} -{level}", next_step=next_step)

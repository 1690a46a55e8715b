"""The environment's own clang in place of a missing libLLVM, for targets whose source is LLVM IR.

tinygrad hands its LLVM IR to a libLLVM. Where there is none, or one too old for it, the clang that
the CPU device needs anyway understands the same text, also for AMD GPUs, so that the binary and the
machine code can be seen with no GPU and no vendor's tools. What is shown says who made it.
"""

import subprocess
from dataclasses import dataclass

from labs import toolchain

toolchain.activate()

from tinygrad.device import CompileError
from tinygrad.helpers import diskcache_get, diskcache_put

_TIMEOUT_S = 60  # a kernel takes 0.1 s; a large one on a busy machine some seconds
_FLAGS = {
    # tinygrad asks its libLLVM for default<O2> and position-independent code
    "AMD:LLVM": ("--target=amdgcn-amd-amdhsa", "-mcpu={arch}", "-O2", "-nogpulib", "-mcumode"),
    "CPU:LLVM": ("--target={machine}-none-unknown-elf", "-O2", "-fPIC"),
}


@dataclass(frozen=True)
class StandIn:
    """clang for one target's LLVM IR.

    Args:
        path: the compiler; maker: who it is, for people; identity: changes when it does.
    """

    path: str
    maker: str
    identity: str
    flags: tuple[str, ...]

    def binary(self, source: str) -> bytes:
        """The object file. Raises CompileError."""
        return self._run(source, "-c")

    def assembly(self, source: str) -> str:
        """The same code as assembly text, with register counts where the target has them."""
        return self._run(source, "-S").decode()

    def _run(self, source: str, output: str) -> bytes:
        command = [self.path, *self.flags, "-w", "-x", "ir", output, "-", "-o", "-"]
        table, key = f"course_clang_ir_{self.identity}", " ".join([*command[1:], source])
        kept = diskcache_get(table, key)
        if kept is not None:
            return kept
        result = subprocess.run(
            command, input=source.encode(), capture_output=True, timeout=_TIMEOUT_S
        )
        if result.returncode:
            lines = result.stderr.decode(errors="replace").strip().splitlines()
            raise CompileError(lines[0] if lines else f"exit status {result.returncode}")
        return diskcache_put(table, key, result.stdout)


def stand_in_for(target_name: str, architecture: str) -> StandIn | None:
    """The stand-in for a target, or None: not LLVM IR, or no compiler in this environment."""
    compiler = toolchain.activate().compiler
    if compiler is None or target_name not in _FLAGS:
        return None
    machine, _, cpu = architecture.partition(",")
    flags = [f.format(arch=architecture, machine=machine) for f in _FLAGS[target_name]]
    if target_name == "CPU:LLVM":
        flags.append(f"-march={cpu}" if machine == "x86_64" else f"-mcpu={cpu}")
    maker = f"{compiler.version}, in place of libLLVM"
    return StandIn(compiler.path, maker, compiler.identity, tuple(flags))

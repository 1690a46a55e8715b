"""What an ELECTRICAL kernel is made for, as one string: the `arch` of a tinygrad target.

    DEV=ELECTRICAL::x86_64,native,v64,O3

tinygrad's kernel cache and its compile workers see nothing of a renderer but its class and this
string, so every choice that changes the code has to be in it. Leaving choices out one by one is how
notebook 02 shows what each is worth.
"""

import functools
import platform
import subprocess
from dataclasses import dataclass

from labs import toolchain
from labs.errors import DeviceError

LEVELS = ("O0", "O1", "O2", "O3", "Os")
VECTOR_BYTES = (16, 32, 64)
LARGEST_TILE = 16
# a word -> the choice that it turns off, or on
WORDS = {"scalar": "vectorize", "stock": "schedule", "fastmath": "fast_math"}


@dataclass(frozen=True)
class Options:
    """The choices, parsed.

    Args:
        machine: x86_64, arm64 or riscv64, in tinygrad's spelling; cpu: what -march gets.
        vector_bytes: how wide a vector is: 16, 32 or 64.
        level: the compiler's optimisation level.
        tile: rows of a result kept in registers at once; 0 lets the device choose.
        vectorize: neighbouring scalar operations become vectors (off: "scalar").
        schedule: loops are split as this device likes it (off: "stock", tinygrad's choice).
        fast_math: -ffast-math, which breaks NaN and infinity (on: "fastmath"); for the lesson.
    """

    machine: str
    cpu: str = "native"
    vector_bytes: int = 16
    level: str = "O3"
    tile: int = 0
    vectorize: bool = True
    schedule: bool = True
    fast_math: bool = False

    @property
    def arch(self) -> str:
        """The string that parses to this."""
        parts = [self.machine, self.cpu, f"v{self.vector_bytes}", self.level]
        parts += [f"t{self.tile}"] if self.tile else []
        parts += [] if self.vectorize else ["scalar"]
        parts += [] if self.schedule else ["stock"]
        parts += ["fastmath"] if self.fast_math else []
        return ",".join(parts)

    def lanes(self, itemsize: int) -> int:
        """How many elements of a kernel's vectors: by 4 bytes or more, as most are computed so."""
        return max(2, self.vector_bytes // max(4, itemsize))


@functools.cache
def parse(arch: str) -> Options:
    """The options of an arch string.

    Raises:
        DeviceError: a part that means nothing.
    """
    machine, _, rest = arch.partition(",")
    cpu, *words = rest.split(",") if rest else ["native"]
    found: dict[str, object] = {}
    for word in words:
        if word in LEVELS:
            found["level"] = word
        elif word[:1] == "v" and word[1:].isdigit() and int(word[1:]) in VECTOR_BYTES:
            found["vector_bytes"] = int(word[1:])
        elif word[:1] == "t" and word[1:].isdigit() and 1 <= int(word[1:]) <= LARGEST_TILE:
            found["tile"] = int(word[1:])
        elif word in WORDS:
            found[WORDS[word]] = word == "fastmath"
        else:
            raise DeviceError(
                f"use ELECTRICAL with arch '{arch}'",
                expected="machine,cpu and then any of "
                + ", ".join([*(f"v{n}" for n in VECTOR_BYTES), *LEVELS, *WORDS])
                + f", t1 to t{LARGEST_TILE}",
                got=f"'{word}'",
                next_step="leave it out, or spell it as listed",
            )
    if "vector_bytes" not in found and cpu == "native":
        found["vector_bytes"] = host_vector_bytes()
    return Options(machine, cpu, **found)


def default_arch() -> str:
    """The arch string of this machine."""
    return Options(toolchain.compiler.target_arch(), vector_bytes=host_vector_bytes()).arch


@functools.cache
def host_vector_bytes() -> int:
    """How wide this machine's vectors are, as its compiler sees it with -march=native."""
    from tinygrad.helpers import diskcache_get, diskcache_put

    compiler = toolchain.activate().compiler
    if compiler is None or platform.machine().lower() not in ("x86_64", "amd64"):
        return 16  # NEON; wider Arm vectors (SVE) have no fixed size
    known = diskcache_get("electrical_vector_bytes", compiler.identity)
    if known is None:
        command = [compiler.path, "-march=native", "-dM", "-E", "-x", "c", "-"]
        done = subprocess.run(command, input="", capture_output=True, text=True, check=False)
        macros = {line.split()[1] for line in done.stdout.splitlines() if " " in line}
        known = 64 if "__AVX512F__" in macros else 32 if "__AVX2__" in macros else 16
        diskcache_put("electrical_vector_bytes", compiler.identity, known)
    return known

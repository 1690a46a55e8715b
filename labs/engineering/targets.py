"""What can be measured as a device of its own: a device, or a device with another renderer.

"CPU:LLVM" and "CPU:X86" are tinygrad's CPU device with another compiler, "CUDA:PTX" its CUDA device
without NVRTC: the same memory and transfers, other kernels. Whether one works is asked of a child
process, as with every driver.
"""

import contextlib
import re
import subprocess
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from labs import devices
from labs.devices.discovery import canonical_name
from labs.errors import DeviceError, LabError
from labs.paths import PROJECT_ROOT

# device -> renderers that make another contender of it; the first that works is taken
VARIANTS = {"CPU": ("LLVM", "X86"), "CUDA": ("PTX",)}
_TIMEOUT_S = 60.0  # a first use of LLVM on a busy machine
_PROBE = """
import sys
from labs import backends, toolchain
toolchain.activate(), backends.register()
from tinygrad import Context, Tensor
name = sys.argv[1]
device, rows = name.split(":")[0], [[float(i + j) for j in range(32)] for i in range(32)]
with Context(DEV=name):  # wide enough for vectors: an old LLVM fails at those alone
    a = Tensor(rows, device=device)
    got = (a + a).tolist(), (a @ a).sum().item()
want = [[2 * v for v in row] for row in rows], 34283520.0
sys.exit(0 if got == want else "it computed wrongly")
"""


@dataclass(frozen=True)
class Target:
    """One contender.

    Args:
        name: as results call it: "CPU", "CUDA:1", "CPU:LLVM".
        device: tinygrad's name of the device that does the work.
    """

    name: str
    device: str

    @property
    def is_variant(self) -> bool:
        """Whether it is a device with another renderer than its own."""
        return self.name != self.device

    def compiling(self) -> contextlib.AbstractContextManager:
        """While this is entered, kernels of the device are compiled by this target's renderer."""
        from tinygrad import Context

        return Context(DEV=self.name) if self.is_variant else contextlib.nullcontext()


def parse_target(name: str) -> Target:
    """A target by its name; "CPU:LLVM" is a variant, "CUDA:1" and "cpu" are devices."""
    canonical = canonical_name(name)
    base, _, rest = canonical.partition(":")
    if rest and not rest.isdigit():
        return Target(f"{base}:{rest.upper()}", base)
    return Target(canonical, canonical)


def resolve_targets(names: str | Iterable[str] | None) -> tuple[Target, ...]:
    """Usable targets, each once; all usable devices and one variant each when `names` is None.

    Raises:
        DeviceError: for an unknown or unusable device, or a renderer that doesn't work here.
        LabError: for an empty list.
    """
    if names is None:
        found = devices.discover().usable
        return tuple(parse_target(n) for n in (*found, *usable_variants(found)))
    asked = [names] if isinstance(names, str) else list(names)
    if not asked:
        raise LabError(
            "measure devices", expected="at least one", got="none", next_step="leave devices out"
        )
    targets = []
    for target in dict.fromkeys(parse_target(n) for n in asked):
        devices.require(target.device)
        if target.is_variant and (reason := why_not(target.name)):
            raise DeviceError(
                f"use '{target.name}'",
                expected=f"a renderer of {target.device} that compiles here",
                got=reason,
                next_step=f"measure {target.device} alone",
            )
        targets.append(target)
    return tuple(targets)


def usable_variants(found: Iterable[str]) -> tuple[str, ...]:
    """For each device the first of its VARIANTS that compiles and computes here."""
    bases = [d for d in found if d in VARIANTS]
    with ThreadPoolExecutor(max_workers=4) as pool:
        names = [f"{base}:{renderer}" for base in bases for renderer in VARIANTS[base]]
        reasons = dict(zip(names, pool.map(why_not, names), strict=True))
    firsts = (
        next((n for r in VARIANTS[base] if not reasons[n := f"{base}:{r}"]), None) for base in bases
    )
    return tuple(name for name in firsts if name)


def why_not(name: str) -> str:
    """Why a device with another renderer doesn't work here; empty when it does."""
    command = [sys.executable, "-c", _PROBE, name]
    try:
        answer = subprocess.run(
            command, capture_output=True, text=True, cwd=PROJECT_ROOT, timeout=_TIMEOUT_S
        )
    except subprocess.TimeoutExpired:
        return f"no answer within {_TIMEOUT_S:.0f} s"
    if answer.returncode == 0:
        return ""
    lines = [line.strip() for line in answer.stderr.splitlines() if re.search(r"\w", line)]
    said = [line for line in lines if re.match(r"[\w.]*(Error|Exception)\b", line)] or lines
    return said[-1][:200] if said else f"the process ended with code {answer.returncode}"

"""Which fault has to be noticed where: the list that the suite's own test goes through.

`cases` are the ones run (patterns), among them some that the fault doesn't touch; `groups` are
exactly the groups that have to fail.
"""

from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Fault:
    """One broken backend.

    Args:
        device: its name.
        module: the file beside this one that holds its class.
        cases: patterns of the cases to run.
        groups: the groups that have to fail, all others have to pass.
        crashes: whether the process dies or has to be ended.
    """

    device: str
    module: str
    cases: tuple[str, ...]
    groups: frozenset[str]
    crashes: bool = False

    @property
    def target(self) -> str:
        return f"{self.device}={FOLDER / self.module}.py"


def _fault(device: str, module: str, groups: str, *cases: str, crashes: bool = False) -> Fault:
    return Fault(device, module, cases, frozenset(groups.split()), crashes)


FAULTS = (
    _fault("VIEWOFFSET", "memory", "views", "views/*", "copy/in-out/*"),
    _fault("VIEWROUNDED", "memory", "views", "views/*", "copy/in-out/*"),
    _fault("UNALIGNED", "memory", "allocator", "allocator/alignment/*", "copy/in-out/*"),
    _fault("LEAK", "memory", "allocator", "allocator/*", "copy/in-out/*"),
    _fault("POOLINUSE", "memory", "allocator", "allocator/apart/*", "launch/first"),
    _fault("POOLTOOSMALL", "memory", "allocator", "allocator/reuse/larger*", "launch/first"),
    _fault("DOUBLEFREE", "memory", "allocator", "allocator/double-free/*", "copy/in-out/*"),
    _fault(
        "NOLIMIT",
        "memory",
        "allocator",
        "allocator/exhaustion/*",
        "allocator/usage",
        "copy/in-out/*",
    ),
    _fault("SHARED", "memory", "instances", "instances/memory-apart", "views/*"),
    _fault("COPYTAIL", "memory", "copy", "copy/in-out/*", "open/*"),
    _fault("COPYSWAPPED", "memory", "copy", "copy/in-out/*", "open/*"),
    _fault("COPYDIRECTION", "memory", "copy", "copy/in-out/*", "open/*"),
    _fault("NOSYNCHRONIZE", "launching", "synchronize", "synchronize/*", "copy/in-out/*"),
    _fault(
        "STALECACHE", "launching", "launch", "launch/same-name*", "launch/first", "copy/in-out/*"
    ),
    _fault("VALSIGNORED", "launching", "symbolic", "symbolic/*", "launch/range/*"),
    _fault("NOTIME", "launching", "launch", "launch/wait/*", "shapes/length/*"),
    _fault("JITSTALE", "launching", "jit", "jit/several-kernels/*", "jit/chain/*", "launch/chain"),
    _fault(
        "ARGUMENTSSWAPPED",
        "launching",
        "launch",
        "launch/two-inputs*",
        "launch/range/*",
        "copy/in-out/*",
    ),
    _fault("SHAREDQUEUE", "launching", "open", "open/*", "copy/in-out/*"),
    _fault("HANG", "launching", "synchronize", "synchronize/idle", "open/class", crashes=True),
    _fault("FASTMATH", "kernels", "special", "special/isnan/*", "special/isinf/*", "unary/neg/*"),
    _fault("TAIL", "kernels", "shapes", "shapes/length/*", "copy/in-out/*"),
    _fault("CASTROUNDS", "kernels", "cast", "cast/float32/*", "unary/neg/*"),
    _fault("HALFTRUNCATES", "kernels", "cast", "cast/float32/*", "unary/neg/*"),
    _fault("UNSIGNEDCAST", "kernels", "cast", "cast/uint32/*", "unary/neg/*"),
    _fault("SATURATES", "kernels", "integer", "integer/add/*", "unary/neg/*"),
    _fault("DENORMAL", "kernels", "special", "special/denormal/*", "unary/neg/*"),
    _fault("SIGNEDZERO", "kernels", "special", "special/multiply*", "special/exp/*", "unary/abs/*"),
    _fault("SHIFT", "kernels", "bitwise", "bitwise/shift-right-3/*", "integer/add/*"),
    _fault("SIGNEDCOMPARE", "kernels", "compare", "compare/lt/*", "integer/add/*"),
    _fault("FLOORDIVISION", "kernels", "integer", "integer/trunc-div/*", "bitwise/and/*"),
    _fault("ROUGHSQRT", "kernels", "unary", "unary/sqrt/*", "unary/neg/*", "integer/add/*"),
    _fault(
        "TRAP",
        "kernels",
        "unary",
        "unary/sqrt/float32",
        "unary/neg/float32",
        "open/*",
        crashes=True,
    ),
    _fault("HIDDENOPTION", "kernels", "compiler", "compiler/*", "launch/first"),
    _fault(
        "SWALLOWS",
        "kernels",
        "compiler errors",
        "compiler/refuses*",
        "errors/kernel*",
        "launch/first",
    ),
)
# device -> the module that it and the faults made from it are in
HEALTHY = {"HEALTHY": "healthy", "PROMPT": "launching", "POOL": "memory"}

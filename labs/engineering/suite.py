"""The comprehensive suite: which cases there are, by name, and which belong to what kind of device.

Sizes are the syllabus's, and beyond them larger ones for devices that are quick enough, tiny ones
for devices that interpret, and a small suite for devices whose time is a model. A case's name says
all of it, so that a result file alone is enough to make the case again.
"""

from dataclasses import dataclass
from functools import cached_property

from labs.bench.workload import Workload
from labs.bench.workloads import parse_workload
from labs.errors import ResultError

TO_DEVICE, TO_HOST = "to_device", "to_host"
SECTIONS = (
    *("creation", "elementwise", "matmul", "reduction"),
    *("transfer", "linear", "convolution", "attention"),
)
SIZES = ("full", "small")
WALL, INTERPRETED, MODELLED = "wall", "interpreted", "modelled"  # kinds of devices
_SECTION_OF = {
    "create": "creation",
    **dict.fromkeys(("add", "mul", "relu", "exp"), "elementwise"),
    "matmul": "matmul",
    **dict.fromkeys(("sum", "mean", "max"), "reduction"),
    **dict.fromkeys((TO_DEVICE, TO_HOST), "transfer"),
    "linear": "linear",
    "conv3x3": "convolution",
    "attention": "attention",
}
_F32 = 4  # bytes


@dataclass(frozen=True)
class SuiteCase:
    """One case, of any device.

    Args:
        what: a workload of the harness, or "to_device" or "to_host": a copy of n x n float32.
        shape: its size as in names ("n=512").
        clock: "wall" or "device".
        mode: "jit", or "eager" where Python's scheduling and the allocator belong to the work.
    """

    what: str
    shape: str
    clock: str = "wall"
    mode: str = "jit"

    @property
    def section(self) -> str:
        return _SECTION_OF.get(self.what, "other")

    @property
    def is_transfer(self) -> bool:
        return self.what in (TO_DEVICE, TO_HOST)

    @property
    def name(self) -> str:
        """As results have it: "matmul/n=512/float32/warm/wall"."""
        eager = "/eager" if self.mode == "eager" else ""
        return f"{self.what}/{self.shape}/float32/warm/{self.clock}{eager}"

    @cached_property
    def workload(self) -> Workload | None:
        """None for a transfer."""
        return None if self.is_transfer else parse_workload(f"{self.what}:{self.shape}")

    @property
    def flop(self) -> float | None:
        return self.workload.flop if self.workload else None

    @property
    def min_bytes(self) -> float:
        """Compulsory traffic of one call; a copy's bytes count once."""
        if self.workload:
            return self.workload.min_bytes or 0.0
        return _F32 * self.elements

    @property
    def elements(self) -> int:
        """Of a transfer."""
        return int(self.shape.partition("=")[2]) ** 2

    @property
    def memory_bytes(self) -> float:
        """What stays allocated while the run lasts: on the device, and on the host for a copy."""
        return 2 * self.min_bytes

    @property
    def work(self) -> float:
        """What its time grows with: FLOP where arithmetic dominates, else bytes."""
        by_arithmetic = self.section in ("matmul", "linear", "convolution", "attention")
        return float(self.flop or 0) if by_arithmetic else self.min_bytes


def case_named(name: str) -> SuiteCase:
    """The case of a name in a result file.

    Raises:
        ResultError: when the name is none of this suite's.
    """
    parts = name.split("/")
    if len(parts) in (5, 6) and parts[0] in _SECTION_OF:
        case = SuiteCase(parts[0], parts[1], parts[4], "eager" if len(parts) == 6 else "jit")
        if case.name == name:
            return case
    raise ResultError(
        f"make the case '{name}' again",
        expected=f"workload/size/float32/warm/clock with a workload of {', '.join(_SECTION_OF)}",
        got="a name that this suite doesn't make",
        next_step="measure anew with this version of the course",
    )


def suite_for(kind: str, size: str = "full", *, variant: bool = False) -> tuple[SuiteCase, ...]:
    """The cases for a kind of device (WALL, INTERPRETED or MODELLED), smallest first.

    Args:
        size: "full", or "small": one small case of each section.
        variant: it shares its memory with a device that is measured beside it, so copies and
            creation are left to that.
    """
    if kind == MODELLED:
        cases = _EDGE if size == "full" else _EDGE[:3]
    elif kind == INTERPRETED:
        cases = _TINY
    else:
        cases = (*_TINY, *_STANDARD, *_LARGE) if size == "full" else (*_TINY, *_SMALL)
    if variant:
        cases = tuple(c for c in cases if c.section not in ("creation", "transfer"))
    return cases


def _cases(what: str, *shapes: str, clock: str = "wall", mode: str = "jit") -> list[SuiteCase]:
    return [SuiteCase(what, shape, clock, mode) for shape in shapes]


def _copies(*shapes: str) -> list[SuiteCase]:
    return [SuiteCase(way, shape) for shape in shapes for way in (TO_DEVICE, TO_HOST)]


_TINY = (
    *_cases("create", "n=16", mode="eager"),
    *_cases("add", "n=16"),
    *_cases("matmul", "n=8"),
    *_cases("sum", "n=16"),
    *_copies("n=16"),
    *_cases("linear", "batch=2,inputs=8,outputs=4"),
)
_SMALL = (
    *_cases("create", "n=100", mode="eager"),
    *_cases("add", "n=256"),
    *_cases("matmul", "n=128"),
    *_cases("sum", "n=256"),
    *_copies("n=256"),
    *_cases("linear", "batch=8,inputs=196,outputs=64"),
    *_cases("conv3x3", "batch=1,channels=8,size=14,outputs=8"),
    *_cases("attention", "batch=2,sequence=16,width=64"),
    *_cases("add", "n=256", clock="device"),
    *_cases("matmul", "n=128", clock="device"),
)
_STANDARD = (
    *_cases("create", "n=100", "n=500", "n=1000", mode="eager"),
    *(SuiteCase(name, "n=1000") for name in ("add", "mul", "relu", "exp")),
    *_cases("matmul", "n=128", "n=256", "n=512"),
    *(SuiteCase(name, "n=1000") for name in ("sum", "mean", "max")),
    *_copies("n=1024"),
    *_cases("linear", "batch=32,inputs=784,outputs=256"),
    # the small one is for devices that are too slow for the syllabus's batch of 32
    *_cases("conv3x3", "batch=1,channels=64,size=28,outputs=64"),
    *_cases("attention", "batch=32,sequence=64,width=512"),
    # by the device's own clock: these are held against its roofs
    *_cases("add", "n=1000", clock="device"),
    *_cases("matmul", "n=512", clock="device"),
)
# what tells most comes first: a look that runs out of time leaves out the end
_LARGE = (
    *_cases("conv3x3", "batch=32,channels=64,size=28,outputs=64"),
    *_copies("n=4096"),
    *_cases("add", "n=4096", clock="device"),
    *_cases("matmul", "n=1024"),
    *_cases("matmul", "n=1024", clock="device"),
    *_cases("add", "n=4096"),
    *_cases("sum", "n=4096"),
    *_cases("matmul", "n=2048", "n=4096"),
    *_cases("matmul", "n=4096", clock="device"),
    *_copies("n=16384"),
    *_cases("add", "n=8192", clock="device"),
)
# an emulated microcontroller: some million instructions each, 32 MB of memory
_EDGE = tuple(
    SuiteCase(what, shape, "device")
    for what, shape in (
        ("add", "n=64"),
        ("matmul", "n=16"),
        ("sum", "n=64"),
        ("exp", "n=64"),
        ("matmul", "n=32"),
        ("add", "n=256"),
        ("sum", "n=256"),
        ("matmul", "n=64"),
        ("linear", "batch=4,inputs=64,outputs=16"),
        ("conv3x3", "batch=1,channels=4,size=8,outputs=4"),
        ("attention", "batch=1,sequence=8,width=16"),
    )
)

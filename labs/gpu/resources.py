"""What one compiled kernel takes of the hardware: registers, shared memory, stack, threads.

Plain data, filled by `labs.gpu.cubin` (from the binary) and `labs.gpu.compiled` (from a driver),
read by `labs.gpu.occupancy`, the charts and the notebooks.
"""

from dataclasses import dataclass

from labs.tables import Table, TableView
from labs.units import format_bytes


@dataclass(frozen=True, repr=False)
class KernelResources(TableView):
    """What a kernel needs before one of its blocks may start.

    Args:
        kernel: the function's name.
        target: whom it was compiled for ("sm_90"), or the device's name where there is no more.
        registers: 32-bit registers per thread; None with a reason under "registers".
        shared_bytes: shared (OpenCL: local) memory per block that the code itself declares, without
            what a driver reserves and without what a launch adds.
        stack_bytes: private memory per thread that doesn't fit into registers: spilled registers
            and arrays that are indexed at run time.
        max_threads: the largest block that the kernel may be launched with.
        barriers: block-wide barriers (`__syncthreads` uses one).
        source: where the numbers are from ("the cubin's .nv.info", "the OpenCL driver").
        reasons: why a number is missing, by field name.
    """

    kernel: str
    target: str
    registers: int | None = None
    shared_bytes: int | None = None
    stack_bytes: int | None = None
    max_threads: int | None = None
    barriers: int | None = None
    source: str = ""
    reasons: tuple[tuple[str, str], ...] = ()

    def reason(self, field: str) -> str:
        """Why a field is None; empty when it isn't, or nobody said."""
        return dict(self.reasons).get(field, "")

    def table(self) -> Table:
        rows = (
            ("registers per thread", self.registers, self.reason("registers")),
            (
                "shared memory per block",
                None if self.shared_bytes is None else format_bytes(self.shared_bytes),
                self.reason("shared_bytes"),
            ),
            (
                "stack per thread",
                None if self.stack_bytes is None else format_bytes(self.stack_bytes),
                self.reason("stack_bytes"),
            ),
            ("threads per block, at most", self.max_threads, self.reason("max_threads")),
            ("barriers", self.barriers, self.reason("barriers")),
        )
        note = f"Source: {self.source}." if self.source else ""
        title = f"Resources of {self.kernel} ({self.target})"
        return Table(title, ("resource", "value", "remark"), rows, note)

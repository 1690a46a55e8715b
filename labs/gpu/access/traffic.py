"""How many bytes the kernels that a device really compiled move: tinygrad's count, and sectors."""

from dataclasses import dataclass, field

import numpy as np

from labs import toolchain, units
from labs.bench.workload import Workload
from labs.errors import LabError, MeasurementError
from labs.tables import Table, TableView

toolchain.activate()

from tinygrad import Tensor
from tinygrad.engine.realize import compile_linear
from tinygrad.helpers import Context
from tinygrad.uop.ops import Ops

from labs.gpu.access.analysis import analyze_access
from labs.gpu.access.model import AccessAnalysis


@dataclass(frozen=True, repr=False)
class Traffic(TableView):
    """Bytes of one run of a workload's kernels on a device.

    Args:
        least_bytes: tinygrad's estimate `mem` of the compiled kernels: bytes of loads and stores,
            of each buffer at most its size.
        accessed_bytes: its estimate `lds`: all loads and stores.
        sector_bytes: of the sectors that a loop body touches, each once (derived from the index
            expressions; see `KernelAccess.footprint_bytes`). request_bytes: each request's own.
            None with `reason`.
        analysis: the accesses of the same kernels, or None.
    """

    device: str
    least_bytes: int
    accessed_bytes: int
    sector_bytes: float | None
    request_bytes: float | None
    analysis: AccessAnalysis | None = field(repr=False)
    reason: str = ""

    def table(self) -> Table:
        rows = (
            ("each byte once (tinygrad's mem)", units.format_bytes(self.least_bytes)),
            ("all loads and stores (tinygrad's lds)", units.format_bytes(self.accessed_bytes)),
            ("sectors of the loop bodies", units.format_bytes(self.sector_bytes)),
            ("sectors of all requests", units.format_bytes(self.request_bytes)),
        )
        note = self.reason or "Sectors are derived from the kernel's index expressions."
        return Table(f"Bytes of one run on {self.device}", ("count", "bytes"), rows, note)


def traffic_of(workload: Workload, device: str) -> Traffic:
    """Compile a workload for an open device and count what its kernels move; nothing is run.

    The kernels are those that a measurement on this device runs: tinygrad compiles the same
    expression to the same program, and keeps it.

    Raises:
        MeasurementError: the device compiles no kernel for it.
    """
    arrays = workload.inputs(np.random.default_rng(0))
    tensors = tuple(Tensor(a, device=device).realize() for a in arrays)
    with Context(DEBUG=0):
        linear = compile_linear(workload.compute(*tensors).linear_with_vars()[0])
    programs = [call.src[0] for call in linear.src if call.src[0].op is Ops.PROGRAM]
    if not programs:
        raise MeasurementError(
            f"count the bytes of '{workload.spec}' on {device}",
            expected="at least one kernel",
            got="none",
            next_step="make it compute something",
        )
    costs = [p.src[0].arg.estimates for p in programs]
    analysis, reason = None, ""
    try:
        opts = {i: p.src[0].arg.applied_opts for i, p in enumerate(programs)}
        analysis = analyze_access(
            lambda: workload.compute(*tensors),
            device,
            opts=opts,
            data=dict(zip(tensors, arrays, strict=True)),
            live=True,
        )
        reason = analysis.reason
        if [k.accessed_bytes for k in analysis.kernels] != [int(c.lds) for c in costs]:
            reason = "the device's own kernel differs from the one that was analysed"
    except LabError as error:
        reason = error.got or str(error)
    known = analysis is not None and not reason
    return Traffic(
        device=device,
        least_bytes=sum(int(c.mem) for c in costs),
        accessed_bytes=sum(int(c.lds) for c in costs),
        sector_bytes=sum(k.footprint_bytes for k in analysis.kernels) if known else None,
        request_bytes=sum(k.moved_bytes for k in analysis.kernels) if known else None,
        analysis=analysis,
        reason=reason,
    )

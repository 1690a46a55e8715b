"""What bounds a computation, asked without any roof: give it more of one thing, look at the time.

    from labs.gpu.scaling import bound_by_scaling
    bound_by_scaling("matmul:n=256", "CPU")

Twice the arithmetic at equal bytes: each input passes through multiply-adds when it is loaded, by
factors that come from memory (1 and 0), so the result stays the same. Twice the bytes at equal
arithmetic: the inputs are stored in a type of twice the width and narrowed when they are loaded.
Both variants are checked against numpy and measured in rounds interleaved with the original.

How strongly the time answers is an exponent: log(time ratio) / log(work ratio), 1 when the time
grows as the work does, 0 when it doesn't care. It is an opinion of its own: the roofline says which
roof is above a computation, this says what it pays for.
"""

import math
from dataclasses import dataclass, replace

import numpy as np

from labs import bench, toolchain
from labs.bench.clocks import device_clock
from labs.bench.results import Measurement
from labs.bench.statistics import Interval, summarize_rounds
from labs.bench.workload import Workload
from labs.errors import MeasurementError
from labs.gpu.kernel_work import KernelWork, count_work
from labs.gpu.verdict import COMPUTE, LAUNCH, MEMORY, NOT_RESOLVED
from labs.tables import Table, TableView
from labs.units import format_interval, format_quantity, format_ratio, format_seconds

toolchain.activate()

from tinygrad import Device, Tensor
from tinygrad.dtype import _from_np_dtype

WIDER = {"float16": "float32", "float32": "float64", "int8": "int16", "int16": "int32"}
_LEAST_MORE = 1.5  # times the work: less is no question
_STEPS = (1, 2, 4, 8, 16, 32)  # multiply-adds on each loaded value
WEAK, STRONG = 0.25, 0.5  # exponents


@dataclass(frozen=True)
class Response:
    """How the time answers to more of one thing.

    Args:
        what: "arithmetic" or "bytes".
        work_ratio: counted in the kernels, against the original.
        time_ratio, interval: of paired rounds.
        exponent, exponent_interval: log(time ratio) / log(work ratio).
        reason: why it couldn't be asked, else empty; then the rest is None.
    """

    what: str
    work_ratio: float | None = None
    time_ratio: float | None = None
    interval: Interval | None = None
    reason: str = ""

    @property
    def exponent(self) -> float | None:
        return self._exponent(self.time_ratio)

    @property
    def exponent_interval(self) -> Interval | None:
        if self.interval is None:
            return None
        return Interval(self._exponent(self.interval.low), self._exponent(self.interval.high))

    def _exponent(self, ratio: float | None) -> float | None:
        return None if ratio is None else math.log(ratio) / math.log(self.work_ratio)


@dataclass(frozen=True, repr=False)
class Scaling(TableView):
    """The verdict for one workload, with what it rests on."""

    workload: str
    device: str
    time_s: float
    responses: tuple[Response, ...]
    bound_by: str
    evidence: str

    def table(self) -> Table:
        rows = [_row(response) for response in self.responses]
        columns = ("more", "work", "time", "95% interval", "exponent", "why not")
        note = f"Bound by: {self.bound_by} ({self.evidence}). The original takes "
        note += f"{format_seconds(self.time_s)}."
        return Table(f"{self.workload} on {self.device}, scaled", columns, tuple(rows), note)


def bound_by_scaling(
    workload: str | Workload,
    device: str,
    *,
    cache: str = "cold",
    rounds: int = 8,
    round_time_s: float = 0.1,
    seed: int = 0,
    progress: bench.runner.Progress | None = None,
    cancel: bench.runner.Cancel | None = None,
) -> Scaling:
    """What bounds a workload, by its answers to more arithmetic and to more bytes.

    Args:
        workload: one, or its spec ("matmul:n=256").
        The others are those of `bench.measure`.

    Raises:
        DeviceError: for an unknown or unusable device.
        MeasurementError: for an unknown workload, or one that can't be measured at all.
    """
    (base,) = bench.resolve_workloads([workload])
    (device,) = bench.plan.resolve_devices(device)
    work = count_work(base, device)
    variants, reasons = {}, {}
    for what, make in (("arithmetic", _more_arithmetic), ("bytes", _more_bytes)):
        try:
            variants[what] = make(base, work, device)
        except MeasurementError as error:
            reasons[what] = error.got
    clock = "device" if device_clock(device).source else "wall"
    results = bench.measure(
        [base, *(variant for variant, _ in variants.values())], device, clock=clock, cache=cache,
        rounds=rounds, round_time_s=round_time_s, seed=seed, progress=progress, cancel=cancel,
    )  # fmt: skip
    measured = {m.workload: m for m in results}
    if base.name not in measured:
        raise MeasurementError(
            f"scale '{base.spec}' on {device}",
            expected="a workload that can be measured",
            got=results.failures[0].error if results.failures else f"run {results.stop_reason}",
            next_step="measure it alone first",
        )
    responses = []
    for what in ("arithmetic", "bytes"):
        variant, ratio = variants.get(what, (None, None))
        if variant is not None and variant.name in measured:
            responses.append(_response(what, ratio, measured[base.name], measured[variant.name]))
        else:
            failed = [f.error for f in results.failures if variant and variant.name in f.name]
            why = reasons.get(what) or (failed[0] if failed else results.stop_reason)
            responses.append(Response(what, reason=str(why).replace("\n", "; ")))
    bound_by, evidence = decide(*responses)
    time_s = measured[base.name].median_s
    return Scaling(base.spec, device, time_s, tuple(responses), bound_by, evidence)


def decide(arithmetic: Response, traffic: Response) -> tuple[str, str]:
    """The word and its evidence from the two answers.

    Both known: compute or memory is the one whose exponent's interval lies above the other's, and
    launch (or latency) when both lie below a quarter. One known: it decides when it is strong (its
    interval above a half) or weak (below a quarter); a weak answer names nothing but the other.
    """
    flop, byte = arithmetic.exponent_interval, traffic.exponent_interval
    if flop and byte:
        if max(flop.high, byte.high) < WEAK:
            return LAUNCH, "neither more arithmetic nor more bytes takes longer"
        if flop.low > byte.high:
            return COMPUTE, "it pays for arithmetic more than for bytes"
        if byte.low > flop.high:
            return MEMORY, "it pays for bytes more than for arithmetic"
        return NOT_RESOLVED, "it pays for both alike, as far as can be told"
    known, word, other = (flop, COMPUTE, MEMORY) if flop else (byte, MEMORY, COMPUTE)
    asked = "arithmetic" if flop else "bytes"
    if known and known.low > STRONG:
        return word, f"its time grows with {asked}; the other was not asked"
    if known and known.high < WEAK and other == MEMORY:
        return NOT_RESOLVED, "more arithmetic is free: memory or launch; bytes were not asked"
    return NOT_RESOLVED, "too little could be asked"


def _more_arithmetic(base: Workload, work: KernelWork, device: str) -> tuple[Workload, float]:
    """The same with about twice the operations, on inputs that pass through multiply-adds."""
    if not work.flop:
        raise _cannot(base, "it has no arithmetic of its own")
    for steps in _STEPS:
        variant = _through_multiply_adds(base, steps)
        counted = count_work(variant, device)
        if counted.flop >= 2 * work.flop or steps == _STEPS[-1]:
            break
    _require(base, work, counted, counted.flop / work.flop, counted.mem_bytes / work.mem_bytes)
    return variant, counted.flop / work.flop


def _through_multiply_adds(base: Workload, steps: int) -> Workload:
    def compute(*tensors: Tensor) -> Tensor:
        *inputs, factors = tensors

        def passed(x: Tensor) -> Tensor:
            for _ in range(steps):
                x = x * factors[0].cast(x.dtype) + factors[1].cast(x.dtype)
            return x

        return base.compute(*(passed(x) for x in inputs))

    return replace(
        base,
        name=f"{base.name}, more arithmetic",
        inputs=lambda rng: (*base.inputs(rng), np.array([1, 0], base.dtype)),
        compute=compute,
        reference=lambda *arrays: base.reference(*arrays[:-1]),
    )


def _more_bytes(base: Workload, work: KernelWork, device: str) -> tuple[Workload, float]:
    """The same on inputs stored twice as wide, and narrowed when they are loaded."""
    wider = WIDER.get(base.dtype)
    if wider is None:
        raise _cannot(base, f"numpy has no type of twice the width of {base.dtype}")
    native = Device[device].renderer.supported_dtypes()
    if _from_np_dtype(np.dtype(wider)) not in native:
        raise _cannot(base, f"{device} has no {wider}")
    narrow = _from_np_dtype(np.dtype(base.dtype))

    def widened(array: np.ndarray) -> np.ndarray:
        return array.astype(wider) if array.dtype == base.dtype else array

    def compute(*tensors: Tensor) -> Tensor:
        wide = _from_np_dtype(np.dtype(wider))
        return base.compute(*(x.cast(narrow) if x.dtype == wide else x for x in tensors))

    variant = replace(
        base,
        name=f"{base.name}, more bytes",
        inputs=lambda rng: tuple(widened(a) for a in base.inputs(rng)),
        compute=compute,
        reference=lambda *arrays: base.reference(
            *(a.astype(base.dtype) if a.dtype == wider else a for a in arrays)
        ),
    )
    counted = count_work(variant, device)
    flop_ratio = counted.flop / work.flop if work.flop else 1.0
    _require(base, work, counted, counted.mem_bytes / work.mem_bytes, flop_ratio)
    return variant, counted.mem_bytes / work.mem_bytes


def _require(
    base: Workload, work: KernelWork, counted: KernelWork, more: float, equal: float
) -> None:
    """More of the one, as much of the other, in as many kernels: else it answers nothing."""
    if len(counted.kernels) != len(work.kernels):
        raise _cannot(base, f"it became {len(counted.kernels)} kernels of {len(work.kernels)}")
    if more < _LEAST_MORE:
        raise _cannot(base, f"it only came to {format_ratio(more)} the work")
    if not 0.9 < equal < 1.1:
        raise _cannot(base, f"the other work changed with it, {format_ratio(equal)}")


def _cannot(base: Workload, got: str) -> MeasurementError:
    return MeasurementError(
        f"scale '{base.spec}'",
        expected="a variant with more of one kind of work, and as much of the other",
        got=got,
        next_step="ask the roofline alone",
    )


def _response(what: str, work_ratio: float, a: Measurement, b: Measurement) -> Response:
    theirs = {r.index: r.median_s for r in b.rounds}
    ratios = [theirs[r.index] / r.median_s for r in a.rounds if r.index in theirs]
    ratio, interval = summarize_rounds(ratios)
    return Response(what, work_ratio, ratio, interval)


def _row(r: Response) -> tuple[object, ...]:
    if r.reason:
        return (r.what, *[None] * 4, r.reason)
    ends = r.interval
    return (
        r.what,
        format_ratio(r.work_ratio),
        format_ratio(r.time_ratio),
        format_interval(ends.low, ends.high, format_ratio) if ends else None,
        format_quantity(r.exponent, "", 2),
        "",
    )

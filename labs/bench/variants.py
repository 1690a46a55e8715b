"""One workload compiled in several ways by one device, measured in interleaved rounds.

What a device's choices are worth is asked by leaving them out one by one. A choice is in the `arch`
of tinygrad's target, so a variant is an arch string, or a number of threads.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from labs.bench.calls import measure_calls
from labs.bench.results import ResultSet
from labs.bench.workload import Workload
from labs.bench.workloads import parse_workload


@dataclass(frozen=True)
class Variant:
    """One way to compile.

    Args:
        label: what the reader sees ("+ own loops").
        arch: of the target, such as "x86_64,native,v32"; empty: the device's own.
        threads: how many; 0: as many as there are cores.
    """

    label: str
    arch: str = ""
    threads: int = 0


@dataclass(frozen=True)
class VariantKernel:
    """What a variant came to: its C source, and the split loops that led to it."""

    label: str
    source: str
    opts: tuple[str, ...]


def measure_variants(
    workload: Workload | str,
    variants: Iterable[Variant],
    *,
    device: str = "ELECTRICAL",
    seed: int = 0,
    **options: object,
) -> ResultSet:
    """Time a workload compiled in each of these ways; every answer is compared with numpy.

    Args:
        workload: one of the harness's, or its spec ("matmul:n=512").
        options: those of `measure_calls` (rounds, round_time_s, progress, cancel ...).

    Returns:
        One measurement for each variant, named by its label.
    """
    work = parse_workload(workload) if isinstance(workload, str) else workload
    arrays = work.inputs(np.random.default_rng(seed))
    answer = np.asarray(work.reference(*arrays))
    functions = {v.label: _captured(work, v, arrays, device) for v in variants}
    return measure_calls(
        functions,
        device=device,
        expected=dict.fromkeys(functions, answer),
        rtol=work.rtol,
        atol=work.atol,
        flop=work.flop,
        min_bytes=work.min_bytes,
        **options,
    )


def variant_kernel(
    workload: Workload | str, variant: Variant, *, device: str = "ELECTRICAL"
) -> VariantKernel:
    """The largest kernel of a workload as this variant compiles it, without running it."""
    from tinygrad import Context, Tensor
    from tinygrad.engine.realize import compile_linear
    from tinygrad.uop.ops import Ops

    work = parse_workload(workload) if isinstance(workload, str) else workload
    arrays = work.inputs(np.random.default_rng(0))
    with Context(**_settings(variant, device)):
        tensors = [Tensor(a, device=device).realize() for a in arrays]
        linear = compile_linear(work.compute(*tensors).schedule_linear())
        programs = [c.src[0] for c in linear.src if c.src[0].op is Ops.PROGRAM]
        heaviest = max(programs, key=lambda p: len(p.src[2].arg))
    opts = tuple(f"{o.op.name} {o.axis} {o.arg}" for o in heaviest.src[0].arg.applied_opts)
    return VariantKernel(variant.label, heaviest.src[2].arg, opts)


def _captured(work: Workload, variant: Variant, arrays, device: str):
    from tinygrad import Context, Tensor, TinyJit

    with Context(**_settings(variant, device)):
        tensors = [Tensor(a, device=device).realize() for a in arrays]
        step = TinyJit(lambda *xs: work.compute(*xs).contiguous().realize())
        for _ in range(3):
            step(*tensors)
    return lambda: step(*tensors)


def _settings(variant: Variant, device: str) -> dict[str, object]:
    from tinygrad import Device
    from tinygrad.helpers import DEV

    Device[device]  # opened with its own arch before another is asked for
    found: dict[str, object] = {}
    if variant.arch:
        # the device itself stays the default it was: only this device's target is added
        rest = [repr(t) for t in DEV.value if t.device and t.device != device]
        found["DEV"] = ";".join([*rest, f"{device}::{variant.arch}"])
    if variant.threads:
        found["NUM_CPU_THREADS"] = variant.threads
    return found

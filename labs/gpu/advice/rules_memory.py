"""Memory: fewer bytes (fusion, half precision) and better-ordered ones (the layout of an input)."""

import math

import numpy as np

from labs import toolchain
from labs.bench.workload import RTOL
from labs.errors import LabError
from labs.gpu.access import Access, AccessAnalysis, analyze_access
from labs.gpu.advice.model import NotAdvised, Recommendation, Trial
from labs.gpu.advice.situation import Situation, jitted, without_realizing
from labs.gpu.advice.verify import largest_error, within
from labs.gpu.compiled import compile_kernels
from labs.units import format_bytes, format_percent, format_seconds

toolchain.activate()

from tinygrad import Tensor, dtypes

AREA = "memory"
WORTH = 1.1
NO_DEVICE_TIME = "not derived: this device tells no time of a kernel"
_HOW = "(device time + launches) now / then, if the device time follows the {}: a limit"
_LAUNCHING = "launching sets the time of a call: fewer bytes would not show"
# below this share of useful bytes a load is worth another layout
_POOR = 0.6


def advise_fuse(situation: Situation) -> Recommendation | NotAdvised:
    """A workload that realizes intermediate results, against the same without doing so."""
    s = situation
    with without_realizing():
        fused = s.subject.compute()
    kernels = compile_kernels(fused, timed=False)
    if len(kernels) >= s.launches:
        return NotAdvised(
            AREA, "fuse", f"nothing is realized on the way: {s.launches} launches either way"
        )
    bytes_now, bytes_then = s.kernel_bytes, sum(k.least_bytes for k in kernels)
    evidence = (
        f"a call launches {s.launches} kernels, {len(kernels)} when nothing is realized on the way",
        f"their memory traffic is {format_bytes(bytes_now)}, then {format_bytes(bytes_then)}",
    )
    expected = s.gain_of(bytes_now / bytes_then, len(kernels))
    return Recommendation(
        AREA,
        "fuse",
        "Leave out realize() and contiguous() between the steps: the scheduler fuses them, and the "
        "intermediate results never reach memory.",
        evidence,
        expected,
        _HOW.format("bytes") if expected else NO_DEVICE_TIME,
        lambda: _fuse_trial(s),
        expected_is_limit=True,
    )


def _fuse_trial(s: Situation) -> Trial:
    now = jitted(s.subject.workload.compute, s.subject.tensors)

    def compute(*tensors: Tensor) -> Tensor:
        with without_realizing():
            return s.subject.workload.compute(*tensors)

    return _trial(s, {"realized on the way": now, "fused": jitted(compute, s.subject.tensors)})


def advise_layout(situation: Situation) -> Recommendation | NotAdvised:
    """Inputs stored the other way round (columns first), when that moves fewer sectors."""
    s = situation
    try:
        now = s.access
    except LabError as error:
        return NotAdvised(AREA, "layout", f"the accesses can't be read: {error.got or error.asked}")
    share = now.footprint_efficiency
    if share is None:
        return NotAdvised(AREA, "layout", f"the addresses can't be told: {now.reason}")
    poor = [a for a in now.accesses if a.kind == "load" and _is_poor(a)]
    if not poor:
        return NotAdvised(
            AREA,
            "layout",
            f"no load touches more than {1 / _POOR:.2g} times the fewest sectors (access analysis)",
        )
    bytes_now = moved(now)
    candidates = []
    for i, tensor in enumerate(s.subject.tensors):
        if tensor.ndim == 2 and min(tensor.shape) > 1:
            try:
                then = analyze_access(_swapped(s, i, stand_in=True), s.device, live=True)
            except LabError:
                continue
            if then.footprint_efficiency is not None:
                candidates.append((moved(then), i, then))
    if not candidates or bytes_now / min(candidates)[0] < WORTH:
        return NotAdvised(AREA, "layout", "storing an input the other way round moves no less")
    bytes_then, which, then = min(candidates, key=lambda c: c[:2])
    worst = min(poor, key=lambda a: a.coalescing)
    evidence = (
        f"the load of {worst.buffer} touches {worst.sectors:.3g} sectors where "
        f"{worst.minimum_sectors:.3g} would do",
        f"the sectors touched are {format_bytes(bytes_now)}, then {format_bytes(bytes_then)}; of "
        f"them {format_percent(share)} are used, then {format_percent(then.footprint_efficiency)}",
    )
    expected = s.gain_of(bytes_now / bytes_then)
    if expected is not None and expected < WORTH:
        return NotAdvised(AREA, "layout", _LAUNCHING)
    return Recommendation(
        AREA,
        "layout",
        f"Store input {which} transposed (columns first), once: its kernel then reads "
        "neighbouring addresses.",
        evidence,
        expected,
        _HOW.format("bytes of the sectors touched (access analysis)")
        if expected
        else NO_DEVICE_TIME,
        lambda: _layout_trial(s, which),
        expected_is_limit=True,
    )


def _is_poor(access: Access) -> bool:
    """Far from the fewest sectors by itself, and together with its neighbours in the loop body.

    A broadcast touches the fewest; a loop written out makes up with its other accesses.
    """
    shares = (access.coalescing or 1.0, access.footprint_efficiency or 1.0)
    return max(shares) < _POOR


def moved(analysis: AccessAnalysis) -> float:
    """Bytes of the sectors that the loop bodies of all kernels touch."""
    return sum(k.footprint_bytes or 0.0 for k in analysis.kernels)


def _swapped(s: Situation, which: int, *, stand_in: bool = False):
    """The workload with one input stored transposed: the same values, another layout."""
    tensors = list(s.subject.tensors)
    shape = tensors[which].shape[::-1]
    if stand_in:
        stored = Tensor.empty(*shape, dtype=tensors[which].dtype, device=s.device)
    else:
        stored = tensors[which].transpose().contiguous().realize()
    tensors[which] = stored
    return lambda: s.subject.workload.compute(
        *(t.transpose() if i == which else t for i, t in enumerate(tensors))
    )


def _layout_trial(s: Situation, which: int) -> Trial:
    work, tensors = s.subject.workload, s.subject.tensors
    stored = tensors[which].transpose().contiguous().realize()
    others = (*tensors[:which], stored, *tensors[which + 1 :])

    def compute(*xs: Tensor) -> Tensor:
        return work.compute(*(x.transpose() if i == which else x for i, x in enumerate(xs)))

    functions = {
        "stored as it is": jitted(work.compute, tensors),
        f"input {which} stored transposed": jitted(compute, others),
    }
    return _trial(s, functions, "The input is rearranged once, outside the clock.")


def advise_half(situation: Situation) -> Recommendation | NotAdvised:
    """float16 inputs, when the result stays within what float16 allows."""
    s = situation
    if not s.float_dtype:
        return NotAdvised(AREA, "half", f"the workload is {s.subject.workload.dtype}, not float32")
    if not s.supports_half:
        return NotAdvised(AREA, "half", f"{s.device} computes no float16")
    rtol, atol = _half_tolerances(s)
    halves = _halves(s)
    try:
        result = s.subject.workload.compute(*halves).cast(dtypes.float32)
        error = largest_error(result, s.subject.answer)
        accepted = within(result, s.subject.answer, rtol, atol)
    except Exception as failure:
        return NotAdvised(
            AREA, "half", f"it fails in float16: {str(failure).splitlines()[0][:100]}"
        )
    if not accepted:
        return NotAdvised(
            AREA, "half", f"the result is off by up to {error:.2g}: more than float16's tolerance"
        )
    kernels = compile_kernels(lambda: s.subject.workload.compute(*halves), timed=False)
    bytes_now = sum(k.least_bytes for k in s.kernels)
    gain = bytes_now / sum(k.least_bytes for k in kernels)
    evidence = (
        f"in float16 the largest error is {error:.2g} (accepted: {rtol:.2g} relative, "
        f"{atol:.2g} absolute)",
        f"its kernels move {format_bytes(bytes_now)}, then "
        f"{format_bytes(sum(k.least_bytes for k in kernels))}",
        f"a captured call takes {format_seconds(s.jit_s)}",
    )
    if gain < WORTH:
        return NotAdvised(AREA, "half", "its kernels would move no fewer bytes")
    expected = s.gain_of(gain)
    if expected is not None and expected < WORTH:
        return NotAdvised(AREA, "half", _LAUNCHING)
    return Recommendation(
        AREA,
        "half",
        "Keep the inputs in float16: half the bytes, where the result allows it.",
        evidence,
        expected,
        _HOW.format("bytes") if expected else NO_DEVICE_TIME,
        lambda: _half_trial(s),
        expected_is_limit=True,
    )


def _halves(s: Situation) -> tuple[Tensor, ...]:
    return tuple(t.cast(dtypes.half).contiguous().realize() for t in s.subject.tensors)


def _half_tolerances(s: Situation) -> tuple[float, float]:
    """float16's relative tolerance; the absolute one in proportion to how large results are."""
    scale = float(np.sqrt(np.mean(np.square(s.subject.answer, dtype=np.float64)))) or 1.0
    atol = RTOL["float16"] * scale
    return RTOL["float16"], atol if math.isfinite(atol) else RTOL["float16"]


def _half_trial(s: Situation) -> Trial:
    work, halves = s.subject.workload, _halves(s)
    functions = {
        "float32": jitted(work.compute, s.subject.tensors),
        "float16": jitted(work.compute, halves),
    }
    answers = dict.fromkeys(functions, s.subject.answer)
    note = "Inputs are converted outside the clock; the result is float16."
    return Trial(s.device, functions, answers, *_half_tolerances(s), note)


def _trial(s: Situation, functions: dict, note: str = "") -> Trial:
    answers = dict.fromkeys(functions, s.subject.answer)
    return Trial(
        s.device, functions, answers, s.subject.workload.rtol, s.subject.workload.atol, note
    )

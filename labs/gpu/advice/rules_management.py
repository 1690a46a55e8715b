"""Memory management: inputs that stay on the device, and buffers that are used again."""

from labs import toolchain
from labs.gpu.advice.model import NotAdvised, Recommendation, Trial
from labs.gpu.advice.situation import Situation, jitted, median_call_s
from labs.lowering.memory import trace_memory
from labs.units import format_bytes, format_percent, format_seconds

toolchain.activate()

from tinygrad import Tensor

AREA = "memory management"
WORTH = 1.1


def advise_resident(situation: Situation) -> Recommendation | NotAdvised:
    """Inputs copied to the device at each call, against inputs that are there."""
    s = situation
    size = sum(a.nbytes for a in s.subject.arrays)
    copy_s = median_call_s(lambda: _copies(s), s.device)
    gain = (copy_s + s.jit_s) / s.jit_s
    if gain < WORTH:
        return NotAdvised(
            AREA,
            "resident",
            f"copying the inputs takes {format_percent(copy_s / s.jit_s)} of a call",
        )
    evidence = (
        f"copying {format_bytes(size)} of inputs takes {format_seconds(copy_s)}",
        f"computing with inputs that are there takes {format_seconds(s.jit_s)}",
    )
    return Recommendation(
        AREA,
        "resident",
        "Copy inputs that don't change to the device once, and keep the tensors.",
        evidence,
        gain,
        "(copies + a captured call) / a captured call",
        lambda: _resident_trial(s),
    )


def _copies(s: Situation) -> list[Tensor]:
    return [Tensor(a, device=s.device).realize() for a in s.subject.arrays]


def _resident_trial(s: Situation) -> Trial:
    from tinygrad import TinyJit

    work = s.subject.workload
    step = TinyJit(lambda *xs: work.compute(*xs).contiguous().realize())
    for _ in range(3):
        step(*_copies(s))
    functions = {
        "copied at each call": lambda: step(*_copies(s)),
        "kept on the device": jitted(work.compute, s.subject.tensors),
    }
    answers = dict.fromkeys(functions, s.subject.answer)
    return Trial(s.device, functions, answers, work.rtol, work.atol)


def advise_reuse(situation: Situation) -> Recommendation | NotAdvised:
    """Fresh blocks at each call, against a captured call that writes into its own blocks."""
    s = situation
    for _ in range(2):  # what the allocator keeps is there afterwards
        s.subject.compute().realize()
    with trace_memory(s.device) as trace:
        s.subject.compute().realize()
    fresh = [e for e in trace.events if e.kind == "allocate"]
    again = [e for e in trace.events if e.kind == "reuse"]
    if not fresh:
        served = f"all {len(again)} blocks of a call" if again else "no block is asked for, so all"
        return NotAdvised(
            AREA, "reuse", f"the allocator serves {served} from what was freed before"
        )
    size = sum(e.bytes for e in fresh)
    evidence = (
        f"a call has the driver allocate {len(fresh)} blocks, {format_bytes(size)}",
        f"{len(again)} more come from blocks freed before",
    )
    return Recommendation(
        AREA,
        "reuse",
        "Capture the call with TinyJit: its results go into blocks that it keeps.",
        evidence,
        None,
        "not derived: what the driver takes for an allocation isn't known before it is timed",
        lambda: _reuse_trial(s),
    )


def _reuse_trial(s: Situation) -> Trial:
    functions = {
        "fresh blocks": s.subject.compute,
        "kept blocks": jitted(s.subject.workload.compute, s.subject.tensors),
    }
    answers = dict.fromkeys(functions, s.subject.answer)
    work = s.subject.workload
    note = "Capturing also saves the scheduling: see the rule jit for what that is worth."
    return Trial(s.device, functions, answers, work.rtol, work.atol, note)

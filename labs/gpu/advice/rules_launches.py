"""Launches: replay captured kernels (TinyJit), and give many small calls to the device as one."""

import numpy as np

from labs import toolchain
from labs.errors import LabError
from labs.gpu.advice.model import NotAdvised, Recommendation, Trial
from labs.gpu.advice.situation import Situation, jitted
from labs.gpu.advice.verify import within
from labs.units import format_ratio, format_seconds

toolchain.activate()

from tinygrad import Tensor, TinyJit

AREA = "launches"
# a gain below this isn't worth a change of the program
WORTH = 1.1
BATCH = 16
# a call is small when launching is at least this share of it
_LAUNCH_SHARE = 0.3


def advise_jit(situation: Situation) -> Recommendation | NotAdvised:
    """Calls that schedule anew, against a replay of the captured kernels."""
    s = situation
    busy = s.device_s
    if busy is None:
        expected, how = s.eager_s / s.jit_s, "one captured call, timed a few times"
    else:
        least = busy + s.launches * s.launch_s
        expected = s.eager_s / least
        how = "time now / (device time of the kernels + a launch for each)"
    if expected < WORTH:
        return NotAdvised(
            AREA, "jit", f"scheduling is {format_seconds(s.eager_s)} of work already: no gain"
        )
    evidence = (
        f"a call as it is takes {format_seconds(s.eager_s)}",
        f"its {_kernels(s.launches)} {_keep(s.launches)} the device busy for "
        + (format_seconds(busy) if busy is not None else "a time that the device doesn't tell"),
        f"a captured launch of a tiny kernel takes {format_seconds(s.launch_s)}",
    )
    return Recommendation(
        AREA,
        "jit",
        "Capture the call with TinyJit: what Python schedules anew at each call is replayed.",
        evidence,
        expected,
        how,
        lambda: _jit_trial(s),
    )


def _jit_trial(s: Situation) -> Trial:
    replay = jitted(s.subject.workload.compute, s.subject.tensors)
    return _trial(s, {"scheduled anew": s.subject.compute, "captured": replay})


def advise_batch(situation: Situation) -> Recommendation | NotAdvised:
    """Many small calls, against one call of all of them stacked."""
    s = situation
    busy = s.device_s
    if busy is None:
        return NotAdvised(AREA, "batch", "the device time of a call is not known")
    share = s.launches * s.launch_s / s.jit_s
    if share < _LAUNCH_SHARE:
        return NotAdvised(
            AREA,
            "batch",
            f"launching is {format_ratio(share)[:-1]} of a captured call, below {_LAUNCH_SHARE}",
        )
    one_by_one = BATCH * (busy + s.launches * s.launch_s)
    together = BATCH * busy + s.launches * s.launch_s
    try:
        stacked = _stack(s)
    except (LabError, ValueError, RuntimeError, IndexError, TypeError) as error:
        return NotAdvised(AREA, "batch", f"it can't be computed on a stack: {_first(error)}")
    if not within(stacked.pop("result"), stacked["answers"], *_tolerances(s)):
        return NotAdvised(
            AREA, "batch", "on a stack of inputs it computes something else (it mixes them)"
        )
    evidence = (
        f"a captured call takes {format_seconds(s.jit_s)}",
        f"a captured launch of a tiny kernel takes {format_seconds(s.launch_s)}, and a call makes "
        f"{s.launches}",
        f"the device is busy for {format_seconds(busy)}",
    )
    return Recommendation(
        AREA,
        "batch",
        f"Stack {BATCH} inputs and compute them in one call: one launch in the place of {BATCH}.",
        evidence,
        one_by_one / together,
        f"{BATCH} x (device time + launches) / ({BATCH} x device time + launches)",
        lambda: _batch_trial(s),
    )


def _stack(s: Situation) -> dict:
    """BATCH sets of inputs, their stacks on the device, numpy's answers, and the stacked result."""
    work = s.subject.workload
    sets = [work.inputs(np.random.default_rng(seed)) for seed in range(BATCH)]
    singles = [tuple(Tensor(a, device=s.device).realize() for a in arrays) for arrays in sets]
    stacks = tuple(
        Tensor(np.stack(parts), device=s.device).realize() for parts in zip(*sets, strict=True)
    )
    answers = np.stack([np.asarray(work.reference(*arrays)) for arrays in sets])
    result = work.compute(*stacks)
    if tuple(result.shape) != answers.shape:
        raise LabError("stack the inputs", got=f"a result of shape {result.shape}")
    return {"singles": singles, "stacks": stacks, "answers": answers, "result": result}


def _batch_trial(s: Situation) -> Trial:
    made, work = _stack(s), s.subject.workload
    step = TinyJit(lambda *xs: work.compute(*xs).contiguous().realize())
    for tensors in made["singles"][:3]:
        step(*tensors)
    last = made["answers"][-1]

    def one_by_one() -> Tensor:
        for tensors in made["singles"]:
            result = step(*tensors)
        return result

    together = jitted(work.compute, made["stacks"])
    answers = {f"{BATCH} calls": last, "one call of all": made["answers"]}
    rtol, atol = _tolerances(s)
    note = "Inputs are stacked outside the clock. Of the calls one by one, the last is checked."
    functions = {f"{BATCH} calls": one_by_one, "one call of all": together}
    return Trial(s.device, functions, answers, rtol, atol, note)


def _trial(s: Situation, functions: dict, note: str = "") -> Trial:
    answers = dict.fromkeys(functions, s.subject.answer)
    return Trial(s.device, functions, answers, *_tolerances(s), note)


def _tolerances(s: Situation) -> tuple[float, float]:
    return s.subject.workload.rtol, s.subject.workload.atol


def _kernels(n: int) -> str:
    return f"{n} kernel{'s' if n != 1 else ''}"


def _keep(n: int) -> str:
    return "keep" if n != 1 else "keeps"


def _first(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:100]

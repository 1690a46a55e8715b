"""labs.gpu.tuning: neighbours, compile workers that are ended, trials that catch wrong kernels."""

import math
from dataclasses import replace
from random import Random

import numpy as np
import psutil
import pytest
from tinygrad import Device, Tensor
from tinygrad.renderer.cstyle import ClangRenderer

from labs import bench
from labs.errors import MeasurementError
from labs.gpu.kernels import backend_of, choose_kernel, loops_of
from labs.gpu.legality import fitted
from labs.gpu.notation import option_texts, parse_options
from labs.gpu.tuning.candidate import TooLong, compile_candidate
from labs.gpu.tuning.farm import Farm, Refused
from labs.gpu.tuning.moves import WRITTEN_OUT, copies, neighbours, tiles
from labs.gpu.tuning.search import search_kernel
from labs.gpu.tuning.trial import Bench, TrialFailed

LIMIT = 2000


def _loops(spec, device="CPU"):
    return loops_of(choose_kernel(spec, device).ast, backend_of(device).renderer)


def _candidate(subject, options=""):
    renderer = type(Device["CPU"].renderer)(Device["CPU"].renderer.target)
    ast = choose_kernel(subject, "CPU").ast
    return compile_candidate(ast, parse_options(options), renderer, LIMIT)


# ---- moves ----


def test_neighbours_differ_in_one_option_and_fit():
    loops, start = _loops("matmul:n=64"), parse_options("UPCAST 1 4; UPCAST 0 4")
    found = list(neighbours(loops, start, Random(0)))
    assert len(found) == len(set(found)) > 10 and start not in found
    for opts in found:
        assert fitted(loops, opts) is not None and copies(loops, opts) <= WRITTEN_OUT
        assert abs(len(opts) - len(start)) <= 1
        changed = [a for a, b in zip(opts, start, strict=False) if a != b]
        assert len(changed) <= (1 if len(opts) == len(start) else 2)
    texts = {"; ".join(option_texts(o)) for o in found}
    assert "UPCAST 1 4" in texts  # one less
    assert "UPCAST 1 16; UPCAST 0 4" in texts  # another amount
    assert "UPCAST 1 4; UPCAST 0 4; UNROLL 0 4" in texts  # one more


def test_a_thread_stays_last():
    loops = _loops("matmul:n=64")
    start = parse_options("UPCAST 1 4; THREAD 0 2")
    for opts in neighbours(loops, start, Random(0)):
        names = [o.op.name for o in opts]
        assert "THREAD" not in names[:-1]


def test_tiles_lie_on_axes_whose_loads_are_used_again():
    assert [option_texts(t) for t in tiles(_loops("matmul:n=64"))] == [
        ("UPCAST 1 16", "UPCAST 0 4"),
        ("UPCAST 1 8", "UPCAST 0 8"),
        ("UPCAST 1 4", "UPCAST 0 4"),
    ]
    # of batch, output channel, y and x, only output channels share loads of pixels in a row
    conv = tiles(_loops("conv3x3:batch=2,channels=2,size=16,outputs=8"))
    assert {option_texts(t)[1].rsplit(" ", 1)[0] for t in conv} == {"UPCAST 1"}
    assert tiles(_loops("exp:n=16")) == () and tiles(_loops("softmax:n=16")) == ()


def test_tensor_cores_keep_their_neighbours():
    spec = "matmul:n=512,dtype=float16"
    loops = _loops(spec, "CUDA:sm_90")
    start = parse_options("TC 0 -1 0 1; UPCAST 0 4; UPCAST 1 4; LOCAL 1 4")  # tinygrad's own
    found = list(neighbours(loops, start, Random(0)))
    kept = [o for o in found if o[0].op.name == "TC"]
    # 4 x 4 instructions in two halves; the 4 results of each don't count as code written out
    assert copies(loops, start) == 32 and len(kept) > 10


def test_tiles_of_a_gpu_come_with_groups():
    first = tiles(_loops("matmul:n=512", "CUDA:sm_90"))[0]
    assert option_texts(first)[2:] == ("LOCAL 1 16", "LOCAL 0 16")


# ---- compiling ----


def test_a_candidate_keeps_only_what_a_launch_needs():
    candidate = _candidate("matmul:n=16", "UPCAST 1 4")
    assert option_texts(candidate.opts) == ("UPCAST 1 4",)
    assert candidate.statements > 50 and len(candidate.program.src[1].src) == 3


def test_code_that_is_too_long_is_not_compiled():
    renderer = type(Device["CPU"].renderer)(Device["CPU"].renderer.target)
    with pytest.raises(TooLong, match="more than 10"):
        compile_candidate(choose_kernel("sum:n=8", "CPU").ast, (), renderer, 10)
    assert type(renderer.compiler).__name__ == "ClangCompiler"  # put back


class OfATest(ClangRenderer):
    """A renderer that no worker can import: its module is only on this process's path."""

    def __reduce__(self):
        raise TypeError("can't be pickled")


def test_a_renderer_that_no_worker_can_have_is_compiled_for_here():
    renderer = OfATest(Device["CPU"].renderer.target)
    with Farm(renderer, timeout_s=5, limit=LIMIT) as farm:
        ast = choose_kernel("sum:n=8", "CPU").ast
        good, bad = sorted(
            farm.compile(ast, [(), parse_options("LOCAL 0 2")]), key=lambda r: type(r).__name__
        )
    assert good.opts == () and isinstance(bad, Refused)
    assert "locals needed" in bad.reason and "can't be pickled" in farm.note


def test_workers_compile_end_what_takes_too_long_and_leave_nothing_behind():
    ast = choose_kernel("matmul:n=16", "CPU").ast
    before = {p.pid for p in psutil.Process().children(recursive=True)}
    with Farm(Device["CPU"].renderer, timeout_s=30, limit=LIMIT, workers=1) as farm:
        batch = [(), parse_options("UPCAST 1 8"), parse_options("UPCAST 1 3")]
        results = list(farm.compile(ast, batch))
        assert sorted(type(r).__name__ for r in results) == ["Candidate", "Candidate", "Refused"]
        farm.timeout_s = 0.0
        (late,) = farm.compile(ast, [parse_options("UPCAST 1 8; UPCAST 0 8; UNROLL 0 4")])
        assert isinstance(late, Refused) and "took longer than" in late.reason
    after = {p.pid for p in psutil.Process().children(recursive=True)}
    assert after <= before


def test_a_farm_that_is_told_to_stop_leaves_the_rest():
    ast = choose_kernel("sum:n=8", "CPU").ast
    with Farm(Device["CPU"].renderer, timeout_s=5, limit=LIMIT, workers=0) as farm:
        assert list(farm.compile(ast, [()], stop=lambda: True)) == []


# ---- trials ----


def _trial(work):
    desk = Bench(work, "CPU")
    return dict(desk.trials()), desk.uses()


def test_a_trial_times_and_accepts_what_computes_the_same():
    trials, (use,) = _trial(bench.WORKLOADS["matmul"](n=16))
    trial = trials[use.key]
    candidate = _candidate("matmul:n=16", "UPCAST 1 8; UPCAST 0 4")
    assert 0 < trial.seconds(candidate) < math.inf
    trial.check(candidate)
    assert use.launches == 1 and use.seconds > 0 and use.heuristic


def test_a_trial_rejects_a_kernel_that_computes_something_else():
    trials, (use,) = _trial(bench.WORKLOADS["exp"](n=16))
    wrong = _candidate(lambda: Tensor.empty(16, 16, device="CPU").exp() * 1.01)
    with pytest.raises(TrialFailed, match="another result"):
        trials[use.key].check(wrong)


def test_a_trial_rejects_a_kernel_that_forgets_part_of_the_result():
    trials, (use,) = _trial(bench.WORKLOADS["add"](n=16))
    right = _candidate("add:n=16")
    trial = trials[use.key]
    trial.check(right)
    half = replace(right, program=_candidate("add:n=8").program)  # writes the first 64 of 256
    with pytest.raises(TrialFailed, match="another result"):
        trial.check(half)


def test_a_workload_of_several_kernels_has_a_trial_for_each():
    trials, uses = _trial(bench.WORKLOADS["softmax"](n=16))
    assert [u.key for u in uses] == list(trials) and len(uses) == 3


def test_a_workload_without_a_kernel_is_refused():
    copies_only = replace(bench.WORKLOADS["add"](n=4), compute=lambda a, b: a.to("PYTHON"))
    with pytest.raises(MeasurementError, match="only copies"):
        Bench(copies_only, "CPU")


# ---- the search ----


def test_a_search_tries_keeps_what_is_right_and_ends_in_time():
    work = bench.WORKLOADS["exp"](n=32)
    trials, (use,) = _trial(work)
    told = []
    with Farm(Device["CPU"].renderer, timeout_s=5, limit=600, workers=0) as farm:
        found = search_kernel(
            *(use.ast, use.heuristic, _loops("exp:n=32"), trials[use.key], farm, 1.0),
            notify=lambda best_s, tried: told.append((best_s, tried)),
        )
    assert found.tried >= 2 and found.wrong == 0 and found.seconds <= found.heuristic_s
    assert found.stop_reason in ("time", "exhausted") and fitted(_loops("exp:n=32"), found.opts)
    assert all(a[0] >= b[0] for a, b in zip(told, told[1:], strict=False))


def test_a_cancelled_search_says_so():
    trials, (use,) = _trial(bench.WORKLOADS["exp"](n=8))
    calls = iter([False] * 4)
    with Farm(Device["CPU"].renderer, timeout_s=5, limit=600, workers=0) as farm:
        found = search_kernel(
            *(use.ast, use.heuristic, _loops("exp:n=8"), trials[use.key], farm, 60.0),
            cancel=lambda: next(calls, True),
        )
    assert found.stop_reason == "cancelled"


def test_inputs_of_a_trial_are_those_of_the_workload():
    seen = []
    work = bench.WORKLOADS["sum"](n=4)
    Bench(replace(work, inputs=lambda rng: seen.append(1) or work.inputs(rng)), "CPU")
    assert seen == [1] and isinstance(work.inputs(np.random.default_rng(0))[0], np.ndarray)

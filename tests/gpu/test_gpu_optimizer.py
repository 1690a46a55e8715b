"""labs.gpu.optimizer: what is kept is measured, verified and saved; else nothing changes."""

from dataclasses import replace

import pytest
from tinygrad import Tensor
from tinygrad.codegen import to_program_cache

from labs import bench
from labs.errors import DeviceError, MeasurementError, ResultError
from labs.gpu import optimizer as room
from labs.gpu.kernels import choose_kernel
from labs.gpu.optimizer import PerformanceOptimizer, find_options
from labs.gpu.schedules import Schedules
from labs.gpu.tuning.search import Found

QUICK = {"budget_s": 0.8, "rounds": 6, "round_time_s": 0.002, "workers": 0}
WORK = "exp:n=48"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "schedules.json"


@pytest.fixture
def judged(monkeypatch):
    """The word of the final comparison is given: no test depends on real speed."""

    def give(word):
        original = bench.compare

        def compare(*arguments, **named):
            return replace(original(*arguments, **named), word=word)

        monkeypatch.setattr(bench, "compare", compare)

    return give


@pytest.fixture
def plain_loops_win(monkeypatch):
    """A search with a known end; real ones are in test_gpu_tuning.py."""

    def search(ast, heuristic, loops, trial, farm, budget_s, *, notify, **_options):
        notify(1e-6, 7)
        return Found((), 1e-6, 2e-6, 7, 1, ("TooLong: 3000",), 0, 0.1, "time")

    monkeypatch.setattr(room, "search_kernel", search)


def test_what_is_faster_is_kept_saved_and_applied(path, judged, plain_loops_win):
    judged("faster")
    told = []
    optimizer = PerformanceOptimizer(
        "CPU", path=path, progress=lambda *step: told.append(step), **QUICK
    )
    result = optimizer.optimize(WORK)
    (kernel,) = result.kernels
    assert kernel.heuristic and kernel.opts == ()
    assert result.kept and kernel.kept and result.comparison.interleaved
    assert result.after.verification.startswith("numpy")
    assert result.speedup == result.comparison.speedup
    (saved,) = Schedules.load(path)
    assert saved.kernel == choose_kernel(WORK, "CPU").key == kernel.key
    assert saved.opts == kernel.opts and saved.workload.startswith(WORK)
    x = Tensor.ones(48, 48, device="CPU").contiguous().realize()
    to_program_cache.clear()
    with optimizer.applied():
        x.exp().realize()
    assert [p.src[0].arg.applied_opts for p in to_program_cache.values()] == [()]
    assert any("best 1 µs of 7 candidates" in text for _, _, text in told)
    assert told[-1][2] == "done" and all(done <= total for done, total, _ in told)
    assert "kept" in str(result) and "<table" in result._repr_html_()


def test_what_is_not_resolved_to_be_faster_is_not_kept(path, judged, plain_loops_win):
    judged("not resolved")
    result = PerformanceOptimizer("CPU", path=path, **QUICK).optimize(WORK)
    assert not result.kept and result.speedup == 1.0
    assert not any(k.kept for k in result.kernels) and not path.exists()


def test_a_wrong_answer_is_thrown_away(path, judged, plain_loops_win, monkeypatch):
    judged("faster")
    original = room.measure_choices

    def lying(work, choices, **options):
        results = original(work, choices, **options)
        kept = tuple(m for m in results if m.workload == room.HEURISTIC)
        failure = bench.Failure(f"{room.OPTIMISED}/x", "CPU", "1 of 9 values are off")
        return replace(results, measurements=kept, failures=(failure,))

    monkeypatch.setattr(room, "measure_choices", lying)
    result = PerformanceOptimizer("CPU", path=path, **QUICK).optimize(WORK)
    assert not result.kept and not path.exists()
    assert "thrown away: 1 of 9 values are off" in result.remarks[0]
    assert "thrown away" in str(result)


def test_a_cancelled_search_keeps_nothing(path):
    optimizer = PerformanceOptimizer("CPU", path=path, cancel=lambda: True, **QUICK)
    result = optimizer.optimize(WORK)
    assert result.stop_reason == "cancelled" and not result.kept and not path.exists()


def test_a_broken_file_is_found_out_before_the_search_and_left_alone(path):
    path.write_text("{half a fi")
    with pytest.raises(ResultError, match="left as it was"):
        PerformanceOptimizer("CPU", path=path, **QUICK).optimize(WORK)
    assert path.read_text() == "{half a fi"


def test_a_workload_whose_answer_is_wrong_anyway_is_refused(path, judged, plain_loops_win):
    judged("faster")
    work = bench.parse_workload(WORK)
    lie = replace(work, reference=lambda a: work.reference(a) + 1)
    with pytest.raises(MeasurementError, match="tinygrad's own options"):
        PerformanceOptimizer("CPU", path=path, **QUICK).optimize(lie)


def test_impossible_settings_are_refused():
    with pytest.raises(MeasurementError, match="budget_s"):
        PerformanceOptimizer("CPU", budget_s=0)
    with pytest.raises(DeviceError):
        PerformanceOptimizer("NOSUCH")


def test_options_can_be_searched_without_saving(path):
    key = choose_kernel("sum:n=16", "CPU").key
    opts = find_options("sum:n=16", "CPU", key, 0.5, workers=0)
    assert isinstance(opts, tuple)
    with pytest.raises(MeasurementError, match="no such kernel"):
        find_options("sum:n=16", "CPU", "another", 0.5, workers=0)


@pytest.mark.slow
def test_several_kernels_share_the_time(path):
    options = {**QUICK, "budget_s": 4.0, "workers": None}
    result = PerformanceOptimizer("CPU", path=path, **options).optimize("softmax:n=64")
    assert len(result.kernels) == 3
    assert sum(k.share for k in result.kernels) == pytest.approx(1.0)
    assert result.before is None or result.before.verification.startswith("numpy")

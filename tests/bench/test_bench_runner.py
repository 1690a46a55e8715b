"""Whole runs. NULL, whose own clock always says 1 ms, stands in for a device: nothing here depends
on speed."""

from dataclasses import replace

import pytest

from labs import bench
from labs.bench.sampler import Settings
from labs.errors import MeasurementError, ResultError

FAST = Settings(warmup_time_s=0, warmup_calls=1, window=1, round_time_s=0.01, min_sample_s=0)
NULL = {"devices": "NULL", "clock": "device", "settings": FAST, "rounds": 3}


def wrong(name="wrong", **others):
    """A workload whose computation and reference differ."""
    return replace(
        bench.parse_workload("add:n=4"), name=name, compute=lambda a, b: a + b + 1, **others
    )


def test_null_measures_its_millisecond_through_the_whole_harness():
    results = bench.measure("matmul:n=8", **NULL)
    (m,) = results
    assert (m.name, m.device) == ("matmul/n=8/float32/warm/device", "NULL")
    assert m.median_s == pytest.approx(1e-3) and m.interval_s.width < 1e-9
    assert [r.stop_reason for r in m.rounds] == ["precision"] * 3
    assert [r.index for r in m.rounds] == [0, 1, 2] and m.n == 30
    assert m.modelled and "not verified" in m.verification
    assert m.flop_per_s == pytest.approx(1024 / 1e-3)
    assert results.stop_reason == "complete"
    assert results.environment["tinygrad_version"] == "0.14.0"


def test_results_of_a_run_survive_the_file(tmp_path):
    results = bench.measure("tiny", ["NULL"], path=tmp_path / "r.json", **drop(NULL, "devices"))
    assert bench.load_results(tmp_path / "r.json") == results


def test_a_device_is_verified_and_timed_by_both_clocks():
    for clock in ("wall", "device"):
        (m,) = bench.measure("sum:n=16", "CPU", rounds=2, settings=FAST, clock=clock)
        assert m.verification.startswith("numpy, largest error")
        assert m.median_s > 0 and m.first_call_s > m.median_s and not m.modelled
        assert (m.overhead_s is None) == (clock == "device")
        assert m.environment["shape"] == "n=16" and "load_avg_1min" in m.rounds[0].environment


def test_cold_results_have_a_name_of_their_own():
    (m,) = bench.measure("sum:n=16", "CPU", rounds=1, settings=FAST, cache="cold")
    assert m.name == "sum/n=16/float32/cold/wall" and {r.loops for r in m.rounds} == {1}


def test_eager_calls_are_measured():
    (m,) = bench.measure("sum:n=16", "CPU", rounds=1, settings=FAST, mode="eager")
    assert m.name.endswith("/wall/eager")


def test_a_wrong_kernel_is_not_timed_and_the_others_go_on():
    results = bench.measure(["sum:n=16", wrong()], "CPU", rounds=1, settings=FAST)
    assert [m.workload for m in results] == ["sum"]
    (failure,) = results.failures
    assert failure.name == "wrong/n=4/float32/warm/wall" and failure.kind == "MeasurementError"
    assert "16 of 16 values are off" in failure.error and "at index (" in failure.error


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"compute": lambda a, b: (a + b).sum()}, "a result of shape (4, 4)"),
        ({"compute": lambda a, b: (a + b) * float("nan")}, "nan"),
        ({"compute": lambda a, b: a @ b @ b.reshape(2, 8)}, "cannot"),
        ({"inputs": lambda rng: 1 / 0}, "ZeroDivisionError"),
    ],
)
def test_every_kind_of_wrong_workload_becomes_a_failure(change, said):
    case = replace(bench.parse_workload("add:n=4"), **change)
    results = bench.measure([case], "CPU", rounds=1, settings=FAST)
    assert not results.measurements
    assert said in results.failures[0].error


def test_what_does_not_fit_into_memory_is_a_failure_and_not_a_crash():
    results = bench.measure(["matmul:n=3000000", "sum:n=4"], "CPU", rounds=1, settings=FAST)
    assert [m.workload for m in results] == ["sum"]
    assert "choose a smaller size" in results.failures[0].error
    assert "TiB" in results.failures[0].error


@pytest.mark.parametrize(
    "error", [MemoryError("Allocation of 1 TB failed on CL"), OSError(12, "Cannot allocate memory")]
)
def test_a_device_out_of_memory_is_said_in_clear_words(error):
    def compute(a, b):
        raise error

    case = replace(bench.parse_workload("add:n=4"), compute=compute)
    (failure,) = bench.measure([case], "CPU", rounds=1, settings=FAST).failures
    assert "a size that fits into the device's memory" in failure.error
    assert "llocat" in failure.error and "choose a smaller size" in failure.error


def test_a_device_that_fails_later_keeps_its_rounds_and_leaves_the_others():
    calls = []

    def fails_in_the_second_round():
        calls.append(1)
        if len(calls) > 30:
            raise OSError("device lost")

    results = bench.measure_calls(
        {"fails": fails_in_the_second_round, "works": lambda: None},
        rounds=4,
        settings=replace(FAST, first_check=10, precision=1e9),
    )
    fails, works = results.measurements
    assert 1 <= len(fails.rounds) < 4 and len(works.rounds) == 4
    assert results.failures[0].error == "OSError: device lost"
    assert bench.compare(fails, works, implementations=True).rounds == len(fails.rounds)


def test_rounds_are_interleaved_in_an_order_of_their_own_and_the_seed_repeats_it():
    orders = [visits(seed=1), visits(seed=1), visits(seed=2)]
    rounds = [tuple(orders[0][i : i + 4]) for i in range(0, len(orders[0]), 4)]
    assert all(len(set(r)) == 4 for r in rounds) and len(set(rounds)) > 1
    assert orders[0] == orders[1] != orders[2]


def visits(seed):
    texts = []
    bench.measure("tiny", progress=lambda d, n, text: texts.append(text), seed=seed, **NULL)
    return [text.split(": ")[1] for text in texts if text.startswith("round")]


def test_progress_counts_up_to_the_total():
    seen = []
    bench.measure("sum:n=4", progress=lambda *step: seen.append(step), **NULL)
    assert [done for done, _, _ in seen] == list(range(5))
    assert {total for _, total, _ in seen} == {4} and seen[-1] == (4, 4, "complete")


def test_cancel_keeps_what_was_measured():
    stop = []

    def progress(done, total, text):
        if text.startswith("round 3"):
            stop.append(True)

    results = bench.measure("sum:n=4", progress=progress, cancel=lambda: bool(stop), **NULL)
    assert (results.stop_reason, len(results.measurements[0].rounds)) == ("cancelled", 2)


def test_ctrl_c_keeps_what_was_measured_and_the_file_continues(tmp_path):
    path = tmp_path / "r.json"

    def interrupt(done, total, text):
        if text.startswith("round 3 of 3: sum"):
            raise KeyboardInterrupt

    first = bench.measure("tiny", progress=interrupt, path=path, **NULL)
    assert first.stop_reason == "interrupted" and bench.load_results(path) == first
    assert [len(m.rounds) for m in first.select(name="sum")] == [2]
    again = bench.measure("tiny", path=path, **NULL)
    assert again.stop_reason == "complete"
    assert [len(m.rounds) for m in again] == [3] * 4
    for before, after in zip(first, again, strict=True):
        assert after.rounds[:2] == before.rounds[:2]  # the round broken off is taken again, whole
        assert after.first_call_s == before.first_call_s and after.run_id == before.run_id
    path_before = path.read_text()
    assert bench.measure("tiny", path=path, **NULL).measurements == again.measurements
    assert bench.load_results(path) == bench.ResultSet(
        again.measurements, (), again.environment, "complete", again.plan
    ), path_before


def test_another_plan_is_refused_and_the_file_stays(tmp_path):
    path = tmp_path / "r.json"
    bench.measure("sum:n=4", path=path, **NULL)
    before = path.read_text()
    with pytest.raises(ResultError, match="rounds=3") as caught:
        bench.measure("sum:n=4", path=path, **(NULL | {"rounds": 4}))
    assert str(path) in str(caught.value) and path.read_text() == before
    with pytest.raises(ResultError, match="cases="):
        bench.measure("sum:n=8", path=path, **NULL)


def test_another_host_is_refused(tmp_path):
    path = tmp_path / "r.json"
    results = bench.measure("sum:n=4", path=path, **NULL)
    replace(results, environment=results.environment | {"hostname": "elsewhere"}).save(path)
    with pytest.raises(ResultError, match="from host elsewhere"):
        bench.measure("sum:n=4", path=path, **NULL)


def test_a_corrupt_file_stops_the_run_before_it_starts(tmp_path):
    (tmp_path / "r.json").write_text("{")
    with pytest.raises(ResultError, match="left as it is"):
        bench.measure("sum:n=4", path=tmp_path / "r.json", **NULL)
    assert (tmp_path / "r.json").read_text() == "{"


def test_a_path_that_cannot_be_written_is_found_out_at_once(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ResultError, match="choose another path"):
        bench.measure("sum:n=4", path=tmp_path / "file" / "r.json", **NULL)


def test_two_devices_of_one_run_are_compared_as_pairs():
    results = bench.measure("sum:n=16", ["CPU", "PYTHON"], rounds=3, settings=FAST)
    (found,) = bench.compare_devices(results, "PYTHON")
    assert (found.word, found.interleaved, found.rounds) == ("faster", True, 3)


def test_a_modelled_device_is_left_out_of_comparisons():
    results = bench.measure("sum:n=16", ["CPU", "NULL"], **drop(NULL, "devices"))
    found = bench.compare_devices(results, "CPU")
    assert len(found) == 0 and "model" in found.missing[0]


def test_unknown_arguments_are_refused_before_anything_starts():
    with pytest.raises(MeasurementError):
        bench.measure("sum:n=4", progress=pytest.fail, **(NULL | {"clock": "sun"}))


def drop(options, *names):
    return {k: v for k, v in options.items() if k not in names}

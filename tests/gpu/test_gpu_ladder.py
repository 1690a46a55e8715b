"""labs.gpu.ladder and labs.gpu.contest: measured rungs, their gains, and those that aren't here."""

from dataclasses import replace

import pytest

from labs import bench
from labs.bench import Failure, Measurement, ResultSet, Round
from labs.errors import DeviceError, MeasurementError
from labs.gpu.contest import HEURISTIC, YOURS, beat_heuristic
from labs.gpu.kernels import OptionError
from labs.gpu.ladder import matmul_ladder

N = 24


def _scripted(times_s, failing=()):
    """In the place of measure_choices: the times are given, so the gains are known."""

    def measure(work, choices, *, device, clock="device", **_options):
        measured = [
            Measurement(
                *(f"{label}/{work.shape}/{work.dtype}/warm/{clock}", device, "R", clock, "warm"),
                tuple(
                    Round(tuple([times_s.get(label, 1.0)] * 3), index=i, stop_reason="precision")
                    for i in range(6)
                ),
                flop=work.flop,
                min_bytes=work.min_bytes,
                verification="numpy, largest error 1e-07",
                run_id="one",
            )
            for label in choices
            if label not in failing
        ]
        failures = tuple(Failure(f"{label}/x", device, "it crashed") for label in failing)
        return ResultSet(tuple(measured), failures)

    return measure


@pytest.fixture(scope="module")
def ladder():
    times = {"none": 8.0, "upcast": 2.0, "unroll": 2.0, "threads": 1.0, "heuristic": 0.5}
    return matmul_ladder("CPU", N, measure=_scripted(times, failing=("unroll",)))


def test_gains_are_over_the_rung_that_options_are_added_to_and_over_none(ladder):
    assert (ladder["upcast"].before, ladder["upcast"].step.speedup) == ("none", pytest.approx(4))
    assert ladder["threads"].total.speedup == pytest.approx(8)
    assert ladder["threads"].step is None  # the rung it adds to has failed
    # tinygrad's own choice is held against the fastest by hand
    assert (ladder["heuristic"].before, ladder["heuristic"].step.word) == ("threads", "faster")
    assert ladder["none"].step is None and ladder["none"].total is None
    assert ladder.best.name == "heuristic"
    assert ladder["none"].flop_per_s == pytest.approx(2 * N**3 / 8)


def test_rungs_that_are_not_here_or_failed_have_their_reason(ladder):
    assert "no work groups" in ladder["local"].reason and ladder["local"].opts is None
    assert "search_s" in ladder["search"].reason
    assert ladder["unroll"].reason == "failed: it crashed" and ladder["unroll"].measurement is None
    assert ladder["unroll"].kernel is not None  # its source is still there to read
    text = str(ladder)
    assert "failed: it crashed" in text and "4x over none" in text
    assert len(ladder) == 10 and "<table" in ladder._repr_html_()


def test_counts_rise_with_the_tile(ladder):
    assert ladder["none"].intensity_accessed < ladder["upcast"].intensity_accessed
    assert ladder["upcast"].kernel.counts.accumulators == 16
    assert not ladder.modelled and ladder["upcast"].roof_fraction is None


@pytest.mark.slow
def test_a_real_run_measures_and_verifies_each_rung():
    real = matmul_ladder("CPU", N, rounds=2, round_time_s=0.002)
    assert {"none", "upcast", "unroll", "heuristic"} <= {r.name for r in real.measured}
    assert all(m.verification.startswith("numpy") for m in real.results)


def test_a_modelled_time_says_so(ladder):
    rungs = [
        replace(r, measurement=replace(r.measurement, modelled=True)) if r.measurement else r
        for r in ladder
    ]
    modelled = replace(ladder, rungs=tuple(rungs))
    assert modelled.modelled and "(model)" in str(modelled)


def test_only_the_rungs_that_are_asked_for_are_measured():
    some = matmul_ladder("CPU", N, rungs=["none", "upcast"], measure=_scripted({}))
    assert [r.name for r in some.measured] == ["none", "upcast"]
    assert some["heuristic"].reason == "not asked for" and some["heuristic"].kernel is not None
    with pytest.raises(MeasurementError, match="rungs='top'"):
        matmul_ladder("CPU", N, rungs=["top"])


def test_an_impossible_ladder_says_what_is_expected():
    with pytest.raises(DeviceError):
        matmul_ladder("NOSUCH", N)
    with pytest.raises(MeasurementError, match="n of at least 2"):
        matmul_ladder("CPU", 1)


def test_a_contest_is_won_when_the_gain_is_resolved():
    contest = beat_heuristic(
        f"matmul:n={N}", "UPCAST 1 8", "CPU", measure=_scripted({HEURISTIC: 2.0, YOURS: 1.0})
    )
    assert contest.won and contest.ratio == pytest.approx(2) and contest.word == "faster"
    assert contest.beats(1.9) and not contest.beats(2.0)
    assert contest.yours.opts == ("UPCAST 1 8",) and "yours is faster, 2x" in str(contest)
    lost = beat_heuristic(f"matmul:n={N}", "", "CPU", measure=_scripted({HEURISTIC: 1.0, YOURS: 2}))
    assert not lost.won and lost.word == "slower"


def test_illegal_options_are_refused_before_anything_is_measured():
    with pytest.raises(OptionError, match="doesn't divide"):
        beat_heuristic(f"matmul:n={N}", "UPCAST 1 5", "CPU", measure=None)


def test_options_that_fail_when_they_run_say_why():
    measure = _scripted({}, failing=(YOURS,))
    with pytest.raises(MeasurementError, match="it crashed"):
        beat_heuristic(f"matmul:n={N}", "UPCAST 1 8", "CPU", measure=measure)


def test_a_real_contest_has_both_sides():
    contest = beat_heuristic("sum:n=16", "UNROLL 0 8", "CPU", rounds=2, round_time_s=0.002)
    assert {m.workload for m in contest.results} == {HEURISTIC, YOURS}
    assert contest.comparison.interleaved and isinstance(contest.comparison, bench.Comparison)
